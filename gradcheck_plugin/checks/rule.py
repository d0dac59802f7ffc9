"""Update rules, clips and schedules against the reference."""

from __future__ import annotations

from dataclasses import replace

from gradcheck_plugin.diagnosis import explain_failure
from gradcheck_plugin.judging import rule
from gradcheck_plugin.model import Result, Verdict
from gradcheck_plugin.oracles.equal import ROUNDING
from gradcheck_plugin.running import guards
from gradcheck_plugin.search import Drawn
from gradcheck_plugin.session import Session
from gradcheck_plugin.subject import Subject

ORDER = 50


def properties(subject: Subject) -> list[str]:
    """One, called as the rule's kind."""
    known = subject.spec is not None and subject.spec.rule and subject.spec.kind != "initialiser"
    return [subject.spec.kind] if known and subject.spec else []


def check(session: Session) -> Result:
    """Compare what comes out of a rule with the reference's, step by step."""
    subject, result, property = session.subject, session.result, session.property

    copied = []

    def holds(drawn: Drawn) -> str:
        judged = rule.judge(subject, drawn.case)
        copied.extend([] if judged.in_place else [drawn])
        return f"{property}-differs" if judged.verdict is Verdict.FAIL else ""

    found = session.search(holds, session.settings.cases)
    result = replace(result, cases=found.cases, resolution=ROUNDING)
    if copied:
        result = replace(result, advice=(explain_failure.habit(subject, "not-in-place"),))
    if ignored := subject.caller.ignored:
        result = replace(result, advice=(explain_failure.habit(subject, "setting-ignored", ", ".join(ignored)),))
    if not found.smallest:
        return result
    with guards.without(session.of.guards):
        finding = explain_failure.rule(session, subject, found, found.raised)
    return replace(result, verdict=Verdict.FAIL, finding=finding)
