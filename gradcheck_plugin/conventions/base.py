"""The nouns of a convention: an object that it claims, how that is called, and one forward with the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

from gradcheck_plugin.model import Array


@dataclass(frozen=True)
class Candidate:
    """An object, or a pair of functions, that looks like hand-written backprop.

    `kind` is what it would be: layer, loss, network or update. `inputs` are the names of the forward's arguments.
    """

    name: str
    kind: str
    convention: ModuleType
    objects: Mapping[str, Any]
    inputs: tuple[str, ...] = ()
    line: int = 0
    function: str = ""
    consumed: tuple[str, ...] = field(default=())


@dataclass
class Tape:
    """One forward pass and the way back. `backward` may be called more than once, with raw results by array name."""

    output: Any
    backward: Callable[[Any], dict[str, Any]]


class Caller(Protocol):
    """How one object is called. Everything here takes and gives arrays by the names of the layout."""

    convention: str
    upstream: bool  # whether backward takes an upstream gradient at all

    def forward(self, arrays: Mapping[str, Array]) -> Tape: ...

    def user_names(self) -> dict[str, str]: ...

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]: ...
