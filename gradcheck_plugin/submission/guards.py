"""Numerical guards: the `1e-7` of `np.log(y + 1e-7)`.

Such a constant keeps the forward finite and is left out of the backward on purpose, so that the backward is exact for
the forward without it. Here the guards of the user's modules are found in the source, and taken out for a moment.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

LARGEST = 1e-5
_LOGS = ("log", "log2", "log10")


@dataclass(frozen=True)
class Guard:
    """One function with the code it would have without its guards."""

    function: FunctionType
    bare: CodeType
    constants: tuple[float, ...]
    line: int


def find(namespaces: Iterable[ModuleType | dict[str, Any]]) -> tuple[Guard, ...]:
    """The functions and methods of the user's modules that add a tiny constant inside a logarithm."""
    guards: dict[int, Guard] = {}
    for namespace in namespaces:
        values = vars(namespace) if isinstance(namespace, ModuleType) else namespace
        for thing in list(values.values()):
            for function in _functions(thing):
                guard = _guard(function)
                if guard:
                    guards[id(function)] = guard
    return tuple(guards.values())


@contextlib.contextmanager
def without(guards: Iterable[Guard]) -> Iterator[None]:
    """The user's functions without their guards, for the length of the block."""
    kept = [(g.function, g.function.__code__) for g in guards]
    try:
        for g in guards:
            g.function.__code__ = g.bare
        yield
    finally:
        for function, code in kept:
            function.__code__ = code


def _functions(thing: Any) -> Iterator[FunctionType]:
    if inspect.isfunction(thing):
        yield thing
    elif inspect.isclass(thing):
        for member in vars(thing).values():
            inner = member.__func__ if isinstance(member, staticmethod | classmethod) else member
            if inspect.isfunction(inner):
                yield inner


def _guard(function: FunctionType) -> Guard | None:
    if not any(_tiny(c) for c in function.__code__.co_consts):
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    named = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    inside = {c for call in ast.walk(tree) if _is_log(call) for c in _added(call, named)}
    if not inside:
        return None
    code = function.__code__
    bare = code.replace(co_consts=tuple(0.0 if _tiny(c) and c in inside else c for c in code.co_consts))
    return Guard(function, bare, tuple(sorted(inside)), code.co_firstlineno)


def _tiny(value: Any) -> bool:
    return isinstance(value, float) and 0 < value <= LARGEST


def _is_log(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in _LOGS


def _added(call: ast.AST, named: dict[str, Any]) -> Iterator[float]:
    """Tiny constants that are a term of a sum inside the call, written out or by a local name."""
    for node in ast.walk(call):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            for side in (node.left, node.right):
                value = side.value if isinstance(side, ast.Constant) else named.get(getattr(side, "id", ""))
                if _tiny(value):
                    yield value  # type: ignore[misc]
