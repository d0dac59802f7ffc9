"""Right code, many times: how often is it failed, and how often can the judge not tell?

    python tests/benchmarks/soundness.py --samples 10000
    python tests/benchmarks/soundness.py --samples 10000 --float32

One sample is one drawn case of one reference in one variant: forward, contract and every gradient. With --float32 the
code under the judge works in single precision inside, whatever it is given.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from reference_subject import target

from gradcheck_plugin.checks import contract, forward, rule
from gradcheck_plugin.model import Severity, Verdict
from gradcheck_plugin.submission.calls import converting
from gradcheck_plugin.submission.guess import generic_sizes
from gradcheck_plugin.submission.subject import Tape
from reference_impls import specs


class SingleCaller:
    """Another caller in single precision: arrays, output and gradients are float32."""

    def __init__(self, caller: Any) -> None:
        self._caller = caller

    def __getattr__(self, name: str) -> Any:
        return getattr(self._caller, name)

    def forward(self, arrays: Mapping[str, Any]) -> Tape:
        with converting(single):
            tape = self._caller.forward(arrays)

        def backward(dy: Any) -> dict[str, Any]:
            return {n: single(np.asarray(g)) for n, g in tape.backward(single(np.asarray(dy))).items()}

        return Tape(single(np.asarray(tape.output)), backward)


def single(array: Any) -> Any:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def campaign(samples: int, seed: int = 0, float32: bool = False) -> tuple[Counter[str], list[str]]:
    """Verdicts counted by kind, and what failed or stayed open."""
    made = [(s, v, target(s, v)) for s in specs().values() for v, _ in s.layouts()]
    if float32:
        made = [(s, v, t) for s, v, t in made if not s.rule]
        for _, _, t in made:
            t.bound = replace(t.subject, caller=SingleCaller(t.subject.caller))
    counts: Counter[str] = Counter()
    notes = []
    rng = np.random.default_rng(seed)
    for i in range(samples):
        spec, variant, t = made[i % len(made)]
        subject = t.subject
        layout = subject.layout
        if rng.random() < 0.5:
            sizes = generic_sizes(layout, spec, spec.layout, int(rng.integers(0, 2)))
        else:
            dims = layout.dims(spec.layout)
            sizes = {d: spec.minimum.get(d, 1) + int(rng.integers(6 - min(spec.minimum.get(d, 1), 5))) for d in dims}
        case = subject.sample(int(rng.integers(2**32)), sizes)
        verdicts = []
        if spec.rule:
            judged_rule = rule.judge(subject, case)
            verdicts.append((spec.kind, judged_rule.verdict, judged_rule.departs))
        else:
            breaches = [b.code for b in contract.breaches(subject, case) if b.severity is Severity.ERROR]
            verdicts.append(("contract", Verdict.FAIL if breaches else Verdict.PASS, ",".join(breaches)))
            verdicts.append(("forward", forward.judge(subject, case, layout).verdict, ""))
            for name in subject.judged:
                judged = t.judge(subject, name, case, layout)
                verdicts.append((name, judged.verdict, judged.reason))
        counts["samples"] += 1
        for name, verdict, reason in verdicts:
            counts[verdict.value] += 1
            if verdict is not Verdict.PASS:
                notes.append(
                    f"{spec.name} ({variant.note or 'base'}) {name}: {verdict.value} {reason} {dict(case.sizes)}"
                )
    return counts, notes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--float32", action="store_true", help="code that works in single precision")
    args = parser.parse_args()
    start = time.perf_counter()
    counts, notes = campaign(args.samples, args.seed, args.float32)
    print(*notes[:40], sep="\n")
    judged = sum(counts[v.value] for v in Verdict)
    print(f"{counts['samples']} samples, {judged} verdicts in {time.perf_counter() - start:.0f} s")
    for verdict in Verdict:
        print(f"{verdict.value:<14} {counts[verdict.value]:>8} {counts[verdict.value] / judged:>9.4%}")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
