"""The forward, where there is a reference to compare it with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck_plugin.diagnosis import explain_failure
from gradcheck_plugin.judging import forward
from gradcheck_plugin.model import Result, Verdict
from gradcheck_plugin.running import guards
from gradcheck_plugin.search import Drawn
from gradcheck_plugin.session import Session
from gradcheck_plugin.subject import Subject

ORDER = 20


def properties(subject: Subject) -> list[str]:
    """The forward of what is bound to a reference."""
    return ["forward"] if subject.spec and not subject.spec.rule else []


def check(session: Session) -> Result:
    """Compare the output with the reference's; one that is right without a guard, or but for few digits, is right."""
    subject, result, of = session.subject, session.result, session.of
    cases = session.cases_of(subject)

    def judged(drawn: Drawn) -> forward.ForwardJudgement:
        found = forward.judge(subject, drawn.case, drawn.layout, cases.output(drawn))
        if found.verdict is Verdict.FAIL and of.guards:
            with guards.without(of.guards):
                found = forward.judge(subject, drawn.case, drawn.layout)
        if found.verdict is Verdict.FAIL and of.typed:
            with guards.without((*of.guards, *of.typed)):
                again = forward.judge(subject, drawn.case, drawn.layout)
            if again.verdict is Verdict.PASS:
                return replace(again, error=found.error, reason=guards.told(of.typed))
        return found

    def holds(drawn: Drawn) -> str:
        found = judged(drawn)
        if found.verdict is Verdict.PASS and found.reason and found.error > max((n.error for n in near), default=0):
            near.append(found)
        return "forward-differs" if found.verdict is Verdict.FAIL and not drawn.incidental else ""

    near: list[forward.ForwardJudgement] = []

    found = session.search(holds, session.settings.cases)
    result = replace(result, cases=found.cases, resolution=forward.TOLERANCE[np.dtype(np.float64)])
    if not found.smallest and near:
        habit = explain_failure.close(subject, near[-1])
        return replace(result, resolution=near[-1].error, advice=(habit,))
    if not found.smallest:
        return result
    with guards.without(of.guards):
        finding = explain_failure.forward(session, subject, found, judged, found.raised)
    return replace(result, verdict=Verdict.FAIL, finding=finding)
