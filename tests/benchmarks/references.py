"""The references: how much of the catalogue they cover, whether every mistake is caught and named, and whether
another way of computing the same passes.

    python tests/benchmarks/references.py [--families FAMILY ...] [--cases 12]

A row of the catalogue is covered when each of its references is right in every variant: forward and backward agree with
torch to rounding, and the whole check, numerical differentiation included, passes. Equivalent code is torch's own
forward and backward in the place of a user's.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from reference_subject import check_all, codes, target

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.oracles import autograd
from gradcheck_plugin.sizes import generic_sizes
from reference_impls import specs
from reference_impls.shapes import Array
from reference_impls.spec import LayerSpec, Mistake, Variant

TABLES = Path(__file__).parent.parent / "references"


def catalogue() -> list[dict[str, str]]:
    with (TABLES / "catalogue.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def renamed() -> dict[tuple[str, str], str]:
    """Exports whose reference has another name, by row and export, because two rows share one."""
    sys.path.insert(0, str(TABLES))
    found: dict[tuple[str, str], str] = importlib.import_module("test_catalogue_mistakes").CALLED
    return found


def agrees_with_torch(spec: LayerSpec, variant: Variant) -> bool:
    """Forward and backward of two generic cases, to rounding."""
    layout = next(layout for v, layout in spec.layouts() if v == variant)
    subject = target(spec, variant).subject
    for shift in (0, 1):
        case = subject.sample(shift, generic_sizes(layout, spec, spec.layout, shift))
        arrays = subject.base_arrays(case, layout)
        out = spec.output(*(a.copy() for a in arrays.values()), **variant.options)
        if not np.allclose(out, by_torch(spec, list(arrays.values()), variant), rtol=1e-12, atol=1e-14):
            return False
        dy = np.random.default_rng(shift).standard_normal(out.shape)
        ours = spec.gradients(dy, *arrays.values(), **variant.options)
        theirs = autograd.gradients(spec, arrays, dy, variant.options)
        if not all(np.allclose(ours[n], g, rtol=1e-10, atol=1e-13) for n, g in theirs.items() if n in ours):
            return False
    return True


def by_torch(spec: LayerSpec, arrays: list[Array], variant: Variant) -> Array:
    import torch

    out = spec.torch_forward(*(torch.tensor(a) for a in arrays), **variant.options)
    parts = [
        np.asarray(o.detach().numpy() if hasattr(o, "detach") else o)
        for o in (out if isinstance(out, tuple) else (out,))
    ]
    return np.concatenate([p.ravel() for p in parts]) if isinstance(out, tuple) else parts[0]


def is_right(spec: LayerSpec, cases: int) -> bool:
    """Whether a reference is right in every variant."""
    for variant, _ in spec.layouts():
        if spec.kind in ("layer", "loss", "network") and not agrees_with_torch(spec, variant):
            return False
        if any(r.verdict is not Verdict.PASS for r in check_all(target(spec, variant, settings=Settings(cases=cases)))):
            return False
    return True


def coverage(right: set[str]) -> list[str]:
    """Covered exports by tier and group, and the symbols of torch.nn that the covered rows stand for."""
    called = {alias: s.name for s in specs().values() for alias in s.aliases} | {n: n for n in specs()}
    others = renamed()
    covered: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    symbols: Counter[str] = Counter()
    missing = []
    for row in catalogue():
        names = [e for e in row["exports"].split() if e != "-"]
        own = [e for e in names if not e.startswith("=")]
        of = {e: others.get((row["id"], e), called.get(e.removeprefix("="), "")) for e in names}
        done = [e for e in names if of[e] in right]
        for kind in ("nn.", "F."):
            here = [s for s in row["torch"].split() if s.startswith(kind)]
            symbols[kind] += len(here)
            symbols[kind + "done"] += len(here) if len(done) == len(names) and names else 0
        total[row["tier"], row["group"]] += len(own)
        covered[row["tier"], row["group"]] += sum(e in done for e in own)
        if row["tier"] in "12":
            missing += [f"{row['id']}: {e}" for e in names if e not in done]
    groups = sorted({g for _, g in total}, key=lambda g: g)
    lines = [f"{'covered / total':<24}" + "".join(f"tier {t:<9}" for t in "1234")]
    for group in groups:
        cells = [f"{covered[t, group]} / {total[t, group]}" if total[t, group] else "" for t in "1234"]
        lines.append(f"  {group:<22}" + "".join(f"{c:<14}" for c in cells))
    sums = [(sum(v for (t, _), v in c.items() if t == tier)) for tier in "1234" for c in (covered, total)]
    lines.append(f"  {'all':<22}" + "".join(f"{f'{a} / {b}':<14}" for a, b in zip(sums[::2], sums[1::2], strict=True)))
    lines.append(
        f"torch.nn modules {symbols['nn.done']} / {symbols['nn.']}, functions {symbols['F.done']} / {symbols['F.']}"
    )
    return lines + [f"not covered: {name}" for name in missing]


def mistakes(chosen: Iterable[LayerSpec], cases: int) -> tuple[list[str], int]:
    """Caught and named first, by family; what is not, by name. The second value counts those not caught."""
    counts: Counter[tuple[str, str]] = Counter()
    notes = []
    for spec in chosen:
        for mistake in spec.mistakes:
            found = found_codes(spec, mistake, cases)
            name = f"{spec.name}.{getattr(mistake.backward or mistake.forward, '__name__', '')}"
            counts[spec.family, "all"] += 1
            counts[spec.family, "caught"] += bool(found)
            counts[spec.family, "named"] += found[:1] == [mistake.code]
            if found[:1] != [mistake.code]:
                notes.append(f"  {name}: {mistake.code} is called {found[0] if found else 'nothing: NOT CAUGHT'}")
    families = sorted({f for f, _ in counts})
    lines = [f"{'mistakes':<24}{'all':>6}{'caught':>8}{'named first':>13}"]
    for family in families:
        row = [counts[family, k] for k in ("all", "caught", "named")]
        lines.append(f"  {family:<22}{row[0]:>6}{row[1]:>8}{row[2]:>13}")
    every = [sum(counts[f, k] for f in families) for k in ("all", "caught", "named")]
    lines.append(f"  {'all':<22}{every[0]:>6}{every[1]:>8}{every[2]:>13}  ({every[2] / max(1, every[0]):.1%})")
    return lines + notes, every[0] - every[1]


def found_codes(spec: LayerSpec, mistake: Mistake, cases: int) -> list[str]:
    variant = next((v for v in spec.variants if v.note == mistake.variant), None) if mistake.variant else None
    return codes(check_all(target(spec, variant, mistake, Settings(cases=cases))))


def equivalent(spec: LayerSpec) -> Mistake:
    """Torch's forward and backward in the form of a mistake, which they are not."""
    entries = spec.layout.entries

    def forward(*arrays: Array, **options: Any) -> Any:
        real = [a * 1.0 if e.differentiable else a for e, a in zip(entries, arrays, strict=True)]
        return by_torch(spec, real, Variant(options=options))

    def backward(dy: Any, *arrays: Array, **options: Any) -> dict[str, Any]:
        named = {e.name: a * 1.0 if e.differentiable else a for e, a in zip(entries, arrays, strict=True)}
        upstream = np.concatenate([np.ravel(d) for d in dy]) if isinstance(dy, tuple) else np.asarray(dy)
        return dict(autograd.gradients(spec, named, upstream, options))

    return Mistake("none", backward, forward)


