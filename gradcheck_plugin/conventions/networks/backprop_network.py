"""Networks with `feedforward(a)` and `backprop(x, y) -> (nabla_b, nabla_w)` for one column.

Some take the rows of a batch to their backprop, and columns to `feedforward` still. Their loss is nowhere but in the
first line of backprop; the usual ones are tried, and the numbers say which it is.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.author.evidence import mentions
from gradcheck_plugin.author.reasons import CALL
from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.settings import SIZES
from gradcheck_plugin.names.words import WAYS_BACK, WAYS_FORWARD
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.argument import Argument
from gradcheck_plugin.objects.built import Built, DrivesObjects
from gradcheck_plugin.objects.made_by_author import Made, given
from gradcheck_plugin.running.calls import UserCodeRaised, frozen, guarded, private
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Entry, Layout

ORDER = 4
_FORWARD = (*WAYS_FORWARD, "predict")
_SIZES = (3, 5, 4)


def _quadratic(a: Array, y: Array) -> float:
    return float(0.5 * np.sum((a - y) ** 2))


def _cross_entropy(a: Array, y: Array) -> float:
    return float(-np.sum(y * np.log(a) + (1 - y) * np.log(1 - a)))


def _log_likelihood(a: Array, y: Array) -> float:
    return float(-np.sum(y * np.log(a)))


LOSSES: dict[str, Callable[[Array, Array], float]] = {
    "half of the squared error": _quadratic,
    "cross-entropy of every output": _cross_entropy,
    "log-likelihood": _log_likelihood,
}


# words that speak of a loss whose derivative cancels that of the output: without them it may have been forgotten
_WORDS = {
    "cross-entropy of every output": r"cross.?entropy|\bx?ent\b|\bbce|log.?loss|logistic|log_?likelihood|\.log\(",
    "log-likelihood": r"log.?likelihood|cross.?entropy|\bnll|soft_?max|log.?loss|\.log\(",
}


def unnamed(thing: Any, loss: str) -> str:
    """Why gradients that are right for a loss are left open: nothing in the file speaks of that loss; else ""."""
    if loss not in _WORDS or mentions(thing, _WORDS[loss]):
        return ""
    return f"right for the {loss}, of which nothing in the file speaks; for another one a factor is missing"


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes with a `backprop` of one sample and its target, and a way forward."""
    for name, cls in defined.items():
        back = next((m for m in WAYS_BACK if inspect.isfunction(getattr(cls, m, None))), "")
        method = getattr(cls, back, None)
        if not inspect.isclass(cls) or not inspect.isfunction(method) or len(arguments(method, method=True).names) != 2:
            continue
        forward = next((m for m in _FORWARD if inspect.isfunction(getattr(cls, m, None))), None)
        sizes = arguments(cls.__init__, method=True).required
        if forward and len(sizes) == 1 and sizes[0].lower() in SIZES:
            objects = {"class": cls, "forward": forward, "backward": back}
            inputs = arguments(method, method=True).names
            yield Candidate(name, "network", sys.modules[__name__], objects, inputs, line_of(cls), f"{name}.{back}")


def layouts(candidate: Candidate) -> list[Layout]:
    """One column in, one out, and whatever the network holds; or the rows of a batch."""
    x, y = candidate.inputs
    try:
        with frozen(0):
            obj = guarded("__init__", candidate.objects["class"], list(_SIZES))
    except UserCodeRaised:
        return []
    held = tuple(
        Entry(state.label(path), tuple((str(s),) for s in a.shape))
        for path, a in state.leaves(obj)
        if len(path) > 1 and path[-1][0] == "item"
    )
    ends = ((str(_SIZES[0]),), (str(_SIZES[-1]),))
    columns = tuple((end, ("1",)) for end in ends)
    rows = tuple((("N",), end) for end in ends)
    ways = [(Entry(x, first), Entry(y, last, "unit")) for first, last in (columns, rows)]
    return [Layout(way, held, Entry("->", ())) for way in ways] if held else []


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[BackpropNetwork]:
    """One for each loss that it may have."""
    cls = candidate.objects["class"]
    if [e.name for e in layout.inputs] != list(candidate.inputs):
        raise Unbindable(f"{cls.__name__}.{candidate.objects['backward']} takes one column and its target")
    plan = {arguments(cls.__init__, method=True).required[0]: Argument("value", list(_SIZES))} | _of_the_author(cls)
    methods = candidate.objects["forward"], candidate.objects["backward"]
    return [BackpropNetwork(Built(cls, layout, plan=plan), *methods, loss) for loss in LOSSES]


