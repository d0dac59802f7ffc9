"""One target: a layer, loss, network or update rule, and the check of each of its properties."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from gradcheck_plugin import judging, outcome
from gradcheck_plugin import search as searching
from gradcheck_plugin.binding.obstacles import Broken
from gradcheck_plugin.cases import FIRST, Cases
from gradcheck_plugin.checks import contract, forward, kink, rule
from gradcheck_plugin.conventions.base import Caller, Tape, Wrapped
from gradcheck_plugin.diagnosis import explain_failure
from gradcheck_plugin.faults.blame import always
from gradcheck_plugin.faults.raised import timed_out
from gradcheck_plugin.loading import process
from gradcheck_plugin.loading.notebook import Notebook
from gradcheck_plugin.model import Array, Case, Finding, Result, Settings, Severity, Verdict
from gradcheck_plugin.oracles import autograd
from gradcheck_plugin.oracles.equal import ROUNDING
from gradcheck_plugin.oracles.judge import Judgement
from gradcheck_plugin.running import guards
from gradcheck_plugin.running.calls import WHOLE, BadOutput, UserCodeRaised, metered
from gradcheck_plugin.running.limits import CallWatch, TimeLimit
from gradcheck_plugin.running.randomness import steady
from gradcheck_plugin.search import REFUSED, Drawn, Search
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Entry, Layout
from reference_impls.spec import RULES


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


class Target:
    """One layer, loss, network or rule with the properties that can be checked."""

    def __init__(
        self,
        bound: Subject | Broken,
        settings: Settings,
        found: tuple[guards.Guard, ...] = (),
        typed: tuple[guards.Guard, ...] = (),
    ) -> None:
        self.bound = bound
        self.settings = settings
        self.name = bound.name
        self.path: Path | None = None
        self.modes: process.Modes = {}  # under which its file wants its code to run
        self.plain_import = True
        self.notebook: Notebook | None = None
        self.guards = found
        self.averaging: Callable[[], str] = lambda: ""  # what says that a layer takes the mean over the batch
        self.typed = typed  # functions with constants of few digits
        self._contract: Result | None = None
        self._raised: dict[str, BaseException] = {}  # what the user's code raised in each property
        self._refusals: dict[str, str] = {}  # and that it refused some inputs in it

    @property
    def subject(self) -> Subject:
        assert isinstance(self.bound, Subject)
        return self.bound

    def properties(self) -> list[str]:
        """contract, forward where there is a reference, one for each gradient; a rule has one, called as its kind."""
        if isinstance(self.bound, Broken):
            return ["contract"]
        if self.bound.spec and self.bound.spec.rule:
            return [self.bound.spec.kind]
        names = [self.bound.gradient_name(n) for n in self.bound.judged]
        kink = ["kink"] if self.bound.matches and self._kinked() else []
        return ["contract", *(["forward"] if self.bound.spec else []), *names, *kink]

    def _kinked(self) -> bool:
        """Whether the layer has a kink in the variant that this is: the norm has them for p = 1 and none for p = 2."""
        subject = self.subject
        if subject.spec is None or not subject.spec.kinks:
            return False
        sizes = generic_sizes(subject.layout, subject.spec, subject.spec.layout)
        cases = [subject.sample(seed, sizes) for seed in range(4)]
        try:
            return any(kink.placed(subject, case, place) for case in cases for place in subject.spec.kinks)
        except UserCodeRaised:
            return True

    def user_traceback(self, property: str) -> TracebackType | None:
        """The traceback of what the user's code raised in the check of a property, if it did."""
        raised = self._raised.get(property)
        cause = self.bound.cause if isinstance(self.bound, Broken) else getattr(raised, "cause", raised)
        return cause.__traceback__ if cause is not None else None

    def array_of(self, property: str) -> str:
        return next(n for n in self.subject.judged if self.subject.gradient_name(n) == property)

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

    def _check(self, property: str) -> Result:
        start = time.perf_counter()
        result = self._empty(property)
        if isinstance(self.bound, Broken):
            with quiet():
                finding = self._in_cell(explain_failure.broken(self, self.bound))
            return replace(result, verdict=Verdict.FAIL, finding=finding, seconds=time.perf_counter() - start)
        if self.subject.spec is not None:
            autograd.ready()
        if property == "contract" and self._contract is not None:
            return self._contract
        subject, counted = self._cases[0].subject, [c.subject.caller for c in self._cases]
        before = sum(c.calls for c in counted if isinstance(c, _Counted))
        with process.under(self.modes), quiet() as tail:
            run = {"contract": self._check_contract, "forward": self._check_forward, "kink": self._check_kink}
            run |= dict.fromkeys(RULES, self._check_rule) | {"initialiser": self._check_initialiser}
            found = self._limited(run.get(property, self._check_gradient), subject, property, result)
        found = self._meant(found)
        if found.verdict is Verdict.PASS and property in self._refusals:
            found = replace(found, reason="; ".join(filter(None, [found.reason, self._refusals[property]])))
        if found.finding is not None and tail.text.strip():
            found = replace(found, finding=replace(found.finding, output=tail.text[-1000:]))
        habits = [a for a in found.advice if a.severity is Severity.ADVICE]
        if self.settings.strict and found.verdict is Verdict.PASS and habits:
            first = replace(habits[0], severity=Severity.ERROR)
            found = replace(found, verdict=Verdict.FAIL, finding=first)
        if found.finding is not None:
            found = replace(found, finding=self._in_cell(found.finding))
        evaluations = sum(c.calls for c in counted if isinstance(c, _Counted)) - before
        found = replace(found, evaluations=evaluations, seconds=time.perf_counter() - start)
        if property == "contract":
            self._contract = found
        return found

    def _limited(
        self, run: Callable[[Subject, str, Result], Result], subject: Subject, property: str, result: Result
    ) -> Result:
        """Run a check with a limit on every call of the user's code, and one, far away, on all of them together."""
        seconds = self.settings.seconds
        try:
            with metered(seconds) as meter:
                return run(subject, property, result)
        except TimeLimit as exc:  # outside of the search, which has an answer of its own
            self._raised[property] = exc
            if isinstance(exc.watch, CallWatch):
                place: dict[str, Any] = {"file": subject.file, "line": subject.line}
                hung = timed_out(subject.function or subject.name, exc, seconds, subject.root, **place)
                reason = f"{hung.message}, on line {hung.line}, for an input of the checker's own"
            else:
                reason = f"{meter.calls} calls of it took {WHOLE * seconds:g} s, and there was more to be tried"
            return replace(result, verdict=Verdict.INCONCLUSIVE, reason=reason)

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
        return Result(
            self.name, property, Verdict.PASS, bound.file, bound.line, layer, bound.caller.convention, variant
        )

    @cached_property
    def _cases(self) -> list[Cases]:
        """The cases of the subject, then of the same object with each of its other settings; their calls are counted.

        They are drawn and run once, for whichever property asks first.
        """
        settings, seed = self.settings, searching.seed_of(self.name, self.settings.seed)
        others = [replace(s, caller=_Counted(s.caller)) for s in self.subject.settings]
        subject = replace(self.subject, caller=_Counted(self.subject.caller), settings=tuple(others))
        few = min(settings.cases, ELSEWHERE)
        return [Cases(subject, seed, settings.cases), *(Cases(other, seed, few) for other in others)]

    def _cases_of(self, subject: Subject) -> Cases:
        return next(c for c in self._cases if c.subject is subject)

    def _search(self, subject: Subject, property: str, holds: Callable[[Drawn], str], cases: int) -> Search:
        """Search for a fault; what the user's code raises is one that is called `raised`."""
        raised: dict[str, BaseException] = {}
        of = self._cases_of(subject)

        def guarded(drawn: Drawn) -> str:
            try:
                return holds(drawn) if of.takes(drawn) else REFUSED
            except UserCodeRaised as exc:
                if drawn.case.sizes != of.generic and exc.where in FIRST and not always(exc, subject.root):
                    return REFUSED
                fault = f"raised {type(exc.cause).__name__}"
                raised[fault] = exc
            except TimeLimit as exc:
                if not isinstance(exc.watch, CallWatch) or exc.where != "backward":
                    raise
                fault, raised["time-limit"] = "time-limit", exc
            except BadOutput as exc:
                fault, raised["bad-output"] = "bad-output", exc
            return fault

        draws = of.draws(everywhere=property not in ("contract", "kink"))
        found = searching.search(subject, guarded, draws, cases=cases)
        if refused := len(draws.refused):
            why = f": {of.refusal}" if of.refusal is not None else ", for they mean nothing to it"
            self._refusals[property] = f"{refused} drawn inputs were refused{why}"
        found.raised = raised.get(found.seen_fault)
        if found.raised is not None:
            self._raised[property] = found.raised
        return found

    def _check_contract(self, subject: Subject, property: str, result: Result) -> Result:
        advice: dict[str, tuple[contract.Breach, Drawn]] = {}
        errors: dict[str, contract.Breach] = {}
        seen: list[Drawn] = []

        def holds(drawn: Drawn) -> str:
            rare = bool(errors) or not seen  # the first case is generic; a fault has to be found again in smaller ones
            seen.append(drawn)
            for breach in contract.breaches(subject, drawn.case, rare=rare):
                if breach.severity is Severity.ERROR:
                    errors[breach.code] = breach
                    return breach.code
                advice.setdefault(breach.code, (breach, drawn))
            return ""

        found = self._search(subject, property, holds, min(self.settings.cases, 8))
        notes = tuple(explain_failure.advice(subject, b, d) for b, d in advice.values())
        if subject.promised:
            notes += (explain_failure.habit(subject, "not-as-named", subject.promised),)
        result = replace(result, cases=found.cases, advice=notes)
        if not found.smallest:
            return result
        fault = found.seen_fault
        with guards.without(self.guards):
            finding = explain_failure.contract(self, subject, found, fault, errors.get(fault), found.raised)
        return replace(result, verdict=Verdict.FAIL, finding=finding)

    def contract(self) -> Result:
        """The contract's result, checked once a process: the value checks lean on it."""
        if self._contract is None:
            self._contract = self.check("contract")
        return self._contract

    def _blocked(self, result: Result) -> Result | None:
        finding = self.contract().finding
        if self.contract().verdict is not Verdict.FAIL or finding is None or finding.severity is not Severity.ERROR:
            return None
        if self.settings.strict and any(finding.code == a.code for a in self.contract().advice):
            return None
        return replace(result, verdict=Verdict.NOT_JUDGED, reason=f"the contract failed: {finding.message}")

    def _check_forward(self, subject: Subject, property: str, result: Result) -> Result:
        of = self._cases_of(subject)

        def judged(drawn: Drawn) -> forward.ForwardJudgement:
            found = forward.judge(subject, drawn.case, drawn.layout, of.output(drawn))
            if found.verdict is Verdict.FAIL and self.guards:
                with guards.without(self.guards):
                    found = forward.judge(subject, drawn.case, drawn.layout)
            if found.verdict is Verdict.FAIL and self.typed:
                with guards.without((*self.guards, *self.typed)):
                    again = forward.judge(subject, drawn.case, drawn.layout)
                if again.verdict is Verdict.PASS:
                    return replace(again, error=found.error, reason=guards.told(self.typed))
            return found

        def holds(drawn: Drawn) -> str:
            found = judged(drawn)
            if found.verdict is Verdict.PASS and found.reason and found.error > max((n.error for n in near), default=0):
                near.append(found)
            return "forward-differs" if found.verdict is Verdict.FAIL and not drawn.incidental else ""

        near: list[forward.ForwardJudgement] = []

        found = self._search(subject, property, holds, self.settings.cases)
        result = replace(result, cases=found.cases, resolution=forward.TOLERANCE[np.dtype(np.float64)])
        if not found.smallest and near:
            habit = explain_failure.close(subject, near[-1])
            return replace(result, resolution=near[-1].error, advice=(habit,))
        if not found.smallest:
            return result
        with guards.without(self.guards):
            finding = explain_failure.forward(self, subject, found, judged, found.raised)
        return replace(result, verdict=Verdict.FAIL, finding=finding)

    def _check_kink(self, subject: Subject, property: str, result: Result) -> Result:
        blocked = self._blocked(result)
        if blocked:
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

        found = self._search(subject, property, holds, min(self.settings.cases, 10))
        taken, doubts = sorted(seen[Verdict.PASS]), sorted(seen[Verdict.INCONCLUSIVE])
        result = replace(result, cases=found.cases, reason="; ".join(taken), advice=tuple(habits.values()))
        if found.smallest:
            finding = explain_failure.kink(self, subject, found, found.raised)
            return replace(result, verdict=Verdict.FAIL, finding=finding)
        if not taken:
            reason = "; ".join(doubts or sorted(seen[Verdict.NOT_JUDGED]))
            return replace(result, verdict=Verdict.INCONCLUSIVE, reason=reason)
        return result

    def _check_rule(self, subject: Subject, property: str, result: Result) -> Result:
        def holds(drawn: Drawn) -> str:
            return f"{property}-differs" if rule.judge(subject, drawn.case).verdict is Verdict.FAIL else ""

        found = self._search(subject, property, holds, self.settings.cases)
        result = replace(result, cases=found.cases, resolution=ROUNDING)
        if not subject.caller.kept:
            result = replace(result, advice=(explain_failure.habit(subject, "not-in-place"),))
        if ignored := subject.caller.ignored:
            result = replace(result, advice=(explain_failure.habit(subject, "setting-ignored", ", ".join(ignored)),))
        if not found.smallest:
            return result
        with guards.without(self.guards):
            finding = explain_failure.rule(self, subject, found, found.raised)
        return replace(result, verdict=Verdict.FAIL, finding=finding)

    def _check_initialiser(self, subject: Subject, property: str, result: Result) -> Result:
        """Some thousand numbers of three shapes: no search, for a smaller sample shows less."""
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
            found.raised = self._raised[property] = exc
            found.seen_fault = f"raised {type(exc.cause).__name__}"
        found.smallest, found.found_after = Drawn(case, subject.layout), found.cases
        finding = explain_failure.rule(self, subject, found, found.raised)
        return replace(result, verdict=Verdict.FAIL, cases=found.cases, finding=finding)

    def judge(
        self,
        subject: Subject,
        name: str,
        case: Case,
        layout: Layout,
        run: judging.Run | None = None,
        measured: bool = True,
    ) -> Judgement:
        """Judge a gradient; a FAIL among numbers that underflow is believed where smaller arrays confirm it."""
        found = self._judge(subject, name, case, layout, run, measured)
        if found.verdict is Verdict.FAIL and not subject.matches and judging.underflows(subject, case):
            gentle = replace(case, arrays={e.name: _tenth(e, case.arrays[e.name]) for e in layout.entries})
            if self._judge(subject, name, gentle, layout).verdict is not Verdict.FAIL:
                return Judgement(Verdict.INCONCLUSIVE, "numbers underflow inside the forward")
        return found

    def _judge(
        self,
        subject: Subject,
        name: str,
        case: Case,
        layout: Layout,
        run: judging.Run | None = None,
        measured: bool = True,
    ) -> Judgement:
        """Judge a gradient; a FAIL is looked at again without the guards of the user's logarithms."""
        found = judging.judge(subject, name, case, layout, run, measured)
        if (found.verdict is not Verdict.PASS or found.overruled) and self.guards:
            with guards.without(self.guards):
                again = judging.judge(subject, name, case, layout)
            if again.verdict is Verdict.PASS:
                again.note = guards.told(self.guards)
            found = again
        if found.verdict is Verdict.FAIL and self.typed:
            with guards.without((*self.guards, *self.typed)):
                again = judging.judge(subject, name, case, layout)
            if again.verdict is Verdict.PASS:
                again.note = guards.told(self.typed)
                return again
        return found

    def _wrong(
        self, subject: Subject, name: str, seen: list[Judgement], advice: dict[str, Finding]
    ) -> Callable[[Drawn], str]:
        """Names what is wrong with a gradient in a case; every judgement is kept in `seen`."""

        of = self._cases_of(subject)

        def holds(drawn: Drawn) -> str:
            try:
                measured = len(seen) < MEASURED and not any(j.verdict is Verdict.FAIL for j in seen)
                run = of.run(drawn)
                judgement = self.judge(subject, name, drawn.case, drawn.layout, run, measured)
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

    def _nearly_tied(self, subject: Subject, name: str, seen: list[Judgement]) -> Drawn | None:
        """A case with entries that nearly tie in which a gradient is wrong, which random numbers seldom are."""
        if not subject.matches or subject.spec is None or not seen:
            return None
        case = subject.sample(self.settings.seed ^ 5, generic_sizes(subject.layout, subject.spec, subject.spec.layout))
        for place in subject.spec.kinks:
            with contextlib.suppress(UserCodeRaised, BadOutput):
                near = kink.beside(subject, case, place)
                if near is not None and self.judge(subject, name, near, subject.layout).verdict is Verdict.FAIL:
                    return Drawn(near, subject.layout)
        return None

    def _check_gradient(self, subject: Subject, property: str, result: Result) -> Result:
        blocked = self._blocked(result)
        if blocked:
            return blocked
        name = self.array_of(property)
        seen: list[Judgement] = []
        advice: dict[str, Finding] = {}
        usual, only = subject, ""
        found = self._search(subject, property, self._wrong(subject, name, seen, advice), self.settings.cases)
        for other in () if found.smallest else usual.settings:
            wrong, cases = self._wrong(other, name, seen, advice), min(self.settings.cases, ELSEWHERE)
            again = self._search(other, property, wrong, cases)
            found = replace(again, cases=found.cases + again.cases)
            if found.smallest:
                right = usual.variant.note or "other settings"
                subject, only = other, f"wrong with {other.variant.note}; right with {right}"
                break
        if not found.smallest and (near := self._nearly_tied(usual, name, seen)) is not None:
            found = replace(
                found, cases=found.cases + 1, smallest=near, seen_fault="value", found_after=found.cases + 1
            )
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
            with guards.without(self.guards):
                finding = explain_failure.gradient(self, subject, name, property, found, found.raised)
            if only:
                finding = replace(finding, evidence=(only, *finding.evidence))
            if finding.code == "batch-average" and (said := self.averaging()):
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


MEASURED = 4  # cases in which a gradient that the exact oracles pass is differenced, too
ELSEWHERE = 3  # cases for each other setting


def _tenth(entry: Entry, array: Array) -> Array:
    return 0.1 * array if entry.domain == "real" else array


class _Counted(Wrapped):
    """A caller that counts its forwards and backwards together."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller)
        self.calls = 0

    @property
    def forward_after(self) -> Any:
        run = self.wrapped.forward_after
        return None if run is None else lambda before, arrays: self._count(run(before, arrays), 2)

    @property
    def backward_with(self) -> Any:
        run = self.wrapped.backward_with
        return (
            None if run is None else lambda arrays, dy: self._count(Tape(None, lambda _: run(arrays, dy))).backward(dy)
        )

    def forward(self, arrays: Mapping[str, Any]) -> Tape:
        return self._count(self.wrapped.forward(arrays))

    def _count(self, tape: Tape, forwards: int = 1) -> Tape:
        self.calls += forwards
        run = tape.backward

        def backward(dy: Any) -> dict[str, Any]:
            self.calls += 1
            given: dict[str, Any] = run(dy)
            return given

        tape.backward = backward
        return tape
