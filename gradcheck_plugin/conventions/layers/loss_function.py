"""Functions that give a loss and its gradient at once: `softmax_loss(x, y) -> loss, dx`, or the gradient first."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.author.uses import Order, order_of
from gradcheck_plugin.author.written import assigned, returned, words_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.strengths import Strength, of_arguments
from gradcheck_plugin.running.calls import NoGradient, guarded, private
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Layout

ORDER = 20


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Functions that return `loss, gradient` and are called after a loss."""
    for name, function in defined.items():
        claim = _claim(function) if inspect.isfunction(function) else None
        if claim is None:
            continue
        inputs = arguments(function).required
        if not inputs or (len(inputs) == 1 and not claim.sure):
            continue
        order = order_of(inputs, function, function, ((function.__name__, inputs),))
        objects = {"function": function, "place": claim.place}
        inputs = inputs[::-1] if order.label_first else inputs  # the prediction first, as the references have it
        yield Candidate(
            name,
            "loss",
            sys.modules[__name__],
            objects,
            inputs,
            line_of(function),
            name,
            (name,),
            unsure=not claim.sure,
            labels=order,
        )


_LOSS = re.compile(
    r"(^|_)(loss\w*|costs?|errors?|objective|energy|entropy|likelihood|nll|mse|mae|sse|rmse|bce|hinge|divergence|j)(_|$)"
)
_GRADIENT = re.compile(r"^d(?!ata|ist|ict|evice|im|epth|ec|rop|ot\b)\w*|grad|delta|deriv|nabla|jac|^g$")
_OTHER = re.compile(
    r"prob|pred|acc|cache|out|score|soft|state|hidden|metric|num|count|correct|label|mask|loss|logit|hat|cost"
)
_COUNTED = re.compile(r"^(np\.)?(arg\w+|round|len|int|any|all|count_nonzero)\(")


@dataclass(frozen=True)
class _Claim:
    """Where the loss stands among what is returned; `sure` where the function itself says that the rest is gradient."""

    place: int
    sure: bool


def _claim(function: Callable[..., Any]) -> _Claim | None:
    """Which of the values that a function returns is a loss, where the other is its gradient; None where none is.

    The names say it, or the expression: arithmetic over two of the arguments, beside a loss.
    """
    said = " ".join([*words_of(function.__name__), (function.__doc__ or "").lower()])
    loss = _LOSS.search("_".join(words_of(function.__name__))) is not None
    for value in returned(function):
        if not isinstance(value, ast.Tuple) or len(value.elts) < 2:
            continue
        first, *rest = value.elts
        if len(rest) == 1 and _says_gradient(first) and _says_loss(rest[0]):
            return _Claim(1, True)
        if not (loss or _says_loss(first) or _is_number(first)):
            continue
        if (loss or _says_loss(first)) and all(map(_says_gradient, rest)):
            return _Claim(0, True)
        if len(rest) == 1 and _by_argument(function, rest[0]):
            return _Claim(0, True)
        if len(rest) == 1 and not isinstance(rest[0], ast.Constant) and not _says_other(rest[0]):
            over = _names(function, rest[0]) & {*arguments(function).names}
            known = isinstance(rest[0], ast.Name) or not (loss or _says_loss(first))
            return _Claim(0, "grad" in said or (not known and len(over) > 1))
    return None


def _by_argument(function: Callable[..., Any], value: ast.expr) -> bool:
    """Whether a value is a dictionary with something for arguments of the function, by their names."""
    made = assigned(function, value.id) if isinstance(value, ast.Name) else []
    box = made[-1] if made else value
    if not isinstance(box, ast.Dict) or not box.keys:
        return False
    keys = {str(k.value).lower().removeprefix("d").strip("_") for k in box.keys if isinstance(k, ast.Constant)}
    return len(keys) == len(box.keys) and keys <= {n.lower() for n in arguments(function).names}


def _names(function: Callable[..., Any], value: ast.expr, depth: int = 4) -> set[str]:
    """The names that an expression is made of, and those that these are made of."""
    names = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
    inner = (v for n in names for v in assigned(function, n)) if depth else ()
    return names.union(*(_names(function, v, depth - 1) for v in inner))


def _is_number(value: ast.expr) -> bool:
    """Whether an expression gives one number, by its look: a sum or mean of everything."""
    if isinstance(value, ast.BinOp):
        return _is_number(value.left) or (isinstance(value.left, ast.Constant) and _is_number(value.right))
    if isinstance(value, ast.UnaryOp):
        return _is_number(value.operand)
    if not isinstance(value, ast.Call) or any(k.arg == "axis" for k in value.keywords) or len(value.args) > 1:
        return False
    return (value.func.attr if isinstance(value.func, ast.Attribute) else ast.unparse(value.func)) in (
        "sum", "mean", "float", "item"
    )  # fmt: skip


def _says_loss(value: ast.expr) -> bool:
    name = ast.unparse(value).lower()
    return isinstance(value, ast.Name | ast.Attribute) and ("loss" in name or "cost" in name or name == "j")


def _says_gradient(value: ast.expr) -> bool:
    value = _without_factor(value)
    name = ast.unparse(value).lower()
    if isinstance(value, ast.Dict):
        return bool(value.keys) and all(_GRADIENT.search(ast.unparse(k).lower().strip("'")) for k in value.keys if k)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        name = value.func.id.lower()
    elif not isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.Tuple | ast.List):
        return False
    return _GRADIENT.search(name.strip("([")) is not None


