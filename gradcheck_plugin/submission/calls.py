"""Calling code that is not ours: frozen randomness, copies of every array, and faults that carry the user's line."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission.randomness import frozen, hold

__all__ = [
    "NoGradient",
    "Through",
    "Unbindable",
    "UserCodeRaised",
    "converting",
    "frozen",
    "guarded",
    "meeting",
    "passes",
    "passing",
    "private",
    "recording",
    "user_frame",
]


class UserCodeRaised(Exception):
    """The user's code raised. `cause` is what it raised, `where` the part that was running."""

    def __init__(self, cause: BaseException, where: str) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.cause = cause
        self.where = where

    def frame(self, root: Path | None) -> traceback.FrameSummary | None:
        """The innermost frame of the user's own code (under `root`), or of any code when there is none."""
        return user_frame(self.cause, root)


def user_frame(exception: BaseException, root: Path | None) -> traceback.FrameSummary | None:
    """The innermost frame of the user's own code (under `root`) in a traceback, or of any code that is not ours."""
    frames = traceback.extract_tb(exception.__traceback__)
    package = str(Path(__file__).parent.parent)
    foreign = [f for f in frames if not f.filename.startswith(package)]
    own = [f for f in foreign if root is None or f.filename.startswith(str(root))]
    own = [f for f in own if "site-packages" not in f.filename]
    found = own or foreign
    return found[-1] if found else None


class Unbindable(Exception):
    """This way of calling does not fit the object; the text says why, for the person who reads the report."""


class NoGradient(Unbindable):
    """What looked like a gradient is none: the object has nothing of its own to check."""


_last = [0.0]  # seconds that the last call of the user's code took, until it ended or was cut off


def last_call() -> float:
    """Seconds that the last call of the user's code took: a hang has used up a time limit by itself."""
    return _last[0]


def guarded(where: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call the user's function; what it raises comes back as UserCodeRaised."""
    hold(function)
    for meet in _meetings:
        meet(function, args)
    started = time.monotonic()
    try:
        return function(*args, **kwargs)
    except tuple(_passing) as exc:
        raise Through(exc) from exc
    except (Exception, SystemExit) as exc:
        entered = exc.__traceback__ is not None and exc.__traceback__.tb_next is not None
        if isinstance(exc, TypeError) and not entered and "argument" in str(exc):
            raise Unbindable(str(exc)) from exc  # called otherwise than it is written: no fault of the user's
        raise UserCodeRaised(exc, where) from exc
    finally:
        _last[0] = time.monotonic() - started


def private(value: Array) -> Any:
    """A copy that the callee may do with as it likes; 0-d arrays become Python floats, as people pass them."""
    if value.ndim == 0:
        return value.item()
    given: Any = value.copy()
    for convert in _converters[-1:]:
        given = convert(given)
    for watch in _watchers:
        watch(value, given)
    return given


class Through(BaseException):
    """Carries what is nobody's fault past everything that takes exceptions for faults, Hypothesis among it."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(cause)
        self.cause = cause


@contextlib.contextmanager
def passing(*kinds: type[BaseException]) -> Iterator[None]:
    """Let exceptions of these kinds through, for the length of the block: whoever runs us ends the run with them."""
    _passing.extend(kinds)
    try:
        yield
    except Through as through:
        if kinds or not isinstance(through.cause, Exception):  # an `except Exception` of ours must not take it
            raise through.cause from None
        raise
    finally:
        del _passing[len(_passing) - len(kinds) :]


def passes(fault: BaseException) -> bool:
    """Whether this is nobody's fault: Ctrl-C, the time limit of another plugin, the end of a session."""
    return not isinstance(fault, Exception) or isinstance(fault, tuple(_passing))


_passing: list[type[BaseException]] = []
_converters: list[Callable[[Any], Any]] = []
_watchers: list[Callable[[Array, Any], None]] = []
_meetings: list[Callable[[Callable[..., Any], tuple[Any, ...]], None]] = []


@contextlib.contextmanager
def converting(convert: Callable[[Any], Any]) -> Iterator[None]:
    """Hand user code what `convert` makes of its arrays, for the length of the block."""
    _converters.append(convert)
    try:
        yield
    finally:
        _converters.pop()


@contextlib.contextmanager
def recording(watch: Callable[[Array, Any], None]) -> Iterator[None]:
    """Tell `watch` of every array and what user code gets in its place, for the length of the block."""
    _watchers.append(watch)
    try:
        yield
    finally:
        _watchers.remove(watch)


@contextlib.contextmanager
def meeting(meet: Callable[[Callable[..., Any], tuple[Any, ...]], None]) -> Iterator[None]:
    """Tell `meet` of every function of the user's and its arguments before it is called."""
    _meetings.append(meet)
    try:
        yield
    finally:
        _meetings.remove(meet)