NO_ORACLE = {"std": "torch's own gradient is NaN where all entries are equal"}


def is_equivalent(spec: LayerSpec, cases: int) -> list[str]:
    """What fails of torch's own code in the place of a user's, in the base layout."""
    made = target(spec, None, equivalent(spec), Settings(cases=cases))
    failed = [r for r in check_all(made) if r.verdict is Verdict.FAIL]
    if spec.name in NO_ORACLE:
        failed = [r for r in failed if r.property != "kink"]
    return [f"{r.property}: {r.reason or r.finding}"[:200] for r in failed]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="*", default=[])
    parser.add_argument("--cases", type=int, default=12)
    args = parser.parse_args()
    start = time.perf_counter()
    chosen = [s for s in specs().values() if not args.families or s.family in args.families]
    right = {s.name for s in chosen if is_right(s, args.cases)}
    print(*coverage(right), sep="\n")
    print(*(f"WRONG: {s.name}" for s in chosen if s.name not in right), sep="\n")
    lines, uncaught = mistakes(chosen, args.cases)
    print(*lines, sep="\n")
    layers = [s for s in chosen if s.kind in ("layer", "loss", "network")]
    failed = {s.name: found for s in layers if (found := is_equivalent(s, args.cases))}
    print(f"equivalent code by torch: {len(layers) - len(failed)} of {len(layers)} pass")
    print(*(f"  {name}, not counted on its kink: {why}" for name, why in NO_ORACLE.items()), sep="\n")
    print(*(f"  {name}: {'; '.join(found)}" for name, found in failed.items()), sep="\n")
    print(f"{time.perf_counter() - start:.0f} s")
    return 1 if uncaught or failed or len(right) < len(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