def _without_factor(value: ast.expr) -> ast.expr:
    """A gradient without its sign, and a number or count by which it is multiplied or divided: `2 * dW`, `-dx / N`.

    What is written out otherwise is more than a gradient under another name.
    """
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub | ast.UAdd):
        return _without_factor(value.operand)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult | ast.Div):
        if isinstance(value.left, ast.Name) and _is_factor(value.right):
            return value.left
        if isinstance(value.op, ast.Mult) and isinstance(value.right, ast.Name) and _is_factor(value.left):
            return value.right
    return value


def _is_factor(value: ast.expr) -> bool:
    """Whether an expression is a number, or a number of entries by its look: `N`, `x.shape[0]`, `len(x)`, `y.size`."""
    if isinstance(value, ast.UnaryOp):
        return _is_factor(value.operand)
    if isinstance(value, ast.BinOp):
        return _is_factor(value.left) and _is_factor(value.right)
    text = ast.unparse(value)
    counts = text.startswith("len(") or ".shape[" in text or text.endswith(".size")
    return isinstance(value, ast.Constant) or counts or (isinstance(value, ast.Name) and not _GRADIENT.search(text))


def _says_other(value: ast.expr) -> bool:
    """Whether a value is something else by its name, such as a probability, or is counted."""
    name = ast.unparse(value).lower()
    if isinstance(value, ast.Call) and not _is_number(value):
        return _COUNTED.match(name) is not None or (isinstance(value.func, ast.Name) and bool(_OTHER.search(name)))
    if isinstance(value, ast.Compare | ast.BoolOp | ast.JoinedStr | ast.Dict | ast.List | ast.Tuple):
        return True
    if _is_number(value):
        return True
    return isinstance(value, ast.Name | ast.Attribute) and _OTHER.search(name) is not None


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[LossFunction]:
    """Give the function's arguments the arrays of `layout` by position; parameters may stand in front of the data."""
    function = candidate.objects["function"]
    required = arguments(function).required
    entries = [e.name for e in layout.entries]
    if len(required) != len(entries):
        raise Unbindable(f"{function.__name__} takes {', '.join(required)}, not {len(entries)} arrays")
    labels = candidate.labels
    orders = [entries[::-1] if labels is not None and labels.label_first else entries]
    if layout.params:
        orders = [entries, [e.name for e in (*layout.params, *layout.inputs)]]
    place, unsure = candidate.objects["place"], candidate.unsure
    ways = [dict(zip(required, o, strict=True)) for o in orders]
    return [LossFunction(function, layout, way, place, unsure=unsure, labels=labels) for way in ways]


@dataclass
class LossFunction(Caller):
    """Drives one function; there is no upstream gradient, the loss is the end of the graph."""

    function: Callable[..., Any]
    layout: Layout
    order: dict[str, str]
    place: int  # of the loss in the pair that it returns
    convention: str = "function that returns (loss, gradient)"
    upstream: bool = False
    extra: dict[str, float] = field(default_factory=dict)  # strengths of penalties that are not the author's defaults
    labels: Order | None = None  # which of two arguments are the labels
    unsure: bool = False  # whether nothing but its shape says that what comes with the loss is the gradient

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        def run() -> tuple[Any, Any]:
            given = [private(arrays[n]) for n in self.order.values()]
            returned = guarded("forward", self.function, *given, **self.extra)
            if not isinstance(returned, tuple) or len(returned) < 2:
                kind = type(returned).__name__
                raise Unbindable(f"{self.function.__name__} returned {kind}, not the pair (loss, gradient)")
            beside = numeric(returned[1])
            if self.unsure and (beside is None or beside.shape not in [a.shape for a in given if np.ndim(a)]):
                raise NoGradient("what it returns beside a number has the shape of none of its arguments")
            if self.place:
                return returned[1], returned[0]
            return returned[0], returned[1] if len(returned) == 2 else returned[1:]

        loss, gradient = run()
        calls = [gradient]

        def backward(dy: Any) -> dict[str, Any]:
            shapes = {n: np.shape(arrays[n]) for n in self.order.values()}
            return self.collect(calls.pop() if calls else run()[1], shapes)

        return Tape(loss, backward)

    def collect(self, returned: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        names = [n for n in self.order.values() if self.layout[n].differentiable]
        if self.labels is not None and self.labels.told:
            names = [e.name for e in self.layout.inputs if e.name in names]  # the prediction first
        if isinstance(returned, dict):
            display = {n: a for a, n in self.order.items()}
            return {n: g for n in names if (g := state.returned_as(display[n], returned)) is not None}
        if isinstance(returned, tuple | list):
            return dict(zip(names, returned, strict=False))
        weights = [n for a, n in self.order.items() if a.lower() in ("w", "weights", "theta")]
        # of weights and data that of the weights; not where these weigh classes or samples, and it has the data's shape
        own = numeric(returned)
        fitting = [n for n in (*weights, *names) if own is not None and shapes[n] == own.shape]
        return {(fitting or weights or names)[0]: returned} if returned is not None else {}

    def strengths(self, arrays: Mapping[str, Array]) -> list[Strength]:
        """The strengths of penalties among its arguments that have a default."""
        return of_arguments(arguments(self.function), self.extra)

    def weighted(self, values: Mapping[Strength, float]) -> LossFunction:
        return replace(self, extra=self.extra | {s.name: v for s, v in values.items()})

    @property
    def called(self) -> str:
        return self.labels.shown(self.function.__name__, tuple(self.order)) if self.labels else ""

    def user_names(self) -> dict[str, str]:
        return {n: a for a, n in self.order.items()}

    def code(self) -> Code:
        return Code.of(None, self.function, self.function)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        given = ", ".join([*(arrays[n] for n in self.order.values()), *(f"{n}={v!r}" for n, v in self.extra.items())])
        printed = "print(gradient)" if gradient else "print(loss)"
        names = "gradient, loss" if self.place else "loss, gradient"
        return [f"{names} = {self.function.__name__}({given})", printed]
