"""A function and its derivative: `tanh` and `tanh_prime`, `sigmoid` and `d_sigmoid`, `mse` and `mse_prime`.

Both may be static methods of a class, `Tanh.activation` and `Tanh.derivative`, or methods that need nothing of their
object, `Net.tanh` and `Net.tanh_prime`. An activation's derivative is a function of its input, or of its own output;
whoever calls it multiplies by the upstream gradient. A loss of two arguments has the gradient of its prediction,
whichever of the two that is; the cost of a linear model, `cost(X, y, theta)`, that of its weights.
"""

from __future__ import annotations

import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_plugin.author.evidence import Derivative, Of
from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.author.uses import Order, order_of
from gradcheck_plugin.author.written import compared_with, free_functions, is_abstract
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.words import INPUTS, LABELS, WEIGHTS
from gradcheck_plugin.objects.strengths import Strength, of_arguments
from gradcheck_plugin.running.calls import guarded, private
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Layout

ORDER = 45
_FUNCTIONS = ("activation", "activate", "function", "func", "fn", "f", "call", "apply", "evaluate",
              "calculate", "compute", "forward_pass")  # fmt: skip
_LOSSES = ("loss", "cost", "error", "objective")
_DERIVATIVES = ("derivative", "first_derivative", "deriv", "gradient", "grad", "prime", "df")
_BEFORE = re.compile(  # what says derivative behind the name of the function, and in front of it
    r"^(?P<stem>\w+?)(?:_?prime|_?deriv(?:ative)?|_der|2deriv|_?grad(?:ient)?|_output_to_derivative|_d|_?dash)$",
    re.IGNORECASE,
)
_AFTER = re.compile(r"^(?:d_?|grad(?:ient)?_?(?:of_)?|deriv(?:ative)?_?(?:of_)?)(?P<stem>\w+)$", re.IGNORECASE)


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Functions whose name says that they are the derivative of another function of the file."""
    yield from _static(defined)
    yield from _pairs({n: f for n, f in defined.items() if inspect.isfunction(f)})
    for owner, cls in defined.items():
        if inspect.isclass(cls):
            announced = cls.__subclasses__() and is_abstract(cls)
            yield from _pairs({} if announced else free_functions(cls), owner)


def _pairs(named: Mapping[str, Callable[..., Any]], owner: str = "") -> Iterator[Candidate]:
    """The functions of a file, or of a class, that go with another one of it."""
    functions, dot = {n.lower(): n for n in named}, f"{owner}." if owner else ""
    for name in functions.values():
        partner = next((functions[stem] for stem in _stems(name) if stem in functions), name)
        if partner == name:
            continue
        required, again = arguments(named[partner]).required, arguments(named[name]).required
        told = {n: texts for f in (named[name], named[partner]) for n, texts in compared_with(f).items()}
        inputs = tuple(n for n in required if n not in told)
        objects: dict[str, Any] = {"forward": named[partner], "derivative": named[name], "owner": owner}
        shapes = tuple(_linear_model(inputs))
        if not shapes and not 1 <= len(inputs) <= 2:
            continue
        if len([n for n in again if n not in told]) not in (1, len(inputs)):
            continue
        kind = "layer" if len(inputs) == 1 else "loss"
        deciding = ((name, tuple(n for n in again if n not in told)), (partner, inputs))
        order = order_of(inputs, named[partner], named[name], deciding)
        inputs, line = inputs[::-1] if order.label_first else inputs, line_of(named[name])
        asked = [n for n in told if n in required or n in again]
        for texts in itertools.product(*(told[n] for n in asked)):
            chosen = objects | {"extra": dict(zip(asked, texts, strict=True))}
            shown = dot + partner + "".join(f"[{text}]" for text in texts)
            used = (dot + name, dot + partner)
            yield Candidate(
                shown, kind, sys.modules[__name__], chosen, inputs, line, dot + name, used, shapes, labels=order
            )


def _stems(name: str) -> Iterator[str]:
    """What the function may be called whose derivative has this name: `dice_loss_grad` is of no `ice_loss_grad`."""
    for pattern in (_BEFORE, _AFTER):
        if match := pattern.match(name):
            yield match["stem"].strip("_").lower()


def _static(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes that are only a roof over a static function and its derivative."""
    for name, cls in defined.items():
        if not inspect.isclass(cls) or any(hasattr(cls, n) for n in ("forward", "backward")):
            continue
        methods = {n for n, m in vars(cls).items() if isinstance(m, staticmethod)}
        function = next((n for n in (*_FUNCTIONS, *_LOSSES) if n in methods), "")
        derivative = next((n for n in _DERIVATIVES if n in methods), "")
        if not function or not derivative or (is_abstract(cls) and cls.__subclasses__()):
            continue
        objects = {"forward": getattr(cls, function), "derivative": getattr(cls, derivative), "owner": name}
        inputs, where = arguments(objects["forward"]).required, f"{name}.{derivative}"
        shapes = tuple(_linear_model(inputs))
        if not shapes and (len(inputs) != 1 or function in _LOSSES):
            continue
        kind = "loss" if shapes else "layer"
        yield Candidate(name, kind, sys.modules[__name__], objects, inputs, line_of(cls), where, shapes=shapes)


