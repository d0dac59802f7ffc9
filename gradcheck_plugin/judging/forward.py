"""The forward against the reference's, in the variant that it was bound to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_plugin.judging.gradient import output_of
from gradcheck_plugin.model import Array, Case, Verdict
from gradcheck_plugin.oracles.equal import ALIKE, DIGITS, LEAST
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout

TOLERANCE = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-5}
SINGLE = 1e-5  # up to which single precision inside may be off
MOVE = 1e-7  # of every input: single precision moves in steps of this size


@dataclass
class ForwardJudgement:
    """Whether the output of one case is the reference's; one that is close to it has the reason with its PASS."""

    verdict: Verdict
    reason: str = ""
    yours: Any = None
    expected: Array | None = None
    error: float = 0.0
    case: Case | None = None  # where it is not the one that was drawn


def judge(subject: Subject, case: Case, layout: Layout, out: Array | None = None) -> ForwardJudgement:
    """Compare the output with the reference's; a shape that differs by axes of one is compared by its numbers.

    `out` is the output of the case, where it has been run already.
    """
    if out is None:
        with frozen(case.seed):
            _, out = output_of(subject, case)
    want = subject.reference(case, layout)
    assert want is not None
    if out.shape != want.shape:
        if out.size != want.size or [s for s in out.shape if s > 1] != [s for s in want.shape if s > 1]:
            reason = f"it has shape {out.shape}, the reference {want.shape}"
            return ForwardJudgement(Verdict.FAIL, reason, out, want)
        out = out.reshape(want.shape)
    both = np.isinf(want) & (out == want)  # -inf under a mask
    yours, right = (np.where(both, 0.0, a) for a in (out, want))
    scale = max(float(np.max(np.abs(right), initial=0.0)), LEAST)
    error = float(np.max(np.abs(yours - right), initial=0.0)) / scale
    allowed = TOLERANCE.get(out.dtype, ALIKE)
    if allowed < error < np.inf:  # rounding counts for more where large terms cancel
        allowed += rounding(subject, case, layout, want, out.dtype) / scale
    if error <= allowed:
        return ForwardJudgement(Verdict.PASS, yours=out, expected=want, error=error)
    if error <= SINGLE and _grain(subject, case, out):
        return ForwardJudgement(Verdict.PASS, "single precision inside", out, want, error)
    if error <= DIGITS:
        reason = "a constant of few digits, or an eps in another place"
        return ForwardJudgement(Verdict.PASS, reason, out, want, error)
    return ForwardJudgement(Verdict.FAIL, "its numbers differ from the reference's", out, want, error)


def _grain(subject: Subject, case: Case, out: Array) -> bool:
    """Whether the output moves in steps that float64 does not have: f(x + d) + f(x - d) - 2 f(x) is no rounding."""
    rng = case.rng(4)
    size = float(np.max(np.abs(out), initial=0.0))
    for _ in range(3):
        moves = {n: MOVE * a * rng.choice([-1, 1], a.shape) for n, a in case.arrays.items() if a.dtype.kind == "f"}
        ends = []
        for sign in (1, -1):
            arrays = {n: a + sign * moves[n] if n in moves else a for n, a in case.arrays.items()}
            with frozen(case.seed):
                ends.append(output_of(subject, replace(case, arrays=arrays))[1])
        if ends[0].shape == ends[1].shape == out.shape and np.max(np.abs(ends[0] + ends[1] - 2 * out)) > 1e-10 * size:
            return True
    return False


def rounding(subject: Subject, case: Case, layout: Layout, want: Array, dtype: np.dtype[Any]) -> float:
    """How much the reference's output moves when every input, or a 1 inside, is off by a few roundings of `dtype`."""
    eps = 8 * float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    rng = case.rng(3)
    moved = [eps]  # numbers of order one inside, such as the 1 + 1e-8 of a logarithm
    for _ in range(4):
        near = {
            n: a * (1 + eps * rng.choice([-1, 1], a.shape)) if a.dtype.kind == "f" else a
            for n, a in case.arrays.items()
        }
        other = subject.reference(replace(case, arrays=near), layout)
        moved.append(float(np.max(np.abs(other - want), initial=0.0)) if other is not None else 0.0)
    return max(moved)
