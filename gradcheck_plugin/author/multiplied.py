"""How the arrays of a forward meet: what its text shows of the axes of a matrix, and of an index.

`x @ W.T` says that W has as many columns as x has, whatever it is called; `W.T` alone, that it has two axes or more;
`x[i]` that i are numbers of the rows of x.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gradcheck_plugin.author.written import nodes_of, tree_of

_PRODUCTS = ("dot", "matmul")
_NEW = "M"  # the axis that a matrix brings
_MODULES = ("np", "numpy", "cp", "xp")


@dataclass(frozen=True)
class Factor:
    """What an array is multiplied with: an argument `by`, on its left where it is `second`; each may be turned."""

    by: str
    second: bool
    turned: bool
    other_turned: bool

    def axes(self, other: Sequence[str]) -> list[str]:
        """The axes of the matrix beside an array that has the axes `other`."""
        dims = list(other)[:: -1 if self.other_turned else 1]
        if self.second:
            mine = [dims[-1], _NEW]
        else:
            mine = [_NEW, dims[-2] if len(dims) > 1 else dims[-1]]
        return mine[:: -1 if self.turned else 1]


@dataclass(frozen=True)
class Index:
    """Whose entries an array of whole numbers takes: those along the first axis, or the last where it is turned."""

    of: str
    turned: bool

    def axis(self, other: Sequence[str]) -> str:
        """The axis whose entries are taken, of an array that has the axes `other`."""
        return other[-1 if self.turned else 0]


def factors(function: Callable[..., Any], names: Sequence[str]) -> dict[str, Factor]:
    """The arguments that a function multiplies with another, the first product of each; not the first argument."""
    found: dict[str, Factor] = {}
    tree = tree_of(function)
    anew = {n for n in names if any(_is_turned_anew(node, n) for node in nodes_of(function))}
    for left, right in _products(tree):
        (a, a_turned), (b, b_turned) = _argument(left, names, anew), _argument(right, names, anew)
        if not a or not b or a == b:
            continue
        if names.index(a) < names.index(b):
            found.setdefault(b, Factor(a, True, b_turned, a_turned))
        else:
            found.setdefault(a, Factor(b, False, a_turned, b_turned))
    return found


def indices(function: Callable[..., Any], names: Sequence[str]) -> dict[str, Index]:
    """The arguments that another argument is indexed by, with nothing beside them: `x[i]`."""
    anew = {n for n in names if any(_is_turned_anew(node, n) for node in nodes_of(function))}
    found: dict[str, Index] = {}
    for node in nodes_of(function):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and node.slice.id in names:
            of, turned = _argument(node.value, names, anew)
            if of and of != node.slice.id:
                found.setdefault(node.slice.id, Index(of, turned))
    return found


def matrices(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> frozenset[str]:
    """The arguments that have two axes or more: they are turned, or what comes behind their first axis is asked for."""
    return _matrices(tuple(functions), tuple(names))


@lru_cache(maxsize=64)
def _matrices(functions: tuple[Callable[..., Any], ...], names: tuple[str, ...]) -> frozenset[str]:
    kept = {a: n for f in functions for n, a in kept_as(f) if not any(_gets_axes(node, n) for node in nodes_of(f))}
    return frozenset(n for n in names for f in functions if _is_turned_in(f, n, kept))


def _is_turned_in(function: Callable[..., Any], name: str, kept: Mapping[str, str], deep: bool = True) -> bool:
    """Whether a function shows that an argument has two axes, itself or by a function of its file that it calls.

    The argument may be `kept` as an attribute: `self.x.T`.
    """
    nodes = nodes_of(function)
    if any(_gets_axes(node, name) for node in nodes):
        return False
    if any(_is_argument(of, name, kept) for node in nodes for of in _of_two_axes(node)):
        return True
    calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)] if deep else []
    for call in calls:
        called = function.__globals__.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if inspect.isfunction(called) and called.__module__ == function.__module__:
            given = zip(called.__code__.co_varnames[: called.__code__.co_argcount], call.args, strict=False)
            if any(_is(value, name) and _is_turned_in(called, inner, {}, deep=False) for inner, value in given):
                return True
    return False


class Held:
    """What a forward does with the arguments that its object is made with: `x @ self.Wq + self.bq`.

    It says that Wq has as many rows as x has columns, and bq one number for each of its columns.
    """

    def __init__(self, cls: Any, forward: Callable[..., Any], inputs: Sequence[str]) -> None:
        self.forward, self.inputs = forward, inputs
        self._kept = {attribute: name for name, attribute in kept_as(cls.__init__)}
        self._local = {name: value.attr for node in nodes_of(forward) for name, value in _taken(node)}

    def axes(self, of: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """The axes of the arguments, where the inputs have the axes `of`."""
        factors = {n: f for n, f in self._factors().items() if of.get(f.by)}
        found = {n: " ".join(f.axes(of[f.by])) for n, f in factors.items()}
        found |= {n: beside(factors) for n in self._added() - {*found} if found}
        return found | dict(self._summed(of))

    def _argument(self, node: ast.expr) -> tuple[str, bool]:
        """The argument that an expression is, and whether it is turned."""
        turned = isinstance(node, ast.Attribute) and node.attr == "T"
        inner = node.value if isinstance(node, ast.Attribute) and turned else node
        attribute = self._local.get(inner.id, "") if isinstance(inner, ast.Name) else ""
        attribute = inner.attr if isinstance(inner, ast.Attribute) and _of_self(inner) else attribute
        return self._kept.get(attribute, ""), turned

    def _factors(self) -> dict[str, Factor]:
        found: dict[str, Factor] = {}
        for left, right in _products(tree_of(self.forward)):
            (a, a_turned), (b, b_turned) = (_argument(side, self.inputs, set()) for side in (left, right))
            (c, c_turned), (d, d_turned) = map(self._argument, (left, right))
            if a and d:
                found.setdefault(d, Factor(a, True, d_turned, a_turned))
            elif b and c:
                found.setdefault(c, Factor(b, False, c_turned, b_turned))
        return found

    def _added(self) -> set[str]:
        """The arguments that are added to a product."""
        sums = [n for n in nodes_of(self.forward) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add)]
        sides = [pair for n in sums for pair in ((n.left, n.right), (n.right, n.left))]
        return {self._argument(side)[0] for side, other in sides if any(True for _ in _products(other))} - {""}

    def _summed(self, of: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
        """The axes by the letters of an einsum: those of an input, and new ones."""
        for letters, operands in einsums(self.forward):
            names = dict[str, str]()
            for word, operand in zip(letters, operands, strict=True):
                known = of.get(operand.id, ()) if isinstance(operand, ast.Name) else ()
                names |= dict(zip(word, known, strict=True)) if len(word) == len(known) else {}
            new = iter("MHKEF")
            for word, operand in zip(letters, operands, strict=True):
                if names and (argument := self._argument(operand)[0]):
                    yield argument, " ".join(names[c] if c in names else names.setdefault(c, next(new)) for c in word)


def einsums(function: Callable[..., Any]) -> Iterator[tuple[list[str], list[ast.expr]]]:
    """The letters and the operands of every einsum whose text is written out: `np.einsum("ngi,gij->ngj", x, W)`."""
    for node in nodes_of(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("einsum") and node.args:
            text = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            letters = text.partition("->")[0].replace(" ", "").split(",") if isinstance(text, str) else []
            if letters and len(letters) == len(node.args) - 1 and all(w.isalpha() for w in letters):
                yield letters, node.args[1:]


def kept_as(maker: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """The arguments that a constructor keeps as they are, and under which attributes."""
    for node in nodes_of(maker):
        for target in node.targets if isinstance(node, ast.Assign) else []:
            whole = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)  # type: ignore[attr-defined]
            values = node.value.elts if whole else [node.value]  # type: ignore[attr-defined]
            targets = target.elts if whole else [target]  # type: ignore[attr-defined]
            for t, v in zip(targets, values, strict=False):
                if isinstance(t, ast.Attribute) and _of_self(t) and isinstance(v, ast.Name):
                    yield v.id, t.attr


def _taken(node: ast.AST) -> Iterator[tuple[str, ast.Attribute]]:
    """The names that a line gives to attributes: `W, b = self.W, self.b`."""
    for target in node.targets if isinstance(node, ast.Assign) else []:
        pairs = [(target, node.value)]  # type: ignore[attr-defined]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):  # type: ignore[attr-defined]
            pairs = list(zip(target.elts, node.value.elts, strict=False))  # type: ignore[attr-defined]
        for t, v in pairs:
            if isinstance(t, ast.Name) and isinstance(v, ast.Attribute) and _of_self(v):
                yield t.id, v


def _of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and _is(node.value, "self")


def in_products(function: Callable[..., Any], names: Sequence[str]) -> frozenset[str]:
    """The arguments that stand in a product of matrices, turned or not."""
    sides = (side for pair in _products(tree_of(function)) for side in pair)
    return frozenset(name for side in sides if (name := _argument(side, names, set())[0]))


def with_gradients(function: Callable[..., Any], names: Sequence[str]) -> frozenset[str]:
    """The arguments whose names, or these with a d in front, are keys of a dictionary that a function fills."""
    keys: set[str] = set()
    for node in nodes_of(function):
        parts = node.keys if isinstance(node, ast.Dict) else [node.slice] if isinstance(node, ast.Subscript) else []
        keys |= {k.value for k in parts if isinstance(k, ast.Constant) and isinstance(k.value, str)}
    return frozenset(n for n in names if keys & {n, f"d{n}", f"d_{n}", f"grad_{n}"})


def _is_argument(node: ast.AST, name: str, kept: Mapping[str, str]) -> bool:
    return _is(node, name) or (isinstance(node, ast.Attribute) and _of_self(node) and kept.get(node.attr) == name)


def _of_two_axes(node: ast.AST) -> Iterator[ast.AST]:
    """What a node shows to have two axes: `x` of `x.T`, `x.shape[1]`, `np.swapaxes(x, -1, -2)`, or flattened."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of_module = isinstance(node.func.value, ast.Name) and node.func.value.id in _MODULES
        of, args = (node.args[0], node.args[1:]) if of_module and node.args else (node.func.value, node.args)
        swaps = node.func.attr == "swapaxes" and {"1", "-2"} & {ast.unparse(a) for a in args}
        if swaps or (node.func.attr == "reshape" and _flattens(node, of)):
            yield of
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        yield from [node.value.value] if ast.unparse(node.slice) in ("1", "-2", "1:") else []