def _linear_model(inputs: Sequence[str]) -> list[str]:
    """The layouts of the arguments of a cost of data, labels and weights; none where they are something else."""
    low = [n.lower() for n in inputs]
    roles = ["w" if n in WEIGHTS else "x" if n in INPUTS else "y" if n in LABELS else "" for n in low]
    if sorted(roles) != ["w", "x", "y"]:
        return []
    ways = ({"w": "D", "y": "N"}, {"w": "D 1", "y": "N 1"}, {"w": "D 1", "y": "1 N"}, {"w": "D 1", "y": "N"})
    return [
        ", ".join(f"{n}: {({'x': 'N D'} | way)[r]}" for n, r in zip(inputs, roles, strict=True)) + " ->" for way in ways
    ]


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[DerivativePair]:
    """As a function of the input, or of the output; a loss takes both of its arguments again."""
    forward, derivative = candidate.objects["forward"], candidate.objects["derivative"]
    extra: dict[str, Any] = candidate.objects.get("extra", {})
    names = [n for n in arguments(forward).required if n not in extra]
    if len(layout.entries) != len(names):
        raise Unbindable(f"{forward.__name__} takes {', '.join(names)}, not {len(layout.entries)} arrays")
    entries = [e.name for e in layout.entries]
    labels = candidate.labels
    reverse = labels is not None and labels.label_first
    order = dict(zip(names, reversed(entries) if reverse else entries, strict=True))
    loss = len(names) > 1
    if loss and len([n for n in arguments(derivative).required if n not in extra]) == 1:
        raise Unbindable(f"{derivative.__name__} takes one argument, and {forward.__name__} two")
    ways: tuple[Of, ...] = ("input",) if loss else ("input", "output")
    owner = candidate.objects.get("owner", "")
    if not loss:
        written = Derivative(derivative, arguments(derivative).names[0], forward.__name__, tuple(names), owner)
        ways = written.given() or ways
    return [DerivativePair(forward, derivative, layout, order, of, owner, extra, labels) for of in ways]


@dataclass
class DerivativePair(Caller):
    """Drives a function with its derivative; `order` maps the function's arguments to the arrays of the layout."""

    function: Callable[..., Any]
    derivative: Callable[..., Any]
    layout: Layout
    order: dict[str, str]
    of: Of
    owner: str = ""
    extra: dict[str, Any] = field(default_factory=dict)  # texts that choose, and strengths of penalties
    labels: Order | None = None  # which of the two arguments of a loss are the labels

    @property
    def convention(self) -> str:
        return f"function and its derivative as a function of its {self.of}"

    @property
    def upstream(self) -> bool:
        return len(self.order) == 1

    @property
    def called(self) -> str:
        return self.labels.shown(self.function.__name__, tuple(self.order)) if self.labels else ""

    def code(self) -> Code:
        """The functions; what a reproducer imports is they, or the class that they are in."""
        if self.owner:
            return Code(self.function, self.derivative, {self.owner: self.function.__globals__.get(self.owner)})
        return Code.of(self.function, self.derivative, self.function, self.derivative)

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        out = guarded(
            "forward", self.function, *(private(arrays[n]) for n in self.order.values()), **self._extra(self.function)
        )
        weights = [n for a, n in self.order.items() if a.lower() in WEIGHTS and len(self.order) > 2]
        first = (weights or [e.name for e in self.layout.inputs])[0]

        def backward(dy: Any) -> dict[str, Any]:
            value = numeric(out)
            given = [private(arrays[n]) for n in self.order.values()]
            if self.of == "output":
                given = [out if value is None else private(np.asarray(value))]
            slope = guarded("derivative", self.derivative, *given, **self._extra(self.derivative))
            if isinstance(slope, tuple | list) and len(slope) == len(self.order):  # one for every argument
                return dict(zip(self.order.values(), slope, strict=True))
            return {first: slope if slope is None or not self.upstream else np.multiply(dy, slope)}

        return Tape(out, backward)

    def _extra(self, function: Callable[..., Any]) -> dict[str, Any]:
        return {n: v for n, v in self.extra.items() if n in arguments(function).names}

    def strengths(self, arrays: Mapping[str, Array]) -> list[Strength]:
        """The strengths of penalties among the arguments that have a default."""
        both = (self.function, self.derivative)
        return list(dict.fromkeys(s for f in both for s in of_arguments(arguments(f), self.extra, len(self.order))))

    def weighted(self, values: Mapping[Strength, float]) -> DerivativePair:
        return replace(self, extra=self.extra | {s.name: v for s, v in values.items()})

    def user_names(self) -> dict[str, str]:
        return {n: a for a, n in self.order.items()}

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        given = ", ".join(arrays[n] for n in self.order.values())
        dot = f"{self.owner}." if self.owner else ""
        given, out = (f"None, {a}" if inspect.ismethod(self.function) else a for a in (given, "out"))
        extra, again = (
            "".join(f", {n}={v!r}" for n, v in self._extra(f).items()) for f in (self.function, self.derivative)
        )
        lines = [f"out = {dot}{self.function.__name__}({given}{extra})"]
        if not gradient:
            return [*lines, "print(out)"]
        slope = f"{dot}{self.derivative.__name__}({given if self.of == 'input' else out}{again})"
        return [*lines, f"print({dy} * {slope})" if self.upstream else f"print({slope})"]
