"""The gradient exactly on the kinks that a reference knows of."""

from __future__ import annotations

from dataclasses import replace

from gradcheck_plugin.diagnosis import explain_failure
from gradcheck_plugin.judging import kink
from gradcheck_plugin.model import Finding, Result, Verdict
from gradcheck_plugin.running.calls import UserCodeRaised
from gradcheck_plugin.search import Drawn
from gradcheck_plugin.session import Session
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject

ORDER = 40
CASES = 10


def properties(subject: Subject) -> list[str]:
    """The kink of what computes its reference and has one."""
    return ["kink"] if subject.matches and _kinked(subject) else []


def check(session: Session) -> Result:
    """Put one coordinate after the other on every kink; which slope is taken there is told."""
    subject, result = session.subject, session.result
    if blocked := session.blocked():
        return blocked
    assert subject.spec is not None
    places = subject.spec.kinks
    seen: dict[Verdict, dict[str, kink.KinkJudgement]] = {verdict: {} for verdict in Verdict}
    habits: dict[str, Finding] = {}

    def holds(drawn: Drawn) -> str:
        for place in places:
            judged = kink.judge(subject, drawn.case, place)
            if judged.verdict is Verdict.FAIL:
                return "kink"
            seen[judged.verdict].setdefault(judged.convention if judged.entries else judged.reason, judged)
            if judged.doubled and not habits:
                habits["tie"] = explain_failure.tie(subject, judged)
        return ""

    found = session.search(holds, min(session.settings.cases, CASES))
    taken, doubts = sorted(seen[Verdict.PASS]), sorted(seen[Verdict.INCONCLUSIVE])
    result = replace(result, cases=found.cases, reason="; ".join(taken), advice=tuple(habits.values()))
    if found.smallest:
        finding = explain_failure.kink(session, subject, found, found.raised)
        return replace(result, verdict=Verdict.FAIL, finding=finding)
    if not taken:
        reason = "; ".join(doubts or sorted(seen[Verdict.NOT_JUDGED]))
        return replace(result, verdict=Verdict.INCONCLUSIVE, reason=reason)
    return result


def _kinked(subject: Subject) -> bool:
    """Whether the layer has a kink in the variant that this is: the norm has them for p = 1 and none for p = 2."""
    if subject.spec is None or not subject.spec.kinks:
        return False
    sizes = generic_sizes(subject.layout, subject.spec, subject.spec.layout)
    cases = [subject.sample(seed, sizes) for seed in range(4)]
    try:
        return any(kink.placed(subject, case, place) for case in cases for place in subject.spec.kinks)
    except UserCodeRaised:
        return True
