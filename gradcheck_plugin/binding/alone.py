"""A candidate without a reference: the forward is the only authority on what it computes."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from gradcheck_plugin.binding import author_shapes, narrow, trained
from gradcheck_plugin.binding.attempts import backward_raises, built_alike, is_wider, same_arrays, says_more
from gradcheck_plugin.binding.fit import Attempt, NotFinite, distance_of, fits_its_arrays, gives_back, try_out
from gradcheck_plugin.binding.guess import guesses, names_parameter, positive
from gradcheck_plugin.binding.stated_shapes import given_gradients, given_shapes
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.judging.gradient import depends
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout
from reference_impls.spec import Variant


def bound_alone(candidate: Candidate, judged: bool = True) -> Attempt:
    """Bind without a reference: the forward is the only authority on what it computes.

    The first shape of input that runs is the natural one. The form of labels is settled by the backward, where the
    forward takes several: where one form makes it the gradient of the forward, that form is meant, and it stays open
    whether the others are.
    """
    first, other = Attempt(), None
    for layouts in guesses(candidate):
        ran: list[tuple[Attempt, bool]] = []
        raised, broke = first.fault, first.tried
        for layout in layouts:
            if ran and candidate.kind == "layer" and same_arrays(layout, ran[0][0]):
                continue
            attempt = try_out(candidate, None, Variant(), layout, judged=judged)
            if isinstance(attempt.fault, NotFinite):
                gentle = try_out(candidate, None, Variant(), positive(layout), judged=judged)
                attempt = gentle if gentle.subject is not None and gentle.fault is None else attempt
            if attempt.subject is not None and attempt.fault is None:
                if _not_as_turned(candidate, attempt.subject):
                    other = other or attempt
                    continue
                attempt = _with_trained(candidate, _with_masks(candidate, attempt, judged))
                assert attempt.subject is not None
                notes = [*attempt.subject.notes, "no reference: checked numerically"]
                if isinstance(raised, UserCodeRaised) and raised.where == "backward":
                    notes.append("its backward raises for inputs of other shapes")
                    doubts = narrow.doubts(candidate, attempt.subject.layout, broke.subject.layout if broke else None)
                    if not doubts and candidate.kind == "layer" and gives_back(attempt.subject, alike=True):
                        doubts = {"": f"{notes[-1]}, and with this one its forward does nothing"}
                    attempt.subject = dataclasses.replace(attempt.subject, doubts=doubts)
                if other is not None:
                    notes.append("its backward gives other shapes for inputs of fewer axes")
                attempt.subject = _also(candidate, dataclasses.replace(attempt.subject, notes=tuple(notes)), judged)
                fits = fits_its_arrays(attempt.subject)
                if candidate.kind == "layer" and other is not None and not (fits and is_wider(attempt, other)):
                    continue
                if fits and not distance_of(attempt, judged=judged) and not _rescued(candidate, attempt, ran):
                    wrong = next((a.subject for a, fitted in ran if fitted), None)
                    doubts = _of_labels(attempt.subject, wrong) if candidate.kind == "loss" else {}
                    doubts = {**attempt.subject.doubts, **doubts}
                    attempt.subject = dataclasses.replace(attempt.subject, doubts=doubts)
                    return attempt
                ran.append((attempt, fits))
            elif first.fault is None or says_more(candidate, attempt, first):
                first = attempt if not _not_as_turned(candidate, attempt.subject) else first
        if ran:
            best, fitting = max(ran, key=lambda pair: pair[1])
            if fitting or candidate.kind == "network" or (candidate.kind == "loss" and len(candidate.inputs) <= 2):
                return best
            other = other or best  # weights one by one: their gradients may say that they have other shapes
    if other is None or (backward_raises(first.fault) and _not_as_turned(candidate, other.subject)):
        return _of_vectors(candidate, first) or first
    if (vectors := _one_sample(candidate, other)) is not None:
        return vectors
    strange = _of_unknown_shape(other.subject) if candidate.kind == "loss" else []
    strange += _not_as_turned(candidate, other.subject)
    if not strange:
        return other
    reason = f"nothing says what shape `{strange[0]}` has; its gradient has another one than what was tried"
    return Attempt(fault=Unbindable(reason))


def _one_sample(candidate: Candidate, other: Attempt) -> Attempt | None:
    """A layer as it is for one sample: vectors and numbers, where its gradients have the shapes of those and are right.

    `np.dot(w, x) + b` runs with rows, too, and there the gradient of `x` has not its shape.
    """
    names = candidate.inputs
    if candidate.kind != "layer" or candidate.shapes or not 1 < len(names) <= 3 or other.subject is None:
        return None
    first, sizes = other.subject.layout.entries[0], generic_sizes(other.subject.layout, None, None)
    given = given_shapes(other.subject).get(first.name)
    if other.subject.layout.params or given is None or np.prod(given) == np.prod(first.shape(sizes)):
        return None  # it is called as it is meant, and what else does not fit is a fault
    for axes in itertools.product(("D", ""), repeat=len(names) - 1):
        text = ", ".join(f"{n}: {a}" for n, a in zip(names, ("D", *axes), strict=True))
        attempt = try_out(candidate, None, Variant(), Layout.parse(f"{text} -> Y"))
        if attempt.subject is None or attempt.fault is not None or not fits_its_arrays(attempt.subject):
            continue
        if attempt.subject.judged != names and len(attempt.subject.judged) < len(names):
            continue
        if not distance_of(attempt):
            doubt = f"right for `{names[0]}` of one sample, not for {len(first.dims)} axes; the forward takes both"
            attempt.subject = dataclasses.replace(attempt.subject, doubts={"": doubt})
            return attempt
    return None


def _of_vectors(candidate: Candidate, rows: Attempt) -> Attempt | None:
    """An operation of two vectors whose backward raises for rows, of which its forward makes something smaller.

    That the inner product of two vectors runs with rows is an accident. What gives an entry for each entry of its
    operands is meant for rows, too: there it is its own fault that it raises.
    """
    if len(candidate.shapes) != 1 or len(candidate.inputs) != 2 or not backward_raises(rows.fault) or not rows.tried:
        return None
    subject, case = rows.tried.subject, rows.tried.case
    try:
        with frozen(case.seed):
            out = numeric(subject.caller.forward(case.arrays).output)
    except (Unbindable, UserCodeRaised):
        return None
    shapes = [np.shape(a) for a in case.arrays.values()]
    if out is None or len(set(shapes)) > 1 or out.size >= np.prod(shapes[0]):
        return None
    layout = Layout.parse(", ".join(f"{n}: D" for n in candidate.inputs) + " -> Y")
    attempt = try_out(candidate, None, Variant(), layout)
    if attempt.subject is None or attempt.fault is not None or distance_of(attempt):
        return None
    doubts = {"": "right for vectors; its backward raises for matrices, which its forward takes"}
    attempt.subject = dataclasses.replace(attempt.subject, doubts=doubts)
    return attempt


_EVEN = {"7": "8", "9": "10"}


def _also(candidate: Candidate, subject: Subject, judged: bool) -> Subject:
    """A layer without a reference that is tried on images, too, which may show more than what it was found to take.

    A step of 2 leaves entries behind the last one it takes where sides are even, not where they are odd as those that
    were made up; and rows show nothing of how images are flattened. A backward that raises there is open.
    """
    first, *others = subject.layout.inputs
    if candidate.kind != "layer":
        return subject
    if ("7", "9") in itertools.pairwise(first.dims) or first.dims == ("N", "C", "9"):
        shapes = [tuple(tuple(_EVEN.get(d, d) for d in axis) for axis in e.axes) for e in subject.layout.inputs]
        note = "sides of even length"
    elif first.dims == ("N", "D") and not others and not subject.layout.params and gives_back(subject):
        shapes, note = [(("N",), ("C",), ("7",), ("9",))], "images"
    else:
        return subject
    inputs = (dataclasses.replace(e, axes=axes) for e, axes in zip(subject.layout.inputs, shapes, strict=True))
    layout = dataclasses.replace(subject.layout, inputs=tuple(inputs))
    attempt = try_out(candidate, None, Variant(), layout, judged=judged)
    if attempt.subject is None or not built_alike(attempt, Attempt(subject)):
        return subject
    if backward_raises(attempt.fault):
        doubt = f"its backward raises for {note}, which its forward takes"
        return dataclasses.replace(subject, doubts={**subject.doubts, "": doubt})
    return subject if attempt.fault else dataclasses.replace(subject, further=((Variant(note=note), layout),))


def _not_as_turned(candidate: Candidate, subject: Subject | None) -> list[str]:
    """The arrays that got one axis, and that the author turns: nothing was found that they are written for."""
    turned = author_shapes.turned(candidate)
    entries = {e.name: e for e in subject.layout.inputs} if subject is not None else {}
    return [n for n in candidate.inputs if n in turned and n in entries and len(entries[n].dims) < 2]


def _of_unknown_shape(subject: Subject | None) -> list[str]:
    """The arrays of a loss whose gradients have another shape than was guessed, and whose names do not say which."""
    if subject is None:
        return []
    given, sizes = given_shapes(subject), generic_sizes(subject.layout, None, None)
    entries = [e for e in subject.layout.inputs[1:] if e.name in given and not names_parameter(e.name)]
    return [e.name for e in entries if np.prod(given[e.name]) != np.prod(e.shape(sizes))]


def _with_masks(candidate: Candidate, attempt: Attempt, judged: bool) -> Attempt:
    """The attempt with any numbers for a mask that the forward moves with and that the backward gives a gradient of.

    What is added to scores is named a mask, too; its gradient, where there is one, is as good a claim as any.
    """
    subject = attempt.subject
    inputs = subject.layout.inputs if subject is not None else ()
    masks = [e for e in inputs if not e.differentiable and "mask" in e.name.lower()]
    if candidate.kind != "layer" or subject is None or not masks:
        return attempt
    inputs = tuple(dataclasses.replace(e, domain="real") if e in masks else e for e in inputs)
    moved = try_out(candidate, None, Variant(), dataclasses.replace(subject.layout, inputs=inputs), judged=judged)
    if moved.subject is None or moved.fault is not None:
        return attempt
    case, given = (
        moved.subject.sample(7, generic_sizes(moved.subject.layout, None, None)),
        given_gradients(moved.subject),
    )
    claims = all(e.name in given and given[e.name].any() for e in masks)
    return moved if claims and all(depends(moved.subject, e.name, case) for e in masks) else attempt


def _with_trained(candidate: Candidate, attempt: Attempt) -> Attempt:
    """The attempt with the parameters that the object trains, instead of those whose names look like it."""
    assert attempt.subject is not None
    found = trained.survey(attempt.subject)
    if found is None:
        return attempt
    notes = attempt.subject.notes
    if found.constants:
        notes = (*notes, f"nobody trains {', '.join(found.constants)}")
    if found.layout != attempt.subject.layout:
        again = try_out(candidate, None, Variant(), found.layout, judged=False)
        if again.subject is None or again.fault is not None:
            return attempt
        attempt = again
    assert attempt.subject is not None
    attempt.subject = dataclasses.replace(attempt.subject, open=found.open, notes=notes)
    return attempt


def _rescued(candidate: Candidate, attempt: Attempt, ran: list[tuple[Attempt, bool]]) -> bool:
    """Whether a loss is right for probabilities only, takes all numbers, and nothing says that it is for probabilities.

    A far branch that the backward forgets is never reached by them.
    """
    firsts = [a.subject.layout.inputs[0].domain for a in (attempt, *(a for a, fits in ran if fits)) if a.subject]
    if candidate.kind != "loss" or firsts[0] not in ("prob", "unit") or "real" not in firsts[1:]:
        return False
    return not author_shapes.takes_probabilities(candidate)


_FORMS = {"onehot": "one-hot rows", "label": "numbers of classes", "binary": "zeros and ones", "real": "any numbers"}


def _of_labels(right: Subject, wrong: Subject | None) -> dict[str, str]:
    """The doubt about a loss whose forward takes labels of two forms, and whose backward is right for one of them."""
    for one, other in zip(right.layout.inputs, wrong.layout.inputs if wrong else (), strict=False):
        if (one.domain, len(one.dims)) != (other.domain, len(other.dims)) and "real" not in (one.domain, other.domain):
            forms = [_FORMS.get(e.domain, e.domain) for e in (one, other)]
            return {"": f"right for labels as {forms[0]}, wrong for {forms[1]}; the forward takes both"}
    return {}
