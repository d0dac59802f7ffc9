"""Objects with constants of a fixed size in them, such as the mean and deviation of three features.

They take inputs of that size only. One axis of length 1 would be stretched to it by NumPy, and says nothing about them.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.author.own_calls import source_tree
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.model import Array
from reference_impls.shapes import Layout

_NAMES = ("N", "D", "M", "T", "H")
_TURNS = ("transpose", "permute")
LARGEST, MOST = 12, 3  # the length of an axis, and how many lengths are tried


def shapes(candidate: Candidate) -> list[str]:
    """Shapes of inputs that fit the constants of an object, those of features first."""
    repeated = [f"1 {axis}" for axis in dict.fromkeys(_repeated(candidate))]
    repeated += dict.fromkeys(_taken_apart(_forward(candidate)))
    repeated += dict.fromkeys(_squeezed(_forward(candidate)))
    sizes = list(dict.fromkeys(_sizes(candidate)))[:MOST]
    return repeated + [shape for s in sizes for shape in (f"N {s}", f"{s}", f"N 5 7 {s}", f"N {s} 5 7", f"{s} 1")]


def stretched(layout: Layout, sizes: Mapping[str, int], out: Array) -> bool:
    """Whether an axis of length 1 of an input is longer in the output, and as long as nothing that was given."""
    given = {int(d) for e in layout.entries for d in e.dims if d.isdigit()} | {*sizes.values(), 1}
    alike = [e.dims for e in layout.inputs if len(e.dims) == out.ndim]
    return any(d == "1" and s not in given for dims in alike for d, s in zip(dims, out.shape, strict=True))


def repeats(function: Any) -> bool:
    """Whether a forward repeats its input by itself: an axis of length 1 is what it is written for."""
    return any(True for _ in _shapes_to(function))


def _repeated(candidate: Candidate) -> Iterator[str]:
    """The last axis of what a forward repeats along the one before: a length that is written out, or any."""
    for shape in _shapes_to(_forward(candidate)):
        *_, before, last = ast.Constant(0), *shape.elts
        if isinstance(before, ast.Constant) and before.value:
            yield str(last.value) if isinstance(last, ast.Constant) else "D"


def _shapes_to(function: Any) -> Iterator[ast.Tuple]:
    """The shapes that are written out in calls of broadcast_to, and of torch's expand."""
    tree = source_tree(function) if inspect.isfunction(function) else None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "broadcast_to":
            yield from (a for a in node.args if isinstance(a, ast.Tuple))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "expand":
            yield from (a for a in node.args if isinstance(a, ast.Tuple))
            if len(node.args) > 1:
                yield ast.Tuple(node.args, ast.Load())


def _forward(candidate: Candidate) -> Any:
    """The forward of a candidate: a function, or the method of a class."""
    forward = candidate.objects.get("forward")
    if isinstance(forward, str):
        return getattr(candidate.objects.get("class"), forward, None)
    of_engine = getattr(candidate.objects.get("op"), "cls", None)
    return forward or getattr(candidate.objects.get("function") or of_engine, "forward", None)


def _taken_apart(function: Any) -> Iterator[str]:
    """Shapes of an input that is unpacked into so many parts: `a, b, c = x`."""
    tree = source_tree(function) if inspect.isfunction(function) else None
    for node in ast.walk(tree) if tree is not None else ():
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(target, ast.Tuple):
            continue
        if _is_each_of(node.value, function) and not any(isinstance(e, ast.Starred) for e in target.elts):
            count = str(len(target.elts))
            for order in _orders(tree):  # the axis that comes first is the one that is taken apart
                yield " ".join(count if i == order[0] else _NAMES[i] for i in range(len(order)))
            yield from (f"{count} {rest}" for rest in ("N D", "D"))


def _orders(tree: ast.AST | None) -> Iterator[list[int]]:
    """The orders in which axes are put by their numbers: `x.transpose(2, 0, 1)`, `x.permute(1, 0, 2)`."""
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TURNS:
            first = node.args[0] if len(node.args) == 1 else ast.Tuple(node.args, ast.Load())
            numbers = [e.value for e in getattr(first, "elts", ()) if isinstance(e, ast.Constant)]
            axes = [n for n in numbers if isinstance(n, int)]
            if 2 <= len(axes) <= len(_NAMES) and sorted(axes) == list(range(len(axes))):
                yield axes


def _squeezed(function: Any) -> Iterator[str]:
    """Shapes of an input of which a forward takes axes away by their numbers: these have length 1."""
    tree = source_tree(function) if inspect.isfunction(function) else None
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "squeeze":
            continue
        for value in (*(k.value for k in node.keywords if k.arg in ("axis", "dim")), *node.args[-1:]):
            axes = [getattr(e, "value", None) for e in (value.elts if isinstance(value, ast.Tuple) else [value])]
            if axes and all(type(a) is int and 0 <= a < len(_NAMES) for a in axes):
                last = max(a for a in axes if isinstance(a, int))
                yield " ".join("1" if i in axes else _NAMES[i] for i in range(max(last + 1, 2)))


def _is_each_of(value: ast.expr, function: Any) -> bool:
    """Whether a value is an argument itself, or what is made of each part of one."""
    if isinstance(value, ast.Call) and len(value.args) == 1 and getattr(value.func, "id", "") in ("tuple", "list"):
        value = value.args[0]
    if isinstance(value, ast.GeneratorExp | ast.ListComp) and len(value.generators) == 1:
        value = value.generators[0].iter
    return isinstance(value, ast.Name) and value.id in inspect.signature(function).parameters


def _sizes(candidate: Candidate) -> Iterator[int]:
    for thing in candidate.objects.values():
        members = [thing, *vars(thing).values()] if inspect.isclass(thing) else [thing]
        for value in vars(thing).values() if inspect.isclass(thing) else ():
            yield from _of_value(value)
        for member in members:
            function = member.__func__ if isinstance(member, staticmethod | classmethod) else member
            if inspect.isfunction(function):
                yield from _of_function(function)


def _of_function(function: Any) -> Iterator[int]:
    """The sizes of what a function refers to, holds or has as a default, and of the lists of numbers in its text."""
    names = [*function.__code__.co_names]
    held = [function.__globals__[n] for n in names if n in function.__globals__]
    held += [*(function.__defaults__ or ()), *(c.cell_contents for c in function.__closure__ or () if _full(c))]
    for value in held:
        yield from _of_value(value)
    tree = source_tree(function)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.List):
            try:
                yield from _of_value(ast.literal_eval(node))
            except (ValueError, SyntaxError, TypeError):
                continue


def _full(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _of_value(value: Any) -> Iterator[int]:
    """The lengths of the axes of an array or a list of real numbers."""
    if isinstance(value, list | tuple) and value and not isinstance(value[0], str):
        try:
            value = np.asarray(value)
        except ValueError:
            return
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim:
        yield from (s for s in reversed(value.shape) if 1 < s <= LARGEST)
