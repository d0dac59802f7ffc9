"""The layout of one reference that fits a candidate best."""

from __future__ import annotations

import dataclasses

import numpy as np

from gradcheck_plugin.binding import author_shapes, narrow
from gradcheck_plugin.binding.attempts import (
    as_others_raise,
    backward_raises,
    called_alike,
    claims_to_be,
    is_telling,
    names_of,
    of_other_ranks,
    of_shapes,
    refused,
    settles,
    works_alike,
)
from gradcheck_plugin.binding.fit import Attempt, distance_of, fits_its_arrays, gives_back, try_out
from gradcheck_plugin.binding.readings import as_stated, layouts_of, stated_first, with_own_defaults
from gradcheck_plugin.binding.stated_shapes import given_shapes
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.oracles.equal import equal
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec, Variant


def against(candidate: Candidate, spec: LayerSpec, quick: bool = False) -> Attempt:
    """The layout of `spec` that fits the candidate best.

    A layer that takes its own steps often does so one sample at a time; then N is 1 in every layout of rows. For
    sequences it would make a sum over the time of one over the batch.
    """
    best = Attempt()
    for layouts in (group for whole in layouts_of(spec) for group in stated_first(candidate, spec, whole)):
        attempt = _in_layouts(candidate, spec, layouts, quick)
        attempt = Attempt(attempt.subject, ran=True) if _takes_wider_windows(attempt) else attempt
        unfit = best.subject is None and isinstance(best.fault, Unbindable | None)
        best = attempt if attempt.matches or (attempt.ran and not best.ran) or unfit else best
        if best.matches:
            break
    if not best.matches and not quick and (own := with_own_defaults(candidate, spec, float)):
        attempt = _in_layouts(candidate, spec, as_stated(candidate, spec, own), quick)
        best = attempt if attempt.matches else best
    one_is_enough = spec.minimum.get("N", 1) == 1
    accident = best.subject is not None and best.subject.variant.incidental
    if candidate.steps and one_is_enough and not (best.matches and best.fault is None and not accident):
        single = [
            (dataclasses.replace(v, note="; ".join(filter(None, [v.note, "one sample at a time"]))), l.pinned({"N": 1}))
            for v, l in spec.layouts()
            if "N" in l.dims() and len(l.inputs[0].dims) <= 2
        ]
        for pair in single:
            one = _in_layouts(candidate, spec, [pair], quick)
            if one.matches and one.fault is None and not (quick and one.subject and _agrees_by_chance(one.subject)):
                return one
    return best


def _takes_wider_windows(attempt: Attempt) -> bool:
    """Whether what agrees for windows of 1 x 1, in which most differences vanish, takes others, too."""
    subject = attempt.subject
    if subject is None or subject.spec is None or not attempt.matches:
        return False
    base = {e.name: e.dims for e in subject.spec.layout.params}
    narrow_ones = {e.name: e for e in subject.layout.params if e.dims[2:] and set(e.dims[2:]) == {"1"}}
    if not narrow_ones or any(len(base.get(n, ())) != len(e.dims) for n, e in narrow_ones.items()):
        return False
    case = subject.sample(7, generic_sizes(subject.layout, subject.spec, subject.spec.layout))
    wider = {n: case.rng(5).standard_normal((*case.arrays[n].shape[:2], *(3 for _ in e.dims[2:])))
             for n, e in narrow_ones.items()}  # fmt: skip
    try:
        with frozen(case.seed):
            out = numeric(subject.caller.forward({**case.arrays, **wider}).output)
    except (Unbindable, UserCodeRaised):
        return False
    return out is not None and bool(np.isfinite(out).all())