def _flattens(call: ast.Call, of: ast.expr) -> bool:
    """Whether a reshape puts all axes but the first into one: `x.reshape(x.shape[0], -1)`, `x.reshape(len(x), -1)`."""
    text, name = ", ".join(ast.unparse(a).strip("()") for a in call.args), ast.unparse(of)
    return text in (f"{name}.shape[0], -1", f"len({name}), -1", f"len({name}, -1")


def _gets_axes(node: ast.AST, name: str) -> bool:
    """Whether a line may give an array other axes under the same name: `x = x[None, :]`, `t = np.eye(10)[t]`."""
    for value in _assigned(node, name):
        same = (name, f"{name}.T", f"np.asarray({name})", f"np.array({name})")
        calls = (n for n in ast.walk(value) if isinstance(n, ast.Call))
        turned = any(_is(of, name) for call in calls for of in _of_two_axes(call))
        if not (turned or ast.unparse(value) in same or _is_kept(value, name)):
            return True
    return False


def _is_kept(value: ast.expr, name: str) -> bool:
    """Whether something is taken from where it was kept: `self.x`, `cache[0]`, `cache["x"]`."""
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant) and value.slice.value is not None:
        return isinstance(value.value, ast.Attribute | ast.Name) and not _is(value.value, name)
    return isinstance(value, ast.Attribute) and not _is(value.value, name)


