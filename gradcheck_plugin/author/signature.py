"""The arguments of the user's functions, and the lines on which they stand."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gradcheck_plugin.model import Unbindable


@dataclass(frozen=True)
class Signature:
    """Names of the positional arguments, and the defaults of those that have one."""

    names: tuple[str, ...]
    defaults: Mapping[str, Any]

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(n for n in self.names if n not in self.defaults)

    def without(self, names: Container[str]) -> Signature:
        """The signature of a call in which these arguments are seen to."""
        kept = {n: v for n, v in self.defaults.items() if n not in names}
        return Signature(tuple(n for n in self.names if n not in names), kept)


def arguments(function: Callable[..., Any], *, method: bool = False) -> Signature:
    """The positional arguments of a function, without `self`."""
    try:
        return _arguments(function, method)
    except TypeError:  # no key of a cache
        return _arguments.__wrapped__(function, method)


@lru_cache(maxsize=256)
def _arguments(function: Callable[..., Any], method: bool) -> Signature:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as exc:
        raise Unbindable(f"the arguments of {getattr(function, '__name__', function)} cannot be read") from exc
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [p for p in parameters if p.kind in kinds][1 if method else 0 :]
    defaults = {p.name: p.default for p in positional if p.default is not inspect.Parameter.empty}
    return Signature(tuple(p.name for p in positional), defaults)


def is_array(function: Callable[..., Any], name: str) -> bool:
    """Whether an annotation says that an argument is an array."""
    written = getattr(function, "__annotations__", {}).get(name, "")
    return re.search(r"Tensor\b|ndarray|\bArray", written if isinstance(written, str) else repr(written)) is not None


def line_of(thing: Any) -> int:
    """The line on which a function or class is defined; 0 where that cannot be known."""
    code = getattr(inspect.unwrap(thing), "__code__", None) if callable(thing) else None
    if code is not None:
        return int(code.co_firstlineno)
    try:
        found = _classes_in("".join(linecache.getlines(inspect.getsourcefile(thing) or "")))
    except (OSError, TypeError):
        found = {}
    known = found.get(getattr(thing, "__qualname__", ""))
    return known or min((line_of(m) for m in vars(thing).values() if inspect.isfunction(m)), default=0)


@lru_cache(maxsize=16)
def _classes_in(source: str) -> dict[str, int]:
    """The line on which each class of a file begins, by its qualified name; of several of one name, the last."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    found: dict[str, int] = {}
    todo: list[tuple[ast.AST, str]] = [(tree, "")]
    for node, inside in todo:
        for child in ast.iter_child_nodes(node):
            name = inside
            if isinstance(child, ast.ClassDef):
                found[f"{inside}{child.name}"] = min([child.lineno, *(d.lineno for d in child.decorator_list)])
                name = f"{inside}{child.name}."
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{inside}{child.name}.<locals>."
            todo.append((child, name))
    return found