def _of_the_author(cls: Any) -> dict[str, Argument]:
    """The cost and the activation that the author's own calls give a network, in place of the defaults."""
    defaults = {n: d for n, d in arguments(cls.__init__, method=True).defaults.items() if callable(d)}
    return {
        n: Argument("made", what, CALL) for n, what in given(cls).items() if n in defaults and isinstance(what, Made)
    }


@dataclass
class BackpropNetwork(DrivesObjects, Caller):
    """Drives one network with one loss on its output."""

    built: Built
    forward_name: str
    backward_name: str
    loss: str
    upstream: bool = False

    @property
    def doubt(self) -> str:
        return unnamed(self.built.cls, self.loss)

    @property
    def convention(self) -> str:
        return f"network with backprop(x, y), {self.loss}"

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        obj = self.build(arrays)
        x, y = (e.name for e in self.built.layout.inputs)
        columns, wanted = (np.transpose(arrays[n]) if self.rows else arrays[n] for n in (x, y))
        a = numeric(guarded("forward", getattr(obj, self.forward_name), private(columns)))
        if a is None or a.shape != wanted.shape:
            raise Unbindable(f"{self.forward_name} does not give one column for each of its input")

        def backward(dy: Any) -> dict[str, Any]:
            returned = guarded("backprop", getattr(obj, self.backward_name), private(arrays[x]), private(arrays[y]))
            return self._collect(obj, returned)

        return Tape(LOSSES[self.loss](a, wanted), backward)

    @property
    def rows(self) -> bool:
        """Whether backprop takes the samples of a batch as rows."""
        return self.built.layout.inputs[0].dims[0] == "N"

    def _collect(self, obj: Any, returned: Any) -> dict[str, Any]:
        """The lists of gradients beside the lists of parameters: those whose arrays have the same shapes."""
        if not isinstance(returned, tuple | list):
            return {}
        found: dict[str, Any] = {}
        owners = dict.fromkeys(path[:-1] for path in self.paths.values())
        for owner in owners:
            names = [n for n, p in self.paths.items() if p[:-1] == owner]
            shapes = [np.shape(state.get(obj, self.paths[n])) for n in names]
            lists = [r for r in returned if isinstance(r, list | tuple) and [np.shape(g) for g in r] == shapes]
            if lists:
                found |= dict(zip(names, lists[0], strict=True))
        return found

    def user_names(self) -> dict[str, str]:
        return {e.name: e.name for e in self.built.layout.inputs} | self.built.names()

    @property
    def readings(self) -> Sequence[str]:
        """What the network is made of, and how its backprop takes a batch."""
        return [*self.built.readings, *(["backprop takes the samples as rows"] if self.rows else [])]

    def code(self) -> Code:
        cls = self.built.cls
        return Code.of(getattr(cls, self.forward_name, None), getattr(cls, self.backward_name, None), cls, *self.used)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        x, y = (arrays[e.name] for e in self.built.layout.inputs)
        made = [f", {n}={a.what.text}" for n, a in self.built.plan.items() if a.kind == "made"]
        lines = [f"net = {self.built.cls.__name__}({list(_SIZES)!r}{''.join(made)})"]
        lines += self.assignments("net", arrays)
        if not gradient:
            return [*lines, f"print(net.{self.forward_name}({x}{'.T' if self.rows else ''}))"]
        lines.append(f"gradients = net.{self.backward_name}({x}, {y})")
        path = self.paths.get(gradient)
        number = path[-1][1] if path else 0
        return [*lines, f"print([part[{number}] for part in gradients])"]
