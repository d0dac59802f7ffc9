"""Calling code that is not ours: frozen randomness, copies of every array, and faults that carry the user's line."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.running import conditions
from gradcheck_plugin.running.conditions import Handed
from gradcheck_plugin.running.limits import CallWatch, Seen, TimeLimit, limited_by, time_limit
from gradcheck_plugin.running.randomness import frozen, hold

__all__ = ["BadOutput", "Meter", "NoGradient", "NothingReturned", "Spent", "Through", "UserCodeRaised",
           "converting", "frozen", "guarded", "meeting", "metered", "own_frame", "passes", "passing", "place_of",
           "private", "recording", "user_frame"]  # fmt: skip


class UserCodeRaised(Exception):
    """The user's code raised. `cause` is what it raised, `where` the part that was running.

    `seen` is what was seen there, where it ran somewhere else, and no traceback leads to it.
    """

    def __init__(self, cause: BaseException, where: str, seen: Seen | None = None) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.cause = cause
        self.where = where
        self.seen = seen

    def frame(self, root: Path | None) -> traceback.FrameSummary | None:
        """The innermost frame of the user's own code (under `root`), or of any code when there is none."""
        return user_frame(self.cause, root) if self.seen is None else self.seen.frame


def user_frame(exception: BaseException, root: Path | None) -> traceback.FrameSummary | None:
    """The innermost frame of the user's own code (under `root`) in a traceback, or of any code that is not ours."""
    if isinstance(exception, TimeLimit) and exception.seen is not None:
        return exception.seen.frame
    found = place_of(exception, root)
    if found is None:
        return None
    frame, line = found
    return traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name)


def place_of(exception: BaseException, root: Path | None) -> tuple[FrameType, int] | None:
    """The innermost frame of the user's own code in a traceback, as it was left, and the line in it."""
    frames = list(traceback.walk_tb(exception.__traceback__))
    package = str(Path(__file__).parent.parent)
    foreign = [(f, n) for f, n in frames if not f.f_code.co_filename.startswith(package)]
    own = [(f, n) for f, n in foreign if root is None or f.f_code.co_filename.startswith(str(root))]
    own = [(f, n) for f, n in own if "site-packages" not in f.f_code.co_filename]
    found = own or foreign
    return found[-1] if found else None


def own_frame(exception: BaseException, root: Path | None) -> FrameType | None:
    """The frame of the user's own code that raised; None where what it called did, and had it from another library."""
    package = str(Path(__file__).parent.parent)
    frames = [f for f, _ in traceback.walk_tb(exception.__traceback__)]
    frame = frames[-1] if frames else None
    file = frame.f_code.co_filename if frame is not None else ""
    ours = file.startswith(package) and not file.startswith(str(root))
    if ours or "site-packages" in file or (root is not None and not file.startswith(str(root))):
        return None
    return frame


class BadOutput(TypeError):
    """What a forward returned is no array of numbers; the text says what it is."""


class NothingReturned(Unbindable):
    """A forward computes something and returns nothing."""


class NoGradient(Unbindable):
    """What looked like a gradient is none: the object has nothing of its own to check."""


WHOLE = 60  # times the limit of one call that everything about one object may take


class Spent(BaseException):
    """More calls of the user's code than were allowed. Not an `Exception`, so that no handler of a trial takes it."""


@dataclass
class Meter:
    """The calls of the user's code in a block: how many there were, and how long the one that runs takes."""

    watch: CallWatch
    most: int | None = None
    calls: int = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """One call."""
        if self.most is not None and self.calls >= self.most:
            raise Spent
        self.calls += 1
        self.watch.start()
        try:
            yield
        finally:
            self.watch.stop()


_meters: list[Meter] = []


@contextlib.contextmanager
def metered(seconds: float, most: int | None = None) -> Iterator[Meter]:
    """Count the calls of the user's code in a block and end one that takes longer than `seconds`.

    A call that hangs raises `TimeLimit` with the meter's own watch, more than `most` calls raise `Spent`; neither
    depends on how busy the machine is. A last limit of the whole block, far away, raises `TimeLimit` with another one.
    """
    meter = Meter(CallWatch(seconds), most)
    with time_limit(WHOLE * seconds), limited_by(meter.watch):
        _meters.append(meter)
        try:
            yield meter
        finally:
            _meters.remove(meter)


def guarded(where: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call the user's function; what it raises comes back as UserCodeRaised."""
    hold(function)
    for meet in _meetings:
        meet(function, args)
    with _meters[-1].one() if _meters else contextlib.nullcontext():
        try:
            return function(*args, **kwargs)
        except tuple(_passing) as exc:
            raise Through(exc) from exc
        except (Exception, SystemExit) as exc:
            entered = exc.__traceback__ is not None and exc.__traceback__.tb_next is not None
            if isinstance(exc, TypeError) and not entered and "argument" in str(exc):
                raise Unbindable(str(exc)) from exc  # called otherwise than it is written: no fault of the user's
            raise UserCodeRaised(exc, where) from exc
        except TimeLimit as exc:
            exc.where = where
            raise


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
    condition = conditions.opened("handed", convert) if isinstance(convert, Handed) else None
    try:
        yield
    finally:
        _converters.pop()
        if condition is not None:
            conditions.closed(condition)


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
