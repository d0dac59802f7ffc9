"""What any backward must do, whatever the layer: exact checks that need no derivative.

A fault that makes training wrong is an error. A habit that other code survives, such as writing into the upstream
gradient, is advice. The clauses here share three forwards and six backwards and are run on every case; those of
`situations` ask for runs of their own, and are run where `rare` says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck_plugin.conventions.watch import OUTPUT, handed, same
from gradcheck_plugin.judging import mutations, situations
from gradcheck_plugin.judging.breach import (
    Breach,
    Gradients,
    Seen,
    arrays_of,
    backward_of,
    first_differing,
    largest,
    rounding,
)
from gradcheck_plugin.judging.gradient import output_of, upstream
from gradcheck_plugin.model import Array, Case, Severity
from gradcheck_plugin.oracles.numerical import EPS, floored
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.subject import Subject

__all__ = ["Breach", "breaches"]

FACTOR, OTHER = -1000.0, -700.0
_ORDER = (Severity.ERROR, Severity.ADVICE, Severity.NOTE)


def breaches(subject: Subject, case: Case, *, rare: bool = True) -> Iterator[Breach]:
    """Every clause that the case breaks, errors first. `rare` asks for those that one generic case is enough for."""
    yield from sorted(_all(subject, case, rare), key=lambda b: _ORDER.index(b.severity))


def _all(subject: Subject, case: Case, rare: bool) -> Iterator[Breach]:
    run = _Run(subject, case, rare)
    carried = list(_carried(run))
    if carried:
        yield from carried
        return
    seen = run.seen
    yield from _repeated(run)
    if run.facts.output_changed:
        yield Breach("mutates-output", Severity.ADVICE)
    yield from run.changed
    yield from _aliases(run)
    if subject.caller.upstream and subject.one_hot is None:
        yield from _linear(run)
    elif subject.caller.optional_upstream:
        yield from _ignored(subject, case, seen.first)
    if rare:
        yield from situations.breaches(subject, case, seen)


class _Run:
    """One forward and all the backwards of it: the same upstream gradient twice, then the ones of `_linear`."""

    def __init__(self, subject: Subject, case: Case, rare: bool) -> None:
        self.subject, self.case = subject, case
        self.watch = subject.caller.watch(case.arrays)
        with frozen(case.seed):
            with self.watch.watching():
                tape, out = output_of(subject, case)
                self.watch.came_out(tape.output)
                kept = out.copy()
                dy = upstream(subject, case, kept)
                self.raw = tape.backward(self.watch.upstream(dy))
                self.watch.came_back(self.raw)
            self.seen = Seen(kept, dy, arrays_of(self.raw))
            self.facts = self.watch.facts()
            self.changed = list(mutations.breaches(subject, case, dy, self.facts.changed, lines=rare))
            try:
                self.second: Gradients | None = arrays_of(tape.backward(handed(dy)))
            except Exception:
                self.second = None
            self.repeats = self.second is not None and all(
                _alike(self.second, n, g) for n, g in self.seen.first.items()
            )
            other = floored(case.rng(5), dy.shape) * 3.0
            self.upstreams = [other, FACTOR * dy + OTHER * other, *([np.zeros_like(dy)] if rare else [])]
            self.further: list[Gradients] = []
            if self.repeats and subject.caller.upstream:
                self.further = [arrays_of(tape.backward(handed(d))) for d in self.upstreams]
        self.watch.remember()
        self.overwritten: list[str] = []

    def look_again(self) -> None:
        """Note which of the arrays that this run gave have been overwritten by the run of another object."""
        self.overwritten = self.watch.overwritten()

    def linear(self) -> list[Gradients]:
        """The gradients of the further upstream gradients; from fresh forwards where one cannot go back twice."""
        return self.further or [backward_of(self.subject, self.case, d) for d in self.upstreams]


def _alike(given: Gradients, name: str, g: Array) -> bool:
    if not np.isfinite(g).all():
        return True
    allowed = max(1e-6 * largest(g), rounding(given))
    return name in given and given[name].shape == g.shape and largest(given[name] - g) <= allowed


def _carried(run: _Run) -> Iterator[Breach]:
    """A run after another sample's gives what it gave before: nothing is carried over or drawn anew."""
    subject, case, seen = run.subject, run.case, run.seen
    backward_of(subject, subject.sample(case.seed ^ 0x5BD1, case.sizes), seen.dy)
    run.look_again()
    with frozen(case.seed):
        tape, out = output_of(subject, case)
        if not same(seen.out, out):
            yield Breach("not-reproducible", Severity.ERROR, property="forward")
            return
        again = arrays_of(tape.backward(handed(seen.dy)))
    for name, g in seen.first.items():
        if name not in again or again[name].shape != g.shape or _alike(again, name, g):
            continue
        more, most = (backward_of(subject, case, seen.dy).get(name, g) for _ in range(2))
        steps = more - again[name], most - more
        sums = largest(steps[0] - steps[1]) <= 1e-6 * largest(most) < largest(steps[0])
        yield Breach("accumulates" if sums else "stale-state", Severity.ERROR, name)
        return


