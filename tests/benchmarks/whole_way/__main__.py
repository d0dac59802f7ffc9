"""The whole way: source files as people write them, opened as a user's file is, and what becomes of each object.

    python tests/benchmarks/whole_way --samples 1000 --seed 1 --jobs 2 --keep FOLDER
    python tests/benchmarks/whole_way --seed 1 --only 17:Affine --keep FOLDER

Half as many wrong objects as right ones are written, too, with --wrong N another number.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.whole_way import conventions
from benchmarks.whole_way.campaign import OBJECTS, Outcome, Writer, run
from reference_impls import specs

OUTCOMES = ("PASS", "FAIL", "open", "refused", "vanished")


def table(outcomes: list[Outcome], by: str) -> list[str]:
    """Counts by convention or family, right and wrong objects side by side."""
    counts = Counter((getattr(o, by), bool(o.fault), o.outcome) for o in outcomes)
    head = f"{by:<16}{'right:':>8}" + "".join(f"{k:>9}" for k in OUTCOMES)
    lines = [head + f"{'wrong:':>10}" + "".join(f"{k:>9}" for k in OUTCOMES)]
    for key in [*sorted({getattr(o, by) for o in outcomes}), ""]:
        line = f"{key or 'all':<16}"
        for wrong in (False, True):
            found = [sum(n for (k, w, what), n in counts.items() if w == wrong and what == outcome and key in ("", k))
                     for outcome in OUTCOMES]  # fmt: skip
            line += f"{sum(found):>{10 if wrong else 8}}" + "".join(f"{n:>9}" for n in found)
        lines.append(line)
    return lines


def told(outcome: Outcome) -> str:
    what = f"wrong ({outcome.fault})" if outcome.fault else "right"
    of = f"{outcome.reference}, {outcome.variant or 'base'}, {outcome.convention}"
    return f"{outcome.outcome} of {what}: {outcome.file}:{outcome.name} [{of}] {outcome.says}"[:300]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000, help="right objects")
    parser.add_argument("--wrong", type=int, default=None, help="wrong objects (half as many)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=5, help="cases drawn for each property")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--convention", choices=[c.name for c in conventions.ALL], default="")
    parser.add_argument("--reference", nargs="*", choices=list(specs()), help="these references only")
    parser.add_argument("--keep", type=Path, help="a folder for the files")
    parser.add_argument("--only", help="FILE or FILE:NAME, one file or object of the campaign")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--show", action="store_true", help="open and refused right objects, too")
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp(prefix="whole_way"))
    folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(args.seed, args.reference, args.convention)
    wrong = args.samples // 2 if args.wrong is None else args.wrong
    numbers = {True: -(-args.samples // OBJECTS), False: -(-wrong // OBJECTS)}
    files = [
        (2 * i + (not right), right) for right in (True, False) for i in range(args.first, args.first + numbers[right])
    ]
    files.sort()
    if args.only:
        number = int(args.only.split(":")[0])
        files = [(number, number % 2 == 0)]
    outcomes: list[Outcome] = []
    dropped: Counter[str] = Counter()
    start = time.perf_counter()
    bad = 0
    for number, found in run(writer, files, folder, args.cases, args.jobs):
        if found.fault:
            print(f"file {number}: {found.fault}", flush=True)
            bad += 1
        dropped += found.dropped
        for outcome in found.outcomes:
            if args.only and ":" in args.only and outcome.name != args.only.split(":")[1]:
                continue
            outcomes.append(outcome)
            if outcome.bug or (args.show and not outcome.fault and outcome.outcome != "PASS") or args.only:
                print(told(outcome), flush=True)
        for stray in found.strays:
            print(f"file {number}, beside its objects: {stray}"[:200], flush=True)
    seconds = time.perf_counter() - start
    print()
    print(*table(outcomes, "convention"), "", *table(outcomes, "family"), "", sep="\n")
    print(f"not written, {sum(dropped.values())} tries:")
    print(*(f"  {n:>5}  {why}"[:200] for why, n in dropped.most_common(40)), sep="\n")
    print(f"{len(outcomes)} objects in {seconds:.0f} s, {60 * len(outcomes) / max(seconds, 1e-9):.0f} a minute, "
          f"{args.cases} cases a property; the files are in {folder}")  # fmt: skip
    return 1 if bad or any(o.bug for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
