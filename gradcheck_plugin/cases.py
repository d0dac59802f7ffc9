"""The cases of one subject: drawn once and run once, whatever is asked of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck_plugin import search
from gradcheck_plugin.faults.blame import always
from gradcheck_plugin.judging.gradient import Run
from gradcheck_plugin.model import Array
from gradcheck_plugin.running.calls import BadOutput, UserCodeRaised, frozen
from gradcheck_plugin.running.limits import CallWatch, TimeLimit
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.search import Drawn, Draws, Key
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject

FIRST = ("__init__", "forward", "loss")  # the parts that run on arrays of ours: they may refuse them
FEW = 10  # cases in the first layout alone, for what is asked of that one only
KEPT = 2**23  # bytes of runs that are kept for the next property: what is beyond is run again


class Cases:
    """What is drawn for a subject, and the run of each case; `refusal` is what the subject raised in one it refuses."""

    def __init__(self, subject: Subject, seed: int, cases: int) -> None:
        self.subject, self.seed, self.cases = subject, seed, cases
        base = subject.spec.layout if subject.spec else None
        self.generic = generic_sizes(subject.layout, subject.spec, base)
        self.refusal: UserCodeRaised | None = None
        self._draws: dict[bool, Draws] = {}
        self._runs: dict[Key, Run | UserCodeRaised | BadOutput | TimeLimit] = {}
        self._taken: dict[Key, bool] = {}
        self._kept = 0
        self._hangs = False

    def draws(self, everywhere: bool) -> Draws:
        """The cases in the first layout, or `everywhere`, in the further ones, too."""
        everywhere = everywhere and bool(self.subject.further)
        if everywhere not in self._draws:
            further = self.subject.further if everywhere else ()
            layouts = ((replace(self.subject.variant, incidental=False), self.subject.layout), *further)
            cases = min(self.cases, FEW) if self.subject.further and not everywhere else self.cases
            self._draws[everywhere] = search.draw(
                self.subject, self.takes, seed=self.seed, cases=cases, layouts=layouts
            )
        return self._draws[everywhere]

    def takes(self, drawn: Drawn) -> bool:
        """Whether a case is one for the subject. Sizes of our making that its forward does not take are no case.

        Nobody said that it has to take them. A forward that raises whatever its input is, or in its backward, is at
        fault.
        """
        if drawn.case.sizes == self.generic:
            return True
        if drawn.key not in self._taken:
            self._taken[drawn.key] = not self._hangs and self._takes(drawn)
        return self._taken[drawn.key]

    def _takes(self, drawn: Drawn) -> bool:
        subject = self.subject
        if subject.spec is not None and not _means_something(subject, drawn):
            return False
        try:
            run = self.run(drawn)
            return subject.spec is not None or run is None or _is_something(run.out)
        except UserCodeRaised as exc:
            if exc.where in FIRST and not always(exc, subject.root):
                self.refusal = exc
                return False
        except BadOutput:
            return True  # which is to be said
        except TimeLimit:
            if drawn.key not in self._runs:
                raise
            self._hangs = True
            return True
        return subject.spec is not None or _means_something(subject, drawn)

    def output(self, drawn: Drawn) -> Array | None:
        """The output of a case, where its run is kept."""
        found = self._runs.get(drawn.key)
        return found.out if isinstance(found, Run) else None

    def run(self, drawn: Drawn) -> Run | None:
        """One forward and backward of a case, with what was raised in it; of a rule, which has none, None."""
        found = self._runs.get(drawn.key)
        if found is None:
            found = self._run(drawn)
            if found is None:
                return None
            size = found.size if isinstance(found, Run) else 0
            if self._kept + size <= KEPT:
                self._runs[drawn.key] = found
                self._kept += size
        if isinstance(found, Run):
            return found
        raise found

    def _run(self, drawn: Drawn) -> Run | UserCodeRaised | BadOutput | TimeLimit | None:
        try:
            if not self.subject.judged:
                with frozen(drawn.case.seed):
                    self.subject.caller.forward(drawn.case.arrays)
                return None
            return Run(self.subject, drawn.case, drawn.layout)
        except (UserCodeRaised, BadOutput, TimeLimit) as exc:
            if isinstance(exc, TimeLimit) and not (isinstance(exc.watch, CallWatch) and exc.where == "backward"):
                raise  # the limit of all calls together says nothing of this one
            return exc


def _means_something(subject: Subject, drawn: Drawn) -> bool:
    """Whether a layer means anything for such sizes: a window that is larger than the image leaves nothing of it.

    The reference says so, where there is one; else the forward itself, which gives no entry, or no number.
    """
    if subject.spec is not None and subject.spec.rule:
        return True
    try:
        if subject.spec is not None:
            out = subject.reference(drawn.case, drawn.layout)
        else:
            with frozen(drawn.case.seed):
                out = numeric(subject.caller.forward(drawn.case.arrays).output)
    except UserCodeRaised:
        return True  # which is to be said
    except Exception:  # of the reference
        return False
    return out is None or _is_something(out)


def _is_something(out: Array) -> bool:
    return bool(out.size and not np.isnan(out).any())
