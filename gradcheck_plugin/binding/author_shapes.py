"""What shapes the author means the arrays of a forward to have: said in words, in code, by own calls, or by a name.

Asked in this order, for each argument: annotations, docstrings, assertions and the body, the author's own calls, and
last the name. What the forward accepts besides that is no evidence: NumPy repeats an array of any shape that fits.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal

from gradcheck_plugin.author.multiplied import Factor, einsums, factors, indices, matrices
from gradcheck_plugin.author.said import Said
from gradcheck_plugin.author.written import assigned, nodes_of, returned, tree_of
from gradcheck_plugin.binding import fixed_sizes
from gradcheck_plugin.conventions.base import Candidate

Kind = Literal["parameter", "operand", "open"]
_PARAMETER = re.compile(
    r"(s|scales?|scaling|gains?|shifts?|offsets?|slopes?|gamma|beta|theta|alpha|weights?|w|b|bias(es)?|coeffs?|coefs?|"
    r"temperature|tau|thresholds?|log_?scales?|gammas|betas|alphas|γ|β|θ|α)"
)
_OPERAND = re.compile(
    r"[xyzuvabhgq]\d?|x_?\d|lhs|rhs|left|right|in_?\d|inp|inputs?(_?\d)?|other|arr|array|tensor|first|second|query|key|"
    r"value|states?|hidden|target|pred\w*|y_\w+|skip|residual|identity|mask|context|memory|mu|log_?var|logits|features"
)
_FIRST = re.compile(r"(x|z|h|inp|inputs?|data|features|a_prev|feat\w*)\d?", re.IGNORECASE)
_PAIRS = (("a", "b"), ("u", "v"), ("p", "q"), ("lhs", "rhs"), ("left", "right"))
_NO_AXES = re.compile(
    r"array|ndarray|optional|required|default|input|output|tensor|list|tuple|np|numpy|str|bool|any|self|dict"
)
_SCALAR = ("float", "int", "scalar", "number", "complex")
_OF_ONE_AXIS = ("arange", "linspace", "logspace")


def said(candidate: Candidate) -> Said:
    """What the author says about the arrays of a candidate's forward, without their names."""
    functions = list(_functions(candidate))
    if not functions:
        return Said()
    products: dict[str, Factor] = {}
    for function in functions:  # the backward shows what a forward leaves to a function that it calls
        products = factors(function, candidate.inputs) | products
    found = Said(
        factors={n: f for n, f in products.items() if kind_of(n, candidate.inputs) != "operand"},
        operands={n: f for n, f in products.items() if kind_of(n, candidate.inputs) == "operand"},
        indices=indices(functions[0], candidate.inputs),
        matrices=matrices(functions, candidate.inputs),
    )
    for name in candidate.inputs:
        written = (_written_out(name, text) for text in _texts(candidate, functions))
        axes = next((w for w in written if w is not None), None)
        if axes is not None:
            found.axes[name] = axes
        rank = _annotated(functions[0], name)
        rank = len(axes) if rank is None and axes is not None else rank
        rank = _in_body(functions, name) if rank is None else rank
        if rank is not None:
            found.ranks[name] = rank
    for name, summed in _with_gradients_of_no_axes(candidate):
        if name not in found.ranks:
            found.ranks[name] = 0
            found.summed.update({name} if summed else ())
    for name, rank in _called_with(candidate, functions[0]).items():
        found.ranks.setdefault(name, rank)
    return found


