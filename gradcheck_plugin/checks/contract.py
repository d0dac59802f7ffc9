"""What any backward must do, whatever the layer: exact checks that need no derivative.

A fault that makes training wrong is an error. A habit that other code survives, such as writing into the upstream
gradient, is advice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.checks.gradient import output_of, pass_upstream, upstream
from gradcheck_plugin.model import Array, Case, Severity
from gradcheck_plugin.oracles.numerical import EPS, floored
from gradcheck_plugin.submission import calls
from gradcheck_plugin.submission.calls import UserCodeRaised, frozen
from gradcheck_plugin.submission.subject import Subject
from gradcheck_plugin.submission.values import numeric

FACTOR = -1000.0


@dataclass(frozen=True)
class Breach:
    """One clause of the contract that a case breaks. `gradient` names the array where one is meant."""

    code: str
    severity: Severity
    gradient: str = ""
    detail: str = ""


def breaches(subject: Subject, case: Case) -> Iterator[Breach]:
    """Every clause that the case breaks, errors before advice."""
    yield from sorted(_all(subject, case), key=lambda b: b.severity is not Severity.ERROR)


def _all(subject: Subject, case: Case) -> Iterator[Breach]:
    with frozen(case.seed):
        _, out = output_of(subject, case)
        out = out.copy()
    with frozen(case.seed):
        _, again = output_of(subject, case)
    if not np.array_equal(out, again, equal_nan=True):
        yield Breach("not-reproducible", Severity.ERROR)
        return
    dy = upstream(subject, case, out)
    first = _backward(subject, case, dy)
    carried = list(_carried(subject, case, dy, first))
    if carried:
        yield from carried
        return
    yield from _last_forward(subject, case, dy, first)
    yield from _memory_layout(subject, case, dy, first)
    yield from _dtypes(subject, case, dy)
    yield from _repeated(subject, case, dy)
    yield from _mutations(subject, case, dy)
    yield from _aliases(subject, case, dy)
    if subject.caller.upstream:
        yield from _linear(subject, case, dy, first)
    elif _optional_upstream(subject):
        yield from _ignored(subject, case, first)


def _backward(subject: Subject, case: Case, dy: Array) -> dict[str, Array]:
    """The gradients that are arrays, of a fresh forward."""
    with frozen(case.seed):
        tape, _ = output_of(subject, case)
        return _numeric(tape.backward(pass_upstream(dy)))


def _numeric(given: dict[str, Any]) -> dict[str, Array]:
    arrays = {n: numeric(g) for n, g in given.items()}
    return {n: a.copy() for n, a in arrays.items() if a is not None}


def _carried(subject: Subject, case: Case, dy: Array, first: dict[str, Array]) -> Iterator[Breach]:
    """A backward after another sample's forward and backward gives what it gave before: nothing is carried over."""
    between = _backward(subject, subject.sample(case.seed ^ 0x5BD1, case.sizes), dy)
    again = _backward(subject, case, dy)
    for name, g in first.items():
        if name not in again or again[name].shape != g.shape or not np.isfinite(g).all():
            continue
        allowed = 1e-6 * float(np.max(np.abs(g), initial=0.0))
        if np.max(np.abs(again[name] - g), initial=0.0) > allowed:
            more = _backward(subject, case, dy).get(name, g)
            step, last = more - again[name], again[name] - between.get(name, 0.0)
            sums = np.max(np.abs(step - last), initial=0.0) <= 1e-6 * float(np.max(np.abs(more), initial=0.0))
            yield Breach("accumulates" if sums else "stale-state", Severity.ERROR, name)
            return


def _linear(subject: Subject, case: Case, dy: Array, first: dict[str, Array]) -> Iterator[Breach]:
    """Backward is linear in the upstream gradient: homogeneous with a negative factor beyond 100, and additive."""
    scaled = _backward(subject, case, FACTOR * dy)
    other = floored(case.rng(5), dy.shape) * 3.0
    second, both = _backward(subject, case, other), _backward(subject, case, dy + other)
    zero = _backward(subject, case, np.zeros_like(dy))
    for name, g in first.items():
        if any(name not in other_ or other_[name].shape != g.shape for other_ in (scaled, second, both, zero)):
            continue
        if not all(np.isfinite(a).all() for a in (g, scaled[name], second[name], both[name])):
            continue
        eps = 1.2e-7 if g.dtype == np.float32 else EPS
        size = float(np.max(np.abs(g), initial=0.0)) + float(np.max(np.abs(second[name]), initial=0.0))
        # a gradient that cancels (normalisation of two samples) has rounding of the size of dout, not of its own
        allowed = (1e-6 if eps == EPS else 1e-2) * size + 1e4 * eps * float(np.max(np.abs(dy), initial=0.0))
        if size and np.array_equal(scaled[name], g) and np.array_equal(second[name], g):
            yield Breach("upstream-ignored", Severity.ERROR, name)
        elif np.max(np.abs(scaled[name] - FACTOR * g), initial=0.0) > -FACTOR * allowed:
            yield Breach("not-linear", Severity.ERROR, name, "B(-1000 dout) is not -1000 B(dout)")
        elif np.max(np.abs(both[name] - g - second[name]), initial=0.0) > 2 * allowed:
            yield Breach("not-linear", Severity.ERROR, name, "B(dout1 + dout2) is not B(dout1) + B(dout2)")
        elif np.max(np.abs(zero[name]), initial=0.0) > allowed:
            yield Breach("not-linear", Severity.ERROR, name, "B(0) is not 0")


