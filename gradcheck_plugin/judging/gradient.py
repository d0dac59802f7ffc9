"""The gradients of a subject, judged; and what of its forward is known without a judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.base import Tape
from gradcheck_plugin.conventions.watch import handed
from gradcheck_plugin.model import Array, Case, Unbindable, Verdict
from gradcheck_plugin.oracles import autograd
from gradcheck_plugin.oracles.equal import equal
from gradcheck_plugin.oracles.judge import FAST_TOLERANCE, Judgement, flat
from gradcheck_plugin.oracles.judge import judge as judged
from gradcheck_plugin.oracles.numerical import EPS, Ladder, direction, floored
from gradcheck_plugin.running import conditions
from gradcheck_plugin.running.calls import BadOutput, UserCodeRaised, frozen
from gradcheck_plugin.running.values import describe, numeric
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import OUTPUT, Layout

COMPARED = 200  # entries of an array up to which a guess at its shape is measured by its gradient
WHOLE = 500  # entries of an array up to which the whole gradient is differenced, six forwards each
STEP = 1e-4
FURTHER = 100.0  # times that an array with a small part in the slope is moved further than the others
COARSEST_TOGETHER = 1e-6


def upstream(subject: Subject, case: Case, output: Array) -> Array:
    """The upstream gradient of a case: random, every entry away from 0 and of no fixed sign; 1 where there is none."""
    if not subject.caller.upstream:
        return np.ones(np.shape(output))
    rng = case.rng(1)
    if subject.one_hot is not None and np.size(output):
        single = np.zeros(np.shape(output))
        at = subject.one_hot if subject.one_hot >= 0 else rng.integers(single.size)
        single.flat[at] = (2 if at % 2 else -2) * abs(floored(rng, (1,))[0])  # of either sign, at half of the places
        return single
    if case.short:
        return rng.choice([-2.0, -1.5, -1.0, -0.5, 0.5, 1.5, 2.0], size=np.shape(output))
    return floored(rng, np.shape(output))


def output_of(subject: Subject, case: Case) -> tuple[Tape, Array]:
    """A frozen forward; raises BadOutput when what came back is no array of numbers."""
    tape = subject.caller.forward(case.arrays)
    out = numeric(tape.output)
    if out is None:
        raise BadOutput(f"forward returned {describe(tape.output)}, not an array of numbers")
    return tape, out


def gradients(subject: Subject, case: Case) -> tuple[Array, Array, dict[str, Any]]:
    """Output, upstream gradient and raw gradients of one frozen forward and backward."""
    with frozen(case.seed):
        tape, out = output_of(subject, case)
        dy = upstream(subject, case, out)
        return out, dy, tape.backward(handed(dy))


def underflows(subject: Subject, case: Case) -> bool:
    """Whether numbers of a forward come out below 1e-308: what is left of them moves in steps, or not at all."""
    try:
        with frozen(case.seed), conditions.underflows() as seen:
            subject.caller.forward(case.arrays)
    except Exception:
        return False
    return bool(seen)


class Run:
    """One frozen forward and backward of a case, with what the exact oracles say of it; all its gradients read it.

    Its arrays are its own: the next run of the object does not write into them.
    """

    def __init__(self, subject: Subject, case: Case, layout: Layout) -> None:
        self.subject, self.case, self.layout = subject, case, layout
        with frozen(case.seed):
            tape, out = output_of(subject, case)
            self.out = out.copy()
            self.dy = upstream(subject, case, self.out)
            self.given = {n: _own(g) for n, g in tape.backward(handed(self.dy)).items()}

    @cached_property
    def referred(self) -> dict[str, Array]:
        """The reference's gradients, where the forward agrees with the reference in this very case."""
        return referred(self.subject, self.case, self.layout, self.dy, self.out)

    @cached_property
    def torch(self) -> dict[str, Array]:
        """Those of torch, there."""
        spec = self.subject.spec
        if not self.referred or spec is None or not autograd.ready():
            return {}
        dy = self.layout.to_base(OUTPUT, np.asarray(self.dy), spec.layout, self.case.sizes)
        arrays, options = self.subject.base_arrays(self.case, self.layout), self.subject.variant.options
        return self.subject.to_user(autograd.gradients(spec, arrays, dy, options), self.case, self.layout)

    @cached_property
    def together(self) -> dict[str, float]:
        """The gradients that one slope along all arrays at once confirms, each with its resolution.

        Empty where it does not: then each is asked alone. What is a small part of the slope is moved further, up to a
        hundredfold, and one that is drowned by the others all the same is left out.
        """
        subject, case = self.subject, self.case
        names = [n for n in subject.judged if n not in subject.open]
        yours = {n: a for n in names if (a := numeric(self.given.get(n))) is not None}
        if [n for n in names if n not in yours or not _is_plain(yours[n], case.arrays[n])]:
            return {}
        along = {n: direction(case.rng(60 + i), case.arrays[n]) for i, n in enumerate(names)}
        parts = {n: float(np.linalg.norm(yours[n] * along[n])) for n in names}
        most = max(parts.values(), default=0.0)
        further = {n: min(most / parts[n], FURTHER) if parts[n] else 1.0 for n in names}
        slope = sum(further[n] * float(np.vdot(yours[n], along[n])) for n in names)
        scale = float(np.linalg.norm([further[n] * parts[n] for n in names]))
        own = 64 * EPS * sum(further[n] * float(np.abs(yours[n] * along[n]).sum()) for n in names)
        start = self.out.astype(np.float64).ravel()
        moves = {n: further[n] * along[n] for n in names}
        ladder = Ladder(_line(subject, case, start, moves), np.where(np.isinf(start), 0.0, start))
        allowed = FAST_TOLERANCE * scale + own
        if not any(abs(slope - t) <= allowed for t in ladder.fast(flat(self.dy))):
            return {}
        resolutions = {n: allowed / (further[n] * parts[n]) for n in names if parts[n]}
        return {n: r for n, r in resolutions.items() if r <= COARSEST_TOGETHER}

    @property
    def size(self) -> int:
        """Bytes of the arrays that it keeps."""
        given = sum(g.nbytes for g in self.given.values() if isinstance(g, np.ndarray))
        return int(self.out.nbytes + self.dy.nbytes + 3 * given)


