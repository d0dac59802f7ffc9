"""The same layer in other situations: a second object, other memory, float32, integers, a batch of one or of none.

One generic case tells; each clause makes the runs that it needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from gradcheck_plugin.conventions.watch import handed, same
from gradcheck_plugin.judging.breach import (
    Breach,
    Gradients,
    Seen,
    arrays_of,
    backward_of,
    differ,
    first_differing,
    largest,
)
from gradcheck_plugin.judging.gradient import output_of, referred, upstream
from gradcheck_plugin.model import Array, Case, Severity
from gradcheck_plugin.running import calls
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.conditions import Handed, Memory
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.subject import Subject

BATCH = "N"
ROUGH = 1e-2  # of the largest entry: another number, and no other guard or rounding


def breaches(subject: Subject, case: Case, seen: Seen) -> Iterator[Breach]:
    """Every clause of this module that the case breaks."""
    yield from _second_object(subject, case, seen)
    yield from _last_forward(subject, case, seen)
    yield from _memory_layout(subject, case, seen)
    yield from _single(subject, case, seen)
    yield from _integers(subject, case, seen)
    yield from _one_sample(subject, case, seen)
    yield from _no_sample(subject, case)


def _second_object(subject: Subject, case: Case, seen: Seen) -> Iterator[Breach]:
    """A forward of another object, or for functions of another cache, does not reach into a backward."""
    other = subject.sample(case.seed ^ 0x1F35, case.sizes)
    with frozen(case.seed):
        tape, out = output_of(subject, case)
        if not same(out, seen.out):
            yield Breach("not-reproducible", Severity.ERROR, property="forward")
            return
        try:
            with frozen(other.seed):
                output_of(subject, other)
            given = arrays_of(tape.backward(handed(seen.dy)))
        except UserCodeRaised as exc:
            yield Breach("shared-state", Severity.ERROR, next(iter(seen.first), ""), raised=exc)
            return
    name = first_differing(given, seen.first)
    if name:
        yield Breach("shared-state", Severity.ERROR, name)


def _last_forward(subject: Subject, case: Case, seen: Seen) -> Iterator[Breach]:
    """After two forwards of one object, backward belongs to the second."""
    run = subject.caller.forward_after
    if run is None:
        return
    before = subject.sample(case.seed ^ 0x1F35, case.sizes)
    try:
        with frozen(case.seed):
            tape = run(before.arrays, case.arrays)
            again = numeric(tape.output)
            given = arrays_of(tape.backward(handed(seen.dy)))
    except Exception:
        return
    if again is None or not same(again, seen.out):
        return  # a forward with a memory or a generator of its own: its second output is another one
    name = first_differing(given, seen.first)
    if name:
        yield Breach("earlier-forward", Severity.ERROR, name)


def _memory_layout(subject: Subject, case: Case, seen: Seen) -> Iterator[Breach]:
    """Arrays whose memory is not contiguous, or in Fortran order, hold the same numbers."""
    memories: tuple[Memory, ...] = ("not contiguous", "in Fortran order")
    for how in memories:
        try:
            with calls.converting(Handed(how)):
                given = backward_of(subject, case, seen.dy)
        except UserCodeRaised as exc:
            yield Breach("memory-layout", Severity.ADVICE, "", how, raised=exc)
            return
        name = first_differing(given, seen.first)
        if name:
            yield Breach("memory-layout", Severity.ERROR, name, how)
            return


def _single(subject: Subject, case: Case, seen: Seen) -> Iterator[Breach]:
    """float32 stays float32, where every parameter can be had as float32."""
    driven = subject.caller.objects
    if driven is not None and any(e.name not in driven.built.given for e in subject.layout.params):
        return
    single = Handed("single")
    try:
        with calls.converting(single), frozen(case.seed):
            tape, out = output_of(subject, case)
            given = tape.backward(single(seen.dy) if seen.dy.ndim else np.float32(seen.dy))
    except (UserCodeRaised, TypeError):
        return
    if not out.ndim:
        return
    if out.dtype == np.float64:
        yield Breach("promotes-float32", Severity.ADVICE, "", "the output", property="forward")
        return
    wide = [n for n, g in given.items() if getattr(g, "dtype", None) == np.float64 and np.ndim(g)]
    if wide:
        yield Breach("promotes-float32", Severity.ADVICE, wide[0], f"`{subject.gradient_name(wide[0])}`")


def _integers(subject: Subject, case: Case, seen: Seen) -> Iterator[Breach]:
    """An integer input is refused, or gives what the same numbers as floats give; it is never cut silently."""
    real = [e.name for e in subject.layout.inputs if e.domain == "real"]
    if not real:
        return
    whole = {n: np.round(3 * a) if n in real else a for n, a in case.arrays.items()}
    moved = dataclasses.replace(case, arrays=whole)

    integer = Handed("integer", tuple(whole[n] for n in real))
    try:
        wanted_out, wanted = _run(subject, moved, seen.dy)
        with calls.converting(integer):
            out, given = _run(subject, moved, seen.dy)
    except (UserCodeRaised, TypeError):
        return
    if differ(out, wanted_out):
        yield Breach("cuts-integers", Severity.ADVICE, "", "output", property="forward")
    elif name := first_differing(given, wanted):
        yield Breach("cuts-integers", Severity.ADVICE, name, f"`{subject.gradient_name(name)}`")


def _run(subject: Subject, case: Case, dy: Array | None) -> tuple[Array, Gradients]:
    """Output and gradients of a fresh forward; without `dy` for an upstream gradient of the case's own."""
    with frozen(case.seed):
        tape, out = output_of(subject, case)
        out = out.copy()
        return out, arrays_of(tape.backward(handed(upstream(subject, case, out) if dy is None else dy)))


