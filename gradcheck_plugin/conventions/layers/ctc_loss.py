"""Connectionist temporal classification: `forward(logits, target, input_lengths, target_lengths)` and `backward()`.

Courses teach two forwards with one backward. One is -log p, p being the probability of all paths to the target. The
other is the expected divergence, -sum gamma log y under the posteriors gamma of those paths; what is taught as its
gradient, -gamma / y, holds gamma constant, and that is the gradient of -log p. Where a forward gives the expected
divergence, -log p stands in for it, and the numbers say whether its mean over the samples is meant or its sum.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.author.roles import forward_inputs
from gradcheck_plugin.author.signature import Signature, arguments, line_of
from gradcheck_plugin.conventions.base import Candidate, Tape
from gradcheck_plugin.conventions.layers import layer_class
from gradcheck_plugin.conventions.layers.layer_class import LayerClass
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.words import is_label
from gradcheck_plugin.oracles.equal import DIGITS, equal
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Layout

ORDER = 20
BLANK = 0
# room for every path: two words, of which the second may be the first again, and at least five steps
_AXES = {"logits": ("6 N 5", "N 6 5"), "target": ("N 2 @word(5)",) * 2, "lengths": ("N @length(6)",) * 2,
         "target_lengths": ("N @length(2)",) * 2}  # fmt: skip


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes whose forward takes scores, targets and the lengths of both, and whose backward asks for nothing."""
    for name, cls in defined.items():
        forward, backward = (getattr(cls, n, None) for n in ("forward", "backward"))
        if not inspect.isclass(cls) or not inspect.isfunction(forward) or not inspect.isfunction(backward):
            continue
        inputs = forward_inputs(arguments(forward, method=True))
        roles = [_role(n) for n in inputs]
        if sorted(roles) == sorted(_AXES) and roles[0] == "logits" and not arguments(backward, method=True).required:
            objects = {"class": cls, "forward": "forward", "backward": "backward"}
            yield Candidate(name, "loss", sys.modules[__name__], objects, inputs, line_of(cls), f"{name}.backward")


def _role(name: str) -> str:
    low = name.lower()
    of_target = is_label(low.partition("_")[0]) or low.startswith(("target", "label"))
    if "len" in low:
        return "target_lengths" if of_target else "lengths"
    return "target" if of_target else "logits"


def layouts(candidate: Candidate) -> list[Layout]:
    """Steps first, or samples first."""
    texts = [", ".join(f"{n}: {_AXES[_role(n)][k]}" for n in candidate.inputs) for k in range(2)]
    return [Layout.parse(text.replace(" 5,", " 5 @prob,", 1) + " ->") for text in texts]


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[CTCLoss]:
    """The forward as it is, and -log p in the place of an expected divergence."""
    if layout not in layouts(candidate):
        raise Unbindable(f"{candidate.name} takes scores, targets and the lengths of both")
    built, order, flags = layer_class.planned(candidate, layout, options)
    signature = arguments(built.cls.backward, method=True)
    own = Signature((), {}) if not signature.names else signature
    return [CTCLoss(built, "forward", "backward", order, flags, (), own, how=how) for how in ("", "mean", "sum")]


@dataclass
class CTCLoss(LayerClass):
    """Drives one loss; `how` says what -log p of the samples is made into where it stands in for the forward."""

    how: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.upstream = False
        self.convention = "CTC loss"
        if self.how:
            self.convention += f" that gives the expected divergence, and the gradient of the {self.how} of -log p"

    def call_key(self, arrays: Mapping[str, Array]) -> Hashable:
        return super().call_key(arrays), self.how

    def forward_after(self, before: Mapping[str, Array], arrays: Mapping[str, Array]) -> Tape:
        """After other scores of the same targets and lengths: what is kept of those would fit in shape."""
        scores = self.layout.inputs[0].name
        return super().forward_after({**arrays, scores: before[scores]}, arrays)

    def _tape(self, obj: Any, arrays: Mapping[str, Array]) -> Tape:
        tape = super()._tape(obj, arrays)
        if not self.how:
            return tape
        found, out = self._of_samples(arrays), numeric(tape.output)
        divergence, loss = found.mean(axis=1)
        if out is None or out.size != 1 or not equal(out.reshape(()), np.asarray(divergence), DIGITS, least=0.0):
            raise Unbindable(f"{self.built.cls.__name__}.forward is not the mean of the expected divergence")
        return Tape(np.asarray(loss if self.how == "mean" else found[1].sum()), tape.backward)

    def _of_samples(self, arrays: Mapping[str, Array]) -> Array:
        """The expected divergence and -log p of every sample."""
        given = {_role(e.name): arrays[e.name] for e in self.layout.inputs}
        steps_first = self.layout.inputs[0].dims[1] == "N"
        scores = np.moveaxis(given["logits"], 1, 0) if steps_first else given["logits"]
        samples = zip(scores, given["lengths"], given["target"], given["target_lengths"], strict=True)
        return np.array([divergences(y[:t], words[:n]) for y, t, words, n in samples]).T


def divergences(y: Array, target: Array) -> tuple[float, float]:
    """The expected divergence under the posteriors, and -log p, of one sample of T rows of probabilities."""
    symbols = np.full(2 * len(target) + 1, BLANK)
    symbols[1::2] = target
    skips = np.r_[False, False, (symbols[2:] != symbols[:-2])]
    y = y[:, symbols]
    alpha, beta = np.zeros(y.shape), np.zeros(y.shape)
    alpha[0, :2], beta[-1, -2:] = y[0, :2], 1.0
    for t in range(1, len(y)):
        before, after = alpha[t - 1], beta[-t] * y[-t]
        alpha[t] = (before + np.r_[0, before[:-1]] + np.where(skips, np.r_[0, 0, before[:-2]], 0)) * y[t]
        beta[-t - 1] = after + np.r_[after[1:], 0] + np.r_[np.where(skips, after, 0)[2:], 0, 0]
    p = (alpha * beta).sum(axis=1)
    return float(-(alpha * beta / p[:, None] * np.log(y)).sum()), float(-np.log(p[0]))
