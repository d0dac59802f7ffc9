"""The numbers at which a layer changes what it does: those that its input is compared with, or cut off at.

Random numbers of size one never come near the 6 of `np.clip(x, 0, 6)`; a gradient that forgets it would look right.
The 20 of `np.exp(np.clip(x, -20, 20))` keeps an exponential from overflowing; nobody derives that, and it is no limit.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.author.written import nodes_of, tree_of
from gradcheck_plugin.conventions.base import Candidate

NEAREST, FARTHEST = 0.75, 100.0  # nearer ones are met by chance; at those far out, such as 500, exp(x) is the limit
_CUTS = ("clip", "clamp", "minimum", "maximum", "min", "max", "clamp_min", "clamp_max")
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_OVERFLOW = ("exp", "exp2", "expm1", "sinh", "cosh", "log", "log2", "log10", "log1p", "power")
_COUNTS = ("ndim", "shape", "size", "len(", "dim(")


def thresholds(candidate: Candidate) -> tuple[float, ...]:
    """What a forward compares with or cuts off at, and its backward compares its input with, from NEAREST on."""
    found: dict[float, None] = {}
    functions = list(_functions(candidate))
    exponents = {word for function, _, backward in functions if not backward for word in _exponents(function)}
    for function, cls, of_inputs in functions:
        values = {**_global_numbers(function), **_held(cls), **_numbers(arguments(function).defaults)}
        kept = None if of_inputs else exponents
        for node in _limits(function, candidate.inputs if of_inputs else (), kept):
            value = _number(node, values)
            if value is not None and NEAREST <= abs(value) <= FARTHEST:
                found[value] = None
    return tuple(found)


def _functions(candidate: Candidate) -> Iterator[tuple[Callable[..., Any], Any, bool]]:
    """The forward and the backward, with their class; True for a backward, of which comparisons of inputs count."""
    objects, cls = candidate.objects, candidate.objects.get("class")
    of_context = objects.get("cls") or objects.get("function")
    if inspect.isclass(of_context):  # of torch, or of the same form
        cls, objects = of_context, {"forward": "forward", "backward": "backward"}
    op, engine = candidate.objects.get("op"), candidate.objects.get("engine")
    if op is not None:
        method = getattr(op, "method", "")
        cls = getattr(engine, "tensor", None) if method else getattr(op, "cls", None)
        objects = {"forward": method or "forward", "backward": "" if method else "backward"}
    elif cls is not None and not {"forward", "function", "derivative"} & objects.keys():
        objects = {"forward": "forward", "backward": "backward"}
    for name in ("forward", "function", "backward", "derivative"):
        part = objects.get(name)
        function = getattr(cls, part, None) if isinstance(part, str) and part and cls is not None else part
        if inspect.isfunction(function):
            back = name in ("backward", "derivative")
            yield function, cls, back
            if not back:
                yield from ((called, cls, False) for called in _called(function, cls))


def _called(function: Callable[..., Any], cls: Any) -> Iterator[Callable[..., Any]]:
    """The functions of its file, and the other methods of its class, that a forward calls."""
    for name in dict.fromkeys(function.__code__.co_names):
        found = function.__globals__[name] if name in function.__globals__ else getattr(cls, name, None)
        if not inspect.isfunction(found) or found is function or name in ("backward", "forward"):
            continue
        if found.__module__ == function.__module__:
            yield found


def _exponents(function: Callable[..., Any]) -> set[str]:
    """The names in what a function takes exponentials or logarithms of: `x` and `safe` of `np.exp(-safe(x))`.

    With what is called for them before: `z = safe(x)`.
    """
    nodes = nodes_of(function)
    calls = [n for n in nodes if isinstance(n, ast.Call) and _name(n) in _OVERFLOW]
    found = {_word(n) for call in calls for part in (call.func, *call.args) for n in ast.walk(part)} - {""}
    made = [n.value for n in nodes if isinstance(n, ast.Assign) and any(_word(t) in found for t in n.targets)]
    return found | {_name(n) for value in made for n in ast.walk(value) if isinstance(n, ast.Call)}


def _limits(function: Callable[..., Any], inputs: tuple[str, ...], kept: set[str] | None) -> Iterator[ast.expr]:
    """What stands in comparisons, of `inputs` where they are given, and the limits at which something is cut off.

    A gradient that is clipped says nothing of the input; nor does what keeps the names of `kept`, the exponents of a
    forward, from overflowing: `np.exp(np.clip(x, -20, 20))`, `z[z > 50] = 50` before `np.exp(z)`.
    """
    tree = tree_of(function)
    whole = kept is not None and function.__name__ in kept  # its result is an exponent
    guards = set(_guards(tree, kept or set(), whole)) if tree is not None else set()
    for node in ast.walk(tree) if tree is not None else ():
        if node in guards:
            continue
        if isinstance(node, ast.Compare) and all(isinstance(o, _ORDER) for o in node.ops):
            sides = [node.left, *node.comparators]
            text = ast.unparse(node)
            if not any(word in text for word in _COUNTS) and (not inputs or any(_is_input(s, inputs) for s in sides)):
                yield from sides
        elif isinstance(node, ast.Call) and kept is not None and _name(node) in _CUTS:
            yield from (*node.args, *(k.value for k in node.keywords if k.arg not in ("axis", "dim")))


def _guards(tree: ast.AST, exponents: set[str], whole: bool) -> Iterator[ast.AST]:
    """The cuts and comparisons that only keep an exponent finite, in it or in what is assigned to it before."""
    for node in ast.walk(tree):
        places: list[ast.AST] = []
        if isinstance(node, ast.Call) and _name(node) in _OVERFLOW:
            places = list(node.args)
        elif isinstance(node, ast.Assign) and any(_word(n) in exponents for t in node.targets for n in ast.walk(t)):
            places = [node.value, *(t.slice for t in node.targets if isinstance(t, ast.Subscript))]
        elif isinstance(node, ast.Return) and whole and node.value is not None:
            places = [node.value]
        for inner in (n for place in places for n in ast.walk(place)):
            cut = isinstance(inner, ast.Call) and _name(inner) in _CUTS
            if cut or (isinstance(inner, ast.Compare) and _cuts_off(inner, node)):
                yield inner


def _cuts_off(test: ast.Compare, within: ast.AST) -> bool:
    """Whether beyond a number stands that number: `x[x > 50] = 50`, `np.where(x > 50, 50, x)`."""
    numbers = {ast.unparse(n) for n in (test.left, *test.comparators)}
    if isinstance(within, ast.Assign) and any(isinstance(t, ast.Subscript) for t in within.targets):
        return ast.unparse(within.value) in numbers
    wheres = (n for n in ast.walk(within) if isinstance(n, ast.Call) and _name(n) == "where" and test in ast.walk(n))
    return any({ast.unparse(a) for a in where.args[1:]} <= numbers for where in wheres)


def _name(call: ast.Call) -> str:
    """The last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


def _word(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_input(node: ast.expr, inputs: tuple[str, ...]) -> bool:
    """Whether something is an input, or what is kept of it: `x`, `self.x`, `self.input`."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.strip("_") in {*inputs, *(n.rstrip("s") for n in inputs)}


def _number(node: ast.expr, values: Mapping[str, float]) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand, values)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant):
        return _numbers({"": node.value}).get("")
    if isinstance(node, ast.Name):
        return values.get(node.id)
    return values.get(node.attr) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self" else None


def _held(cls: Any) -> dict[str, float]:
    """The numbers that an object is made with by default, under the names of its attributes."""
    if not inspect.isclass(cls):
        return {}
    values = _numbers(vars(cls)) | _numbers(arguments(cls.__init__, method=True).defaults)
    tree = tree_of(cls.__init__) if inspect.isfunction(cls.__init__) else None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("self."):
            value = _number(node.value, values)
            if value is not None:
                values[ast.unparse(node.targets[0]).removeprefix("self.")] = value
    return values


def _global_numbers(function: Callable[..., Any]) -> dict[str, float]:
    names = function.__code__.co_names
    return _numbers({n: function.__globals__[n] for n in names if n in function.__globals__})


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {n: float(v) for n, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)}
