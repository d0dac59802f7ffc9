"""What the sizes of a network are, by the arrays that its constructor draws: each has as many inputs as the last gave.

Names of sizes have no end; that an argument is an axis of the first array and of no other says what it is.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from gradcheck_plugin.author.written import tree_of
from gradcheck_plugin.objects.state import same
from reference_impls.shapes import Layout

IN, HIDDEN, OUT = "in", "hidden", "out"
Axis = str | int
_DRAWS = ("randn", "rand", "standard_normal", "normal", "uniform", "zeros", "ones", "empty", "random")


def sizes_of(cls: Any) -> dict[str, str]:
    """The arguments of a constructor that are axes of a chain of weights: which go in, which come out.

    Empty where the arrays are no chain, as those of attention are not.
    """
    init = tree_of(cls.__init__)
    return _sizes_in(init) if isinstance(init, ast.FunctionDef) else {}


@lru_cache(maxsize=256)
def _sizes_in(init: ast.FunctionDef) -> dict[str, str]:
    names = {a.arg for a in (*init.args.args[1:], *init.args.kwonlyargs)}
    changed = {n.id for n in ast.walk(init) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return _chained(_weights(list(_shapes(init, names - changed))))


def _shapes(init: ast.FunctionDef, names: set[str]) -> Iterator[tuple[Axis, ...]]:
    """The shapes of the arrays that are drawn, in the order of the lines, where all axes are arguments or numbers."""
    calls = [n for n in ast.walk(init) if isinstance(n, ast.Call)]
    for call in sorted(filter(_is_draw, calls), key=lambda c: (c.lineno, c.col_offset)):
        axes = [_axis(node, names) for node in _axes_of(call)]
        known = [a for a in axes if a is not None]
        if known and len(known) == len(axes):
            yield tuple(known)


def _axis(node: ast.expr, names: set[str]) -> Axis | None:
    if isinstance(node, ast.Name) and node.id in names:
        return node.id
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def _weights(shapes: list[tuple[Axis, ...]]) -> list[tuple[Axis, ...]]:
    """The matrices among the shapes; a bias as a row or a column is none."""
    found: list[tuple[Axis, ...]] = []
    for shape in shapes:
        if len(shape) == 2 and not (found and is_bias(shape, found[-1])):
            found.append(shape)
    return found or [s for s in shapes[:1] if len(s) == 1]


def is_bias(shape: tuple[Axis, ...], weight: tuple[Axis, ...]) -> bool:
    """Whether a matrix is the row or the column of biases that belong to the weight before it."""
    one, other = (shape[0], 1) if str(shape[0]) == "1" else (shape[1], 0)
    return str(one) == "1" and shape[other] == weight[other]


def _chained(weights: list[tuple[Axis, ...]]) -> dict[str, str]:
    if len(weights) == 1:
        only = weights[0]
        named = [a for a in only if isinstance(a, str)]
        return {named[0]: IN} if len(named) == 1 and only[-1] in (named[0], 1) else {}
    shared = [set(a) & set(b) for a, b in itertools.pairwise(weights)]
    if not weights or any(len(s) != 1 for s in shared):
        return {}
    roles: dict[Axis, str] = {a: HIDDEN for s in shared for a in s}
    first, last = set(weights[0]) - shared[0], set(weights[-1]) - shared[-1]
    if len(first) != 1 or len(last) != 1 or first == last or (first | last) & set(roles):
        return {}
    roles |= dict.fromkeys(first, IN) | dict.fromkeys(last, OUT)
    return {a: role for a, role in roles.items() if isinstance(a, str)}


def hidden_size(roles: Mapping[str, str], name: str) -> int:
    """A width of a hidden layer, for each another one."""
    return 6 + [n for n, role in roles.items() if role == HIDDEN].index(name)


def sizes_by_parameter(cls: Any, layout: Layout) -> dict[str, str]:
    """The arguments of a constructor that are axes of the parameters of a layout, by the arrays that it draws for them.

    `self.kernel = np.random.randn(size, dim)` says of a W of axes V and D that `size` is V, whatever it is called.
    """
    init = tree_of(cls.__init__)
    if not layout.params or not isinstance(init, ast.FunctionDef):
        return {}
    found: dict[str, str] = {}
    for argument, size in _by_parameter(_drawn(init), layout):
        if found.setdefault(argument, size) != size:  # of one size in our layout and of another one
            return {}
    return found


def free_sizes(cls: Any) -> dict[str, int]:
    """The arguments of a constructor that are sizes by what it does with them, each with a size of its own.

    They are axes of what it draws, or divide one: so the others are even.
    """
    init = tree_of(cls.__init__)
    return _free_sizes(init) if isinstance(init, ast.FunctionDef) else {}


@lru_cache(maxsize=256)
def _free_sizes(init: ast.FunctionDef) -> dict[str, int]:
    names = [a.arg for a in (*init.args.args[1:], *init.args.kwonlyargs)]
    axes, divisors = set(), set()
    for node in ast.walk(init):
        if isinstance(node, ast.Call) and _is_draw(node):
            axes |= {n for axis in _axes_of(node) for n in _operands(axis)}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv | ast.Mod):
            axes |= set(_operands(node.left))
            divisors |= set(_operands(node.right))
    even = itertools.count(6, 2)
    return {n: 2 if n in divisors else next(even) for n in names if n in axes | divisors}


def _operands(node: ast.expr) -> Iterator[str]:
    """The names that a size is worked out of; the W of `W.shape[0]` is none."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.BinOp):
        yield from (*_operands(node.left), *_operands(node.right))
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "int":
        yield from (n for a in node.args for n in _operands(a))


