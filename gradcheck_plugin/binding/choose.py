"""Which reference a candidate is, if any: its name promises, and the numbers of its forward decide."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from gradcheck_plugin.binding import averages, bind_rule, narrow, strengths, trained
from gradcheck_plugin.binding.against import against, or_as_its_gradients
from gradcheck_plugin.binding.alone import bound_alone
from gradcheck_plugin.binding.attempts import says_more
from gradcheck_plugin.binding.by_numbers import says_as_much
from gradcheck_plugin.binding.fit import Attempt, distance_of
from gradcheck_plugin.binding.index import Index
from gradcheck_plugin.binding.obstacles import doubt, uses_torch
from gradcheck_plugin.binding.reduction import ReducedCaller
from gradcheck_plugin.conventions.base import Caller, Candidate
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.names.aliases import promise
from gradcheck_plugin.names.words import LABELS, PREDICTIONS
from gradcheck_plugin.objects.constructor import option_of
from gradcheck_plugin.objects.strengths import Strength
from gradcheck_plugin.oracles.equal import ALIKE, equal
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls import specs
from reference_impls.shapes import OUTPUT
from reference_impls.spec import RULES, LayerSpec

GUARD = 1e-3  # up to which a number is an eps, not a setting


def choose(candidate: Candidate, named: LayerSpec | None, pinned: bool) -> tuple[Attempt, Candidate]:
    """The best way of calling a candidate, with arrays or with tensors, or as what else it may be."""
    attempt = _search(candidate, named, pinned=pinned)
    if (attempt.subject is None or attempt.fault) and uses_torch(candidate):
        tensors = candidate.read(tensors=True)
        second = _search(tensors, named, pinned=pinned)
        if second.subject is not None and second.fault is None:
            attempt, candidate = second, tensors
    other = candidate.otherwise
    while other and (attempt.subject is None or attempt.fault):
        second = _search(other, named, pinned=pinned)
        if second.subject is not None and second.fault is None:
            attempt, candidate = second, other
        other = other.otherwise
    mean = attempt.subject is not None and is_mean(attempt.subject.caller)
    if mean and distance_of(attempt) and not averages.takes_mean(candidate.objects):
        second = bound_alone(candidate)  # the reference knows the mean; nobody says that it is taken
        if second.subject and not is_mean(second.subject.caller) and not distance_of(second):
            attempt = second
    return attempt, candidate


def is_mean(caller: Caller) -> bool:
    """Whether the gradients of a loss are judged as those of the mean of what it gives."""
    return isinstance(caller, ReducedCaller) and caller.how == "mean"


def _kind(spec: LayerSpec) -> str:
    return "layer" if spec.kind in ("layer", "loss") else spec.kind


def _kind_of(candidate: Candidate) -> str:
    return "layer" if candidate.kind in ("layer", "loss") else candidate.kind


def suits_kind(spec: LayerSpec, candidate: Candidate) -> bool:
    """Whether a candidate can be what a reference is; a loss that is given its parameters, too, is a whole network."""
    whole = (
        candidate.kind == "loss" and spec.kind == "network" and 2 < len(spec.layout.entries) == len(candidate.inputs)
    )
    return whole or _kind(spec) == _kind_of(candidate)


def _search(candidate: Candidate, named: LayerSpec | None, pinned: bool = False) -> Attempt:
    """The best reading of a candidate; readings of single numbers only where no array runs, or its author shows them.

    Whatever multiplies two arrays in some way also multiplies two numbers.
    """
    first = _searched(candidate, named, pinned)
    refuses = isinstance(first.fault, UserCodeRaised) and first.fault.where == "forward"
    if candidate.kind != "layer" or not refuses:
        return first
    second = _searched(candidate.read(numbers=True), named, pinned)
    return second if second.subject is not None and second.fault is None else first


def _searched(candidate: Candidate, named: LayerSpec | None, pinned: bool = False) -> Attempt:
    if candidate.kind in RULES:
        found = bind_rule.search(candidate, named, pinned)
        return Attempt(found.subject, found.fault, found.subject is not None, found.matches, tried=found.tried)
    best, refused = Attempt(), None
    if named:
        best = against(candidate, named)
        more = trained.beyond(best.subject) if best.matches and best.subject and not best.fault and not pinned else ()
        if more:  # it trains what the reference does not know of
            own = bound_alone(candidate)
            return own if own.subject is not None and own.fault is None else best
        if pinned or best.matches or _known_fault(best.subject):
            return _of_another_rank(candidate, best) or best
    index = Index(candidate)
    for spec in specs().values():
        suits = spec is not named and suits_kind(spec, candidate) and (spec.distinctive or _alike(spec, named))
        if suits and index.may_be(spec):
            other = against(candidate, spec, quick=True)
            if other.matches and other.subject is not None and other.fault is not None:
                better = refused is None or says_more(candidate, other, refused)
                if better and any(e.dims for e in other.subject.layout.entries):
                    refused = other  # its backward may want an input of another shape
            elif other.matches and other.subject and says_as_much(other.subject):
                said = "computes what `{}` computes" if named else "recognised as `{}` by its numbers"
                recognised = or_as_its_gradients(candidate, other.subject, spec.layouts())
                other.subject = dataclasses.replace(recognised, notes=(*recognised.notes, said.format(spec.name)))
                return other
    claimed = named is not None and best.ran and (pinned or _says_so(candidate, named, best))
    if claimed and named is not None and not _own_settings(named, best.subject):
        return best
    best.fits = named is not None and not isinstance(best.fault, Unbindable)
    alone = bound_alone(candidate)
    if refused is not None and (alone.subject is None or alone.fault is not None):
        return refused
    if refused is not None and refused.subject is not None and alone.subject is not None:
        narrower = narrow.beside_a_reference(candidate, alone.subject.layout, refused.subject.layout)
        alone.subject = dataclasses.replace(alone.subject, doubts={**alone.subject.doubts, **narrower})
    if alone.subject is not None and (named is None or best.subject is None or not claimed):
        if named is not None and best.ran and alone.fault is None and promise(candidate.name) == "firm":
            alone.subject = dataclasses.replace(alone.subject, promised=named.name)
        return alone
    if named and best.ran and alone.subject is not None and alone.fault is None and not distance_of(alone):
        return alone  # right for a forward with settings of its own
    if isinstance(alone.fault, UserCodeRaised) and not isinstance(best.fault, UserCodeRaised):
        alone.fits = best.fits
        return alone  # what the code itself says is of more use than that a reference does not fit
    return best if best.fault or (best.subject and claimed) else alone


KIND = 0.5  # correlation of two outputs from which one may be a faulty version of the other

SECOND = 0.99  # and for a second one of a name, `Sigmoid2`, which may be anything


def _says_so(candidate: Candidate, named: LayerSpec, best: Attempt) -> bool:
    """Whether an object is meant to be the reference of its name, whose numbers it does not give.

    Its name says so by itself, its output has the reference's shape, its arguments are called like the reference's, and
    its numbers move with the reference's. Else the name stands for something else, as `inv` does for a matrix.
    """
    firmly = promise(candidate.name)
    if not firmly or not best.shaped or best.subject is None:
        return False
    if candidate.kind == "loss" and len(candidate.inputs) == 2:
        names = {n.lower().strip("_") for n in candidate.inputs}
        if not names & {*LABELS, *PREDICTIONS}:
            return False
    return _alike_in_kind(best.subject, KIND if firmly == "firm" else SECOND)


def _alike_in_kind(subject: Subject, least: float) -> bool:
    """Whether the output of a forward moves with that of its reference, over some generic cases."""
    assert subject.spec is not None
    sizes = generic_sizes(subject.layout, subject.spec, subject.spec.layout)
    mine, theirs = [], []
    for seed in range(40, 48):
        case = subject.sample(seed, sizes)
        try:
            with frozen(case.seed):
                out = numeric(subject.caller.forward(case.arrays).output)
            want = subject.reference(case)
        except (Unbindable, UserCodeRaised):
            return False
        if out is None or want is None or out.size != want.size:
            return False
        both = np.isfinite(out.ravel()) & np.isfinite(want.ravel())
        mine.append(out.ravel()[both])
        theirs.append(want.ravel()[both])
    a, b = np.concatenate(mine).astype(float), np.concatenate(theirs).astype(float)
    if a.size < 3 or not a.std() or not b.std():
        return bool(a.size)  # a constant says nothing
    return abs(float(np.corrcoef(a, b)[0, 1])) >= least


def _of_another_rank(candidate: Candidate, best: Attempt) -> Attempt | None:
    """What is elementwise takes all arrays, and its backward may be written for images only: for those it is tried."""
    if not best.matches or not isinstance(best.fault, UserCodeRaised) or not doubt(best.fault, None):
        return None
    alone = bound_alone(candidate)
    return alone if alone.subject is not None and alone.fault is None else None


def _own_settings(spec: LayerSpec, subject: Subject | None) -> bool:
    """Whether a forward follows a number that the reference knows nothing of: what it computes is its own then."""
    if subject is None:
        return False
    case = subject.sample(7, generic_sizes(subject.layout, spec, spec.layout))
    caller = subject.caller
    others = [(n, v, partial(caller.with_setting, n)) for n, v in strengths.numbers_of(caller).items()]
    others += [(s.name, s.now, partial(_weighted, caller, s)) for s in strengths.strengths_of(caller, case)]
    for name, value, with_value in others:
        if abs(value) <= GUARD or _is_given(name, value, spec, subject):
            continue
        ways = [caller, *(with_value(k * value) for k in (1.25, 4.0))]
        try:
            with frozen(case.seed):
                outs = [numeric(c.forward(case.arrays).output) for c in ways if c is not None]
        except (Unbindable, UserCodeRaised):
            continue
        if any(o is None or not np.array_equal(o, outs[0], equal_nan=True) for o in outs[1:]):  # type: ignore[arg-type]
            return True
    return False


def _is_given(name: str, value: float, spec: LayerSpec, subject: Subject) -> bool:
    """Whether the reference was compared with this very value of a number, or has none of its own to compare."""
    option = option_of(name, spec.defaults)
    return option is not None and {**spec.defaults, **subject.variant.options}.get(option) in (value, None)


def _weighted(caller: Caller, strength: Strength, value: float) -> Caller | None:
    return caller.weighted({strength: value})


def _known_fault(subject: Subject | None) -> bool:
    """Whether a forward is a classical wrong one of the reference that its name stands for."""
    if subject is None or subject.spec is None:
        return False
    spec, layout = subject.spec, subject.layout
    case = subject.sample(7, generic_sizes(layout, spec, spec.layout))
    for mistake in spec.mistakes:
        if mistake.forward is None or mistake.variant:
            continue
        try:
            with frozen(case.seed):
                out = numeric(subject.caller.forward(case.arrays).output)
                arrays = (a.copy() for a in subject.base_arrays(case, layout).values())
                wrong = spec.output(*arrays, forward=mistake.forward, **subject.variant.options)
        except Exception:
            continue
        if out is not None and equal(out, layout.from_base(OUTPUT, wrong, spec.layout, case.sizes), ALIKE):
            return True
    return False


def _alike(spec: LayerSpec, named: LayerSpec | None) -> bool:
    """Whether people call two references by one name: the numbers choose."""
    return named is not None and bool({*spec.aliases} & {named.name, *named.aliases})
