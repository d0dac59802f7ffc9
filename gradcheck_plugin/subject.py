"""An object of the user's made uniform: arrays by name in, an output and gradients by name out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.base import Caller
from gradcheck_plugin.model import Array, Case
from gradcheck_plugin.running.calls import frozen
from reference_impls.shapes import OUTPUT, Layout
from reference_impls.spec import LayerSpec, Variant


@dataclass(frozen=True)
class Subject:
    """A target bound to a way of calling it, and to a reference where one fits.

    `names` are the user's own names of the arrays; `judged` the arrays whose gradient the backward gives; `further`
    holds further layouts of the same convention that the forward was seen to accept, with whether a fault there is only
    advice; `settings` the same object with other values of its options, stride 1 for stride 2; `matches` whether the
    forward agreed with the reference when it was bound; `one_hot` is set where the backward is right only for an
    upstream gradient with one entry that is not zero: that one, or any (-1); `open` says of an array why it may be
    right that backward gives no gradient of it, where nothing decides that; `would_be` says under which reading that
    nothing speaks for its backward would be right, `doubt` under which its gradients were judged, though nothing in
    the file says that it is meant; `doubts` are readings of the user's arguments, by their
    names, "" for all, under which a gradient that is right would be wrong; `promised` is the reference that a name
    stands for, where the forward is of another kind; `thresholds` are numbers that the input has to come near to and
    beyond, for the code asks for them.
    """

    name: str
    caller: Caller
    layout: Layout
    judged: tuple[str, ...]
    names: Mapping[str, str]
    file: str = ""
    line: int = 0
    root: Path | None = None
    function: str = ""
    module: str = ""
    spec: LayerSpec | None = None
    variant: Variant = field(default_factory=Variant)
    further: tuple[tuple[Variant, Layout], ...] = ()
    matches: bool = False
    notes: tuple[str, ...] = ()
    fixed: Mapping[str, int] = field(default_factory=dict)
    one_hot: int | None = None
    would_be: str = ""
    doubt: str = ""
    doubts: Mapping[str, str] = field(default_factory=dict)
    promised: str = ""
    settings: tuple[Subject, ...] = ()
    open: Mapping[str, str] = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()

    def display(self, name: str) -> str:
        return self.names.get(name, name)

    def gradient_name(self, name: str) -> str:
        """What people call the gradient of an array: dW for W, dparams[0] for params[0]."""
        return "d" + self.display(name)

    @property
    def minimum(self) -> Mapping[str, int]:
        return self.spec.minimum if self.spec else {}

    def complete(self, sizes: Mapping[str, int], layout: Layout) -> dict[str, int]:
        return layout.complete(sizes, self.spec.layout) if self.spec else dict(sizes)

    def sample(self, seed: int, sizes: Mapping[str, int], *, short: bool = False, layout: Layout | None = None) -> Case:
        """Draw every array of the layout; the same arguments give the same arrays."""
        where = layout or self.layout
        full = self.complete({**sizes, **self.fixed}, where)
        rng = np.random.default_rng((seed, 0))
        arrays = {e.name: np.asarray(e.sample(full, rng, short)) for e in where.entries}
        limits = (*self.thresholds, *self.limits)
        if limits and not short and where.inputs and where.inputs[0].domain == "real":
            arrays[where.inputs[0].name] = _around(limits, arrays[where.inputs[0].name], seed)
        return Case(seed, full, arrays, short)

    @property
    def limits(self) -> tuple[float, ...]:
        """The settings of a reference that has kinks where its one input comes to them: the 6 of a ReLU6."""
        if self.spec is None or not self.spec.kinks or len(self.spec.layout.entries) > 1:
            return ()
        values = {**self.spec.defaults, **self.variant.options}.values()
        return tuple(v for v in values if isinstance(v, float) and 1.0 < abs(v) < np.inf)

    def reference(self, case: Case, layout: Layout | None = None) -> Array | None:
        """What the reference's forward gives for the case, in the user's layout."""
        if self.spec is None:
            return None
        where, base = layout or self.layout, self.spec.layout
        arrays = (a.copy() for a in self.base_arrays(case, where).values())
        out = self.spec.output(*arrays, **self.variant.options)
        return where.from_base(OUTPUT, out, base, case.sizes)

    def base_arrays(self, case: Case, layout: Layout) -> dict[str, Array]:
        """The arrays of a case as the reference's base layout has them.

        Those that the layout leaves out are the ones that the user's own forward has in this case, such as a mask, or
        zero, such as an initial state.
        """
        assert self.spec is not None
        base, given = self.spec.layout, self._given(case, layout)
        if len(given) == len(base.entries):
            return given
        known = self.inside(case, layout) | given
        return {e.name: known[e.name] if e.name in known else np.zeros(e.shape(case.sizes)) for e in base.entries}

    def inside(self, case: Case, layout: Layout) -> dict[str, Any]:
        """What the user's forward has inside in a case, read off its output: arrays, and options of the reference."""
        from gradcheck_plugin.running.values import numeric

        if self.spec is None or self.spec.inside is None:
            return {}
        base, given = self.spec.layout, self._given(case, layout)
        with frozen(case.seed):
            out = numeric(self.caller.forward(case.arrays).output)
            arrays = [given.get(e.name) for e in base.entries]
            for y in (out, np.zeros(layout.output.shape(case.sizes))):  # which says nothing
                if y is None:
                    continue
                try:
                    of_base = layout.to_base(OUTPUT, y, base, case.sizes)
                    return self.spec.inside(of_base, *arrays, **self.variant.options)
                except (ValueError, IndexError, AttributeError, TypeError):
                    continue  # its shape is another one
            return {}

    def _given(self, case: Case, layout: Layout) -> dict[str, Array]:
        assert self.spec is not None
        base = self.spec.layout
        return {e.name: layout.to_base(e.name, case.arrays[e.name], base, case.sizes) for e in layout.entries}

    def to_user(self, gradients: Mapping[str, Array], case: Case, layout: Layout) -> dict[str, Array]:
        """Gradients of the base layout, in the user's layout; arrays that carry no gradient are left out."""
        assert self.spec is not None
        base = self.spec.layout
        return {
            n: np.asarray(layout.from_base(n, np.asarray(g), base, case.sizes))
            for n, g in gradients.items()
            if any(e.name == n and e.differentiable for e in layout.entries)
        }


def _around(limits: tuple[float, ...], array: Array, seed: int) -> Array:
    """An array with a third of its entries around some numbers."""
    rng = np.random.default_rng((seed, 1))
    near = rng.choice(limits, size=array.shape) + rng.standard_normal(array.shape)
    return np.asarray(np.where(rng.random(array.shape) < 1 / 3, near, array))