def _equal(a: Array, b: Array, rounding: float = 0.0) -> bool:
    """Whether two arrays are the same but for a rounding that nobody could mistake for another number."""
    if a.shape != b.shape:
        return False
    finite = np.isfinite(b)
    return bool(np.all(np.abs(a - b)[finite] <= max(ROUGH * largest(b[finite]), rounding, 1e-11)))


def _resized(subject: Subject, case: Case, size: int) -> Case | None:
    """The case with another number of samples, where the layer has them."""
    too_few = size > 0 and subject.minimum.get(BATCH, 1) > size
    if BATCH not in case.sizes or BATCH in subject.fixed or too_few:
        return None
    try:
        return subject.sample(case.seed, {**case.sizes, BATCH: size})
    except ValueError:  # some domain has no empty array
        return None


def _one_sample(subject: Subject, case: Case, seen: Seen) -> Iterator[Breach]:
    """A batch of one sample has its axis, and gives what the reference gives."""
    one = _resized(subject, case, 1)
    if one is None:
        return
    error, known = Severity.ERROR, subject.spec is not None
    try:
        with frozen(one.seed):
            tape, out = output_of(subject, one)
            out = out.copy()
            dy = upstream(subject, one, out)
            given = arrays_of(tape.backward(handed(dy)))
    except UserCodeRaised as exc:
        severity = error if known else Severity.ADVICE
        text = f"{type(exc.cause).__name__}: {exc.cause}"
        yield Breach("batch-of-one", severity, "", f"raises {text[:120]}", raised=exc, case=one)
        return
    except Exception:
        return
    want = _with_one(subject, case, one, seen.out.shape)
    if want is not None and out.shape != want:
        detail = f"gives an output of shape {out.shape}, not {want}"
        yield Breach("batch-of-one", error, "", detail, property="forward", case=one)
        return
    for name, g in seen.first.items():
        shape = one.arrays[name].shape
        if name in given and g.shape == case.arrays[name].shape and given[name].shape != shape:
            detail = f"gives `{subject.gradient_name(name)}` the shape {given[name].shape}, not {shape}"
            yield Breach("batch-of-one", error, name, detail, case=one)
            return
    yield from _one_by_reference(subject, case, seen, one, out, dy, given)


