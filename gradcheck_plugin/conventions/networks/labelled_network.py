"""Networks with `forward(x)` and `backward(labels)`, whose loss is a method of them or a criterion that they hold.

The gradients of the parameters lie in the layers; what backward returns, if anything, is that of the input.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_plugin.author.roles import forward_inputs
from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.arguments import CRITERIA
from gradcheck_plugin.names.words import is_label
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.built import Built, DrivesObjects
from gradcheck_plugin.objects.pasted import constructed
from gradcheck_plugin.objects.strengths import Strength
from gradcheck_plugin.running.calls import guarded, private
from reference_impls.shapes import Layout

ORDER = 6
_LOSS = re.compile(r"(total_|compute_|get_|calculate_|calc_)?loss")


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes with a forward of one input, a backward of labels, and a loss."""
    for name, cls in defined.items():
        forward, backward = (getattr(cls, n, None) for n in ("forward", "backward"))
        if not inspect.isclass(cls) or not inspect.isfunction(forward) or not inspect.isfunction(backward):
            continue
        inputs, labels = forward_inputs(arguments(forward, method=True)), _labels(backward)
        held = next((n for n in arguments(cls.__init__, method=True).required if n.lower() in CRITERIA), "")
        loss = next((n for n in dir(cls) if _LOSS.fullmatch(n) and _labels(getattr(cls, n))), "")
        if len(inputs) == 1 and labels and (loss or held):
            objects = {"class": cls, "loss": loss, "criterion": held}
            names = (*inputs, labels)
            yield Candidate(name, "network", sys.modules[__name__], objects, names, line_of(cls), f"{name}.backward")


def _labels(method: Any) -> str:
    """The one argument of a method, where that is labels."""
    names = arguments(method, method=True).required if inspect.isfunction(method) else ()
    return names[0] if len(names) == 1 and is_label(names[0]) else ""


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[LabelledNetwork]:
    """One for its own loss, and one for its criterion: that may be the sum of the losses of all samples, and the
    layers give the mean of their gradients, as is usual where they divide by the size of the batch.
    """
    cls, loss, criterion = (candidate.objects[n] for n in ("class", "loss", "criterion"))
    if len(layout.inputs) != 2:
        raise Unbindable(f"{cls.__name__} takes an input and labels")
    built = Built.plan_for(cls, layout, options, candidate.reading.instance)
    of_own = [LabelledNetwork(built, loss, criterion)] if loss else []
    return of_own + ([LabelledNetwork(built, "", criterion)] if criterion else [])


@dataclass
class LabelledNetwork(DrivesObjects, Caller):
    """Drives one network; its loss is what its own method `loss` says, else what the criterion says of its output."""

    built: Built
    loss: str
    criterion: str
    convention: str = "network with forward(x) and backward(labels)"
    upstream: bool = False

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        obj = self.build(arrays)
        x, labels = (e.name for e in self.layout.inputs)
        out = guarded("forward", obj.forward, private(arrays[x]))
        asked = getattr(obj, self.loss) if self.loss else self._criterion(obj, out)

        def backward(dy: Any) -> dict[str, Any]:
            returned = self.watched(obj, lambda: guarded("backward", obj.backward, private(arrays[labels])))
            found = {} if np.shape(returned) != np.shape(arrays[x]) else {x: returned}
            for name in self.paths:
                if (held := self.gradient_path(obj, name)) is not None:
                    found[name] = state.get(obj, held)
            return found

        return Tape(guarded("loss", asked, private(arrays[labels])), backward)

    def _criterion(self, obj: Any, out: Any) -> Any:
        held = getattr(obj, self.criterion, None)
        if held is None:
            raise Unbindable(f"{self.built.cls.__name__} does not keep its {self.criterion}")
        return lambda labels: getattr(held, "forward", held)(out, labels)

    def strengths(self, arrays: Mapping[str, Array]) -> list[Strength]:
        """The strengths of penalties, where the loss is its own; a criterion knows nothing of the weights."""
        return self.built.strengths(self.build(arrays)) if self.loss else []

    def weighted(self, values: Mapping[Strength, float]) -> LabelledNetwork:
        return replace(self, built=self.built.weighted(values))

    def user_names(self) -> dict[str, str]:
        return {e.name: e.name for e in self.layout.inputs} | self.built.names()

    def code(self) -> Code:
        cls = self.built.cls
        return Code.of(getattr(cls, "forward", None), getattr(cls, "backward", None), cls, *self.used)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        if not self.built.pastable:
            return []
        x, labels = (arrays[e.name] for e in self.layout.inputs)
        lines = [f"net = {constructed(self.built.cls, self.built.plan, self.layout, arrays)}"]
        lines += self.assignments("net", arrays)
        lines += [f"net.{n} = {v!r}" for n, v in self.built.attributes.items()]
        lines.append(f"out = net.forward({x})")
        if not gradient:
            loss = f"net.{self.loss}({labels})" if self.loss else f"net.{self.criterion}.forward(out, {labels})"
            return [*lines, f"print({loss})"]
        return [*lines, f"dx = net.backward({labels})", "print(dx)"]
