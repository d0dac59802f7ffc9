"""Initialisers, by the distribution of what they draw."""

from __future__ import annotations

from dataclasses import replace

from gradcheck_plugin.diagnosis import explain_failure
from gradcheck_plugin.judging import rule
from gradcheck_plugin.model import Result, Verdict
from gradcheck_plugin.running.calls import UserCodeRaised
from gradcheck_plugin.search import Drawn, Search
from gradcheck_plugin.session import Session
from gradcheck_plugin.subject import Subject

ORDER = 60


def properties(subject: Subject) -> list[str]:
    """One, called as its kind."""
    return ["initialiser"] if subject.spec is not None and subject.spec.kind == "initialiser" else []


def check(session: Session) -> Result:
    """Some thousand numbers of three shapes: no search, for a smaller sample shows less."""
    subject, result = session.subject, session.result
    found = Search()
    cases = [
        subject.sample(i, {"I": n_in * subject.minimum["I"], "O": n_out * subject.minimum["O"]})
        for i, (n_in, n_out) in enumerate(rule.SIZES)
    ]
    try:
        for found.cases, case in enumerate(cases, start=1):
            if rule.judge(subject, case).verdict is Verdict.FAIL:
                found.seen_fault = "initialiser-differs"
                break
        else:
            habits = ["seeded-inside"] if rule.draws_the_same(subject, cases[0]) else []
            if rule.all_weights_alike(subject):
                habits.append("symmetric-weights")
            advice = tuple(explain_failure.habit(subject, code) for code in habits)
            return replace(result, cases=found.cases, advice=advice)
    except UserCodeRaised as exc:
        found.raised = session.raised = exc
        found.seen_fault = f"raised {type(exc.cause).__name__}"
    found.smallest, found.found_after = Drawn(case, subject.layout), found.cases
    finding = explain_failure.rule(session, subject, found, found.raised)
    return replace(result, verdict=Verdict.FAIL, cases=found.cases, finding=finding)
