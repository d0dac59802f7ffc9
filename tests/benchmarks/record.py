"""Every verdict on files that are kept, one line each, and what two records say differently.

    python tests/benchmarks/record.py verdicts.jsonl [--submissions] [--corpus FOLDER] [--wild LIST FOLDER]
    python tests/benchmarks/record.py --compare OLD.jsonl NEW.jsonl

A line of JSON is a (file, target, property) with its verdict, its code and how the object was read, or a refusal, or a
file that could not be checked. `--submissions` are the sample files of the tests, `--corpus` a folder of checked out
repositories, `--wild` a list of files in such repositories (see wild.py). A comparison prints every difference, grouped
by its kind; a changed verdict of an object comes before changed codes and readings.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import apart, corpus, wild
from benchmarks.apart import FILE, Job

SUBMISSIONS = Path(__file__).parent.parent / "submissions"
Row = dict[str, str]
Objects = dict[tuple[str, str, str], dict[str, Row]]  # by group, file, target: the rows by property


def jobs(args: argparse.Namespace) -> Iterator[tuple[str, str, Job]]:
    """The files that are asked for: the group of each, and its name in the record."""
    if args.submissions:
        for path in sorted(SUBMISSIONS.glob("*/*.*")):
            if path.suffix in (".py", ".ipynb") and path.parent.name in ("right", "wrong"):
                yield "submissions", f"{path.parent.name}/{path.name}", Job(path, path.parent, args.cases)
    for folder in [args.corpus.resolve()] if args.corpus else []:
        chosen = args.only.read_text(encoding="utf-8").split() if args.only else None
        for repository in sorted(f for f in folder.iterdir() if f.is_dir()):
            if chosen is None or repository.name in chosen:
                for path in corpus.files(repository):
                    yield "corpus", str(path.relative_to(folder)), Job(path, repository, args.cases)
    if args.wild:
        source, folder = args.wild
        for entry in wild.read_list(Path(source)).files:
            home = Path(folder).resolve() / entry.home
            yield "wild", f"{entry.home}/{entry.path}", Job(home / entry.path, home, args.cases)


def record(args: argparse.Namespace) -> int:
    names = {job: (group, name) for group, name, job in jobs(args)}
    start = time.monotonic()
    crashes = 0
    with args.record.open("w", encoding="utf-8") as out:
        for job, rows in apart.outcomes(names, args.workers):
            group, name = names[job]
            crashes += any(r["verdict"] == apart.CRASH for r in rows)
            for row in rows:
                out.write(json.dumps({"group": group, "file": name} | row, ensure_ascii=False) + "\n")
            out.flush()
    print(f"{len(names)} files, {crashes} of them crashed or hung, {time.monotonic() - start:.0f} s: {args.record}")
    return 1 if crashes else 0


# --- comparison ---


def read(path: Path) -> Objects:
    objects: Objects = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines():
        row: Row = json.loads(line)
        objects[row["group"], row["file"], row["target"]][row["property"]] = row
    return objects


def differences(old: Objects, new: Objects) -> dict[str, list[str]]:
    """What two records say differently, by kind."""
    found: dict[str, list[str]] = defaultdict(list)
    for key in sorted({*old, *new}):
        before, after = old.get(key, {}), new.get(key, {})
        for kind, text in _of_object(before, after):
            found[kind].append(f"{key[1]}: {key[2]}{text}")
    return found


def _of_object(before: dict[str, Row], after: dict[str, Row]) -> Iterator[tuple[str, str]]:
    was, now = (apart.worst(r["verdict"] for r in rows.values()) for rows in (before, after))
    if was != now:
        yield f"1 object: {was} -> {now}", f" {_why(before, was)} -> {_why(after, now)}"
        return
    for name in sorted({*before, *after}):
        a, b = before.get(name), after.get(name)
        if a is None or b is None or a["verdict"] != b["verdict"]:
            one, two = (r["verdict"] if r else "nothing said" for r in (a, b))
            yield f"2 property: {one} -> {two}", f" {name}"
        elif a["code"] != b["code"]:
            yield f"3 code: {a['code'] or 'none'} -> {b['code'] or 'none'}", f" {name}"
        elif name == "" and a["why"] != b["why"]:
            yield "5 reason of a refusal", f" [{a['why'][:110]}] -> [{b['why'][:110]}]"
    readings = [
        sorted({(r["layer"], r["convention"], r["variant"]) for r in rows.values()}) for rows in (before, after)
    ]
    if readings[0] != readings[1]:
        yield "4 reading", f" {readings[0]} -> {readings[1]}"


def _why(rows: dict[str, Row], verdict: str) -> str:
    said = (r for r in rows.values() if r["verdict"] == verdict and r["why"])
    texts = dict.fromkeys(" ".join((r["property"], r["code"], r["why"]))[:110] for r in said)
    return f"[{'; '.join(texts)[:200]}]"


def compare(old: Path, new: Path) -> int:
    found = differences(read(old), read(new))
    for kind, lines in sorted(found.items()):
        print(f"{kind} ({len(lines)})", *(f"    {line}" for line in lines), sep="\n")
    print(f"{sum(map(len, found.values()))} differences")
    return 0


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", nargs="?", type=Path, help="the file to write")
    parser.add_argument("--submissions", action="store_true")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER")
    parser.add_argument("--only", type=Path, metavar="FILE", help="the names of the folders of a corpus that are meant")
    parser.add_argument("--wild", nargs=2, metavar=("LIST", "FOLDER"))
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("OLD", "NEW"))
    parser.add_argument("--cases", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(None if arguments is None else list(arguments))
    if args.compare:
        return compare(*args.compare)
    if args.record is None:
        parser.error("name the file to write, or two records to compare")
    return record(args)


__all__ = ["FILE", "differences", "main", "read"]

if __name__ == "__main__":
    sys.exit(main())
