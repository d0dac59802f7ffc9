"""Update rules, clips and schedules against the reference's, step by step; initialisers by what they draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_plugin.judging import rule_output
from gradcheck_plugin.model import Array, Case, Verdict
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.running.values import describe, numeric
from gradcheck_plugin.subject import Subject

SIZES = ((1, 1), (2, 1), (1, 2))  # how many times the smallest fan_in and fan_out an initialiser is tried with


@dataclass
class RuleJudgement:
    """Whether a rule gave what the reference gives, and where it first did not."""

    verdict: Verdict
    reason: str = ""
    label: str = "output"
    yours: Any = None
    expected: Array | None = None
    case: Case | None = None
    departs: str = ""  # of an initialiser: how its numbers depart from their distribution
    in_place: bool = True  # whether an update left the new values in the arrays that it was given


def judge(subject: Subject, case: Case) -> RuleJudgement:
    """One case; of an update also the one whose gradients are 0."""
    judged, in_place = RuleJudgement(Verdict.PASS), True
    for situation in rule_output.situations(subject, case):
        with frozen(case.seed):
            tape = subject.caller.forward(situation.arrays)
        output, in_place = tape.output, in_place and tape.in_place
        out = numeric(output)
        if out is None:
            return RuleJudgement(Verdict.FAIL, f"it gave {describe(output)}, not arrays of numbers", case=situation)
        if subject.spec is not None and subject.spec.kind == "initialiser":
            return _drawn(subject, situation, out)
        judged = replace(_compared(subject, situation, out), in_place=in_place)
        if judged.verdict is Verdict.FAIL:
            return judged
    return judged


def _compared(subject: Subject, case: Case, out: Array) -> RuleJudgement:
    want = subject.reference(case)
    assert want is not None
    if rule_output.same(out, want):
        return RuleJudgement(Verdict.PASS, yours=out, expected=want)
    if out.size != want.size:
        return RuleJudgement(Verdict.FAIL, f"it gives {out.size} numbers, the reference {want.size}", case=case)
    parts = list(_parts(subject, case, out, want))
    for t in range(len(parts[0][1])):
        for name, yours, expected in parts:
            if not rule_output.same(yours[t], expected[t]):
                reason, label = _where(subject, name, t)
                return RuleJudgement(Verdict.FAIL, reason, label, yours[t], expected[t], case)
    name, yours, expected = parts[0]  # too small a difference for one step alone
    return RuleJudgement(Verdict.FAIL, "the differences are small", name, yours, expected, case)


def _parts(subject: Subject, case: Case, out: Array, want: Array) -> Iterator[tuple[str, Array, Array]]:
    """Each tensor by its name with yours and the right one; the first axis is time."""
    assert subject.spec is not None
    if not subject.spec.layout.outputs:
        yield "lr", np.asarray(out), np.asarray(want)
        return
    arrays = tuple(subject.base_arrays(case, subject.layout).values())
    names = [e.name for e in subject.spec.layout.entries]
    yield from zip(names, subject.spec.apart(out.ravel(), arrays), subject.spec.apart(want, arrays), strict=False)


def _where(subject: Subject, name: str, t: int) -> tuple[str, str]:
    """What to say of the first difference, and what to call the numbers."""
    kind = subject.spec.kind if subject.spec else ""
    if kind == "update":
        before = {0: "", 1: "the first step is right: "}.get(t, f"the first {t} steps are right: ")
        return before + (f"{name} differs behind step {t + 1}" if t else f"{name} differs in the first step"), name
    if kind == "clip":
        return f"{name} differs", name
    return f"the rate differs at t = {t}", f"rate at t = {t}"


def _drawn(subject: Subject, case: Case, out: Array) -> RuleJudgement:
    departs = rule_output.departure(subject, case, out)
    if not departs:
        return RuleJudgement(Verdict.PASS, yours=out)
    want = rule_output.expected(subject, case)
    reason = (
        f"{out.size} numbers: mean {out.mean():.3g}, deviation {out.std():.4g}, from {out.min():.4g} to {out.max():.4g}"
    )
    if departs == "wrong-shape":
        reason, shapes = f"its shape is {out.shape}, not {want.shape}", (np.array(out.shape), np.array(want.shape))
        return RuleJudgement(Verdict.FAIL, reason, "shape", *shapes, case, departs)
    what = {"mean": np.mean, "constant": np.mean, "wrong-constant": np.mean}.get(departs, np.std)
    label = "mean" if what is np.mean else "deviation"
    return RuleJudgement(Verdict.FAIL, reason, label, np.asarray(what(out)), np.asarray(what(want)), case, departs)


def draws_the_same(subject: Subject, case: Case) -> bool:
    """Whether an initialiser gives the same random numbers in every call."""
    with frozen(case.seed):
        first, second = (numeric(subject.caller.forward(case.arrays).output) for _ in range(2))
    return first is not None and second is not None and bool(np.ptp(first) > 0) and np.array_equal(first, second)


def all_weights_alike(subject: Subject) -> bool:
    """Whether an initialiser of the parameters of whole layers gives weight matrices of one number."""
    return rule_output.options(subject).get("distribution") == "none" and subject.caller.weights
