"""Under which conditions the user's code is called just now, as data: a runner somewhere else has to set them up, too.

They are blocks inside each other: random states that are frozen, arrays that are handed over with another memory or of
another type, functions without their guards, numbers below the smallest that are noted, arrays that are watched.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradcheck_plugin.model import Array

Kind = Literal["frozen", "handed", "without", "underflow", "watched"]
Memory = Literal["not contiguous", "in Fortran order", "single", "integer"]


@dataclass(frozen=True, eq=False)
class Condition:
    """One block that is open; its number tells it from one that is opened again."""

    number: int
    kind: Kind
    value: Any


_open: list[Condition] = []
_numbers = itertools.count()


def opened(kind: Kind, value: Any) -> Condition:
    """A block that begins."""
    _open.append(condition := Condition(next(_numbers), kind, value))
    return condition


def closed(condition: Condition) -> None:
    """That block has ended."""
    _open.remove(condition)


def now() -> tuple[Condition, ...]:
    """The blocks that are open, from the outermost on."""
    return tuple(_open)


@dataclass(frozen=True, eq=False)
class Handed:
    """How arrays reach the user's code; `whole` are those that become integers, where it is about that."""

    how: Memory
    whole: tuple[Array, ...] = ()

    def __call__(self, array: Any) -> Any:
        if not isinstance(array, np.ndarray):
            return array
        if self.how == "not contiguous":
            return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array
        if self.how == "in Fortran order":
            return np.asfortranarray(array)
        if self.how == "single":
            return array.astype(np.float32) if array.dtype.kind == "f" else array
        return array.astype(np.int64) if any(np.array_equal(array, w) for w in self.whole) else array


@contextmanager
def underflows() -> Iterator[list[str]]:
    """What is added to the list when numbers of the block come out below the smallest normal one."""
    seen: list[str] = []
    condition = opened("underflow", seen)
    try:
        with np.errstate(under="call", call=lambda kind, _: seen.append(kind)):
            yield seen
    finally:
        closed(condition)
