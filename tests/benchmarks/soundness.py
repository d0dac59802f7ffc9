"""Right code, many times: how often is it failed, and how often can the judge not tell?

    python tests/benchmarks/soundness.py --samples 10000
    python tests/benchmarks/soundness.py --samples 10000 --float32
    python tests/benchmarks/soundness.py --samples 10000 --families

One sample is one drawn case of one reference in one variant: forward, contract and every gradient. With --float32 the
code under the judge works in single precision inside, whatever it is given.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from reference_subject import target

from gradcheck_plugin.conventions.base import Tape, Wrapped
from gradcheck_plugin.judging import contract, forward, rule
from gradcheck_plugin.model import Severity, Verdict
from gradcheck_plugin.running.calls import converting
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Case, Subject
from gradcheck_plugin.suite import Target
from reference_impls import specs
from reference_impls.spec import LayerSpec


class SingleCaller(Wrapped):
    """Another caller in single precision: arrays, output and gradients are float32."""

    def forward(self, arrays: Mapping[str, Any]) -> Tape:
        with converting(single):
            tape = self.wrapped.forward(arrays)

        def backward(dy: Any) -> dict[str, Any]:
            return {n: single(np.asarray(g)) for n, g in tape.backward(single(np.asarray(dy))).items()}

        return Tape(single(np.asarray(tape.output)), backward)


def single(array: Any) -> Any:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def sample(spec: LayerSpec, subject: Subject, rng: np.random.Generator) -> Case:
    """A drawn case of random lengths, down to the smallest that mean something."""
    if rng.random() < 0.5:
        sizes = generic_sizes(subject.layout, spec, spec.layout, int(rng.integers(0, 2)))
    else:
        dims = subject.layout.dims(spec.layout)
        sizes = {d: spec.minimum.get(d, 1) + int(rng.integers(6 - min(spec.minimum.get(d, 1), 5))) for d in dims}
    return subject.sample(int(rng.integers(2**32)), sizes)


def judged(spec: LayerSpec, bound: Target, case: Case) -> Iterator[tuple[str, Verdict, str]]:
    """Every verdict of one case, with the reason where there is one."""
    subject = bound.subject
    if spec.rule:
        found = rule.judge(subject, case)
        yield spec.kind, found.verdict, found.departs
        return
    breaches = [b.code for b in contract.breaches(subject, case) if b.severity is Severity.ERROR]
    yield "contract", Verdict.FAIL if breaches else Verdict.PASS, ",".join(breaches)
    yield "forward", forward.judge(subject, case, subject.layout).verdict, ""
    for name in subject.judged:
        gradient = bound.session(subject.gradient_name(name)).judge(subject, name, case, subject.layout)
        yield name, gradient.verdict, gradient.reason


def campaign(
    samples: int, seed: int = 0, float32: bool = False, families: Collection[str] = (), show: bool = False
) -> tuple[Counter[str], list[str]]:
    """Verdicts counted by kind, and what failed or stayed open, over all references or those of some families."""
    chosen = [s for s in specs().values() if s.family in families or not families]
    made = [(s, v, target(s, v)) for s in chosen for v, _ in s.layouts()]
    if float32:
        made = [(s, v, t) for s, v, t in made if not s.rule]
        for _, _, t in made:
            t.bound = replace(t.subject, caller=SingleCaller(t.subject.caller))
    counts: Counter[str] = Counter()
    notes = []
    rng = np.random.default_rng(seed)
    for spec, variant, bound in itertools.islice(itertools.cycle(made), samples):
        case = sample(spec, bound.subject, rng)
        counts["samples"] += 1
        for name, verdict, reason in judged(spec, bound, case):
            counts[verdict.value] += 1
            if verdict is not Verdict.PASS:
                of = f"{spec.name} ({variant.note or 'base'}) {name}"
                notes.append(f"{of}: {verdict.value} {reason} {dict(case.sizes)}")
                if show:
                    print(notes[-1], flush=True)
    return counts, notes


def row(name: str, counts: Mapping[str, int]) -> str:
    return f"{name:<16}" + "".join(f"{counts[k]:>14}" for k in ("samples", *(v.value for v in Verdict)))


def main() -> int:
    families = sorted({s.family for s in specs().values()})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000, help="with --families: of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--float32", action="store_true", help="code that works in single precision")
    parser.add_argument("--families", nargs="*", choices=families, help="one campaign a family (without names: of all)")
    args = parser.parse_args()
    start = time.perf_counter()
    groups: list[list[str]] = [[]] if args.families is None else [[f] for f in args.families or families]
    total: Counter[str] = Counter()
    table = [f"{'family':<16}" + "".join(f"{k:>14}" for k in ("samples", *(v.value for v in Verdict)))]
    for group in groups:
        counts, _ = campaign(args.samples, args.seed, args.float32, group, show=True)
        total += counts
        table.append(row(*(group or ["all"]), counts))
    print(*table, *([row("all", total)] if len(groups) > 1 else []), sep="\n")
    verdicts = sum(total[v.value] for v in Verdict)
    print(f"{verdicts} verdicts in {time.perf_counter() - start:.0f} s")
    for verdict in Verdict:
        print(f"{verdict.value:<14} {total[verdict.value] / max(verdicts, 1):>9.4%}")
    return 1 if total["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
