"""Which references a forward may be, seen from its outputs: it is called once in every distinct way.

The layouts of all references, with the arrays that are drawn for them, are listed once. What a forward gives for such
arrays does not depend on the reference, nor on those options of it that the forward is never given; so it is kept, and
a reference costs a comparison. One that agrees in no layout needs no closer look.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gradcheck_plugin.binding.fit import defaults, held_sizes, ways_of, with_its_own
from gradcheck_plugin.binding.readings import is_tried, layouts_of, said_of_ranks
from gradcheck_plugin.binding.reduction import reduced
from gradcheck_plugin.conventions.base import Caller, Candidate, Tape
from gradcheck_plugin.model import Array, Case, Unbindable
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.objects.built import Samples
from gradcheck_plugin.oracles.equal import equal
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec, Variant

SEED = 7  # of the first trial of a reading

_NONE = object()  # what an option is that a reference does not have


@dataclass(eq=False)
class Reading:
    """A layout with sizes and limits: whatever reference it comes from, the same arrays are drawn for it."""

    subject: Subject  # of a reference that it comes from, without a caller
    sizes: Mapping[str, int]

    @property
    def layout(self) -> Layout:
        return self.subject.layout

    @cached_property
    def case(self) -> Case:
        """The arrays for a forward that asks for no numbers of its own."""
        return self.subject.sample(SEED, self.sizes)

    @cached_property
    def lengths(self) -> dict[str, int]:
        """How long the axes of the arrays are, by their names."""
        entries = self.layout.entries
        return {n: k for e in entries for n, k in zip(e.dims, e.shape(self.case.sizes), strict=True)}


@dataclass(eq=False)
class Sought:
    """A reference in one of its layouts."""

    spec: LayerSpec
    variant: Variant
    layout: Layout
    readings: dict[Hashable, Reading]  # all that are known

    @cached_property
    def options(self) -> Mapping[str, Any]:
        return defaults(self.spec) | dict(self.variant.options)

    @cached_property
    def subject(self) -> Subject:
        """It as a subject, without a caller."""
        return Subject("", Caller(), self.layout, (), {}, spec=self.spec, variant=self.variant)

    @cached_property
    def reading(self) -> Reading:
        sizes = generic_sizes(self.layout, self.spec, self.spec.layout)
        key = self.layout, tuple(self.subject.complete(sizes, self.layout).items()), self.subject.limits
        return self.readings.setdefault(key, Reading(self.subject, sizes))

    @cached_property
    def usual(self) -> Array:
        """What it gives for the case of its reading."""
        want = self.subject.reference(self.reading.case)
        assert want is not None
        return want

    def may_have(self, shape: tuple[int, ...]) -> bool:
        """Whether its output may have a shape, by the axes that it names. Those of some operations follow options."""
        dims = self.layout.output.dims
        if self.spec.family == "ops" or self.layout.outputs:
            return True
        known = (
            (int(d) if d.isdigit() else self.reading.lengths.get(d, n), n) for d, n in zip(dims, shape, strict=False)
        )
        return len(dims) == len(shape) and all(length == n for length, n in known)


class References:
    """The references in their layouts: facts about them alone, worked out when they are first asked for."""

    def __init__(self) -> None:
        self._readings: dict[Hashable, Reading] = {}
        self._layouts: dict[Layout, Layout] = {}  # one object for all that are equal
        self._sought: dict[tuple[int, bool], tuple[LayerSpec, list[Sought]]] = {}

    def sought(self, spec: LayerSpec, *, single: bool) -> list[Sought]:
        """A reference in the layouts that it is tried in; those of a single sample are for what takes its own steps."""
        key = id(spec), single
        if key not in self._sought:
            pairs = self._single(spec) if single else (pair for whole in layouts_of(spec) for pair in whole)
            shared = ((v, self._layouts.setdefault(layout, layout)) for v, layout in pairs)
            self._sought[key] = spec, [Sought(spec, v, layout, self._readings) for v, layout in shared]
        return self._sought[key][1]

    @staticmethod
    def _single(spec: LayerSpec) -> Iterator[tuple[Variant, Layout]]:
        for variant, layout in spec.layouts() if spec.minimum.get("N", 1) == 1 else ():
            if "N" in layout.dims() and len(layout.inputs[0].dims) <= 2:
                yield variant, layout.pinned({"N": 1})


_REFERENCES = References()


class Asked(Mapping[str, Any]):
    """The options of a reference, and which of them were asked for: others make no difference to a call."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._answers: dict[str, Any] = {}
        self._all = False

    def __getitem__(self, name: str) -> Any:
        self._answers[name] = self._options.get(name, _NONE)
        return self._options[name]

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self._answers[name] = self._options.get(name, _NONE)
        return name in self._options

    def __iter__(self) -> Iterator[str]:
        self._all = True
        return iter(self._options)

    def __len__(self) -> int:
        self._all = True
        return len(self._options)

    def answers_alike(self, options: Mapping[str, Any]) -> bool:
        """Whether other options answer the same to everything that was asked."""
        if self._all and options.keys() != self._options.keys():
            return False
        asked = self._options if self._all else self._answers
        return all(_same(options.get(n, _NONE), value) for n, value in asked.items())


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))