def _with_one(subject: Subject, case: Case, one: Case, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of the output of one sample: as the reference gives it, or where it is clear which axis they lie on."""
    if subject.spec is not None:
        many, single = subject.reference(case), subject.reference(one)
        return single.shape if many is not None and single is not None and many.shape == shape else None
    count = case.sizes[BATCH]
    clear = shape.count(count) == list(case.sizes.values()).count(count) == 1
    return tuple(1 if s == count else s for s in shape) if clear and _follows(subject, case, shape) else None


def _follows(subject: Subject, case: Case, shape: tuple[int, ...]) -> bool:
    """Whether the axis of an output that is as long as the batch is so for other batches: four moments are four."""
    count = case.sizes[BATCH]
    longer = max(case.sizes.values()) + 1
    other = _resized(subject, case, longer)
    try:
        if other is None:
            return False
        with frozen(other.seed):
            out = output_of(subject, other)[1]
    except Exception:
        return False
    return out.shape == tuple(longer if s == count else s for s in shape)


def _one_by_reference(
    subject: Subject, case: Case, seen: Seen, one: Case, out: Array, dy: Array, given: Gradients
) -> Iterator[Breach]:
    """Numbers that agree with the reference for several samples, and for this one twice, agree for it alone."""
    if not subject.matches or "" in (wrong := _unlike(subject, case, seen.out, seen.dy, seen.first)):
        return
    for name in _unlike(subject, one, out, dy, given):
        if name in wrong:
            continue
        twice = _twice(subject, one)
        both, gradients = _run(subject, twice, None)
        if name not in _unlike(subject, twice, both, upstream(subject, twice, both), gradients):
            detail = f"gives another `{subject.gradient_name(name)}`" if name else "gives another output"
            yield Breach("batch-of-one", Severity.ERROR, name, detail, property="" if name else "forward", case=one)
        return


def _unlike(subject: Subject, case: Case, out: Array, dy: Array, given: Gradients) -> list[str]:
    """What is not what the reference gives: the gradients by name, or only "" where the output is another one."""
    reference = subject.reference(case)
    if reference is None or not _equal(out, reference):
        return [""]
    right = referred(subject, case, subject.layout, dy, out)
    grain = {np.dtype(np.float64): 1e-9}  # single precision rounds what cancels for more than is left
    bounds = {n: grain.get(np.result_type(g, out), 1e-5) * largest(dy) for n, g in given.items()}
    return [n for n, g in given.items() if (r := right.get(n)) is not None and not _equal(g, r, bounds[n])]


def _twice(subject: Subject, one: Case) -> Case:
    """The case whose batch is the one sample of another, two times."""
    axes = {e.name: e.dims.index(BATCH) for e in subject.layout.entries if BATCH in e.dims}
    arrays = {n: np.repeat(a, 2, axis=axes[n]) if n in axes else a for n, a in one.arrays.items()}
    return dataclasses.replace(one, sizes={**one.sizes, BATCH: 2}, arrays=arrays)


def _no_sample(subject: Subject, case: Case) -> Iterator[Breach]:
    """What becomes of an empty batch is worth knowing, and nothing more."""
    none = _resized(subject, case, 0)
    if none is None:
        return
    try:
        with frozen(none.seed):
            tape, out = output_of(subject, none)
            given = arrays_of(tape.backward(handed(upstream(subject, none, out))))
    except UserCodeRaised as exc:
        yield Breach("empty-batch", Severity.NOTE, "", f"raises {type(exc.cause).__name__}", raised=exc)
        return
    except Exception:
        return
    if not all(np.isfinite(a).all() for a in (out, *given.values())):
        yield Breach("empty-batch", Severity.NOTE, "", "returns NaN")
