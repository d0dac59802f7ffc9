"""The numbers at which a layer changes what it does: those that its input is compared with, or cut off at.

Random numbers of size one never come near the 6 of `np.clip(x, 0, 6)`; a gradient that forgets it would look right.
The 20 of `np.exp(np.clip(x, -20, 20))` keeps an exponential from overflowing; nobody derives that, and it is no limit.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gradcheck_plugin.submission.conventions import Candidate
from gradcheck_plugin.submission.signature import arguments
from gradcheck_plugin.submission.written import tree_of

NEAREST, FARTHEST = 0.75, 100.0  # nearer ones are met by chance; at those far out, such as 500, exp(x) is the limit
_CUTS = ("clip", "clamp", "minimum", "maximum", "min", "max", "clamp_min", "clamp_max")
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_OVERFLOW = ("exp", "exp2", "expm1", "sinh", "cosh", "log", "log2", "log10", "log1p", "power")
_COUNTS = ("ndim", "shape", "size", "len(", "dim(")


def thresholds(candidate: Candidate) -> tuple[float, ...]:
    """What a forward compares with or cuts off at, and its backward compares its input with, from NEAREST on."""
    found: dict[float, None] = {}
    functions = list(_functions(candidate))
    guarded = any(_may_overflow(function) for function, _, backward in functions if not backward)
    for function, cls, of_inputs in functions:
        values = {**_global_numbers(function), **_held(cls), **_numbers(arguments(function).defaults)}
        for node in _limits(function, candidate.inputs if of_inputs else (), cuts=not guarded and not of_inputs):
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


def _may_overflow(function: Callable[..., Any]) -> bool:
    """Whether a function takes exponentials or logarithms: where it cuts its input off, it keeps these finite."""
    calls = [n.func for n in ast.walk(tree_of(function) or ast.Pass()) if isinstance(n, ast.Call)]
    return any((f.attr if isinstance(f, ast.Attribute) else ast.unparse(f)) in _OVERFLOW for f in calls)


def _limits(function: Callable[..., Any], inputs: tuple[str, ...], cuts: bool) -> Iterator[ast.expr]:
    """What stands in comparisons, of `inputs` where they are given, and with `cuts` the limits where something is cut.

    A gradient that is clipped says nothing of the input.
    """
    tree = tree_of(function)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Compare) and all(isinstance(o, _ORDER) for o in node.ops):
            sides = [node.left, *node.comparators]
            text = ast.unparse(node)
            if not any(word in text for word in _COUNTS) and (not inputs or any(_is_input(s, inputs) for s in sides)):
                yield from sides
        elif isinstance(node, ast.Call) and cuts:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
            if name in _CUTS:
                yield from (*node.args, *(k.value for k in node.keywords if k.arg not in ("axis", "dim")))


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
