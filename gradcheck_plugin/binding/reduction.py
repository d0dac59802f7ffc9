"""Losses that come as one number a sample: their gradient is that of the mean, or of the sum, of those numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from gradcheck_plugin.conventions.base import Caller, Tape, Wrapped
from gradcheck_plugin.model import Array
from gradcheck_plugin.running.values import numeric

DOUBT = "right for the mean of the losses that it gives, and nothing in the file takes that mean"
How = Literal["mean", "sum"]


class ReducedCaller(Wrapped):
    """A caller whose output is the mean or the sum of what the loss gives."""

    def __init__(self, caller: Caller, how: How) -> None:
        super().__init__(caller)
        self.how = how

    @property
    def convention(self) -> str:
        return f"{self.wrapped.convention}, one loss a sample and the gradient of their {self.how}"

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        tape = self.wrapped.forward(arrays)
        out = numeric(tape.output)
        reduced = tape.output if out is None else np.mean(out) if self.how == "mean" else np.sum(out)
        return Tape(reduced, tape.backward)


def reduced(caller: Caller, output: Array, first: Array) -> list[Caller]:
    """The callers to try for a loss of `first` with this output: itself where that is a number, else mean and sum."""
    if caller.upstream or output.size <= 1 or not of_axes(output, first):
        return [caller]
    return [ReducedCaller(caller, "mean"), ReducedCaller(caller, "sum")]


def of_axes(out: Array, first: Array) -> bool:
    """Whether a loss has some of the axes of its prediction: all were summed over, or all but those of samples."""
    sizes = iter(first.shape)
    return all(size in sizes for size in out.shape if size != 1)