def _with_gradients_of_no_axes(candidate: Candidate) -> Iterator[tuple[str, bool]]:
    """The arguments whose gradients the backward makes numbers of, where each has one: `return dx.reshape(())`.

    The sum of all that comes back is one, too, where the forward repeats what it is given; True for such a sum, which
    does not say that it is meant.
    """
    backward, cls = candidate.objects.get("backward"), candidate.objects.get("class")
    function = getattr(cls, backward, None) if isinstance(backward, str) and cls is not None else backward
    if not inspect.isfunction(function):
        return
    repeated = len(candidate.inputs) == 1 and any(map(fixed_sizes.repeats, _functions(candidate)))
    for value in returned(function):
        parts = value.elts if isinstance(value, ast.Tuple) else [value]
        if len(parts) != len(candidate.inputs):
            continue
        for name, part in zip(candidate.inputs, parts, strict=True):
            last = assigned(function, part.id)[-1:] if isinstance(part, ast.Name) else [part]
            if last and (_is_number(last[0]) or (repeated and _is_whole_sum(last[0]))):
                yield name, not _is_number(last[0])


def _is_number(value: ast.expr) -> bool:
    """Whether an expression is made a number: of the shape (), or by float()."""
    if not isinstance(value, ast.Call) or not value.args:
        return False
    if isinstance(value.func, ast.Name):
        return value.func.id == "float"
    return isinstance(value.func, ast.Attribute) and value.func.attr == "reshape" and _is_empty(value.args[-1])


def _is_whole_sum(value: ast.expr) -> bool:
    """Whether an expression is the sum of all entries of an array: `dy.sum()`, `np.sum(dy)`."""
    if not isinstance(value, ast.Call) or value.keywords or not isinstance(value.func, ast.Attribute):
        return False
    of_module = isinstance(value.func.value, ast.Name) and value.func.value.id in ("np", "numpy")
    return value.func.attr == "sum" and len(value.args) == of_module


def _is_empty(value: ast.expr) -> bool:
    return isinstance(value, ast.Tuple) and not value.elts


def kind_of(name: str, names: Sequence[str]) -> Kind:
    """What an argument is by its name, beside the others: one number a feature, or an array like the first."""
    low, first = name.lower(), names[0].lower()
    if name == names[0]:
        return "operand"
    if any(low in pair and first in pair for pair in _PAIRS) or low.rstrip("0123456789") == first.rstrip("0123456789"):
        return "operand"
    beside = _FIRST.fullmatch(first) is not None
    if low == "a":
        return "open" if beside else "operand"
    if _PARAMETER.fullmatch(low):
        return "parameter" if beside else "open"
    return "operand" if _OPERAND.fullmatch(low) else "open"


def shows_scalars(candidate: Candidate, known: Said) -> bool:
    """Whether the author writes an object for numbers and not for arrays."""
    if candidate.inputs and all(known.ranks.get(n) == 0 for n in candidate.inputs):
        return True
    return any(_compares_number(f, candidate.inputs) for f in _functions(candidate))


def _functions(candidate: Candidate) -> Iterator[Callable[..., Any]]:
    """The forward and the backward of a candidate."""
    cls = candidate.objects.get("class")
    for part in ("forward", "backward", "derivative", "function"):
        thing = candidate.objects.get(part)
        thing = getattr(cls, thing, None) if isinstance(thing, str) and thing and cls is not None else thing
        if inspect.isfunction(thing):
            yield thing


def _texts(candidate: Candidate, functions: list[Callable[..., Any]]) -> Iterator[str]:
    cls = candidate.objects.get("class")
    for thing in (*functions, *([cls, cls.__init__] if inspect.isclass(cls) else [])):
        yield thing.__doc__ or ""


