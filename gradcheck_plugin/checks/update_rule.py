"""Several steps of an update rule against the reference's, on the same gradients, and where the new values land."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck_plugin.checks.forward import TOLERANCE, ForwardJudgement
from gradcheck_plugin.model import Case, Verdict
from gradcheck_plugin.submission.calls import frozen
from gradcheck_plugin.submission.subject import Subject
from gradcheck_plugin.submission.values import numeric
from reference_impls.shapes import Layout

STEPS = 3


def judge(subject: Subject, case: Case, layout: Layout) -> ForwardJudgement:
    """The parameter after a few steps with fresh gradients."""
    assert subject.spec is not None
    arrays = dict(case.arrays)
    want = np.array(arrays["w"])
    yours = want
    rng = case.rng(7)
    for step in range(STEPS):
        if step:
            arrays["dw"] = rng.standard_normal(want.shape)
        arrays["w"] = yours
        with frozen(case.seed):
            got = numeric(subject.caller.forward(arrays).output)
        now = replace(case, arrays=dict(arrays))
        if got is None or got.shape != want.shape:
            return ForwardJudgement(Verdict.FAIL, "it gives no array of the parameter's shape", got, want, case=now)
        want = subject.spec.output(want.copy(), arrays["dw"], **subject.variant.options)
        yours = got.astype(np.float64)
        error = float(np.max(np.abs(yours - want), initial=0.0)) / max(float(np.max(np.abs(want), initial=0.0)), 1e-3)
        if not error <= TOLERANCE[np.dtype(np.float64)]:
            return ForwardJudgement(Verdict.FAIL, f"after step {step + 1} its values differ", yours, want, error, now)
    return ForwardJudgement(Verdict.PASS, yours=yours, expected=want)