def _by_parameter(drawn: Mapping[str, tuple[ast.expr, ...]], layout: Layout) -> Iterator[tuple[str, str]]:
    for entry in layout.params:
        axes = next((a for name, a in drawn.items() if same(name, entry.name) and len(a) == len(entry.dims)), ())
        for node, dim in zip(axes, entry.dims if axes else (), strict=True):
            match node:
                case ast.Name(argument):
                    yield argument, dim
                case ast.BinOp(ast.Constant(int(k)), ast.Mult(), ast.Name(argument)) | ast.BinOp(
                    ast.Name(argument), ast.Mult(), ast.Constant(int(k))
                ) if dim.isdigit() and k and not int(dim) % k:
                    yield argument, str(int(dim) // k)


@lru_cache(maxsize=256)
@lru_cache(maxsize=256)
def _drawn(init: ast.FunctionDef) -> dict[str, tuple[ast.expr, ...]]:
    """The axes of the arrays that a constructor draws and keeps, by the attribute or the key that keeps each.

    Axes are arguments as they were given, and what is worked out of them.
    """
    names = {a.arg for a in (*init.args.args[1:], *init.args.kwonlyargs)}
    changed = {n.id for n in ast.walk(init) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    found: dict[str, tuple[ast.expr, ...]] = {}
    for name, value in _kept(init):
        calls = [n for n in ast.walk(value) if isinstance(n, ast.Call) and _is_draw(n)]
        axes = _axes_of(calls[0]) if len(calls) == 1 else ()
        known = {n.id for axis in axes for n in ast.walk(axis) if isinstance(n, ast.Name)} - {"int"}
        if axes and known <= names - changed:
            found.setdefault(name, axes)
    return found


def _kept(init: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """What a constructor assigns to attributes of its object, and to keys of their dictionaries."""
    for node in ast.walk(init):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            pairs = [(target, node.value)] if isinstance(node, ast.Assign) else []
            if isinstance(target, ast.Tuple) and isinstance(pairs[0][1], ast.Tuple):
                pairs = list(zip(target.elts, pairs[0][1].elts, strict=False))
            for place, value in pairs:
                if isinstance(place, ast.Attribute) and isinstance(value, ast.Dict):
                    yield from ((k.value, v) for k, v in zip(value.keys, value.values, strict=True)
                                if isinstance(k, ast.Constant) and isinstance(k.value, str))  # fmt: skip
                elif isinstance(place, ast.Attribute):
                    yield place.attr, value
                elif isinstance(place, ast.Subscript) and isinstance(place.slice, ast.Constant):
                    yield str(place.slice.value), value


def _is_draw(call: ast.Call) -> bool:
    return (call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")) in _DRAWS


def _axes_of(call: ast.Call) -> tuple[ast.expr, ...]:
    """The axes that a drawing call asks for: those of its tuple, else its arguments."""
    boxes = [a for a in (*call.args, *(k.value for k in call.keywords)) if isinstance(a, ast.Tuple | ast.List)]
    return tuple(boxes[0].elts if boxes else call.args)