def _written_out(name: str, text: str) -> tuple[str, ...] | None:
    """The axes of an argument where a text gives its shape in brackets: `x: input of shape (N, D)`."""
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}(?![\w(])([^()\[\]\n]{{0,60}})[(\[]([\w\s,]*)[)\]]", text):
        tokens = [t.strip() for t in match[2].split(",")]
        names = [t for t in tokens if t]
        if any(_NO_AXES.fullmatch(t.lower()) or not re.fullmatch(r"\w+", t) for t in names):
            continue
        if names and all(t.lower() in _SCALAR for t in names):
            return ()
        shape = "shape" in match[1].lower() or len(tokens) > 1 or not names or len(names[0]) == 1 or names[0].isdigit()
        if shape and all(t not in ("", None) for t in tokens[:-1]):
            return tuple(names)
    number = re.search(rf"(?<![\w.]){re.escape(name)}\s*[:\-(]\s*(a |the )?(scalar|float|number)\b", text)
    return () if number else None


def _annotated(function: Callable[..., Any], name: str) -> int | None:
    """The number of axes by an annotation: none of a float, those of a string as jaxtyping has them."""
    annotation = getattr(function, "__annotations__", {}).get(name)
    if annotation in (float, int, complex) or annotation in ("float", "int", "complex"):
        return 0
    written = re.search(r"""\[[^\[\]]*,\s*['"]([\w\s]+)['"]\]""", str(annotation)) if annotation is not None else None
    if written is None and (dims := getattr(annotation, "dim_str", None)) is not None:
        return len(str(dims).split())
    return len(written[1].split()) if written else None


def _in_body(functions: list[Callable[..., Any]], name: str) -> int | None:
    """The number of axes that the code states: asserted, unpacked from a shape, or given an axis that it lacks."""
    for function in functions:
        for node in nodes_of(function):
            rank = _stated(node, name)
            if rank is not None:
                return rank
    words = (zip(*found, strict=True) for f in functions for found in einsums(f))
    found = (len(word) for pairs in words for word, of in pairs if isinstance(of, ast.Name) and of.id == name)
    return next(found, None)


def stated_ranks(candidate: Candidate) -> dict[str, int]:
    """The number of axes of the arrays of which the code of an object states it, be it a layer or a network."""
    functions = _every_function(candidate)
    found = {n: _in_body(functions, n) for n in candidate.inputs}
    return {n: rank for n, rank in found.items() if rank is not None}


def indexed(candidate: Candidate) -> set[str]:
    """The arrays whose number of axes is told by nothing but an axis that they are given: `x[:, None]`."""
    functions = list(_functions(candidate))
    nodes = [n for f in functions for n in nodes_of(f)]
    found = {name: [n for n in nodes if _stated(n, name) is not None] for name in candidate.inputs}
    return {n for n, where in found.items() if where and all(isinstance(w, ast.Subscript) for w in where)}


def turned(candidate: Candidate) -> frozenset[str]:
    """The arrays that the code of an object turns, be it a layer or a network: these have two axes or more."""
    return matrices(_every_function(candidate), candidate.inputs)


_PROBABILITY = re.compile(r"p|q|ph|phat|\w*(prob|softmax|sigmoid)\w*|p_\w+", re.IGNORECASE)


def takes_probabilities(candidate: Candidate) -> bool:
    """Whether a loss is one of probabilities: by a logarithm or a limit between 0 and 1, by a name, or in words."""
    functions = _every_function(candidate)
    if _PROBABILITY.fullmatch(candidate.inputs[0]) or any("probab" in t.lower() for t in _texts(candidate, functions)):
        return True
    calls = [n for f in functions for n in nodes_of(f) if isinstance(n, ast.Call)]
    limits = (ast.unparse(a) for c in calls if ast.unparse(c.func).endswith("clip") for a in c.args)
    return any("log" in ast.unparse(c.func) for c in calls) or any("1 - " in t or "1e-" in t for t in limits)


def asks_for_ranks(candidate: Candidate) -> bool:
    """Whether the code of an object asks how many axes an array has: it is written for more than one number of them.

    So it is where a function of its file that it calls asks, as one that undoes broadcasting does.
    """
    nodes = (n for f in _with_helpers(_every_function(candidate)) for n in nodes_of(f))
    return any((isinstance(n, ast.Attribute) and n.attr == "ndim") or _counts_axes(n) for n in nodes)


def _counts_axes(node: ast.AST) -> bool:
    """Whether this is `len(x.shape)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "len":
        return False
    return any(ast.unparse(a).endswith("shape") for a in node.args)


def _with_helpers(functions: list[Callable[..., Any]]) -> list[Callable[..., Any]]:
    """Functions, and those of their own file that they call."""
    found = list(functions)
    for function in found:  # which grows
        names = function.__code__.co_names if inspect.isfunction(function) else ()
        near = (function.__globals__.get(n) for n in names)
        found += [f for f in near if inspect.isfunction(f) and f.__module__ == function.__module__ and f not in found]
    return found


def sums_up(candidate: Candidate) -> bool:
    """Whether the gradient method of a network sums, or counts its rows: it is written for several samples."""
    cls, gradient = candidate.objects.get("class"), candidate.objects.get("gradient")
    function = getattr(cls, gradient, None) if isinstance(gradient, str) and cls is not None else None
    tree = tree_of(function) if inspect.isfunction(function) else None
    calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)] if tree is not None else []
    return any(isinstance(f, ast.Attribute) and f.attr in ("sum", "mean") for f in calls) or any(
        isinstance(f, ast.Name) and f.id == "len" for f in calls
    )


def _every_function(candidate: Candidate) -> list[Callable[..., Any]]:
    """The forward and backward of a candidate or an operation of an engine, the loss and gradient of a network."""
    cls = candidate.objects.get("class")
    named = [candidate.objects.get(n) for n in ("loss", "gradient")]
    methods = [getattr(cls, n) for n in named if cls is not None and isinstance(n, str) and hasattr(cls, n)]
    owners = [getattr(candidate.objects.get("op"), "cls", None), *map(candidate.objects.get, ("cls", "function"))]
    owner = next((o for o in owners if inspect.isclass(o)), None)  # of an engine, of torch, or of the same form
    methods += [getattr(owner, n, None) for n in ("forward", "backward")]
    return [*_functions(candidate), *(m for m in methods if inspect.isfunction(m))]


def _stated(node: ast.AST, name: str) -> int | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        stars = any(isinstance(t, ast.Starred) for t in node.targets[0].elts)
        return len(node.targets[0].elts) if ast.unparse(node.value) == f"{name}.shape" and not stars else None
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.Eq):
        left, right = ast.unparse(node.test.left), node.test.comparators[0]
        if left in (f"{name}.ndim", f"len({name}.shape)", f"np.ndim({name})") and isinstance(right, ast.Constant):
            return right.value if isinstance(right.value, int) else None
        if left in (f"{name}.shape", f"np.shape({name})") and isinstance(right, ast.Tuple):
            return len(right.elts)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == name and isinstance(node.slice, ast.Tuple):
        parts = [ast.unparse(e) for e in node.slice.elts]
        added = [p for p in parts if p in ("None", "np.newaxis", "numpy.newaxis")]
        if added and len(added) < len(parts) and all(p in (":", *added) for p in parts):
            return len(parts) - len(added)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.diag" and len(node.args) == 1:
        return 1 if ast.unparse(node.args[0]) == name else None
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.outer", "torch.outer", "torch.ger"):
        return 1 if any(isinstance(a, ast.Name) and a.id == name for a in node.args) else None
    return None


def _compares_number(function: Callable[..., Any], names: Sequence[str]) -> bool:
    """Whether a function branches on the value of an argument, which no array has."""
    tree = tree_of(function)
    tests = [n.test for n in ast.walk(tree) if isinstance(n, ast.If | ast.IfExp | ast.While)] if tree else []
    for test in tests:
        for node in ast.walk(test):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                sides = [node.left, *node.comparators]
                if any(isinstance(s, ast.Name) and s.id in names for s in sides):
                    return True
    return False


def _called_with(candidate: Candidate, function: Callable[..., Any]) -> dict[str, int]:
    """The numbers of axes of what the author's own file hands to a forward."""
    cls = candidate.objects.get("class")
    try:
        names = [p for p in inspect.signature(function).parameters if p != "self"]
        lines = tuple(inspect.findsource(function)[0])
    except (OSError, TypeError, ValueError):
        return {}
    owner = cls.__name__ if inspect.isclass(cls) else ""
    found: dict[str, int] = {}
    for call, made in _calls("".join(lines)):
        func = call.func
        if owner and not (isinstance(func, ast.Attribute) and func.attr == function.__name__
                          and _class_of(func.value, made) == owner):  # fmt: skip
            continue
        if not owner and not (isinstance(func, ast.Name) and func.id == function.__name__):
            continue
        given = [*zip(names, call.args, strict=False), *((k.arg, k.value) for k in call.keywords if k.arg)]
        for name, value in given:
            rank = _rank_of(value, made)
            if rank is not None and name in candidate.inputs:
                found.setdefault(name, rank)
    return found


def _class_of(value: ast.expr, made: dict[str, ast.expr]) -> str:
    value = made.get(value.id, value) if isinstance(value, ast.Name) else value
    return value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""


@lru_cache(maxsize=4)
def _calls(source: str) -> list[tuple[ast.Call, dict[str, ast.expr]]]:
    """Every call of a file, with what is assigned to the names around it."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    found: list[tuple[ast.Call, dict[str, ast.expr]]] = []

    def visit(node: ast.AST, made: dict[str, ast.expr]) -> None:
        if isinstance(node, ast.FunctionDef):
            made = dict(made)
            for argument in (*node.args.args, *node.args.kwonlyargs):
                made.pop(argument.arg, None)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Assign) and len(child.targets) == 1 and isinstance(child.targets[0], ast.Name):
                made[child.targets[0].id] = child.value
            if isinstance(child, ast.Call):
                found.append((child, made))
            visit(child, made)

    visit(tree, {})
    return found


def _rank_of(value: ast.expr, made: dict[str, ast.expr], depth: int = 3) -> int | None:
    """The number of axes of an expression, where its text shows it."""
    if isinstance(value, ast.Name) and depth and value.id in made:
        return _rank_of(made[value.id], made, depth - 1)
    if isinstance(value, ast.UnaryOp):
        return _rank_of(value.operand, made, depth)
    if isinstance(value, ast.Constant):
        return 0 if isinstance(value.value, int | float) and not isinstance(value.value, bool) else None
    if isinstance(value, ast.BinOp):
        sides = [_rank_of(v, made, depth) for v in (value.left, value.right)]
        return max(s for s in sides if s is not None) if None not in sides else None
    if isinstance(value, ast.Call):
        return _rank_of_call(value, made, depth)
    return None


def _rank_of_call(call: ast.Call, made: dict[str, ast.expr], depth: int) -> int | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    if name in _OF_ONE_AXIS:
        return 1
    if name in ("array", "asarray") and call.args:
        rank, inner = 0, call.args[0]
        while isinstance(inner, ast.List | ast.Tuple):
            rank, inner = rank + 1, inner.elts[0] if inner.elts else ast.Constant(0)
        return rank if isinstance(inner, ast.Constant | ast.UnaryOp) else None
    if name in ("randn", "rand") and not any(isinstance(a, ast.Starred) for a in call.args):
        return len(call.args)
    if name in ("ones", "zeros", "full", "standard_normal", "empty", "random") and call.args:
        shape = next((k.value for k in call.keywords if k.arg in ("size", "shape")), call.args[0])
        return len(shape.elts) if isinstance(shape, ast.Tuple) else 1 if isinstance(shape, ast.Constant) else None
    if name in ("normal", "uniform"):
        size = next((k.value for k in call.keywords if k.arg == "size"), call.args[2] if len(call.args) > 2 else None)
        return len(size.elts) if isinstance(size, ast.Tuple) else 1 if size is not None else 0
    if name in ("float", "int"):
        return 0
    return None