def _is_plain(yours: Array, x: Array) -> bool:
    return yours.shape == x.shape and yours.dtype == np.float64 and bool(np.isfinite(yours).all())


def _own(given: Any) -> Any:
    """What is given for a gradient, as an array of its own where it is one of numbers."""
    array = numeric(given)
    return given if array is None else array.copy()


def judge(
    subject: Subject, name: str, case: Case, layout: Layout, run: Run | None = None, measured: bool = True
) -> Judgement:
    """Judge the gradient of the array `name`, by a run of the case that there is already or by one of its own.

    Where it need not be `measured`, one that the exact oracles pass entry by entry is not differenced, and without a
    reference one slope along all arrays is enough where it is the right one.
    """
    if name in subject.open:
        return Judgement(Verdict.INCONCLUSIVE, subject.open[name], "not-found")
    run = run or Run(subject, case, layout)
    if not measured and subject.spec is None and (resolution := run.together.get(name)):
        return Judgement(Verdict.PASS, yours=run.given[name], dy=run.dy, resolution=resolution)
    oracles = run.referred.get(name), run.torch.get(name)
    start = run.out.astype(np.float64).ravel()

    def line(t: float, u: Array) -> Array | None:
        return _line(subject, case, start, {name: u})(t)

    raw = run.given.get(name)
    yours = numeric(raw)
    found = judged(case.arrays[name], yours, run.out, run.dy, line, case.rng, oracles, subject.matches, measured)
    if yours is not None:
        return found
    found.yours = raw
    if raw is not None:
        found.kind, found.reason = "not-numeric", f"it is {describe(raw)}"
        return found
    if oracles[0] is None and run.referred:
        reason = f"neither it nor the reference gives a gradient of `{subject.display(name)}`"
        return Judgement(Verdict.INCONCLUSIVE, reason, "not-found")
    if not depends(subject, name, case):
        reason = f"the forward does not depend on `{subject.display(name)}` here"
        return Judgement(Verdict.INCONCLUSIVE, reason, "not-found")
    found.kind, found.reason = "missing-gradient", "it is None" if name in run.given else "it is nowhere"
    return found


def _line(subject: Subject, case: Case, start: Array, along: Mapping[str, Array]) -> Callable[[float], Array | None]:
    """The forward along a direction of some arrays, everything else as in the case.

    An infinity that stays, as the -inf under a mask does, is a constant like any other.
    """
    constant = np.isinf(start)

    def line(t: float) -> Array | None:
        arrays = {**case.arrays, **{n: case.arrays[n] + t * u for n, u in along.items()}}
        try:
            with frozen(case.seed):
                out = numeric(subject.caller.forward(arrays).output)
        except Exception:
            return None
        if out is None:
            return None
        values = out.astype(np.float64).ravel()
        if constant.any() and values.shape == start.shape and np.array_equal(values[constant], start[constant]):
            values[constant] = 0.0
        return values if np.isfinite(values).all() else None

    return line


