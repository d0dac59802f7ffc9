"""Numerical guards: the `1e-7` of `np.log(y + 1e-7)`.

Such a constant keeps the forward finite and is left out of the backward on purpose, so that the backward is exact for
the forward without it. Here the guards of the user's modules are found in the source, and taken out for a moment:
written out, as a local or global name, as a default argument, or as an attribute of the class or one that `__init__`
sets. The same constant in a denominator of the same class or module (`t / (y + 1e-7)`) belongs to it.

A backward alone may have one, too: `dout / (x + 1e-8)` behind `np.log(x)`. What its forward has as well is no guard of
the backward, but a part of the function.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from gradcheck_plugin.author.written import tree_of, words_of
from gradcheck_plugin.running import conditions
from gradcheck_plugin.running.typed_digits import exact

LARGEST = 1e-5
_LOGS = ("log", "log2", "log10")
_BACK = {"backward", "backprop", "bprop", "bwd", "vjp", "grad", "gradient", "gradients", "derivative", "deriv", "prime"}


@dataclass(frozen=True)
class Guard:
    """One function with the constants, global names and default arguments that guard a logarithm in it.

    `attributes` are those of the class `owner` that do, `eps = 1e-10` in its body.
    """

    function: FunctionType
    constants: frozenset[float] = frozenset()
    names: tuple[str, ...] = field(default=())
    owner: type | None = None
    attributes: tuple[str, ...] = ()
    of_backward: bool = False  # whether only a backward has it
    typed: tuple[tuple[float, float], ...] = ()  # numbers of few digits, and the constants that they stand for

    @property
    def values(self) -> set[float]:
        held = (vars(self.owner)[a] for a in self.attributes) if self.owner else ()
        return {*self.constants, *(self.function.__globals__[n] for n in self.names), *held}


def find(namespaces: Iterable[ModuleType | dict[str, Any]]) -> tuple[Guard, ...]:
    """The functions and methods of the user's modules that add a tiny constant inside a logarithm."""
    found: dict[int, Guard] = {}
    for namespace in namespaces:
        values = list((vars(namespace) if isinstance(namespace, ModuleType) else namespace).values())
        guards = [g for thing in values for g in _guarded(thing, _log_terms)]
        constants = frozenset(v for g in guards for v in g.values)
        if constants:
            also = [g for thing in values for g in _guarded(thing, _all_terms)]
            guards += [replace(g, constants=g.constants & constants) for g in also]
        for guard in [*guards, *_of_backwards(values)]:
            known = found.get(id(guard.function))
            merged = guard if known is None else _merged(known, guard)
            if merged.values:
                found[id(guard.function)] = merged
    return tuple(found.values())


def typed(namespaces: Iterable[ModuleType | dict[str, Any]]) -> tuple[Guard, ...]:
    """The functions and methods that have a constant with few digits in them; without it they have it with all."""
    found: dict[int, Guard] = {}
    for namespace in namespaces:
        for thing in list((vars(namespace) if isinstance(namespace, ModuleType) else namespace).values()):
            members = [thing] if inspect.isfunction(thing) else vars(thing).values() if inspect.isclass(thing) else []
            for member in members:
                function = member.__func__ if isinstance(member, staticmethod | classmethod) else member
                if inspect.isfunction(function) and (pairs := tuple(sorted(_few(function)))):
                    found[id(function)] = Guard(function, typed=pairs)
    return tuple(found.values())


