"""Calling conventions, one file each.

A convention module has two functions:

    discover(defined) -> Iterator[Candidate]       the objects of a file that look like this convention
    callers(candidate, layout, options) -> list    the ways in which one of them may be called with the arrays of a
                                                   layout, the likeliest first

`callers` raises Unbindable when the object cannot be called with these arrays. Where there are several ways, the
numbers decide. Modules are found by themselves and asked in the order of their ORDER.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any


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


@cache
def conventions() -> tuple[ModuleType, ...]:
    """The convention modules, in the order in which they are asked."""
    found = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda m: m.ORDER))
