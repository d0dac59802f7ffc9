"""One reading of a candidate, tried: whether it runs, agrees with a reference, and how far its backward is off."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.binding.fixed_sizes import repeats, stretched
from gradcheck_plugin.binding.obstacles import Tried
from gradcheck_plugin.binding.reduction import of_axes, reduced
from gradcheck_plugin.binding.stated_shapes import given_shapes
from gradcheck_plugin.conventions.base import Caller, Candidate
from gradcheck_plugin.conventions.tensor_caller import TensorCaller
from gradcheck_plugin.faults import blame
from gradcheck_plugin.judging.gradient import misfit
from gradcheck_plugin.model import Case, GivesNothing, Unbindable
from gradcheck_plugin.objects import state
from gradcheck_plugin.oracles.equal import ROUNDING, equal
from gradcheck_plugin.running.calls import NothingReturned, UserCodeRaised, frozen, place_of
from gradcheck_plugin.running.values import describe, numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec, Variant

ENOUGH = 8  # numbers that agree: of two scalars the smaller one is the first of them once in two times


class NotFinite(Unbindable):
    """A forward gives nothing that means anything for such inputs."""


@dataclass
class Attempt:
    """What one trial call showed."""

    subject: Subject | None = None
    fault: Exception | None = None
    ran: bool = False
    matches: bool = False
    shaped: bool = True  # whether its output has the shape that the reference's has
    exact: bool = False  # whether it agrees but for rounding
    fits: bool = True  # whether the reference that the name stands for can be called this way at all
    tried: Tried | None = None  # the last call
    clear: bool = True  # whether its backward was called in the only way there is
    distance: float = 0.0  # of the backward from the gradient of the forward, where a choice depends on it


def try_out(
    candidate: Candidate,
    spec: LayerSpec | None,
    variant: Variant,
    layout: Layout,
    quick: bool = False,
    judged: bool = True,
) -> Attempt:
    """Every way of calling the candidate with a layout; the numbers choose where there is more than one.

    `quick` is for references of other names: only a match counts.
    """
    options = dict(variant.options)
    if spec is not None:
        options = defaults(spec) | options
    try:
        ways, fixed = ways_of(candidate, layout, options), held_sizes(candidate, layout)
    except (Unbindable, UserCodeRaised) as exc:
        return Attempt(fault=exc)
    attempts = [
        _trial(_subject(candidate, caller, spec, variant, layout, fixed), quick)
        for way in ways
        for caller in in_every_reduction(way, candidate, spec, variant, layout, fixed)
    ]
    clear = _is_clear(candidate, ways, attempts)
    for attempt in attempts:
        attempt.clear = clear
    if len(attempts) == 1:
        return attempts[0]
    good = [a for a in attempts if a.fault is None and (a.matches or spec is None)]
    if quick and not good:
        return next((a for a in attempts if a.matches), attempts[0])
    ran = [a for a in attempts if a.ran and a.fault is None]
    best, distance = _nearest(good or ran or [a for a in attempts if a.ran] or attempts, judged)
    best.distance = distance
    return best


def ways_of(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[Caller]:
    """The ways in which a candidate may be called with the arrays of a layout, as arrays or as tensors."""
    ways: list[Caller] = candidate.convention.callers(candidate, layout, options)
    return [TensorCaller(way) for way in ways] if candidate.reading.tensors else ways


def _subject(
    candidate: Candidate,
    caller: Caller,
    spec: LayerSpec | None,
    variant: Variant,
    layout: Layout,
    fixed: Mapping[str, int],
) -> Subject:
    own = candidate.reading.thresholds
    return Subject(candidate.name, caller, layout, (), {}, spec=spec, variant=variant, fixed=fixed, thresholds=own)


def _is_clear(candidate: Candidate, ways: list[Caller], attempts: list[Attempt]) -> bool:
    """Whether a backward was called as it is meant: there is one way, or all raise the same on the same line."""
    if getattr(candidate.convention, "FORWARD_IS_OURS", False) or not all(getattr(w, "clear", True) for w in ways):
        return False
    found = {_where(a.fault) for a in attempts if a.subject is not None}
    return len(ways) == 1 or (len(found) == 1 and None not in found)


def _where(fault: Exception | None) -> tuple[str, int] | None:
    place = place_of(fault.cause, None) if isinstance(fault, UserCodeRaised) else None
    return (type(fault.cause).__name__, place[1]) if place and isinstance(fault, UserCodeRaised) else None


def _nearest(attempts: list[Attempt], judged: bool) -> tuple[Attempt, float]:
    """The attempt whose backward comes closest to being the gradient of its forward, and how far it is from that."""
    best, nearest = attempts[0], np.inf
    for attempt in attempts:
        distance = distance_of(attempt, far=True, judged=judged)
        if distance < nearest:
            best, nearest = attempt, distance
        if not distance:
            break
    return best, nearest


def in_every_reduction(
    way: Caller, candidate: Candidate, spec: LayerSpec | None, variant: Variant, layout: Layout, fixed: dict[str, int]
) -> list[Caller]:
    """A loss that gives one number a sample stands for its mean, or its sum."""
    if way.upstream or layout.output.dims:
        return [way]
    subject = _subject(candidate, way, spec, variant, layout, fixed)
    case = subject.sample(7, generic_sizes(layout, spec, spec.layout if spec else None))
    try:
        with frozen(case.seed):
            out = numeric(way.forward(case.arrays).output)
    except (Unbindable, UserCodeRaised):
        return [way]
    return [way] if out is None else reduced(way, out, next(iter(case.arrays.values())))


def _trial(subject: Subject, quick: bool) -> Attempt:
    """Two forwards at generic sizes, more where one gives few numbers, and one backward.

    With `quick` it ends at the first forward that does not agree with the reference.
    """
    spec, layout, attempt = subject.spec, subject.layout, Attempt()
    try:
        agrees, exact = [], []
        for shift in itertools.count():
            sizes = generic_sizes(layout, spec, spec.layout if spec else None, shift % 2)
            case = subject.sample(7 + shift, sizes)
            attempt.tried = Tried(subject, case)
            with frozen(case.seed):
                tape = subject.caller.forward(case.arrays)
            out = numeric(tape.output)
            if tape.output is None and blame.forgets_return(subject.caller.code().forward):
                raise NothingReturned("forward returns nothing")
            if out is None:
                raise Unbindable(f"forward returned {describe(tape.output)}, not an array of numbers")
            if spec is None and (not out.size or np.isnan(out).any()):
                raise NotFinite("its forward gives nothing, or no number, for every input that was tried")
            if spec is None and not layout.output.dims and not of_axes(out, next(iter(case.arrays.values()))):
                raise Unbindable(f"a loss gives one number, or one a sample, not an array of shape {out.shape}")
            if spec is None and stretched(layout, sizes, out) and not repeats(subject.caller.code().forward):
                raise Unbindable("an axis of length 1 is stretched to a size that nothing of the input has")
            attempt.ran = True
            if spec is not None:
                subject = subject if shift else with_its_own(subject, case)
                want = subject.reference(case)
                assert want is not None
                attempt.shaped = out.shape == want.shape or out.size == want.size == 1
                agrees.append(attempt.shaped and equal(out, want))
                exact.append(agrees[-1] and equal(out, want, ROUNDING))
                if quick and not agrees[-1]:
                    return attempt
            if shift >= 1 and (spec is None or not all(agrees) or shift * out.size >= ENOUGH):
                break
        attempt.matches, attempt.exact = (bool(all_) and all(all_) for all_ in (agrees, exact))
    except (Unbindable, UserCodeRaised) as exc:
        attempt.fault = exc
        attempt.ran = False
        return attempt
    notes = (*subject.notes, *subject.caller.readings)
    attempt.subject = dataclasses.replace(subject, names=subject.caller.user_names(), notes=notes)
    try:
        if spec is None or spec.kind != "update":
            attempt.subject = dataclasses.replace(attempt.subject, judged=_judged(subject, case))
    except (Unbindable, UserCodeRaised) as exc:
        attempt.fault = exc
    return attempt


def with_its_own(subject: Subject, case: Case) -> Subject:
    """The subject with the options that its forward was seen to have inside: an eps that no argument gives it."""
    assert subject.spec is not None
    entries, usual = {e.name for e in subject.spec.layout.entries}, defaults(subject.spec)
    own = {n: v for n, v in subject.inside(case, subject.layout).items() if n not in entries}
    seen = [f"{n} {v:.2g}" for n, v in own.items() if f"{v:.2g}" != f"{usual[n]:.2g}"]
    note = ", ".join(filter(None, [subject.variant.note, *seen]))
    options = dict(subject.variant.options) | own
    return dataclasses.replace(subject, variant=dataclasses.replace(subject.variant, note=note, options=options))


def held_sizes(candidate: Candidate, layout: Layout) -> dict[str, int]:
    """The axis sizes that the parameters of an object fix, where one was handed over."""
    instance = candidate.reading.instance
    if instance is None:
        return {}
    held = [(state.label(p), a) for p, a in state.leaves(instance) if state.is_parameter(p)]
    sizes: dict[str, int] = {}
    for entry in layout.params:
        array = next((a for label, a in held if state.same(label, entry.name) and a.ndim == len(entry.dims)), None)
        if array is not None:
            sizes.update({d: s for d, s in zip(entry.dims, array.shape, strict=True) if not d.isdigit()})
    return sizes


def defaults(spec: LayerSpec) -> dict[str, Any]:
    """The reference's options with their defaults, for arguments of the user's that carry them."""
    return dict(spec.defaults)


def _judged(subject: Subject, case: Any) -> tuple[str, ...]:
    """The arrays whose gradient a backward gives: it is run once to see. Raises Unbindable when it gives nothing."""
    with frozen(case.seed):
        tape = subject.caller.forward(case.arrays)
        dy = np.random.default_rng(3).standard_normal(np.shape(tape.output))
        given = tape.backward(np.asarray(dy) if np.ndim(dy) else 1.0)
    present = [e.name for e in subject.layout.entries if e.differentiable and e.name in given]
    if not [n for n in present if given[n] is not None]:
        raise GivesNothing
    return tuple(present)


def gives_back(subject: Subject, alike: bool = False) -> bool:
    """Whether a layer gives back the very numbers that it gets, as the maximum of each column of one row does.

    With `alike`, as they are: a reshape that leaves the shape as it was.
    """
    case = subject.sample(7, generic_sizes(subject.layout, None, None))
    with frozen(case.seed):
        out = numeric(subject.caller.forward(case.arrays).output)
    given = next(iter(case.arrays.values()))
    return out is not None and (not alike or out.shape == given.shape) and np.array_equal(out.ravel(), given.ravel())


def fits_its_arrays(subject: Subject) -> bool:
    """Whether every gradient has as many entries as its array: what has not is one of another reading."""
    sizes, given = generic_sizes(subject.layout, None, None), given_shapes(subject)
    return all(np.prod(given[n]) == np.prod(subject.layout[n].shape(sizes)) for n in subject.judged if n in given)


def distance_of(attempt: Attempt, far: bool = False, judged: bool = True) -> float:
    """0 where the gradients of an attempt are right, else more, and if `far`, the more the less they look like it."""
    if not judged or attempt.subject is None or attempt.fault is not None:
        return np.inf
    base = attempt.subject.spec.layout if attempt.subject.spec else None
    sizes = generic_sizes(attempt.subject.layout, attempt.subject.spec, base)
    return misfit(attempt.subject, attempt.subject.sample(11, sizes), far)