def _few(function: FunctionType) -> set[tuple[float, float]]:
    values = [*_constants(function.__code__), *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return {(v, known) for v in values if (known := exact(v)) is not None}


def _constants(code: CodeType) -> Iterator[Any]:
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _constants(value)
        else:
            yield value


def _of_backwards(things: Iterable[Any]) -> Iterator[Guard]:
    """Functions with a tiny constant in a backward that its forward does not have."""
    groups: dict[Any, list[tuple[FunctionType, ast.AST]]] = {}
    for thing in things:
        members = [thing] if inspect.isfunction(thing) else vars(thing).values() if inspect.isclass(thing) else []
        plain = [m.__func__ if isinstance(m, staticmethod | classmethod) else m for m in members]
        owner = thing if inspect.isclass(thing) else _stem(getattr(thing, "__name__", ""))
        pairs = [(m, tree) for m in plain if inspect.isfunction(m) and (tree := tree_of(m)) is not None]
        groups.setdefault(owner, []).extend(pairs)
    for pairs in groups.values():
        parts = [(f, *_split(tree)) for f, tree in pairs]
        known = {v for f, forward, _ in parts for node in forward for v in _tiny_of(node, f)}
        for f, _, backward in parts:
            terms = (t for node in backward for t in _divided(node))
            constants = {v for t in terms for v in _tiny_of(t, f)} - known
            if constants:
                yield Guard(f, frozenset(constants), of_backward=True)


def _stem(name: str) -> tuple[str, ...]:
    """What a forward and its backward have in common: their name without that word."""
    return tuple(w for w in words_of(name) if w not in _BACK and w not in ("forward", "fwd"))


def _split(tree: ast.AST) -> tuple[list[ast.AST], list[ast.AST]]:
    """The nodes of a function that belong to a forward, and those in a function whose name says backward."""
    forward: list[ast.AST] = []
    backward: list[ast.AST] = []

    def walk(node: ast.AST, back: bool) -> None:
        back = back or (isinstance(node, ast.FunctionDef) and bool(_BACK & {*words_of(node.name)}))
        (backward if back else forward).append(node)
        for child in ast.iter_child_nodes(node):
            walk(child, back)

    walk(tree, False)
    return forward, backward


def _tiny_of(node: ast.AST, function: FunctionType) -> Iterator[float]:
    """The tiny number that a node is, written out or as a name."""
    if isinstance(node, ast.Constant) and _tiny(node.value):
        yield float(node.value)  # type: ignore[arg-type]
    elif isinstance(node, ast.Name):
        value = _local(function).get(node.id, function.__globals__.get(node.id))
        if _tiny(value):
            yield float(value)  # type: ignore[arg-type]


def _divided(node: ast.AST) -> Iterator[ast.expr]:
    """The terms of a sum that something is divided by, or that a root or logarithm is taken of."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Pow):
        yield from _sums(node.right if isinstance(node.op, ast.Div) else node.left)
    elif isinstance(node, ast.Call) and _name(node.func) in (*_LOGS, "sqrt", "divide", "reciprocal"):
        yield from _sums(node)


def _merged(a: Guard, b: Guard) -> Guard:
    attributes = tuple(sorted({*a.attributes, *b.attributes}))
    names = tuple(sorted({*a.names, *b.names}))
    back = a.of_backward and b.of_backward
    return Guard(a.function, a.constants | b.constants, names, a.owner or b.owner, attributes, back)


def told(guards: Collection[Guard]) -> str:
    """What it means that a gradient is exact without these guards."""
    inside, back = (
        ", ".join(f"{v:g}" for v in sorted({v for g in guards if g.of_backward is b for v in g.values}))
        for b in (False, True)
    )
    few = {pair for g in guards for pair in g.typed}
    said = [f"exact with {new:.10g} for your {old:g}" for old, new in sorted(few)]
    said += [f"exact for your forward without its guard {inside} inside the logarithm"] if inside else []
    said += [f"exact without the guard {back}, which only your backward has"] if back else []
    return "; or ".join(said)


@contextlib.contextmanager
def without(guards: Iterable[Guard]) -> Iterator[None]:
    """The user's functions without their guards, for the length of the block."""
    guards = tuple(guards)
    condition = conditions.opened("without", guards)
    try:
        with contextlib.ExitStack() as stack:
            for guard in guards:
                stack.enter_context(_bare(guard))
            yield
    finally:
        conditions.closed(condition)


@contextlib.contextmanager
def _bare(guard: Guard) -> Iterator[None]:
    f = guard.function
    code, defaults, keywords = f.__code__, f.__defaults__, f.__kwdefaults__
    kept = {n: f.__globals__[n] for n in guard.names}
    f.__code__ = code.replace(co_consts=tuple(_zero(c, guard) for c in code.co_consts))
    f.__defaults__ = tuple(_zero(d, guard) for d in defaults) if defaults else defaults
    f.__kwdefaults__ = {k: _zero(d, guard) for k, d in keywords.items()} if keywords else keywords
    f.__globals__.update(dict.fromkeys(kept, 0.0))
    held = {a: vars(guard.owner)[a] for a in guard.attributes} if guard.owner else {}
    for attribute in held:
        setattr(guard.owner, attribute, 0.0)
    try:
        yield
    finally:
        f.__code__, f.__defaults__, f.__kwdefaults__ = code, defaults, keywords
        f.__globals__.update(kept)
        for attribute, value in held.items():
            setattr(guard.owner, attribute, value)


def _zero(value: Any, guard: Guard) -> Any:
    if isinstance(value, CodeType):  # a function inside, such as the `_backward` of an operation
        return value.replace(co_consts=tuple(_zero(c, guard) for c in value.co_consts))
    if _tiny(value) and value in guard.constants:
        return 0.0
    return dict(guard.typed).get(value, value) if isinstance(value, float) else value


def _tiny(value: Any) -> bool:
    return isinstance(value, float) and 0 < value <= LARGEST


Terms = Callable[[ast.AST], Iterator[ast.expr]]


def _guarded(thing: Any, terms: Terms) -> Iterator[Guard]:
    """The guarded functions of a function or class. An attribute `self.eps` leads to the `__init__` that sets it."""
    if inspect.isfunction(thing):
        yield from _in_function(thing, tree_of(thing), terms)
    elif inspect.isclass(thing):
        members = [m.__func__ if isinstance(m, staticmethod | classmethod) else m for m in vars(thing).values()]
        methods = [(m, tree) for m in members if inspect.isfunction(m) and (tree := tree_of(m)) is not None]
        attributes = {name for _, tree in methods for name in _attributes(tree)}
        for method, tree in methods:
            yield from _in_function(method, tree, terms)
            if method.__name__ == "__init__" and attributes:
                constants = frozenset(_set_in_init(method, tree, attributes))
                if constants:
                    yield Guard(method, constants)
        held = tuple(sorted(a for a in attributes if _tiny(vars(thing).get(a))))
        if held and methods:
            yield Guard(methods[0][0], owner=thing, attributes=held)


def _in_function(function: FunctionType, tree: ast.AST | None, terms: Terms) -> Iterator[Guard]:
    if tree is None:
        return
    local = _local(function)
    constants: set[float] = set()
    names: set[str] = set()
    for side in terms(tree):
        if isinstance(side, ast.Constant) and _tiny(side.value):
            constants.add(float(side.value))  # type: ignore[arg-type]
        elif isinstance(side, ast.Name) and _tiny(local.get(side.id)):
            constants.add(local[side.id])
        elif isinstance(side, ast.Name) and side.id not in local and _tiny(function.__globals__.get(side.id)):
            names.add(side.id)
    if constants or names:
        yield Guard(function, frozenset(constants), tuple(sorted(names)))


def _log_terms(tree: ast.AST) -> Iterator[ast.expr]:
    """The terms of sums inside logarithms."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _name(call.func) in _LOGS:
            yield from _sums(call)


def _all_terms(tree: ast.AST) -> Iterator[ast.expr]:
    """The terms of sums inside logarithms and of denominators that are sums themselves, not of roots in them."""
    yield from _log_terms(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.BinOp):
            yield from (node.right.left, node.right.right)


def _sums(inside: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(inside):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            yield from (node.left, node.right)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@lru_cache(maxsize=512)
def _local(function: FunctionType) -> dict[str, Any]:
    """Local names that are set to a constant, and the default arguments."""
    tree = tree_of(function)
    assigned = {
        target.id: node.value.value
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return assigned | _defaults(function)


def _defaults(function: FunctionType) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters}


def _attributes(tree: ast.AST) -> set[str]:
    """Names x of terms `self.x` inside logarithms."""
    return {t.attr for t in _log_terms(tree) if isinstance(t, ast.Attribute) and getattr(t.value, "id", "") == "self"}


def _set_in_init(init: FunctionType, tree: ast.AST, attributes: set[str]) -> Iterator[float]:
    """The tiny values that `self.x = value` gives to these attributes."""
    defaults = _defaults(init)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(getattr(t, "attr", "") in attributes for t in node.targets):
            value = node.value.value if isinstance(node.value, ast.Constant) else defaults.get(_name(node.value))
            if _tiny(value):
                yield value  # type: ignore[misc]
