"""Wrong gradients of every kind: how many are caught, how many pass, and how often can the judge not tell?

    python tests/benchmarks/power.py --seeds 4

One trial is one function of the zoo with one wrong gradient and one seed: the contract in one case, then every
gradient in a few. A trial in which the wrong gradient happens to be right (a doubled zero) is not counted. The right
gradients go through the same trials.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import zoo
from gradcheck_plugin.conventions.base import Caller, Tape
from gradcheck_plugin.judging import contract, gradient
from gradcheck_plugin.model import Array, Case, Severity, Verdict
from gradcheck_plugin.running.calls import frozen, private
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import OUTPUT, Entry, Layout

RIGHT = "right"
NO_LAYOUT = Layout((), (), Entry(OUTPUT, ()))


class PairCaller(Caller):
    """Calls a function of the zoo and one of its gradients, and counts the calls."""

    convention = "pair"
    upstream = True

    def __init__(self, function: zoo.Function, vjp: zoo.Vjp) -> None:
        self.function, self.vjp = function, vjp
        self.forwards = self.backwards = 0

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        own = [private(a) for a in arrays.values()]
        self.forwards += 1

        def backward(g: Any) -> dict[str, Any]:
            self.backwards += 1
            return dict(zip(arrays, self.vjp(g, *own), strict=True))

        return Tape(self.function.forward(*own), backward)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        return []


class PairSubject(Subject):
    """A subject that draws with the sampler of its function instead of a layout."""

    def sample(self, seed: int, sizes: Mapping[str, int], *, short: bool = False, layout: Layout | None = None) -> Case:
        assert isinstance(self.caller, PairCaller)
        drawn = self.caller.function.sample(np.random.default_rng((seed, 0)))
        return Case(seed, {}, {f"x{i}": a for i, a in enumerate(drawn)}, short)


def subject_of(function: zoo.Function, vjp: zoo.Vjp) -> PairSubject:
    count = len(function.sample(np.random.default_rng(0)))
    names = tuple(f"x{i}" for i in range(count))
    return PairSubject(function.name, PairCaller(function, vjp), NO_LAYOUT, names, {})


@dataclass(frozen=True)
class Outcome:
    """What became of one pair: the verdict, what found it, and the worst resolution of a PASS."""

    verdict: Verdict
    reason: str = ""
    resolution: float = 0.0


def cases_of(subject: Subject, seed: int, cases: int) -> list[Case]:
    return [subject.sample(1000 * seed + k + 1, {}) for k in range(cases)]


def outcome(subject: Subject, drawn: list[Case]) -> Outcome:
    """The verdict on a pair as an item's would be: one error or FAIL decides, a PASS needs one case that passed."""
    for breach in contract.breaches(subject, drawn[0]):
        if breach.severity is Severity.ERROR or breach.code == "mutates-upstream":
            return Outcome(Verdict.FAIL, breach.code)
    resolution, doubts = 0.0, []
    for name in subject.judged:
        judged = [gradient.judge(subject, name, case, subject.layout) for case in drawn]
        failed = [j for j in judged if j.verdict is Verdict.FAIL]
        if failed:
            return Outcome(Verdict.FAIL, f"{name}: {failed[0].reason}", failed[0].resolution)
        passed = [j for j in judged if j.verdict is Verdict.PASS]
        resolution = max([resolution, *(j.resolution for j in passed)])
        if not passed or all(j.zero for j in passed):
            reason = next((j.reason for j in judged if j.reason), "zero everywhere it was tried")
            doubts.append(f"{name}: {reason}")
    if doubts:
        return Outcome(Verdict.INCONCLUSIVE, doubts[0], resolution)
    return Outcome(Verdict.PASS, "", resolution)


def applies(subject: Subject, function: zoo.Function, family: str, wrong: zoo.Vjp, drawn: list[Case]) -> bool:
    """Whether the gradient is wrong in one of the cases, with the upstream gradient that the judge would use."""
    if family == zoo.OVERWRITES:
        return True
    for case in drawn:
        arrays = tuple(case.arrays.values())
        with frozen(case.seed):
            g = gradient.upstream(subject, case, function.forward(*arrays))
            if zoo.differs(function, wrong, g, arrays):
                return True
    return False


@dataclass(frozen=True)
class Trial:
    function: str
    family: str
    seed: int
    outcome: Outcome


def trials(functions: list[zoo.Function], seeds: int, cases: int) -> Iterator[Trial]:
    """Every function with its right gradient and every wrong one, for every seed."""
    for function in functions:
        for family, vjp in ((RIGHT, function.vjp), *zoo.wrong_gradients(function)):
            subject = subject_of(function, vjp)
            for seed in range(seeds):
                drawn = cases_of(subject, seed, cases)
                if family == RIGHT or applies(subject, function, family, vjp, drawn):
                    yield Trial(function.name, family, seed, outcome(subject, drawn))


def table(made: list[Trial]) -> list[str]:
    """One row a family, and under it everything that did not come out as it should."""
    rows = defaultdict(list)
    for trial in made:
        rows[trial.family].append(trial)
    lines = [f"{'family':<24} {'FAIL':>6} {'of':>6} {'PASS':>6} {'INCONCLUSIVE':>13}"]
    for family, group in rows.items():
        count = {v: sum(t.outcome.verdict is v for t in group) for v in Verdict}
        fail, passed, open_ = (count[v] for v in (Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE))
        lines.append(f"{family:<24} {fail:>6} {len(group):>6} {passed:>6} {open_:>13}")
    return lines


def surprises(made: list[Trial]) -> list[str]:
    """Right gradients that did not pass, and wrong ones that did or stayed open."""
    lines = []
    for t in made:
        wanted = Verdict.PASS if t.family == RIGHT else Verdict.FAIL
        if t.outcome.verdict is not wanted:
            resolution = f"resolution {t.outcome.resolution:.1e}" if t.outcome.verdict is Verdict.PASS else ""
            about = f"{t.outcome.reason} {resolution}".strip()
            lines.append(f"{t.family}: {t.function}, seed {t.seed}: {t.outcome.verdict.value} {about}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--cases", type=int, default=3)
    args = parser.parse_args()
    start = time.perf_counter()
    functions = zoo.functions()
    made = list(trials(functions, args.seeds, args.cases))
    print(*table(made), "", *surprises(made), sep="\n")
    print(f"{len(functions)} functions, {len(made)} trials in {time.perf_counter() - start:.0f} s")
    return 1 if any(t.family == RIGHT and t.outcome.verdict is Verdict.FAIL for t in made) else 0


if __name__ == "__main__":
    sys.exit(main())
