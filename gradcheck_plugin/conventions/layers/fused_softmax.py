"""A softmax fused with its cross-entropy that has only the backward, `backward(dvalues, y_true)`.

It is there for speed: the forward is in the two classes that it replaces, and `dvalues` is the output of the softmax.
The reference's own forward stands in for theirs.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.layers.backward_alone import reference_output
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.names.words import LABELS
from gradcheck_plugin.running.calls import guarded, private
from reference_impls import specs
from reference_impls.shapes import Layout

ORDER = 29
FORWARD_IS_OURS = True  # what its backward takes is a guess, then
SPEC = "softmax_with_loss"


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes that are named after the pair, with a backward of two arguments and no forward."""
    for name, cls in defined.items():
        if not inspect.isclass(cls):
            continue
        methods = {n for c in cls.__mro__[:-1] for n, m in vars(c).items() if inspect.isfunction(m)}
        if methods - {"__init__", "backward"}:
            continue  # another method may be its forward
        backward, spec = getattr(cls, "backward", None), spec_named(name, "loss")
        if not inspect.isfunction(backward) or spec is None or spec.name != SPEC:
            continue
        names = arguments(backward, method=True).required
        if len(names) == 2 and names[1].lower() in LABELS and not arguments(cls.__init__, method=True).required:
            module, where = sys.modules[__name__], f"{name}.backward"
            yield Candidate(name, "loss", module, {"class": cls}, ("inputs", names[1]), line_of(cls), where)


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[FusedSoftmax]:
    """Samples in rows, labels in any form that the reference knows."""
    spec = specs()[SPEC]
    if layout not in [known for _, known in spec.layouts()] or layout.inputs[0].dims != ("N", "C"):
        raise Unbindable(f"{candidate.name} takes probabilities of shape (N, C) and labels")
    return [FusedSoftmax(candidate.objects["class"], layout, candidate.inputs[1], dict(options))]


@dataclass
class FusedSoftmax(Caller):
    """Drives the backward; what it gives is the gradient of the input of the softmax."""

    cls: Any
    layout: Layout
    label: str
    options: dict[str, Any] = field(default_factory=dict)
    convention: str = "softmax fused with its loss, backward only"
    upstream: bool = False

    def code(self) -> Code:
        return Code.of(None, None, self.cls)

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        x, t = (arrays[e.name] for e in self.layout.entries)
        out = reference_output(specs()[SPEC], self.layout, self.options, arrays)

        def backward(dy: Any) -> dict[str, Any]:
            layer = guarded("__init__", self.cls)
            returned = guarded("backward", layer.backward, _softmax(x), private(t))
            left = getattr(layer, "dinputs", getattr(layer, "dx", None))
            return {self.layout.entries[0].name: left if returned is None else returned}

        return Tape(out, backward)

    def user_names(self) -> dict[str, str]:
        return dict(zip([e.name for e in self.layout.entries], ("inputs", self.label), strict=True))

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        x, t = (arrays[e.name] for e in self.layout.entries)
        if not gradient:
            return []
        return [
            f"p = np.exp({x} - {x}.max(axis=-1, keepdims=True))",
            "p /= p.sum(axis=-1, keepdims=True)",
            f"layer = {self.cls.__name__}()",
            f"dx = layer.backward(p, {t})",
            "print(layer.dinputs if dx is None else dx)",
        ]


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))
