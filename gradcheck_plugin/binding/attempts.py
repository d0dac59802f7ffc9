"""Two readings of one candidate beside each other: which says more, and whether both are meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from gradcheck_plugin.binding import author_shapes
from gradcheck_plugin.binding.fit import Attempt, defaults, in_every_reduction, ways_of
from gradcheck_plugin.binding.obstacles import elsewhere
from gradcheck_plugin.binding.stated_shapes import given_shapes
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.faults import blame
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec, Variant


def backward_raises(fault: Exception | None) -> bool:
    """Whether a call ended in the backward of the user's code."""
    return isinstance(fault, UserCodeRaised) and fault.where == "backward"


def called_alike(candidate: Candidate, subject: Subject, variant: Variant) -> bool:
    """Whether the options of another variant change nothing in how a candidate is called: it gives the same numbers."""
    assert subject.spec is not None
    spec, layout = subject.spec, subject.layout
    case = subject.sample(7, generic_sizes(layout, spec, spec.layout))
    try:
        ways = ways_of(candidate, layout, {**defaults(spec), **variant.options})
        ways = [c for w in ways for c in in_every_reduction(w, candidate, spec, variant, layout, dict(subject.fixed))]
        outs = []
        for caller in (subject.caller, *ways):
            with frozen(case.seed):
                outs.append(numeric(caller.forward(case.arrays).output))
    except (Unbindable, UserCodeRaised):
        return False
    return any(out is not None and np.array_equal(out, outs[0], equal_nan=True) for out in outs[1:])  # type: ignore[arg-type]


def of_shapes(candidate: Candidate, other: Subject, shapes: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The doubts about a reading in which some arrays have other shapes: all gradients, where the first array is one.

    None for the arrays of which the author says how many axes they have.
    """
    said = author_shapes.stated_ranks(candidate)
    apart = [e for e in other.layout.entries if e.dims != shapes[e.name]]
    apart = [e for e in apart if said.get(other.display(e.name)) != len(e.dims) or len(shapes[e.name]) == len(e.dims)]
    doubts: dict[str, str] = {}
    for e in apart:
        shown = other.display(e.name)
        of_all = e.name == other.layout.entries[0].name
        doubts["" if of_all else shown] = (
            f"right for `{shown}` of shape {_shown(e.dims)}, not for {_shown(shapes[e.name])}; the forward takes both"
        )
    return doubts


def _shown(dims: tuple[str, ...]) -> str:
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"


def of_other_ranks(attempt: Attempt, best: Attempt) -> bool:
    """Whether a backward that raised runs on other ranks: what is for one sample takes many by broadcasting."""
    if attempt.subject is None or best.subject is None or attempt.fault is not None:
        return False
    ranks = [[len(e.dims) for e in a.subject.layout.inputs] for a in (attempt, best) if a.subject is not None]
    return ranks[0] != ranks[1]


def as_others_raise(candidate: Candidate, attempt: Attempt, other: Attempt) -> Attempt:
    """A reading, with a doubt where the backward raises in another one that the code is as much written for.

    That is so where it asks how many axes there are, and where a network sums over samples that it would not have.
    """
    if attempt.subject is None or other.subject is None:
        return attempt
    pairs = zip(attempt.subject.layout.inputs, other.subject.layout.inputs, strict=False)
    apart = next(((a, b) for a, b in pairs if len(a.dims) != len(b.dims)), None)
    shown = attempt.subject.display(apart[0].name) if apart else ""
    sums = candidate.kind == "network" and author_shapes.sums_up(candidate)
    if apart is None or shown in author_shapes.stated_ranks(candidate):
        return attempt
    if sums or author_shapes.asks_for_ranks(candidate):
        mine, theirs = (_shown(e.dims) for e in apart)
        doubt = f"right for `{shown}` of shape {mine}, not for {theirs}; the forward takes both"
        attempt.subject = dataclasses.replace(attempt.subject, doubts={"": doubt})
    return attempt


def claims_to_be(spec: LayerSpec, layout: Layout) -> bool:
    """Whether an object that takes these arrays and computes something else is a faulty one of the kind.

    Not where it leaves out a parameter or something drawn: what stands in for that can be told from a match only.
    """
    given, entries = names_of(layout), spec.layout.entries
    return not any(e.name not in given and (e in spec.layout.params or not e.differentiable) for e in entries)


def names_of(layout: Layout) -> list[str]:
    return [e.name for e in layout.entries]


def built_alike(one: Attempt, other: Attempt) -> bool:
    """Whether two layouts are for one object: a constructor may have been given sizes that only one of them has."""
    driven = [a.subject.caller.objects if a.subject is not None else None for a in (one, other)]
    plans = [d.built.plan if d is not None else None for d in driven]
    return plans[0] == plans[1]


def works_alike(candidate: Candidate, one: Attempt, other: Attempt) -> bool:
    """Whether an object is built alike in two layouts, and takes its own steps in both.

    A step of another shape makes another array of a parameter: that is one for which it is not written.
    """
    if not built_alike(one, other) or one.subject is None or other.subject is None:
        return False
    return not candidate.steps or {*given_shapes(one.subject)} >= {*given_shapes(other.subject)}


def is_telling(candidate: Candidate, fault: Exception | None) -> bool:
    """Whether a forward got as far as what is wrong with it, or is not on this machine: another input raised before."""
    if not isinstance(fault, UserCodeRaised):
        return False
    return blame.always(fault, None) is not None or bool(elsewhere(candidate, fault, None))


def says_more(candidate: Candidate, attempt: Attempt, first: Attempt) -> bool:
    """Whether an attempt got further than the first one, or as far as what is wrong whatever the input."""
    further = bool(attempt.subject) - bool(first.subject)
    telling = is_telling(candidate, attempt.fault) - is_telling(candidate, first.fault)
    return further > 0 or (further == 0 and telling > 0)


def refused(fault: Exception) -> bool:
    """Whether a forward says by `assert` that it does not take such sizes: another layout may say more."""
    return isinstance(fault, UserCodeRaised) and isinstance(fault.cause, AssertionError)


def settles(attempt: Attempt, best: Attempt) -> bool:
    """Whether another variant of the same arrays explains what the best so far does not: a sum for a mean."""
    if attempt.subject is None or best.subject is None or attempt.subject.layout != best.subject.layout:
        return False
    return attempt.matches and attempt.fault is None and attempt.distance < best.distance


def is_wider(attempt: Attempt, other: Attempt) -> bool:
    """Whether the first input of an attempt has more axes than in another, and the same arrays have fewer than it."""
    assert attempt.subject is not None
    assert other.subject is not None
    (first, *rest), (before, *others) = (
        [len(e.dims) for e in a.subject.layout.inputs] for a in (attempt, other) if a.subject is not None
    )
    pairs = list(zip(rest, others, strict=False))
    return first > before and len(rest) == len(others) and all((a < first) == (b < before) for a, b in pairs)


def same_arrays(layout: Layout, other: Attempt) -> bool:
    """Whether two layouts are for the same arrays, and differ in their sizes only."""
    assert other.subject is not None
    return [e.name for e in layout.params] == [e.name for e in other.subject.layout.params]
