"""The contract: what any backward must do, whatever the layer."""

from __future__ import annotations

from dataclasses import replace

from gradcheck_plugin.diagnosis import explain_failure
from gradcheck_plugin.judging import contract as clauses
from gradcheck_plugin.model import Result, Severity, Verdict
from gradcheck_plugin.running import guards
from gradcheck_plugin.search import Drawn
from gradcheck_plugin.session import Session
from gradcheck_plugin.subject import Subject

ORDER = 10
CASES = 7


def properties(subject: Subject) -> list[str]:
    """Every object with a backward has one."""
    return [] if subject.spec and subject.spec.rule else ["contract"]


def check(session: Session) -> Result:
    """Run every clause on a few cases: the first fault is the finding, habits are advice."""
    subject, result = session.subject, session.result
    advice: dict[str, tuple[clauses.Breach, Drawn]] = {}
    errors: dict[str, clauses.Breach] = {}
    seen: list[Drawn] = []

    def holds(drawn: Drawn) -> str:
        rare = bool(errors) or not seen  # the first case is generic; a fault has to be found again in smaller ones
        seen.append(drawn)
        for breach in clauses.breaches(subject, drawn.case, rare=rare):
            if breach.severity is Severity.ERROR:
                errors[breach.code] = breach
                return breach.code
            advice.setdefault(breach.code, (breach, drawn))
        return ""

    found = session.search(holds, min(session.settings.cases, CASES))
    notes = tuple(explain_failure.advice(subject, b, d) for b, d in advice.values())
    if subject.promised:
        notes += (explain_failure.habit(subject, "not-as-named", subject.promised),)
    result = replace(result, cases=found.cases, advice=notes)
    if not found.smallest:
        return result
    fault = found.seen_fault
    with guards.without(session.of.guards):
        finding = explain_failure.contract(session, subject, found, fault, errors.get(fault), found.raised)
    return replace(result, verdict=Verdict.FAIL, finding=finding)
