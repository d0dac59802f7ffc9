"""Calling code that is not ours: frozen randomness, copies of every array, and faults that carry the user's line."""

from __future__ import annotations

import contextlib
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array


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


@contextlib.contextmanager
def frozen(seed: int) -> Iterator[None]:
    """Run with known random states and quiet warnings, and put everything back: dropout draws the same mask again."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    make = np.random.default_rng
    generator = getattr(sys.modules.get("torch"), "default_generator", None)
    torch_state = generator.get_state() if generator is not None else None

    def seeded(s: Any = None) -> np.random.Generator:
        return make(seed if s is None else s)

    np.random.seed(seed % 2**32)
    random.seed(seed)
    if generator is not None:
        generator.manual_seed(seed)
    np.random.default_rng = seeded  # type: ignore[assignment]
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.default_rng = make
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        if generator is not None:
            generator.set_state(torch_state)


def guarded(where: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call the user's function; what it raises comes back as UserCodeRaised."""
    try:
        return function(*args, **kwargs)
    except (Exception, SystemExit) as exc:
        raise UserCodeRaised(exc, where) from exc


_watchers: list[Callable[[Array, Array], None]] = []


def private(value: Array) -> Array:
    """A copy that the callee may do with as it likes; 0-d arrays become Python floats, as people pass them."""
    if value.ndim == 0:
        return value.item()  # type: ignore[no-any-return]
    copy = value.copy()
    for watch in _watchers:
        watch(value, copy)
    for convert in _converters[-1:]:
        copy = convert(copy)
    return copy


_converters: list[Callable[[Any], Any]] = []


@contextlib.contextmanager
def converting(convert: Callable[[Any], Any]) -> Iterator[None]:
    """Hand user code what `convert` makes of its arrays, for the length of the block."""
    _converters.append(convert)
    try:
        yield
    finally:
        _converters.pop()


@contextlib.contextmanager
def recording(watch: Callable[[Array, Array], None]) -> Iterator[None]:
    """Tell `watch` of every array and the copy of it that user code gets, for the length of the block."""
    _watchers.append(watch)
    try:
        yield
    finally:
        _watchers.remove(watch)
