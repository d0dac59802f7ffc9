"""A reference, or one of its mistakes, in the place of a user's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.binding.bind import defaults
from gradcheck_plugin.conventions.base import Caller, Code, Tape
from gradcheck_plugin.model import Result, Settings, Severity, Verdict
from gradcheck_plugin.oracles.distribution import draw
from gradcheck_plugin.running.calls import private
from gradcheck_plugin.subject import Subject
from gradcheck_plugin.suite import Target
from reference_impls.shapes import OUTPUT, Layout
from reference_impls.spec import LayerSpec, Mistake, Variant


class ReferenceCaller(Caller):
    """Calls plain functions of the base layout with the arrays of a variant, as a user of that variant would."""

    convention = "reference"
    upstream = True

    def __init__(
        self,
        spec: LayerSpec,
        variant: Variant,
        layout: Layout,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        raw: bool = False,
    ) -> None:
        self.spec, self.layout, self.raw = spec, layout, raw
        self.options = dict(variant.options)
        self.forward_function, self.backward_function = forward, backward
        self.upstream = spec.kind in ("layer", "loss")

    def _sizes(self, arrays: Mapping[str, Any]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for entry in self.layout.entries:
            sizes.update(zip(entry.dims, np.shape(arrays[entry.name]), strict=True))
        if any(e.classes for e in self.layout.entries):
            base = [e for e in self.layout.entries if e.domain != "label"]
            sizes.update({d: s for e in base for d, s in zip(e.dims, np.shape(arrays[e.name]), strict=True)})
        return self.layout.complete(sizes, self.spec.layout)

    def forward(self, arrays: Mapping[str, Any]) -> Tape:
        if self.raw:  # a mistake in the handling of the variant's own shapes
            own = [np.asarray(private(arrays[e.name])) for e in self.layout.entries]
            return Tape(
                self.forward_function(*own, **self.options),
                lambda dy: self.backward_function(np.asarray(dy), *own, **self.options),
            )
        base, sizes = self.spec.layout, self._sizes(arrays)
        if self.spec.kind == "initialiser":
            kind = str({**self.spec.defaults, **self.options}["distribution"])
            z = draw((sizes["I"], sizes["O"]), kind, np.random.default_rng(np.random.randint(2**31)))
            return Tape(self.layout.from_base(OUTPUT, self.forward_function(z, **self.options), base, sizes), dict)
        given = {e.name: np.asarray(private(arrays[e.name])) for e in self.layout.entries}
        inner = self._with_inside({n: self.layout.to_base(n, a, base, sizes) for n, a in given.items()}, sizes)
        out = self.forward_function(*inner.values(), **self.options)
        in_place = self.spec.kind != "update" or np.array_equal(inner["W"], out[0][-1], equal_nan=True)
        out = self.spec.output(forward=lambda: out)

        def backward(dy: Any) -> dict[str, Any]:
            base_dy = self.layout.to_base(OUTPUT, np.asarray(dy), base, sizes)
            got = self.spec.gradients(base_dy, *inner.values(), backward=self.backward_function, **self.options)
            return {n: self._back(n, g, sizes) for n, g in got.items() if n in given and self.layout[n].differentiable}

        return Tape(self.layout.from_base(OUTPUT, np.asarray(out), base, sizes), backward, in_place)

    def _with_inside(self, given: dict[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
        """The arrays of the base layout; those that the variant leaves out are made here, as by a user's forward."""
        base = self.spec.layout.entries
        if len(given) == len(base):
            return given
        assert self.spec.inside is not None
        rng = np.random.default_rng(np.random.randint(2**31))
        drawn = {e.name: given[e.name] if e.name in given else e.sample(sizes, rng) for e in base}
        y = self.spec.output(*drawn.values(), **self.options)
        own = self.spec.inside(y, *(given.get(e.name) for e in base), **self.options)
        dtype = next(iter(given.values())).dtype
        return {n: given[n] if n in given else own[n].astype(dtype) for n in drawn}

    def _back(self, name: str, gradient: Any, sizes: Mapping[str, int]) -> Any:
        try:
            return self.layout.from_base(name, np.asarray(gradient), self.spec.layout, sizes)
        except ValueError:
            return gradient

    def code(self) -> Code:
        return Code.of(self.forward_function, self.backward_function)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        return []


def target(
    spec: LayerSpec,
    variant: Variant | None = None,
    mistake: Mistake | None = None,
    settings: Settings | None = None,
) -> Target:
    """A target that drives the reference in a variant, or the mistake in its place."""
    variant = variant or Variant()
    layout = next(layout for v, layout in spec.layouts() if v == variant)
    forward, backward = spec.forward, spec.backward
    if mistake is not None:
        made = mistake.backward() if mistake.stateful and mistake.backward else mistake.backward
        backward, forward = made or backward, mistake.forward or forward
    raw = mistake is not None and bool(mistake.variant) and mistake.forward is not None and not spec.rule
    caller = ReferenceCaller(spec, variant, layout, forward, backward, raw)
    judged = () if spec.rule else tuple(e.name for e in layout.entries if e.differentiable)
    if judged:
        probe = Subject(spec.name, caller, layout, judged, {}, spec=spec, variant=variant)
        case = probe.sample(1, {d: max(3, spec.minimum.get(d, 1)) for d in layout.dims(spec.layout)})
        arrays = probe.base_arrays(case, layout).values()
        known = spec.gradients(spec.output(*arrays, **variant.options), *arrays, **variant.options)
        judged = tuple(n for n in judged if n in known)
    subject = Subject(spec.name, caller, layout, judged, {}, spec=spec, variant=variant, matches=True)
    return Target(subject, settings or Settings(cases=12))


def check_all(made: Target) -> list[Result]:
    """Every property of a target."""
    return [made.check(p) for p in made.properties()]


def first_code(made: Target) -> str:
    """What the first finding is called, failures first; "" where there is none."""
    results = []
    for property in made.properties():
        results.append(made.check(property))
        if results[-1].verdict is not Verdict.PASS and results[-1].finding:
            break
    return next(iter(codes(results)), "")


def codes(results: list[Result]) -> list[str]:
    """What the findings are called, failures first, then advice."""
    failures = [r.finding.code for r in results if r.verdict is not Verdict.PASS and r.finding]
    return failures + [a.code for r in results for a in r.advice if a.severity is not Severity.NOTE]


__all__ = ["ReferenceCaller", "check_all", "codes", "defaults", "first_code", "target"]