def _in_layouts(
    candidate: Candidate,
    spec: LayerSpec,
    layouts: list[tuple[Variant, Layout]],
    quick: bool,
) -> Attempt:
    """The first layout of `spec` that the forward agrees with; else the first that runs; else the first fault.

    Where several agree, as the mean and the sum of one loss a sample do, the backward settles which is meant; where
    one agrees exactly, it goes before those that come close.
    """
    best, chosen = Attempt(), Variant()
    only: Attempt | None = None
    further: list[tuple[Variant, Layout]] = []
    for variant, layout in layouts:
        claims = not variant.incidental and claims_to_be(spec, layout)
        same = best.subject is not None and variant.options == chosen.options
        stuck = best.matches and isinstance(best.fault, UserCodeRaised)  # its backward may be written for another rank
        if best.matches and best.exact and not best.distance and not stuck and (quick or not same):
            continue
        attempt = try_out(candidate, spec, variant, layout, quick)
        if variant.incidental and attempt.matches and attempt.fault is None and only is None:
            only = attempt
        fewer = stuck and attempt.matches and attempt.exact >= best.exact and of_other_ranks(attempt, best)
        fewer = fewer and (any(e.dims for e in layout.entries) or not author_shapes.asks_for_ranks(candidate))
        if fewer and (same or (best.subject is not None and called_alike(candidate, best.subject, variant))):
            best, chosen, further = as_others_raise(candidate, attempt, best), variant, []
        elif best.matches and best.distance and settles(attempt, best):
            best, chosen = attempt, variant
        elif best.matches and not best.exact and attempt.exact and attempt.fault is None:
            best, chosen, further = attempt, variant, []
        elif best.matches:
            alike = best.subject is not None and names_of(layout) == names_of(best.subject.layout)
            if same and alike and attempt.matches and attempt.fault is None and works_alike(candidate, attempt, best):
                further.append((variant, layout))  # not where backward refuses labels of another form
        elif (attempt.matches and not variant.incidental) or (attempt.ran and not best.ran and claims):
            best, chosen = attempt, variant
        elif best.subject is None and (
            best.fault is None or refused(best.fault) or is_telling(candidate, attempt.fault)
        ):
            best.fault, best.tried = attempt.fault or best.fault, attempt.tried
    stuck = best.subject is None or (best.fault is not None and not best.matches)
    if only is not None and stuck:  # what others run with by the way is all that this is written for
        best, further = only, []
    if best.subject is not None and further:
        best.subject = dataclasses.replace(best.subject, further=tuple(further))
    if best.subject is not None and best.matches and best.fault is None and not quick:
        best.subject = _beside_wider(candidate, best.subject, layouts)
        best.subject = or_as_its_gradients(candidate, best.subject, layouts)
    elif best.subject is not None and best.matches and backward_raises(best.fault) and not quick:
        other = or_as_its_gradients(candidate, best.subject, layouts, raises=True)
        best = best if other is best.subject else dataclasses.replace(best, subject=other, fault=None)
    return best


def or_as_its_gradients(
    candidate: Candidate,
    subject: Subject,
    layouts: list[tuple[Variant, Layout]],
    raises: bool = False,
) -> Subject:
    """A subject, or one with an array of another shape that the forward takes, too, and that its gradient has.

    One slope for all channels is a slope for each of them in the forward. Where the backward is right for the one,
    and nothing says which is meant, its gradient stays open. An engine may look at shapes, and raise. What takes its
    own step repeats a gradient over its array: the numbers tell, not the shape.
    """
    if not raises and fits_its_arrays(subject) and not _steps_apart(candidate, subject):
        return subject
    shapes = {e.name: e.dims for e in subject.layout.entries}
    stated = author_shapes.said(candidate).ranks
    for variant, layout in layouts:
        if names_of(layout) != [*shapes] or all(e.dims == shapes[e.name] for e in layout.entries):
            continue
        if any(stated.get(subject.display(e.name), len(e.dims)) != len(e.dims) for e in layout.entries):
            continue
        if candidate.kind == "layer" and len(layout.entries[0].dims) < min(len(subject.layout.entries[0].dims), 2):
            continue  # one sample alone is right without the sum over samples
        variant = variant if variant.options else dataclasses.replace(variant, options=subject.variant.options)
        if variant.options != subject.variant.options and not called_alike(candidate, subject, variant):
            continue  # with another axis it is called otherwise, which says nothing of this call
        attempt = try_out(candidate, subject.spec, variant, layout)
        other = attempt.subject
        if not attempt.exact or attempt.fault is not None or other is None or not fits_its_arrays(other):
            continue
        if not raises and not {*given_shapes(other)} >= {*given_shapes(subject)}:
            continue  # a step that cannot be read from an array of this shape is no right one
        if not distance_of(attempt):
            doubts = of_shapes(candidate, other, shapes)
            return dataclasses.replace(other, doubts={**other.doubts, **doubts})
    return subject


def _steps_apart(candidate: Candidate, subject: Subject) -> bool:
    """Whether the steps that a layer takes by itself are not those of its gradients."""
    return bool(candidate.steps and distance_of(Attempt(subject)))


def _beside_wider(candidate: Candidate, subject: Subject, layouts: list[tuple[Variant, Layout]]) -> Subject:
    """A subject with a doubt where its backward is wrong for the same arrays without the axis of length 1 in front.

    The forward agrees with its reference for both, and what is not summed over a single row shows in the other only.
    """
    for variant, layout in layouts:
        if not narrow.is_same_but_for_rows(subject.layout, layout):
            continue
        other = try_out(candidate, subject.spec, variant, layout)
        wrong = other.fault is not None or bool(distance_of(other))
        if other.matches and other.exact and wrong:
            return dataclasses.replace(subject, doubts=narrow.doubts(candidate, subject.layout, layout))
    return subject


def _agrees_by_chance(subject: Subject) -> bool:
    """Whether what agrees with a reference for one row does not for others, or gives back the very row that it gets."""
    for seed in range(8, 15):
        case = subject.sample(seed, generic_sizes(subject.layout, None, None))
        with frozen(case.seed):
            out = numeric(subject.caller.forward(case.arrays).output)
        want = subject.reference(case)
        if out is None or (want is not None and not equal(out, want)):
            return True
    return gives_back(subject)
