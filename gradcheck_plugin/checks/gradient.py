"""The gradient of one array, judged in every case."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from gradcheck_plugin.diagnosis import explain_failure
from gradcheck_plugin.judging import kink
from gradcheck_plugin.model import Finding, Result, Severity, Verdict
from gradcheck_plugin.oracles.judge import Judgement
from gradcheck_plugin.running import guards
from gradcheck_plugin.running.calls import BadOutput, UserCodeRaised
from gradcheck_plugin.search import Drawn
from gradcheck_plugin.session import ELSEWHERE, Session
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject

ORDER = 30
MEASURED = 4  # cases in which a gradient that the exact oracles pass is differenced, too


def properties(subject: Subject) -> list[str]:
    """One for each array whose gradient the backward gives, or ought to."""
    return [] if subject.spec and subject.spec.rule else [subject.gradient_name(n) for n in subject.judged]


def check(session: Session) -> Result:
    """Judge the gradient in every case, then with the other settings, then with entries that nearly tie."""
    if blocked := session.blocked():
        return blocked
    subject, property, result = session.subject, session.property, session.result
    name = next(n for n in subject.judged if subject.gradient_name(n) == property)
    seen: list[Judgement] = []
    advice: dict[str, Finding] = {}
    usual, only = subject, ""
    found = session.search(_wrong(session, subject, name, seen, advice), session.settings.cases)
    for other in () if found.smallest else usual.settings:
        wrong = _wrong(session, other, name, seen, advice)
        again = session.search(wrong, min(session.settings.cases, ELSEWHERE), other)
        found = replace(again, cases=found.cases + again.cases)
        if found.smallest:
            right = usual.variant.note or "other settings"
            subject, only = other, f"wrong with {other.variant.note}; right with {right}"
            break
    if not found.smallest and (near := _nearly_tied(session, usual, name, seen)) is not None:
        found = replace(found, cases=found.cases + 1, smallest=near, seen_fault="value", found_after=found.cases + 1)
    passed = [j for j in seen if j.verdict is Verdict.PASS]
    notes = {j.note for j in passed if j.note}
    result = replace(
        result,
        cases=found.cases,
        resolution=max((j.resolution for j in passed), default=None),
        advice=tuple(advice.values()),
        reason="; ".join(sorted(notes)),
    )
    if found.smallest:
        with guards.without(session.of.guards):
            finding = explain_failure.gradient(session, subject, name, property, found, found.raised)
        if only:
            finding = replace(finding, evidence=(only, *finding.evidence))
        if finding.code == "batch-average" and (said := session.of.averaging()):
            return replace(result, advice=(*result.advice, replace(finding, evidence=(said,))))
        if finding.severity is Severity.ADVICE:  # a convention that another layer makes up for
            return replace(result, verdict=Verdict.INCONCLUSIVE, finding=finding, reason=finding.message)
        return replace(result, verdict=Verdict.FAIL, finding=finding)
    doubts = sorted({j.reason for j in seen if j.verdict is Verdict.INCONCLUSIVE})
    zero = all(j.zero for j in passed) and not (subject.spec and subject.spec.zero_gradient)
    if not passed or zero:
        reason = "; ".join(doubts) or "the gradient was zero everywhere it was tried"
        return replace(result, verdict=Verdict.INCONCLUSIVE, reason=reason)
    return result


def _wrong(
    session: Session, subject: Subject, name: str, seen: list[Judgement], advice: dict[str, Finding]
) -> Callable[[Drawn], str]:
    """Names what is wrong with a gradient in a case; every judgement is kept in `seen`."""
    of = session.cases_of(subject)

    def holds(drawn: Drawn) -> str:
        try:
            measured = len(seen) < MEASURED and not any(j.verdict is Verdict.FAIL for j in seen)
            run = of.run(drawn)
            judgement = session.judge(subject, name, drawn.case, drawn.layout, run, measured)
        except (UserCodeRaised, BadOutput):
            if drawn.incidental:
                return ""
            raise
        if drawn.incidental:
            if judgement.verdict is Verdict.FAIL:
                advice.setdefault("layout", explain_failure.incidental(subject, name, drawn))
            return ""
        seen.append(judgement)
        return judgement.kind or "value" if judgement.verdict is Verdict.FAIL else ""

    return holds


def _nearly_tied(session: Session, subject: Subject, name: str, seen: list[Judgement]) -> Drawn | None:
    """A case with entries that nearly tie in which a gradient is wrong, which random numbers seldom are."""
    if not subject.matches or subject.spec is None or not seen:
        return None
    case = subject.sample(session.settings.seed ^ 5, generic_sizes(subject.layout, subject.spec, subject.spec.layout))
    for place in subject.spec.kinks:
        with contextlib.suppress(UserCodeRaised, BadOutput):
            near = kink.beside(subject, case, place)
            if near is not None and session.judge(subject, name, near, subject.layout).verdict is Verdict.FAIL:
                return Drawn(near, subject.layout)
    return None
