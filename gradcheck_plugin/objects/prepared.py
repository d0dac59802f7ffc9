"""What has to be done to an object between its constructor and its first forward, as its class is written.

An attribute that a forward reads, that is not there after `__init__` and that the forward does not set, is set by
another method, which is called then, or from outside, as the shape of what comes in is by a network.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.author.uses import shapes_given
from gradcheck_plugin.author.written import behind, tree_of
from gradcheck_plugin.model import Array
from gradcheck_plugin.names.arguments import COUNTS_INPUTS, IN_SHAPE
from gradcheck_plugin.running.calls import guarded
from reference_impls.shapes import Layout

Wanted = tuple[str, str]  # "shape", "batch" or "size", and the name of the argument


@dataclass(frozen=True)
class Preparation:
    """One step: a method to call, or an attribute to set, with the shape or the size of what comes in."""

    name: str
    wanted: tuple[Wanted, ...]
    attribute: bool = False

    def apply(self, obj: Any, layout: Layout, arrays: Mapping[str, Array]) -> None:
        values = [_value(kind, layout, arrays) for kind, _ in self.wanted]
        if self.attribute:
            setattr(obj, self.name, values[0])
        else:
            guarded("__init__", getattr(obj, self.name), *values)

    def text(self, layout: Layout) -> str:
        values = ", ".join(_text(kind, layout) for kind, _ in self.wanted)
        return f"{self.name} = {values}" if self.attribute else f"{self.name}({values})"


def _value(kind: str, layout: Layout, arrays: Mapping[str, Array]) -> Any:
    first = layout.inputs[0]
    whole = np.shape(arrays[first.name])
    sample = whole[1:] if first.dims[:1] == ("N",) else whole
    return {"batch": whole, "shape": sample}.get(kind, math.prod(sample))


def _text(kind: str, layout: Layout) -> str:
    first = layout.inputs[0]
    sample = f"{{{first.name}}}.shape" + ("[1:]" if first.dims[:1] == ("N",) else "")
    whole = f"{{{first.name}}}.shape"
    return {"batch": whole, "shape": sample}.get(kind, f"int(np.prod({sample}))")


def preparations(obj: Any, forward: str) -> tuple[Preparation, ...]:
    """What has to be done to a new object before its forward can run; nothing where its class does not say it."""
    cls = type(obj)
    code = _Class(cls)
    inside = code.closure([forward])
    missing = {a for a in code.read(inside) if _is_unset(obj, a)} - code.written(inside)
    if not missing:
        return ()
    calls, open_ = [], set(missing)
    for name in code.methods:
        sets = code.written(code.closure([name])) & open_
        if not sets or name in inside or name.startswith("__"):
            continue
        wanted = _wanted(cls, name)
        if wanted is not None:
            calls.append(Preparation(name, wanted))
            open_ -= sets
    asked = missing | {a for c in calls for a in code.read(code.closure([c.name])) if _is_unset(obj, a)}
    others = [n for n in code.methods if n != "__init__"]
    outside = [a for a in sorted(asked - code.written(others)) if _kind(a)]
    told = [Preparation(a, ((_kind(a), a),), attribute=True) for a in outside]
    return (*told, *calls)


def _is_unset(obj: Any, attribute: str) -> bool:
    if attribute.startswith("self."):  # something inside of an attribute: `self.params['W'].value`
        return _inside(obj, ast.parse(attribute, mode="eval").body) is None
    held = getattr(obj, "__dict__", {})
    return held.get(attribute) is None and inspect.getattr_static(type(obj), attribute, None) is None


def _inside(obj: Any, node: ast.expr) -> Any:
    """What an object holds at a place, without running anything of it; the object itself where that is unknown."""
    if not isinstance(node, ast.Attribute | ast.Subscript):
        return obj
    owner = _inside(obj, node.value)
    if isinstance(node, ast.Attribute):
        return getattr(owner, "__dict__", {}).get(node.attr, obj)
    key = node.slice.value if isinstance(node.slice, ast.Constant) else None
    return owner.get(key, obj) if isinstance(owner, dict) else obj


def _kind(name: str) -> str:
    return "shape" if IN_SHAPE.fits(name) else "size" if COUNTS_INPUTS.fits(name) else ""


def _wanted(cls: Any, method: str) -> tuple[Wanted, ...] | None:
    """What a method is given, by the author's calls, else by the names of its arguments; None where nothing says it."""
    function = getattr(cls, method)
    found, shown = [], shapes_given(cls, method)
    for name in arguments(function, method=True).required:
        if name in shown:
            found.append((shown[name], name))
            continue
        kind = _kind(name)
        if not kind:
            return None
        tree = tree_of(function)
        whole = tree is not None and f"{name}[1:]" in ast.unparse(tree)
        found.append(("batch" if whole and kind == "shape" else kind, name))
    return tuple(found)


class _Class:
    """The methods and properties of a class and its bases, and what they read and set of their object."""

    def __init__(self, cls: Any) -> None:
        self.reads: dict[str, set[str]] = {}
        self.writes: dict[str, set[str]] = {}
        self.methods: list[str] = []
        for base in cls.__mro__[:-1]:
            for name, member in vars(base).items():
                function = member.fget if isinstance(member, property) else member
                if not inspect.isfunction(function) or name in self.reads:
                    continue
                trees = [tree for f in behind(function) if (tree := tree_of(f)) is not None]
                found = [_attributes_in(tree) for tree in trees]
                if found:
                    self.reads[name] = {a for read, _ in found for a in read}
                    self.writes[name] = {a for _, written in found for a in written}
                    self.methods += [name] if inspect.isfunction(member) else []

    def closure(self, names: list[str]) -> list[str]:
        """The methods and properties that run when these do."""
        found: list[str] = []
        waiting = [n for n in names if n in self.reads]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.append(name)
                waiting += [a for a in self.read([name]) if a in self.reads]
        return found

    def read(self, names: list[str]) -> set[str]:
        return {a for name in names for a in self.reads.get(name, ())}

    def written(self, names: list[str]) -> set[str]:
        return {a for name in names for a in self.writes.get(name, ())}


@lru_cache(maxsize=512)
def _attributes_in(tree: ast.AST) -> tuple[set[str], set[str]]:
    """The attributes of `self` that are read and those that are set, and the places inside of them as they stand there.

    Such a place is a chain of attributes and of constant keys.
    """
    places = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute | ast.Subscript) and _is_place(n)]
    named = [(n.ctx, n.attr if _is_self(n.value) and isinstance(n, ast.Attribute) else ast.unparse(n)) for n in places]
    read, written = ({name for ctx, name in named if isinstance(ctx, kind)} for kind in (ast.Load, ast.Store))
    return read, written


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _is_place(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and not _is_self(node.value) and _is_place(node.value)
    return isinstance(node, ast.Attribute) and (_is_self(node.value) or _is_place(node.value))