def _last_forward(subject: Subject, case: Case, dy: Array, first: dict[str, Array]) -> Iterator[Breach]:
    """After two forwards of one object, backward belongs to the second."""
    run = getattr(subject.caller, "forward_after", None)
    if run is None:
        return
    before = subject.sample(case.seed ^ 0x1F35, case.sizes)
    try:
        with frozen(case.seed):
            tape = run(before.arrays, case.arrays)
            again = numeric(tape.output)
            given = _numeric(tape.backward(pass_upstream(dy)))
        with frozen(case.seed):
            _, out = output_of(subject, case)
    except Exception:
        return
    if again is None or not np.array_equal(again, out, equal_nan=True):
        return  # a forward with a memory or a generator of its own: its second output is another one
    for name, g in first.items():
        if name in given and _differ(given[name], g):
            yield Breach("earlier-forward", Severity.ERROR, name)
            return


def _memory_layout(subject: Subject, case: Case, dy: Array, first: dict[str, Array]) -> Iterator[Breach]:
    """Arrays whose memory is not contiguous, or in Fortran order, hold the same numbers."""
    for how, convert in (("not contiguous", _strided), ("in Fortran order", np.asfortranarray)):
        try:
            with calls.converting(lambda a, convert=convert: convert(a) if isinstance(a, np.ndarray) else a):  # type: ignore[misc]
                given = _backward(subject, case, dy)
        except UserCodeRaised:
            yield Breach("memory-layout", Severity.ADVICE, "", how)
            return
        for name, g in first.items():
            if name in given and _differ(given[name], g):
                yield Breach("memory-layout", Severity.ERROR, name, how)
                return


def _strided(a: Array) -> Array:
    return np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a


def _dtypes(subject: Subject, case: Case, dy: Array) -> Iterator[Breach]:
    """float32 stays float32; integers are treated like the floats of the same value."""
    if subject.layout.params and hasattr(subject.caller, "paths"):
        return  # an object whose parameters are float64, whatever the input is

    def single(a: Array) -> Array:
        return a.astype(np.float32) if a.dtype.kind == "f" else a

    try:
        with calls.converting(single), frozen(case.seed):
            tape, out = output_of(subject, case)
            given = tape.backward(single(dy) if dy.ndim else np.float32(dy))
        if out.ndim and out.dtype == np.float64:
            yield Breach("promotes-float32", Severity.ADVICE, "", "the output")
        else:
            wide = [n for n, g in given.items() if getattr(g, "dtype", None) == np.float64 and np.ndim(g)]
            if wide and out.ndim:
                yield Breach("promotes-float32", Severity.ADVICE, wide[0], f"`{subject.gradient_name(wide[0])}`")
    except (UserCodeRaised, TypeError):
        pass
    yield from _integers(subject, case, dy)


def _integers(subject: Subject, case: Case, dy: Array) -> Iterator[Breach]:
    """An integer input is refused, or gives what the same numbers as floats give; it is never cut silently."""
    real = [e.name for e in subject.layout.inputs if e.domain == "real"]
    if not real:
        return
    whole = {n: np.round(3 * a) if n in real else a for n, a in case.arrays.items()}
    moved = dataclasses.replace(case, arrays=whole)

    def integer(a: Array) -> Array:
        return a.astype(np.int64) if any(np.array_equal(a, whole[n]) for n in real) else a

    try:
        wanted = _backward(subject, moved, dy)
        with calls.converting(integer):
            given = _backward(subject, moved, dy)
    except (UserCodeRaised, TypeError):
        return
    for name, g in wanted.items():
        if name in given and _differ(given[name], g):
            yield Breach("cuts-integers", Severity.ADVICE, name)
            return


