"""Which references an object of one input cannot be, seen from its outputs: each array is given to it once.

Most references of one input are asked about the same few arrays. What a forward gives for an array does not depend on
the reference, so it is kept; a reference whose own output differs in every layout needs no closer look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.conventions.base import Caller, Candidate
from gradcheck_plugin.conventions.layers import function_pair
from gradcheck_plugin.model import Array, Case, Unbindable
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.built import DrivesObjects
from gradcheck_plugin.oracles.equal import equal
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec, Variant


class Glance:
    """The outputs of one candidate, as far as they are known."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self._callers: dict[tuple[str, ...], Caller | None] = {}
        self._outputs: dict[tuple[str, tuple[int, ...], bytes], Array | None] = {}
        self._plain: bool | None = None

    def may_be(self, spec: LayerSpec) -> bool:
        """Whether the forward may agree with a reference; True wherever that takes more than a glance."""
        if spec.kind != "layer" or spec.inside is not None or "mask" in {e.name for e in spec.layout.entries}:
            return True  # what stands in for an array that is drawn, or left away, takes a closer look
        if not self.plain:
            return True
        return any(self._agrees(spec, variant, layout) for variant, layout in self._layouts(spec))

    @property
    def plain(self) -> bool:
        """Whether it is made with nothing, holds nothing of its own, and takes one array and nothing else."""
        if self._plain is None:
            self._plain = self._is_plain()
        return self._plain

    def _is_plain(self) -> bool:
        objects, inputs = self.candidate.objects, self.candidate.inputs
        if (
            self.candidate.kind != "layer"
            or len(inputs) != 1
            or self.candidate.reading.instance is not None
            or self.candidate.reading.tensors
        ):
            return False
        cls, forward = objects.get("class"), objects.get("forward")
        try:
            if self.candidate.convention is function_pair:
                return arguments(objects["forward"]).names == inputs
            if not isinstance(cls, type) or not isinstance(forward, str) or not hasattr(cls, forward):
                return False
            maker: Any = cls
            if arguments(maker.__init__, method=True).names:
                return False
            if arguments(getattr(cls, forward), method=True).names != inputs:
                return False
            caller = self._caller(Layout.parse(f"{inputs[0]}: N D -> N D"))
            driven = caller.objects if caller is not None else None
            return driven is not None and not _holds(driven, inputs[0])
        except (Unbindable, UserCodeRaised):
            return False

    def _layouts(self, spec: LayerSpec) -> Iterator[tuple[Variant, Layout]]:
        """The layouts of one array, with those of one row for what takes its own steps."""
        for variant, layout in spec.layouts():
            if len(layout.entries) == 1 and not layout.params:
                yield variant, layout
                alone = "N" in layout.dims() and spec.minimum.get("N", 1) == 1
                if self.candidate.steps and alone:
                    yield variant, layout.pinned({"N": 1})

    def _agrees(self, spec: LayerSpec, variant: Variant, layout: Layout) -> bool:
        caller = self._caller(layout)
        if caller is None:
            return True
        own = self.candidate.reading.thresholds
        subject = Subject(self.candidate.name, caller, layout, (), {}, spec=spec, variant=variant, thresholds=own)
        case = subject.sample(7, generic_sizes(layout, spec, spec.layout))
        try:
            out, want = self._output(caller, case), subject.reference(case)
        except Exception:  # of a reference that is given what it is not meant for
            return True
        if out is None or want is None:
            return want is None
        return equal(out, want) if out.shape == want.shape else out.size == want.size == 1

    def _caller(self, layout: Layout) -> Caller | None:
        key = tuple(e.name for e in layout.entries)
        if key not in self._callers:
            try:
                ways: list[Caller] = self.candidate.convention.callers(self.candidate, layout, {})
            except (Unbindable, UserCodeRaised):
                ways = []
            self._callers[key] = ways[0] if ways else None
        return self._callers[key]

    def _output(self, caller: Caller, case: Case) -> Array | None:
        (array,) = case.arrays.values()
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._outputs:
            try:
                with frozen(case.seed):
                    self._outputs[key] = numeric(caller.forward(case.arrays).output)
            except (Unbindable, UserCodeRaised):
                self._outputs[key] = None
        return self._outputs[key]


def _holds(driven: DrivesObjects, name: str) -> bool:
    """Whether an object has arrays before it runs, or makes some in its first forward that do not follow its input."""
    with frozen(0):
        if any(state.leaves(driven.build({name: np.ones((4, 3))}))):
            return True
    runs: list[dict[state.Path, Array]] = []
    for value in (0.3, -0.7):
        with frozen(0):
            runs.append(dict(state.leaves(driven.warmed({name: np.full((4, 3), value)}))))
    return any(path in runs[1] and np.array_equal(a, runs[1][path]) for path, a in runs[0].items())
