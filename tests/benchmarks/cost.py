"""What a verified case costs, in calls and in time.

    python tests/benchmarks/cost.py

A verified case is the contract and the verdict on every gradient, all of them right. The last column is its time over
the time of one forward and one backward.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import zoo
from benchmarks.power import PairCaller, subject_of
from gradcheck_plugin.checks import contract, gradient
from gradcheck_plugin.model import Severity, Verdict


@dataclass(frozen=True)
class Cost:
    """Calls and time of one verified case of one function, and whether it was verified."""

    name: str
    gradients: int
    contract: tuple[int, int]  # forwards, backwards
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


def measure(function: zoo.Function, seed: int = 1) -> Cost:
    """Check one case of a function with its right gradient."""
    subject = subject_of(function, function.vjp)
    caller = subject.caller
    assert isinstance(caller, PairCaller)
    case = subject.sample(seed, {})
    arrays = tuple(case.arrays.values())
    g = np.random.default_rng(seed).standard_normal(np.shape(function.forward(*arrays)))
    pair = best(lambda: (function.forward(*arrays), function.vjp(g, *arrays)))
    start = time.perf_counter()
    clean = not [b for b in contract.breaches(subject, case) if b.severity is Severity.ERROR]
    exact = (caller.forwards, caller.backwards)
    verdicts = [gradient.judge(subject, n, case, subject.layout).verdict for n in subject.judged]
    seconds = time.perf_counter() - start
    judging = (caller.forwards - exact[0], caller.backwards - exact[1])
    verified = clean and all(v is Verdict.PASS for v in verdicts)
    return Cost(function.name, len(verdicts), exact, judging, pair, seconds, verified)


def row(cost: Cost) -> str:
    calls = "".join(f"{f'{f} + {b}':>14}" for f, b in (cost.contract, cost.judging))
    times = f"{1e3 * cost.pair_seconds:>11.2f} {1e3 * cost.seconds:>11.1f} {cost.times_the_pair:>9.1f}"
    return f"{cost.name:<26} {cost.gradients:>9}{calls} {cost.per_gradient:>13.1f} {times}"


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    heads = f"{'contract':>14}{'judging':>14} {'per gradient':>13} {'pair ms':>11} {'case ms':>11} {'ratio':>9}"
    print(f"{'forwards + backwards':<26} {'gradients':>9}{heads}")
    costs = [measure(f) for f in shapes()]
    print(*map(row, costs), sep="\n")
    return 0 if all(c.verified for c in costs) else 1


if __name__ == "__main__":
    sys.exit(main())