@dataclass
class _Outputs:
    """What a forward gave in all ways of calling it with the arrays of one reading and some options."""

    asked: Asked
    reading: Reading | None = None  # None where it cannot be called with such a layout, whatever is drawn for it
    given: list[tuple[Case, Caller, Array]] = field(default_factory=list)  # with what stands for the forward


class _Known(Caller):
    """A forward that has run: what it gave is known."""

    def __init__(self, output: Array, upstream: bool) -> None:
        self._output = output
        self._upstream = upstream

    @property
    def upstream(self) -> bool:
        return self._upstream

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        return Tape(self._output.copy(), lambda _: {})


class Index:
    """The outputs of one candidate, as far as they are known, beside those of the references."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self._own = spec_named(candidate.name, candidate.kind)
        self._ranks = said_of_ranks(candidate)
        self._tried: dict[int, bool] = {}  # by the layouts' ids
        self._outputs: dict[int, list[_Outputs]] = {}  # by them, too
        self._known: dict[Hashable, tuple[Caller, Array | None]] = {}
        self._samples = Samples(SEED)

    def may_be(self, spec: LayerSpec) -> bool:
        """Whether the forward agrees with a reference in one of its layouts."""
        usual = _REFERENCES.sought(spec, single=False)
        if any(self._agrees(sought) for sought in usual if spec is self._own or self._is_tried(sought.layout)):
            return True
        return self.candidate.steps and any(self._agrees(s) for s in _REFERENCES.sought(spec, single=True))

    def _is_tried(self, layout: Layout) -> bool:
        if id(layout) not in self._tried:
            self._tried[id(layout)] = is_tried(self.candidate, layout, self._ranks)
        return self._tried[id(layout)]

    def _agrees(self, sought: Sought) -> bool:
        given = self._of(sought).given
        fitting = ((case, caller, out) for case, caller, out in given if sought.may_have(out.shape))
        return any(equal(out, self._wanted(sought, caller, case)) for case, caller, out in fitting)

    @staticmethod
    def _wanted(sought: Sought, caller: Caller, case: Case) -> Array:
        """What a reference gives for a case; what a forward may have inside is read off its output."""
        if sought.spec.inside is None and case is sought.reading.case:
            return sought.usual
        subject = with_its_own(dataclasses.replace(sought.subject, caller=caller), case)
        want = subject.reference(case)
        assert want is not None
        return want

    def _of(self, sought: Sought) -> _Outputs:
        """The outputs for the arrays of a reading: those that are known, where the forward asked for no more."""
        kept = self._outputs.setdefault(id(sought.layout), [])
        alike = (o for o in kept if o.asked.answers_alike(sought.options))
        known = next((o for o in alike if o.reading is None or o.reading is sought.reading), None)
        if known is None:
            kept.append(known := self._run(sought))
        return known

    def _run(self, sought: Sought) -> _Outputs:
        layout, own, outputs = sought.layout, self.candidate.reading.thresholds, _Outputs(Asked(sought.options))
        try:
            ways, fixed = ways_of(self.candidate, layout, outputs.asked), held_sizes(self.candidate, layout)
        except (Unbindable, UserCodeRaised):
            return outputs
        outputs.reading = reading = sought.reading
        subject = dataclasses.replace(sought.subject, thresholds=own, fixed=fixed)
        case = subject.sample(SEED, reading.sizes) if own or fixed else reading.case
        for way in ways:
            if (out := self._output(way, case)) is not None:
                outputs.given += self._every_reduction(way, layout, case, out)
        return outputs

    def _output(self, way: Caller, case: Case) -> Array | None:
        """What a forward gives; None where it raises or gives no numbers."""
        key = way.call_key(case.arrays)
        if key is not None and key in self._known:
            return self._known[key][1]
        try:
            if key is not None and way.objects is not None and self._samples.lack(way.objects, case.arrays):
                out = None
            else:
                with frozen(SEED):
                    out = numeric(way.forward(case.arrays).output)
        except (Unbindable, UserCodeRaised):
            out = None
        if key is not None:
            self._known[key] = way, out  # what the key names by its id has to live as long
        return out

    @staticmethod
    def _every_reduction(way: Caller, layout: Layout, case: Case, out: Array) -> Iterator[tuple[Case, Caller, Array]]:
        """An output, or the mean and the sum of what a loss gives for each sample."""
        known = _Known(out, way.upstream or bool(layout.output.dims))
        for caller in reduced(known, out, next(iter(case.arrays.values()))):
            given = numeric(caller.forward(case.arrays).output)
            if given is not None:
                yield case, caller, given