def _repeated(run: _Run) -> Iterator[Breach]:
    """Two backwards of one forward give the same; a sum is said to accumulate."""
    if run.second is None:
        return
    for name, g in run.seen.first.items():
        two = run.second.get(name)
        if two is None or two.shape != g.shape or _alike(run.second, name, g):
            continue
        twice = largest(two - 2 * g) <= 1e-6 * largest(g)
        yield Breach("accumulates" if twice else "second-backward-differs", Severity.ADVICE, name)


def _linear(run: _Run) -> Iterator[Breach]:
    """Backward is linear in the upstream gradient, with negative factors beyond 100: one sum of two tells."""
    wrong = list(_not_linear(run, *run.linear()))
    if wrong and run.further:  # it went back several times on one forward: ask fresh ones
        fresh = list(_not_linear(run, *[backward_of(run.subject, run.case, d) for d in run.upstreams]))
        wrong = fresh or [Breach("second-backward-differs", Severity.ADVICE, wrong[0].gradient)]
    yield from wrong


def _not_linear(run: _Run, second: Gradients, both: Gradients, *zero: Gradients) -> Iterator[Breach]:
    dy = run.seen.dy
    for name, g in run.seen.first.items():
        if any(name not in given or given[name].shape != g.shape for given in (second, both, *zero)):
            continue
        if not np.isfinite(g).all() or not np.isfinite(second[name]).all() or not np.isfinite(both[name]).all():
            continue
        eps = 1.2e-7 if g.dtype == np.float32 else EPS
        size = largest(g) + largest(second[name])
        # a gradient that cancels (normalisation of two samples) has rounding of the size of dout, not of its own
        allowed = (1e-6 if eps == EPS else 1e-2) * size + 1e4 * eps * largest(dy)
        if size and np.array_equal(both[name], g) and np.array_equal(second[name], g):
            yield Breach("upstream-ignored", Severity.ERROR, name)
        elif largest(both[name] - FACTOR * g - OTHER * second[name]) > -2 * FACTOR * allowed:
            yield Breach("not-linear", Severity.ERROR, name, _how(run, name, allowed))
        elif zero and not largest(zero[0][name]) <= allowed:
            yield Breach("not-linear", Severity.ERROR, name, "B(0) is not 0")


def _how(run: _Run, name: str, allowed: float) -> str:
    """Which law of linearity is broken, for the sentence."""
    scaled = backward_of(run.subject, run.case, FACTOR * run.seen.dy).get(name)
    if scaled is None or largest(scaled - FACTOR * run.seen.first[name]) > -FACTOR * allowed:
        return "B(-1000 dout) is not -1000 B(dout)"
    return "B(dout1 + dout2) is not B(dout1) + B(dout2)"


def _ignored(subject: Subject, case: Case, first: Gradients) -> Iterator[Breach]:
    """A loss whose backward has `dout=1` and does not use it: fine as the last layer, wrong anywhere else."""
    run = subject.caller.backward_with
    if run is None:
        return
    try:
        with frozen(case.seed):
            scaled = arrays_of(run(case.arrays, 3.0))
    except Exception:
        return
    for name, g in first.items():
        if name in scaled and np.array_equal(scaled[name], g) and np.any(g):
            yield Breach("upstream-ignored", Severity.ADVICE, name)


def _aliases(run: _Run) -> Iterator[Breach]:
    """Arrays that are one: an in-place update of one changes the other, or the next call overwrites it."""
    params = [e.name for e in run.subject.layout.params]
    for name in run.overwritten:
        if name == OUTPUT:
            yield Breach("overwrites-output", Severity.ERROR, property="forward")
        else:
            yield Breach("aliased-gradients", Severity.ERROR if name in params else Severity.ADVICE, name)
    if run.overwritten:
        return
    for name, g in run.raw.items():
        if not isinstance(g, np.ndarray) or not g.ndim:
            continue
        if run.seen.out.dtype == np.float64 and g.dtype != np.float64:
            yield Breach("dtype-changed", Severity.ADVICE, name, str(g.dtype))
        if name in run.facts.shared:
            yield Breach("aliased-gradients", Severity.ADVICE, name)
    if run.facts.output_lent:
        yield from _output_in_use(run)


def _output_in_use(run: _Run) -> Iterator[Breach]:
    """An output that is (part of) an input: what is done to it in place must not reach the backward."""
    with frozen(run.case.seed):
        tape, _ = output_of(run.subject, run.case)
        try:
            tape.disturb()
            given = arrays_of(tape.backward(handed(run.seen.dy)))
        except Exception:
            return
    name = first_differing(given, run.seen.first)
    if name:
        yield Breach("aliased-output", Severity.ADVICE, name, property="forward")
