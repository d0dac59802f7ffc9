"""One property of one object: the search for a fault, within its limits, and the judge that everybody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gradcheck_plugin import search
from gradcheck_plugin.binding.obstacles import Broken
from gradcheck_plugin.cases import FIRST, Cases
from gradcheck_plugin.conventions.base import Caller, Tape, Wrapped
from gradcheck_plugin.faults.blame import always
from gradcheck_plugin.judging import gradient
from gradcheck_plugin.loading import process
from gradcheck_plugin.loading.notebook import Notebook
from gradcheck_plugin.model import Array, Case, Result, Settings, Severity, Verdict
from gradcheck_plugin.oracles.judge import Judgement
from gradcheck_plugin.running import guards
from gradcheck_plugin.running.calls import BadOutput, UserCodeRaised
from gradcheck_plugin.running.guards import Guard
from gradcheck_plugin.running.limits import CallWatch, TimeLimit
from gradcheck_plugin.search import REFUSED, Drawn, Search
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Entry, Layout

ELSEWHERE = 3  # cases for each other setting


@dataclass
class Bound:
    """What the checks of one object share: how it is called, its file, and its cases, which are drawn and run once.

    `guards` are the constants that keep the user's logarithms finite, `typed` the functions with constants of few
    digits, `modes` the settings of NumPy and others under which its file wants its code to run; `averaging` says what
    shows that a layer takes the mean over the batch on purpose.
    """

    bound: Subject | Broken
    settings: Settings
    guards: tuple[Guard, ...] = ()
    typed: tuple[Guard, ...] = ()
    path: Path | None = None
    modes: process.Modes | None = None
    plain_import: bool = True
    notebook: Notebook | None = None
    averaging: Callable[[], str] = str

    @property
    def name(self) -> str:
        return self.bound.name

    @property
    def subject(self) -> Subject:
        assert isinstance(self.bound, Subject)
        return self.bound

    @cached_property
    def cases(self) -> list[Cases]:
        """The cases of the subject, then of the same object with each of its other settings; their calls are counted.

        They are drawn and run once, for whichever property asks first.
        """
        settings, seed = self.settings, search.seed_of(self.name, self.settings.seed)
        others = [replace(s, caller=_Counted(s.caller)) for s in self.subject.settings]
        subject = replace(self.subject, caller=_Counted(self.subject.caller), settings=tuple(others))
        few = min(settings.cases, ELSEWHERE)
        return [Cases(subject, seed, settings.cases), *(Cases(other, seed, few) for other in others)]

    @property
    def calls(self) -> int:
        """Forwards and backwards of the subject until now."""
        callers = (c.subject.caller for c in self.cases)
        return sum(c.calls for c in callers if isinstance(c, _Counted))


class Session:
    """The check of one property, made anew each time. `contract` gives the result that the value checks lean on."""

    def __init__(self, of: Bound, property: str, result: Result, contract: Callable[[], Result]) -> None:
        self.of, self.property, self.result, self.contract = of, property, result, contract
        self.settings, self.path, self.plain_import = of.settings, of.path, of.plain_import
        self.subject = of.cases[0].subject
        self.raised: BaseException | None = None  # what the user's code raised in it
        self.refusal = ""  # that it refused some inputs, and why

    def cases_of(self, subject: Subject) -> Cases:
        """The cases of the subject, or of the same object with other settings."""
        return next(c for c in self.of.cases if c.subject is subject)

    def search(self, holds: Callable[[Drawn], str], cases: int, subject: Subject | None = None) -> Search:
        """Search for a fault; what the user's code raises is one that is called `raised`."""
        raised: dict[str, BaseException] = {}
        subject = subject or self.subject
        of = self.cases_of(subject)

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

        draws = of.draws(everywhere=self.property not in ("contract", "kink"))
        found = search.search(subject, guarded, draws, cases=cases)
        if refused := len(draws.refused):
            why = f": {of.refusal}" if of.refusal is not None else ", for they mean nothing to it"
            self.refusal = f"{refused} drawn inputs were refused{why}"
        found.raised = raised.get(found.seen_fault)
        self.raised = found.raised or self.raised
        return found

    def blocked(self) -> Result | None:
        """The result of a check whose object breaks its contract: it is not judged."""
        contract = self.contract()
        finding = contract.finding
        if contract.verdict is not Verdict.FAIL or finding is None or finding.severity is not Severity.ERROR:
            return None
        if self.settings.strict and any(finding.code == a.code for a in contract.advice):
            return None
        return replace(self.result, verdict=Verdict.NOT_JUDGED, reason=f"the contract failed: {finding.message}")

    def judge(
        self,
        subject: Subject,
        name: str,
        case: Case,
        layout: Layout,
        run: gradient.Run | None = None,
        measured: bool = True,
    ) -> Judgement:
        """Judge a gradient; a FAIL among numbers that underflow is believed where smaller arrays confirm it."""
        found = self._judge(subject, name, case, layout, run, measured)
        if found.verdict is Verdict.FAIL and not subject.matches and gradient.underflows(subject, case):
            gentle = replace(case, arrays={e.name: _tenth(e, case.arrays[e.name]) for e in layout.entries})
            if self._judge(subject, name, gentle, layout, None, measured=True).verdict is not Verdict.FAIL:
                return Judgement(Verdict.INCONCLUSIVE, "numbers underflow inside the forward")
        return found

    def _judge(
        self, subject: Subject, name: str, case: Case, layout: Layout, run: gradient.Run | None, measured: bool
    ) -> Judgement:
        """Judge a gradient; a FAIL is looked at again without the guards of the user's logarithms."""
        found = gradient.judge(subject, name, case, layout, run, measured)
        if (found.verdict is not Verdict.PASS or found.overruled) and self.of.guards:
            with guards.without(self.of.guards):
                again = gradient.judge(subject, name, case, layout)
            if again.verdict is Verdict.PASS:
                again.note = guards.told(self.of.guards)
            found = again
        if found.verdict is Verdict.FAIL and self.of.typed:
            with guards.without((*self.of.guards, *self.of.typed)):
                again = gradient.judge(subject, name, case, layout)
            if again.verdict is Verdict.PASS:
                again.note = guards.told(self.of.typed)
                return again
        return found


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