def _differ(a: Array, b: Array) -> bool:
    if a.shape != b.shape or not np.isfinite(b).all():
        return False
    return bool(np.max(np.abs(a - b), initial=0.0) > 1e-6 * max(float(np.max(np.abs(b), initial=0.0)), 1e-9))


def _repeated(subject: Subject, case: Case, dy: Array) -> Iterator[Breach]:
    """Two backwards of one forward give the same; a sum is said to accumulate."""
    with frozen(case.seed):
        tape, _ = output_of(subject, case)
        one = _numeric(tape.backward(pass_upstream(dy)))
        try:
            two = _numeric(tape.backward(pass_upstream(dy)))
        except Exception:
            return
    for name, g in one.items():
        if name not in two or two[name].shape != g.shape or not np.isfinite(g).all():
            continue
        allowed = 1e-6 * float(np.max(np.abs(g), initial=0.0))
        if np.max(np.abs(two[name] - 2 * g), initial=0.0) <= allowed < np.max(np.abs(g), initial=0.0):
            yield Breach("accumulates", Severity.ADVICE, name)
        elif np.max(np.abs(two[name] - g), initial=0.0) > allowed:
            yield Breach("second-backward-differs", Severity.ADVICE, name)


def _mutations(subject: Subject, case: Case, dy: Array) -> Iterator[Breach]:
    """Arrays of the caller that come back changed."""
    watched = {n: a.copy() for n, a in case.arrays.items()}
    seen = _Watch(watched)
    with frozen(case.seed):
        tape = seen.forward(subject)
        given = dy.copy()
        argument: Any = given if given.ndim else float(given)
        tape.backward(argument)
    if given.ndim and not np.array_equal(given, dy):
        yield Breach("mutates-upstream", Severity.ADVICE)
    for name in seen.changed(case):
        yield Breach("mutates-input", Severity.ADVICE, name)


class _Watch:
    """Hands the very arrays to the caller, so that a write into them can be seen afterwards."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.arrays = arrays
        self.passed: dict[int, tuple[str, Array]] = {}

    def forward(self, subject: Subject) -> Any:
        with calls.recording(self.record):
            return subject.caller.forward(self.arrays)

    def record(self, original: Array, copy: Array) -> None:
        name = next((n for n, a in self.arrays.items() if a is original), "")
        if name:
            self.passed[id(copy)] = (name, copy)

    def changed(self, case: Case) -> list[str]:
        return sorted({n for n, a in self.passed.values() if not np.array_equal(a, case.arrays[n])})


def _aliases(subject: Subject, case: Case, dy: Array) -> Iterator[Breach]:
    """Two gradients that are one array: the next in-place update changes both."""
    with frozen(case.seed):
        tape, out = output_of(subject, case)
        argument = pass_upstream(dy)
        given = tape.backward(argument)
    arrays = [(n, g) for n, g in given.items() if isinstance(g, np.ndarray) and g.ndim and g.dtype.kind == "f"]
    kept = {n: g.copy() for n, g in arrays}
    _backward(subject, subject.sample(case.seed ^ 0x2C1B, case.sizes), dy)
    for name, g in arrays:
        if not np.array_equal(g, kept[name], equal_nan=True):
            yield Breach("aliased-gradients", Severity.ADVICE, name)
            return
    for name, g in arrays:
        if out.dtype == np.float64 and g.dtype.kind == "f" and g.dtype != np.float64:
            yield Breach("dtype-changed", Severity.ADVICE, name, str(g.dtype))
    for i, (name, g) in enumerate(arrays):
        held = [h for _, h in arrays[:i]] + ([argument] if isinstance(argument, np.ndarray) else [])
        if any(np.shares_memory(g, h) for h in held):
            yield Breach("aliased-gradients", Severity.ADVICE, name)


def _optional_upstream(subject: Subject) -> bool:
    return bool(getattr(subject.caller, "optional_upstream", False))


def _ignored(subject: Subject, case: Case, first: dict[str, Array]) -> Iterator[Breach]:
    """A loss whose backward has `dout=1` and does not use it: fine as the last layer, wrong anywhere else."""
    run: Callable[[Any, Any], dict[str, Any]] = subject.caller.backward_with  # type: ignore[attr-defined]
    try:
        with frozen(case.seed):
            scaled = _numeric(run(case.arrays, 3.0))
    except Exception:
        return
    for name, g in first.items():
        if name in scaled and scaled[name].shape == g.shape and np.array_equal(scaled[name], g) and np.any(g):
            yield Breach("upstream-ignored", Severity.ADVICE, name)