def depends(subject: Subject, name: str, case: Case) -> bool:
    """Whether the forward of a case has a slope along a direction of one array: steps and rounding are none."""
    x = np.asarray(case.arrays[name], dtype=float)
    u = case.rng(40).standard_normal(x.shape)

    def moved(t: float) -> Any:
        arrays = {**case.arrays, name: x + t * u} if t else case.arrays
        with frozen(case.seed):
            return numeric(subject.caller.forward(arrays).output)

    try:
        start, near = moved(0.0), moved(STEP)
        far = near if start is None or near is None or np.array_equal(start, near) else moved(2 * STEP)
        if any(a is None or a.shape != start.shape for a in (start, near, far)):
            return False
    except Exception:  # what raises for a number that is no whole one takes labels
        return False
    finite = np.isfinite(start) & np.isfinite(near) & np.isfinite(far)
    first, second = (np.abs(np.where(finite, a - start, 0.0)) for a in (near, far))
    size = float(np.max(np.abs(start[finite]), initial=0.0))
    least = (1e-5 if start.dtype in (np.float32, np.float16) else 1e-11) * max(size, 1e-3)
    return bool(np.any((first > least) & (second > 1.2 * first) & (second < 5 * first)))


def forward_with(subject: Subject, name: str, case: Case, moved: Array) -> Array | None:
    """The forward with another value of one array, flat; None where it raises or is not finite."""
    try:
        with frozen(case.seed):
            value = numeric(subject.caller.forward({**case.arrays, name: moved}).output)
    except Exception:
        return None
    return None if value is None or not np.isfinite(value).all() else value.astype(np.float64).ravel()


def numerical_gradient(subject: Subject, name: str, case: Case, dy: Array, out: Array) -> Array | None:
    """The whole gradient of one array by differences, entry by entry; None where it is too large for that."""
    x = case.arrays[name]
    if x.size > WHOLE:
        return None
    result = np.zeros(x.shape)
    v, start = dy.astype(float).ravel(), out.astype(float).ravel()
    for index in np.ndindex(x.shape):

        def line(t: float, index: tuple[int, ...] = index) -> Array | None:
            moved = x.copy()
            moved[index] += t
            return forward_with(subject, name, case, moved)

        slope = Ladder(line, start).slope(v)
        if slope is None:
            return None
        result[index] = slope
    return result


def referred(subject: Subject, case: Case, layout: Layout, dy: Array, out: Array) -> dict[str, Array]:
    """The reference's gradients, where the forward agrees with the reference in this very case."""
    spec = subject.spec
    want = subject.reference(case, layout) if subject.matches else None
    if spec is None or spec.kind == "update" or want is None or want.shape != out.shape:
        return {}
    if not np.isfinite(want).all() or not equal(out, want):
        return {}
    base_dy = layout.to_base(OUTPUT, np.asarray(dy), spec.layout, case.sizes)
    arrays = subject.base_arrays(case, layout).values()
    return subject.to_user(spec.gradients(base_dy, *arrays, **subject.variant.options), case, layout)


def misfit(subject: Subject, case: Case, far: bool = False) -> float:
    """0 where every gradient of a subject passes in one case; else 1, and if `far`, more the less they look like it."""
    try:
        names = [n for n in subject.judged if n not in subject.open]
        run = Run(subject, case, subject.layout) if names else None
        judged = ((n, judge(subject, n, case, subject.layout, run)) for n in names)
        wrong = (n for n, j in judged if j.verdict is not Verdict.PASS)
        if not far:
            return float(any(wrong))
        return max((1.0 + unlikeness(subject, n, case) for n in wrong), default=0.0)
    except (UserCodeRaised, Unbindable, TypeError):
        return float("inf")


def unlikeness(subject: Subject, name: str, case: Case) -> float:
    """How far a gradient is from a multiple of the right one, and, less, how far that multiple is from one."""
    out, dy, given = gradients(subject, case)
    small = case.arrays[name].size <= COMPARED
    yours, right = numeric(given.get(name)), numerical_gradient(subject, name, case, dy, out) if small else None
    if yours is None or right is None or yours.shape != right.shape or not np.isfinite(yours).all():
        return 10.0
    sizes = float(np.linalg.norm(yours)), float(np.linalg.norm(right))
    if not all(sizes):
        return 5.0
    cosine = abs(float(np.vdot(yours, right))) / (sizes[0] * sizes[1])
    return 1 - cosine + 0.01 * min(abs(float(np.log(sizes[0] / sizes[1]))), 10.0)
