"""Whether a reference that an object was recognised as by its numbers says as much as the object does.

What agrees on the arrays of a reference may be more than that: a parameter left at zero, an operand of another shape,
any numbers where the reference wants words or a mask. Its gradients would not be judged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradcheck_plugin.binding import trained
from gradcheck_plugin.model import Array, Case, Unbindable
from gradcheck_plugin.objects import state
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject

_STEP, _SMOOTH = 1e-6, 1e3  # a move of an entry, and how much more an output may move


def says_as_much(subject: Subject) -> bool:
    """Whether nothing of an object is left out by the reference that its numbers agree with."""
    return _covers(subject) and not _stretches(subject) and not _takes_any_numbers(subject)


def _covers(subject: Subject) -> bool:
    """Whether a reference has all the parameters that an object holds: one left at zero hides in its numbers."""
    driven = subject.caller.objects
    if driven is None:
        return True
    case = subject.sample(7, generic_sizes(subject.layout, subject.spec, subject.spec.layout if subject.spec else None))
    try:
        obj = driven.build(case.arrays)
    except (Unbindable, UserCodeRaised):
        return True
    known = [a for a in (state.get(obj, path) for path in driven.paths.values()) if isinstance(a, np.ndarray)]
    return all(any(np.shares_memory(a, k) for k in known) for a in state.weights(obj)) and not trained.beyond(subject)


def _stretches(subject: Subject) -> bool:
    """Whether an operation that agrees with a reference for operands of different ranks takes those of one shape, too.

    `(x * y).sum(axis=1)` is no matrix times a vector, though for a vector it gives what that gives.
    """
    spec, layout = subject.spec, subject.layout
    if spec is None or spec.family != "ops" or len(layout.inputs) < 2:
        return False
    first = max(layout.inputs, key=lambda e: len(e.dims))
    smaller = [e for e in layout.inputs if e.differentiable and len(e.dims) < len(first.dims)]
    smaller = [e for e in smaller if e.dims == first.dims[len(first.dims) - len(e.dims) :]]
    if not smaller:
        return False
    case = subject.sample(7, generic_sizes(layout, spec, spec.layout))
    whole = {e.name: case.rng(5).standard_normal(case.arrays[first.name].shape) for e in smaller}
    try:
        with frozen(case.seed):
            tapes = [subject.caller.forward({**case.arrays, **more}) for more in ({}, whole)]
    except (Unbindable, UserCodeRaised):
        return False
    return bool(np.shape(tapes[0].output) == np.shape(tapes[1].output))


def _takes_any_numbers(subject: Subject) -> bool:
    """Whether a layer moves smoothly with an array of which its reference takes zeros and ones only.

    `x @ W` looks words up where `x` has one-hot rows, and is a product for all others: `x` has a gradient.
    """
    spec, layout = subject.spec, subject.layout
    limited = [e for e in layout.inputs if not e.differentiable and e.domain in ("onehot", "binary")]
    if spec is None or spec.kind != "layer" or not limited:
        return False
    case = subject.sample(7, generic_sizes(layout, spec, spec.layout))
    for entry in limited:
        x, u = (case.rng(k).standard_normal(case.arrays[entry.name].shape) for k in (6, 8))
        here, beside = (_output(subject, case, {entry.name: x + t * u}) for t in (0.0, _STEP))
        if here is not None and beside is not None and here.shape == beside.shape:
            moved = float(np.max(np.abs(beside - here), initial=0.0))
            if 0 < moved <= _SMOOTH * _STEP:
                return True
    return False


def _output(subject: Subject, case: Case, arrays: Mapping[str, Array]) -> Array | None:
    """The output for a case with other arrays; None where there is none of finite numbers."""
    try:
        with frozen(case.seed):
            out = numeric(subject.caller.forward({**case.arrays, **arrays}).output)
    except (Unbindable, UserCodeRaised):
        return None
    return out if out is not None and np.isfinite(out).all() else None
