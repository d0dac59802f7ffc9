"""The value of a gradient exactly on a kink, where any slope between the two one-sided ones is right.

One coordinate of the input is put on the kink and all others are generic, so that only one branch decision is on the
edge. The one-sided slopes along that coordinate are then exact bounds: what lies between them is a convention, which
is named beside torch's; what lies outside is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradcheck_plugin.checks.gradient import exact, output_of, pass_upstream, upstream
from gradcheck_plugin.model import Array, Case, Verdict
from gradcheck_plugin.oracles.numerical import EPS, Ladder
from gradcheck_plugin.submission.calls import frozen
from gradcheck_plugin.submission.subject import Subject
from gradcheck_plugin.submission.values import numeric

STEPS = (2.0**-12, 2.0**-14)


@dataclass(frozen=True)
class KinkJudgement:
    """The gradient at one coordinate on a kink, and the interval it has to lie in."""

    verdict: Verdict
    reason: str = ""
    index: tuple[int, ...] = ()
    at: float = 0.0
    yours: float = np.nan
    left: float = np.nan
    right: float = np.nan
    torch: float | None = None

    @property
    def convention(self) -> str:
        """Which slope is taken, and which torch takes."""
        mine = _side(self.yours, self.left, self.right)
        theirs = f"; torch takes {_side(self.torch, self.left, self.right)}" if self.torch is not None else ""
        return f"on the kink x = {self.at:g} it takes {mine}{theirs}"


def on_the_kink(subject: Subject, case: Case, at: float) -> tuple[Case, str, tuple[int, ...]]:
    """The case with one coordinate of its first real input on the kink."""
    name = next(e.name for e in subject.layout.inputs if e.domain == "real")
    x = case.arrays[name].copy()
    flat = int(case.rng(8).integers(x.size))
    index = tuple(int(i) for i in np.unravel_index(flat, x.shape))
    x[index] = at
    return replace(case, arrays={**case.arrays, name: x}), name, index


def judge(subject: Subject, case: Case, at: float) -> KinkJudgement:
    """Judge the gradient at a coordinate that lies on the kink `at`."""
    placed, name, index = on_the_kink(subject, case, at)
    with frozen(case.seed):
        tape, out = output_of(subject, placed)
        dy = upstream(subject, placed, out)
        given = numeric(tape.backward(pass_upstream(dy)).get(name))
    x = placed.arrays[name]
    if given is None or given.shape != x.shape:
        return KinkJudgement(Verdict.NOT_JUDGED, "no gradient of the input's shape came back", index, at)
    ladder = Ladder(lambda t: _line(subject, placed, name, index, t), out.astype(np.float64).ravel())
    v = dy.astype(np.float64).ravel()
    slopes = [_one_sided(ladder, v, sign) for sign in (-1.0, 1.0)]
    if not all(np.isfinite(s) for s in slopes):
        return KinkJudgement(Verdict.INCONCLUSIVE, "the forward is not finite beside the kink", index, at)
    left, right = slopes
    low, high = min(slopes), max(slopes)
    tolerance = 1e-5 * max(abs(low), abs(high), 1e-3) + 64 * EPS * float(np.abs(v) @ np.abs(out.ravel())) / STEPS[1]
    yours = float(given[index])
    _, torch = exact(subject, name, placed, subject.layout, dy, out)
    theirs = float(torch[index]) if torch is not None else None
    inside = low - tolerance <= yours <= high + tolerance
    reason = "" if inside else "it lies outside the one-sided slopes"
    return KinkJudgement(Verdict.PASS if inside else Verdict.FAIL, reason, index, at, yours, left, right, theirs)


def _line(subject: Subject, case: Case, name: str, index: tuple[int, ...], t: float) -> Array | None:
    x = case.arrays[name].copy()
    x[index] += t
    try:
        with frozen(case.seed):
            out = numeric(subject.caller.forward({**case.arrays, name: x}).output)
    except Exception:
        return None
    return None if out is None or not np.isfinite(out).all() else out.astype(np.float64).ravel()


def _one_sided(ladder: Ladder, v: Array, sign: float) -> float:
    """The slope on one side, extrapolated from two steps."""
    start = ladder.at(0.0)
    values = [ladder.at(sign * h) for h in STEPS]
    if start is None or any(value is None for value in values):
        return np.nan
    pairs = zip(values, STEPS, strict=True)
    coarse, fine = (float(v @ (value - start)) / (sign * h) for value, h in pairs if value is not None)
    return (4 * fine - coarse) / 3


def _side(value: float, left: float, right: float) -> str:
    near = 1e-4 * max(abs(left), abs(right), 1e-9)
    if abs(value - left) <= near:
        return "the slope from the left"
    return "the slope from the right" if abs(value - right) <= near else "a slope between the two"
