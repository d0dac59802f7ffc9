"""What a verified case costs, in calls and in time, and how that grows with the layer.

    python tests/benchmarks/cost.py

The contract is counted as an item runs it: some clauses on every case, some on the first, so that its calls are the
mean over the cases of an item. A verified case is the contract and the verdict on every gradient, all of them right.
The last column is the time of one such case, without the clauses of the first, over that of one forward and backward.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import zoo
from benchmarks.power import PairCaller, PairSubject, subject_of
from gradcheck_plugin.judging import contract, gradient
from gradcheck_plugin.model import Case, Severity, Verdict


@dataclass(frozen=True)
class Cost:
    """Calls and time of one verified case of one function, and whether it was verified."""

    name: str
    gradients: int
    contract: tuple[float, float]  # forwards, backwards; the mean over an item's cases
    first: int  # calls of the first case, which runs every clause
    judging: tuple[int, int]  # of all the gradients together
    pair_seconds: float
    seconds: float
    verified: bool

    @property
    def per_gradient(self) -> float:
        """Forwards and backwards that the verdict on one gradient took."""
        return sum(self.judging) / self.gradients

    @property
    def times_the_pair(self) -> float:
        return self.seconds / self.pair_seconds


def shapes() -> list[zoo.Function]:
    """Sizes of real work: a linear layer, a feature map of a million entries, an LSTM step."""
    million = zoo.normal((16, 64, 32, 32))
    tanh = zoo.pointwise("tanh, 16 x 64 x 32 x 32", np.tanh, lambda x: 1 - np.tanh(x) ** 2, million)
    return [zoo.affine(64, 512, 256), tanh, zoo.lstm(32, 128, 128)]


def best(run: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of a few runs, which is the least disturbed one."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


CASES = 8  # of the contract in one item
WIDTHS = (64, 256, 1024, 4096, 16384)


def measure(function: zoo.Function, seed: int = 1) -> Cost:
    """Check the cases of one item of a function with its right gradient."""
    subject = subject_of(function, function.vjp)
    caller = subject.caller
    assert isinstance(caller, PairCaller)
    case = subject.sample(seed, {})
    arrays = tuple(case.arrays.values())
    g = np.random.default_rng(seed).standard_normal(np.shape(function.forward(*arrays)))
    pair = best(lambda: (function.forward(*arrays), function.vjp(g, *arrays)))
    clean = _clean(subject, case, rare=True)
    first = (caller.forwards, caller.backwards)
    clean &= _clean(subject, case, rare=False)
    both = (caller.forwards, caller.backwards)
    verdicts = [gradient.judge(subject, n, case, subject.layout).verdict for n in subject.judged]
    calls = (caller.forwards - both[0], caller.backwards - both[1])

    def later() -> None:
        _clean(subject, case, rare=False)
        for name in subject.judged:
            gradient.judge(subject, name, case, subject.layout)

    seconds = best(later, repeats=3)
    mean = [(f + (CASES - 1) * (b - f)) / CASES for f, b in zip(first, both, strict=True)]
    verified = clean and all(v is Verdict.PASS for v in verdicts)
    return Cost(function.name, len(verdicts), (mean[0], mean[1]), sum(first), calls, pair, seconds, verified)


def _clean(subject: PairSubject, case: Case, *, rare: bool) -> bool:
    return all(b.severity is not Severity.ERROR for b in contract.breaches(subject, case, rare=rare))


def growth() -> Iterator[Cost]:
    """A linear layer of 64 samples, from four thousand parameters to a million."""
    for width in WIDTHS:
        yield measure(zoo.affine(64, 64, width))


def row(cost: Cost) -> str:
    contract_calls = f"{cost.contract[0]:.1f} + {cost.contract[1]:.1f}"
    judging = f"{cost.judging[0]} + {cost.judging[1]}"
    times = f"{1e3 * cost.pair_seconds:>11.2f} {1e3 * cost.seconds:>11.1f} {cost.times_the_pair:>9.1f}"
    calls = f"{contract_calls:>14} {cost.first:>6} {judging:>12}"
    return f"{cost.name:<26} {cost.gradients:>9} {calls} {cost.per_gradient:>13.1f} {times}"


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    calls = f"{'contract':>14} {'first':>6} {'judging':>12} {'per gradient':>13}"
    print(f"{'forwards + backwards':<26} {'gradients':>9} {calls} {'pair ms':>11} {'case ms':>11} {'ratio':>9}")
    costs = [measure(f) for f in shapes()]
    print(*map(row, costs), sep="\n")
    for cost, width in zip(growth(), WIDTHS, strict=True):
        print(row(replace(cost, name=f"affine, 64 x 64 -> {width}")))
        costs.append(cost)
    return 0 if all(c.verified for c in costs) else 1


if __name__ == "__main__":
    sys.exit(main())
