"""One target: a layer, loss, network or update rule, and the check of each of its properties."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import TracebackType
from typing import Any

from gradcheck_plugin import checks, outcome
from gradcheck_plugin.binding.obstacles import Broken
from gradcheck_plugin.checks import Check
from gradcheck_plugin.diagnosis import explain_failure
from gradcheck_plugin.faults.raised import timed_out
from gradcheck_plugin.loading import process
from gradcheck_plugin.model import Finding, Result, Severity, Verdict
from gradcheck_plugin.objects.argument import decided
from gradcheck_plugin.oracles import autograd
from gradcheck_plugin.running.calls import WHOLE, metered
from gradcheck_plugin.running.limits import CallWatch, TimeLimit
from gradcheck_plugin.running.randomness import steady
from gradcheck_plugin.session import Bound, Session


class _Tail(io.TextIOBase):
    """Keeps the last few thousand characters that user code prints."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text = (self.text + text)[-4000:]
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[_Tail]:
    tail = _Tail()
    streams = contextlib.redirect_stdout(tail), contextlib.redirect_stderr(tail)
    with process.contained(), streams[0], streams[1], steady():
        yield tail


@dataclass
class Target(Bound):
    """One layer, loss, network or rule with the properties that can be checked."""

    _results: dict[str, Result] = field(default_factory=dict)  # of the contract, which the others lean on
    _raised: dict[str, BaseException | None] = field(default_factory=dict)  # by the user's code, in each property

    @cached_property
    def _checks(self) -> dict[str, Check]:
        return {name: check for check in checks.every() for name in check.properties(self.subject)}

    def properties(self) -> list[str]:
        """contract, forward where there is a reference, one for each gradient; a rule has one, called as its kind."""
        return ["contract"] if isinstance(self.bound, Broken) else list(self._checks)

    def user_traceback(self, property: str) -> TracebackType | None:
        """The traceback of what the user's code raised in the check of a property, if it did."""
        raised = self._raised.get(property)
        cause = self.bound.cause if isinstance(self.bound, Broken) else getattr(raised, "cause", raised)
        return cause.__traceback__ if cause is not None else None

    def check_all(self) -> list[Result]:
        """Every property."""
        return [self.check(property) for property in self.properties()]

    def check(self, property: str) -> Result:
        """Check one property. Faults of the user's code are findings; one of ours is open, and asks to be reported."""
        start = time.perf_counter()
        try:
            return self._check(property)
        except Exception as exc:
            open_ = replace(self._empty(property), verdict=Verdict.INCONCLUSIVE, code=outcome.INTERNAL)
            return replace(open_, reason=outcome.internal(exc), seconds=time.perf_counter() - start)

    def contract(self) -> Result:
        """The contract's result, checked once a process: the value checks lean on it."""
        return self._results.get("contract") or self.check("contract")

    def session(self, property: str) -> Session:
        """What the check of one property is done in."""
        return Session(self, property, self._empty(property), self.contract)

    def _check(self, property: str) -> Result:
        start = time.perf_counter()
        if property in self._results:
            return self._results[property]
        result = self._empty(property)
        if isinstance(self.bound, Broken):
            with quiet():
                finding = self._in_cell(explain_failure.broken(self, self.bound))
            return replace(result, verdict=Verdict.FAIL, finding=finding, seconds=time.perf_counter() - start)
        if self.subject.spec is not None:
            autograd.ready()
        session, before = self.session(property), self.calls
        with process.under(self.modes or {}), quiet() as tail:
            found = self._limited(session)
        self._raised[property] = session.raised
        found = self._meant(found)
        if found.verdict is Verdict.PASS and session.refusal:
            found = replace(found, reason="; ".join(filter(None, [found.reason, session.refusal])))
        if found.finding is not None and tail.text.strip():
            found = replace(found, finding=replace(found.finding, output=tail.text[-1000:]))
        habits = [a for a in found.advice if a.severity is Severity.ADVICE]
        if self.settings.strict and found.verdict is Verdict.PASS and habits:
            first = replace(habits[0], severity=Severity.ERROR)
            found = replace(found, verdict=Verdict.FAIL, finding=first)
        if found.finding is not None:
            found = replace(found, finding=self._in_cell(found.finding))
        found = replace(found, evaluations=self.calls - before, seconds=time.perf_counter() - start)
        if property == "contract":
            self._results[property] = found
        return found

    def _limited(self, session: Session) -> Result:
        """Run a check with a limit on every call of the user's code, and one, far away, on all of them together."""
        seconds, subject = self.settings.seconds, session.subject
        try:
            with metered(seconds) as meter:
                return self._checks[session.property].check(session)
        except TimeLimit as exc:  # outside of the search, which has an answer of its own
            session.raised = exc
            if isinstance(exc.watch, CallWatch):
                place: dict[str, Any] = {"file": subject.file, "line": subject.line}
                hung = timed_out(subject.function or subject.name, exc, seconds, subject.root, **place)
                reason = f"{hung.message}, on line {hung.line}, for an input of the checker's own"
            else:
                reason = f"{meter.calls} calls of it took {WHOLE * seconds:g} s, and there was more to be tried"
            return replace(session.result, verdict=Verdict.INCONCLUSIVE, reason=reason)

    def _in_cell(self, finding: Finding) -> Finding:
        """A finding in a notebook: the cell, and the line in it."""
        if self.notebook is None or not finding.line:
            return finding
        cell, line = self.notebook.place(finding.line)
        return replace(finding, file=f"{finding.file}, cell {cell}", line=line)

    def _meant(self, found: Result) -> Result:
        """A gradient that is another one on purpose (straight-through, reversal) is reported, not failed."""
        gradient = found.property not in ("contract", "forward", "kink")
        if self.subject.doubt and found.verdict is Verdict.PASS and gradient:
            return replace(found, verdict=Verdict.INCONCLUSIVE, reason=self.subject.doubt)
        if found.verdict is Verdict.PASS and (doubt := self._doubt(found.property)):
            return replace(found, verdict=Verdict.INCONCLUSIVE, reason=doubt)
        if found.finding is None or found.finding.code in ("raised", "time-limit", "not-implemented"):
            return found
        arrays = (n for n in self.subject.judged if self.subject.gradient_name(n) == found.property)
        why = self.subject.caller.intended(next(arrays, ""))
        if not why:
            return found
        return replace(found, verdict=Verdict.INCONCLUSIVE, finding=None, reason=f"intentional: {why}")

    def _doubt(self, property: str) -> str:
        """The reading under which a gradient would be wrong, where nothing says which reading is meant."""
        doubts, names = self.subject.doubts, self.subject.judged
        name = next((n for n in names if self.subject.gradient_name(n) == property), None)
        return doubts.get("") or doubts.get(self.subject.display(name), "") if name is not None and doubts else ""

    def _empty(self, property: str) -> Result:
        bound = self.bound
        if isinstance(bound, Broken):
            return Result(self.name, property, Verdict.FAIL, bound.file, bound.line, bound.layer, bound.convention)
        layer = bound.spec.name if bound.spec else ""
        variant = "; ".join(filter(None, [bound.variant.note, *bound.notes]))
        made = decided(bound.caller.objects.built.plan) if bound.caller.objects else ""
        place = bound.file, bound.line, layer, bound.caller.convention, variant
        return Result(self.name, property, Verdict.PASS, *place, made=made, called=bound.caller.called)
