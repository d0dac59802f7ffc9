"""Sizes and layouts to try: pairwise different axes, and shapes for objects that no reference knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from gradcheck_plugin.submission.calls import Unbindable, UserCodeRaised, frozen
from gradcheck_plugin.submission.conventions import Candidate
from reference_impls.shapes import Entry, Layout
from reference_impls.spec import LayerSpec

GENERIC = {"N": 4, "D": 3, "M": 5, "C": 3, "H": 6, "E": 2, "F": 3, "O": 2, "I": 3}


def generic_sizes(layout: Layout, spec: LayerSpec | None, base: Layout | None, shift: int = 0) -> dict[str, int]:
    """Distinct sizes above one for every axis, so that no transpose or wrong axis can hide."""
    sizes: dict[str, int] = {}
    for name in layout.dims(base):
        size = GENERIC.get(name, 3) + shift
        while size in sizes.values():
            size += 1
        sizes[name] = max(size, (spec.minimum.get(name, 1) if spec else 1))
    return sizes


_PARAMETERS = {
    "w": "D M", "weight": "D M", "weights": "D M", "kernel": "D M", "wx": "D H", "wh": "H H", "b": "M", "bias": "M",
    "gamma": "D", "beta": "D", "theta": "D",
}  # fmt: skip
_SCALARS = ("reg", "reg_strength", "lam", "lambda_", "lmbda", "weight_decay", "alpha", "eps", "epsilon", "scale")


def guesses(candidate: Candidate) -> Iterator[list[Layout]]:
    """Layouts for an object nobody knows, from the names of its arguments: natural shapes first."""
    inputs = list(candidate.inputs)
    if not inputs:
        return
    loss = candidate.kind in ("loss", "network")
    shapes = ["N D", "N C E F", "N T D", "D"] if len(inputs) == 1 else ["N D"]
    for shape in shapes:
        labels = ("@onehot", "@label", "") if loss else ("",)
        layouts = []
        for label in labels:
            text = ", ".join(
                _guess(position, name, inputs, shape, label, candidate.kind) for position, name in enumerate(inputs)
            )
            layouts += list(_with_state(candidate, Layout.parse(text + (" ->" if loss else " -> Y"))))
        yield list(dict.fromkeys(layouts))


def _guess(position: int, name: str, inputs: list[str], shape: str, label: str, kind: str) -> str:
    """The entry of one argument: a scalar or parameter by its name, the labels by their place, else the input."""
    low, lows = name.lower(), [n.lower() for n in inputs]
    arrays = [i for i, n in enumerate(lows) if n not in _SCALARS and (n not in _PARAMETERS or "x" not in lows)]
    if low in _SCALARS:
        return f"{name}: @positive"
    if position not in arrays:
        return f"{name}: {_PARAMETERS[low]}"
    if not label or position == 0 or position != arrays[-1]:
        return f"{name}: {shape}"
    if kind == "network":  # as many classes as the network has outputs, not as it has inputs
        return f"{name}: N C @onehot" if label == "@onehot" else f"{name}: N @label(C)"
    classes = "M" if "w" in lows else "D"  # as many classes as W has columns
    if label == "@onehot":
        return f"{name}: {shape.replace('N D', f'N {classes}')} @onehot"
    return f"{name}: N @label({classes})"


def _with_state(candidate: Candidate, layout: Layout) -> Iterator[Layout]:
    """The layout with the parameters that a built object turns out to hold, and those its constructor asks for."""
    cls = candidate.objects.get("class")
    if cls is None:
        yield layout
        return
    from gradcheck_plugin.submission import state
    from gradcheck_plugin.submission.signature import arguments

    try:
        required = arguments(cls.__init__, method=True).required if "instance" not in candidate.objects else ()
        asked = [
            Entry(n, tuple((d,) for d in _PARAMETERS[n.lower()].split())) for n in required if n.lower() in _PARAMETERS
        ]
        probe = dataclasses.replace(layout, params=tuple(asked))
        caller = candidate.convention.callers(candidate, probe, {})[0]
        sizes = generic_sizes(probe, None, None)
        rng = np.random.default_rng(0)
        with frozen(0):
            arrays = {e.name: e.sample(sizes, rng) for e in probe.entries}
            obj = caller.build(arrays)
        given = {e.name for e in asked}
        held = [
            (state.label(p), a)
            for p, a in state.leaves(obj)
            if state.is_parameter(p)
            and state.label(p) not in given
            and a.ndim
            and not any(np.array_equal(a, arrays[n]) for n in given)  # held under another name
        ]
        fixed = [Entry(label, tuple((str(s),) for s in a.shape)) for label, a in held]
        if fixed:  # the object has sizes of its own now: what belongs to them stays as it is
            probe = probe.pinned({n: s for n, s in {**sizes, "C": sizes.get("C", 5)}.items() if n != "N"})
        yield dataclasses.replace(probe, params=(*probe.params, *fixed))
    except (Unbindable, UserCodeRaised, TypeError):
        yield layout
