"""Code that nobody chose: a list of files of public repositories that were read by hand, against the verdicts of today.

    python tests/benchmarks/wild.py LIST FOLDER [--only TEXT] [--json rows.json]

LIST is a table with tabs: number, repository, commit, path, object, verdict then, code, read by hand, reason. FOLDER
holds the repositories, each checked out at its commit as owner+name. Every file is checked inside its repository, in a
process of its own.

An object is expected to get a verdict unless the reading by hand says that it is no gradient, and a file that holds
none of the objects named here is expected to give at least one, unless it is empty or no Python. What counts as a
verdict is PASS, FAIL or INCONCLUSIVE. Three kinds of surprise are listed: right code that FAILs (as it did then, or
anew), wrong code that FAILed then and passes now, and what is expected and gets nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import apart
from benchmarks.apart import FILE, JUDGED, Job

RIGHT, LEGITIMATE, WRONG, UNWRITTEN = "FALSE ALARM", "legitimate", "wrong code", "not implemented"
_NOT_MEANT = "excluded"
_NO_CODE = ("empty-file", "syntax-error")


@dataclass(frozen=True)
class Entry:
    """One object of the list, or a whole file: what became of it then, and what a reading by hand said."""

    home: str  # the folder of its repository
    path: str
    name: str
    then: str
    code: str
    reading: str

    @property
    def right(self) -> bool:
        """Whether its gradient is known to be right."""
        return self.then == "PASS" or self.reading.startswith((RIGHT, LEGITIMATE))

    @property
    def wrong(self) -> bool:
        return self.reading.startswith((WRONG, UNWRITTEN))

    @property
    def expected(self) -> bool:
        return not self.reading.startswith(_NOT_MEANT) and self.then not in _NO_CODE


@dataclass(frozen=True)
class WildList:
    entries: tuple[Entry, ...]

    @property
    def files(self) -> list[Entry]:
        """One entry of every file."""
        return list({(e.home, e.path): e for e in self.entries}.values())


def read_list(path: Path) -> WildList:
    with path.open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return WildList(
            tuple(
                Entry(r["repository"].replace("/", "+"), r["path"], r["object"], r["verdict then"], r["code"],
                      r["read by hand"])
                for r in table
            )
        )  # fmt: skip


@dataclass(frozen=True)
class Now:
    """What is said of one object today."""

    verdict: str
    code: str = ""
    why: str = ""
    reading: str = ""

    def __str__(self) -> str:
        return f"{self.verdict} {self.code}: {self.why[:150]}" + (f" ({self.reading[:100]})" if self.reading else "")


def said(rows: Sequence[dict[str, str]]) -> dict[str, Now]:
    """The verdict of every object of a file, and of the file itself, which is the worst of them."""
    objects: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        objects[row["target"]].append(row)
    found = {name: _now(of) for name, of in objects.items()}
    judged = [n for n in found.values() if n.verdict in JUDGED]
    found[FILE] = Now(judged[0].verdict, why=f"{len(judged)} objects") if judged else found.get(FILE, _now(rows))
    return found


def _now(rows: Sequence[dict[str, str]]) -> Now:
    verdict = apart.worst(r["verdict"] for r in rows)
    row = next((r for r in rows if r["verdict"] == verdict), {})
    reading = [row.get("layer", ""), row.get("convention", ""), row.get("variant", "")]
    why = f"{row.get('property', '')} {row.get('why', '')}".strip()
    return Now(verdict, row.get("code", ""), why, "; ".join(filter(None, reading)))


def report(entries: Iterable[Entry], today: dict[tuple[str, str], dict[str, Now]]) -> list[str]:
    """The surprises, each with what was said then, and the shares."""
    pairs = [(e, today.get((e.home, e.path), {}).get(e.name, Now("nothing said"))) for e in entries]
    named = {(e.home, e.path, e.name) for e, _ in pairs}
    groups = {
        "right, FAILed then and now": [p for p in pairs if p[0].right and p[0].then != "PASS" and _failed(p[1])],
        "right, passed then and FAILs now": [p for p in pairs if p[0].then == "PASS" and _failed(p[1])],
        "right, passed then and has no PASS now": [
            p for p in pairs if p[0].then == "PASS" and p[1].verdict not in ("PASS", "FAIL")
        ],
        "wrong, FAILed then and PASSes now": [p for p in pairs if p[0].wrong and p[1].verdict == "PASS"],
        "wrong, FAILed then and is open or refused now": [
            p for p in pairs if p[0].wrong and p[1].verdict not in ("PASS", "FAIL")
        ],
        "expected, without a verdict": [p for p in pairs if p[0].expected and p[1].verdict not in JUDGED],
        "not read yet: had no verdict then and FAILs now": [
            p for p in pairs if not p[0].right and not p[0].wrong and p[0].then != "FAIL" and _failed(p[1])
        ],
        "not in the list, and FAILs now": [
            (Entry(home, path, name, "", "", ""), now)
            for (home, path), objects in today.items()
            for name, now in objects.items()
            if _failed(now) and name != FILE and (home, path, name) not in named
        ],
    }
    lines = []
    for title, found in groups.items():
        lines.append(f"{title}: {len(found)}")
        lines += [
            f"    {e.home}/{e.path}: {e.name} [{e.then} {e.code}; {e.reading}] now {now}"
            for e, now in sorted(found, key=lambda p: (p[0].home, p[0].path))
        ]
    false = [now for e, now in pairs if e.reading.startswith(RIGHT)]
    expected = [now for e, now in pairs if e.expected]
    judged = sum(now.verdict in JUDGED for now in expected)
    counts = Counter(now.verdict for now in expected)
    lines += [
        f"right objects that FAILed then: {len(false)}, of them FAIL now {sum(map(_failed, false))}, "
        f"PASS {sum(n.verdict == 'PASS' for n in false)}",
        f"expected objects: {len(expected)}, with a verdict {judged} ({judged / max(1, len(expected)):.1%}): "
        + ", ".join(f"{v} {n}" for v, n in counts.most_common()),
    ]
    return lines


def _failed(now: Now) -> bool:
    return now.verdict == "FAIL"


def run(source: WildList, folder: Path, only: str = "", workers: int = 2) -> tuple[list[Entry], dict[Any, Any]]:
    """What is said today of the files of a list whose path holds `only`."""
    entries = [e for e in source.entries if only in f"{e.home}/{e.path}"]
    jobs = {Job(folder / e.home / e.path, folder / e.home): (e.home, e.path) for e in WildList(tuple(entries)).files}
    return entries, {jobs[job]: said(rows) for job, rows in apart.outcomes(jobs, workers)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="files whose path holds this text")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write what is said of every object")
    args = parser.parse_args(arguments)
    entries, today = run(read_list(args.list), args.folder.resolve(), args.only, args.workers)
    print(*report(entries, today), sep="\n")
    if args.json:
        plain = {"/".join(k): {name: vars(now) for name, now in v.items()} for k, v in today.items()}
        args.json.write_text(json.dumps(plain, indent=1, ensure_ascii=False), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