def _assigned(node: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a line assigns to a name; nothing where it takes it out of a cache, `x, w = cache`."""
    for target in node.targets if isinstance(node, ast.Assign) else []:
        if _is(target, name):
            yield node.value  # type: ignore[attr-defined]
        values = getattr(getattr(node, "value", None), "elts", None)
        if isinstance(target, ast.Tuple) and values and len(values) == len(target.elts):
            yield from (v for t, v in zip(target.elts, values, strict=True) if _is(t, name))


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _products(tree: ast.AST | None) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Both sides of every product of matrices."""
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield node.left, node.right
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PRODUCTS:
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in _MODULES and len(node.args) == 2:
                yield node.args[0], node.args[1]
            elif len(node.args) == 1:
                yield owner, node.args[0]


def _is_turned_anew(node: ast.AST, name: str) -> bool:
    """Whether a line is `W = W.T`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Attribute) or node.value.attr != "T":
        return False
    return len(node.targets) == 1 and _is(node.targets[0], name) and _is(node.value.value, name)


def _argument(node: ast.expr, names: Sequence[str], anew: set[str]) -> tuple[str, bool]:
    """The argument that a side of a product is, and whether it is turned; those of `anew` were so before."""
    turned = isinstance(node, ast.Attribute) and node.attr == "T"
    inner = node.value if isinstance(node, ast.Attribute) and turned else node
    if not isinstance(inner, ast.Name) or inner.id not in names:
        return "", False
    return inner.id, turned != (inner.id in anew)


def beside(factors: Mapping[str, Factor]) -> str:
    """The axes of what is added to such products: one number for each that they give."""
    return _NEW if all(f.second for f in factors.values()) else f"{_NEW} 1"
