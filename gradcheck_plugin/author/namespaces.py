"""What stands beside a class in the modules that it is written in."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any


def namespaces(function: Any) -> Iterator[Mapping[str, Any]]:
    """The globals of the modules in which a class and its bases are written, then of the modules imported there."""
    seen: dict[int, Mapping[str, Any]] = {}
    for cls in function.__mro__[:-1]:
        for member in vars(cls).values():
            method = plain(member)
            if method is not None:
                seen.setdefault(id(method.__globals__), method.__globals__)
    yield from seen.values()
    for namespace in list(seen.values()):
        for module in list(namespace.values()):
            if isinstance(module, ModuleType) and module.__name__.split(".")[0] not in ("numpy", "torch"):
                yield vars(module)


def plain(member: Any) -> Any:
    """The function behind a method of any kind, or None."""
    member = member.__func__ if isinstance(member, staticmethod | classmethod) else member
    return member if inspect.isfunction(member) else None
