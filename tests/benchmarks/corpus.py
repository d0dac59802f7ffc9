"""Real code, by the folder: what loads, what is recognised and driven, and every verdict.

    python tests/benchmarks/corpus.py FOLDER [FOLDER ...] [--cases 8] [--json rows.json] [--verbose]

A backward is a function or method with such a name (backward, backprop, d..., gradient) that has a body, in a file that
is no test; the same text in two files counts once among the distinct ones. Every FAIL is listed, to be looked at by
hand, and everything that is not driven, by its reason. Files are checked in processes of their own, a few at a time,
so that a crash or a hang is an outcome like any other.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import multiprocessing
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = re.compile(
    r"^_?(backward|back_?prop\w*|backward_?(pass|prop|propagation)|gradient|grad|derivative|updateGradInput)$|"
    r"_(backward|backprop|bwd)(_\w+)?$|_(prime|derivative|deriv|grad|gradient)$",
    re.IGNORECASE,
)
SKIPPED = re.compile(
    r"(^|/)(tests?|autograder|build|node_modules|\.git|\.ipynb_checkpoints)(/|$)|(^|/)(test_[^/]*|[^/]*_test)\."
)
SPEAKS = re.compile(rb"def .*(backward|gradient|back_?prop|_prime|derivative|def update)", re.IGNORECASE | re.DOTALL)
CHUNK = 6


def source_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".ipynb":
        from gradcheck_plugin.submission.notebook import read_notebook

        return read_notebook(text).source
    return text


def backwards(path: Path) -> Iterator[tuple[str, str, str]]:
    """Owner, name and fingerprint of every backward of a file that has a body."""
    try:
        tree = ast.parse(source_of(path))
    except (SyntaxError, ValueError):
        return
    owners = [("", tree), *((n.name, n) for n in tree.body if isinstance(n, ast.ClassDef))]
    for owner, node in owners:
        for function in node.body:
            if isinstance(function, ast.FunctionDef) and NAMES.search(function.name) and has_body(function):
                text = ast.dump(ast.Module(function.body, []))
                yield owner, function.name, hashlib.sha1(text.encode()).hexdigest()[:16]


def has_body(function: ast.FunctionDef) -> bool:
    """Whether a function computes anything: not only a docstring, `pass`, `return None` or `raise`."""
    for node in function.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        nothing = isinstance(node, ast.Return) and (node.value is None or isinstance(node.value, ast.Constant))
        if not (docstring or nothing or isinstance(node, ast.Pass | ast.Raise | ast.Import | ast.ImportFrom)):
            return True
    return False


def files(folder: Path) -> Iterator[Path]:
    """The files that speak of backprop."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".py", ".ipynb") and p.is_file()):
        if not SKIPPED.search(str(path.relative_to(folder))) and SPEAKS.search(path.read_bytes()):
            yield path


def check(path: Path, cases: int) -> dict[str, Any]:
    """What became of one file."""
    from gradcheck_plugin.submission.bind import Broken
    from gradcheck_plugin.suite import Settings, open_file

    start = time.perf_counter()
    suite = open_file(path, Settings(cases=cases, seconds=5.0))
    row: dict[str, Any] = {"file": str(path), "problem": suite.problem.code if suite.problem else "", "objects": []}
    row["message"] = suite.problem.message if suite.problem else ""
    for target in suite.targets:
        results = target.check_all()
        verdicts = [r.verdict.value for r in results]
        worst = next((v for v in ("FAIL", "INCONCLUSIVE", "PASS") if v in verdicts), "PASS")
        why = next((r.finding.code for r in results if r.finding), "") or "; ".join({r.reason for r in results} - {""})
        bound = target.bound
        function = bound.finding.function if isinstance(bound, Broken) else bound.function
        convention = bound.convention if isinstance(bound, Broken) else bound.caller.convention
        row["objects"].append(
            {"name": target.name, "function": function, "convention": convention.split(",")[0], "verdict": worst,
             "layer": results[0].layer if results else "", "why": why}
        )  # fmt: skip
    row["objects"] += [
        {
            "name": n.target,
            "function": n.target,
            "convention": "",
            "verdict": "not driven",
            "layer": "",
            "why": n.reason,
        }
        for n in suite.not_driven
    ]
    row["seconds"] = round(time.perf_counter() - start, 2)
    return row


def check_some(job: tuple[list[str], int]) -> list[dict[str, Any]]:
    paths, cases = job
    rows = []
    for path in paths:
        try:
            rows.append(check(Path(path), cases))
        except BaseException as error:  # a crash of the checker is what this looks for
            rows.append({"file": path, "problem": "crash", "message": repr(error), "objects": [], "seconds": 0.0})
    return rows


def run(paths: list[Path], cases: int, workers: int) -> list[dict[str, Any]]:
    """Every file, in fresh processes; those of a process that dies are tried again one by one."""
    jobs = [([str(p) for p in paths[i : i + CHUNK]], cases) for i in range(0, len(paths), CHUNK)]
    rows: list[dict[str, Any]] = []
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, maxtasksperchild=1) as pool:
        waiting = [(job, pool.apply_async(check_some, (job,))) for job in jobs]
        for job, result in waiting:
            try:
                rows += result.get(timeout=60 * len(job[0]) + 120)
            except Exception as error:
                rows += [
                    {"file": f, "problem": "crash", "message": repr(error), "objects": [], "seconds": 0.0}
                    for f in job[0]
                ]
    return rows


def is_driven(owner: str, name: str, objects: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The object of a file that a backward belongs to."""
    full = f"{owner}.{name}" if owner else name
    for o in objects:
        if o["verdict"] != "not driven" and (
            o["function"] == full or (owner and o["name"].split(".")[0].split()[0] == owner)
        ):
            return o
    return None


def summary(rows: list[dict[str, Any]], verbose: bool) -> list[str]:
    lines = []
    missing = ("no-such-file", "syntax-error", "missing-module", "import-raised", "not-python", "crash")
    loaded = [r for r in rows if r["problem"] not in missing]
    lines.append(f"files: {len(rows)}, loaded {len(loaded)} ({len(loaded) / max(1, len(rows)):.1%})")
    lines += [f"  not loaded: {r['file']}: {r['message'][:120]}" for r in rows if r["problem"] in missing]
    objects = [(r, o) for r in rows for o in r["objects"]]
    verdicts = Counter(o["verdict"] for _, o in objects)
    lines.append("objects: " + ", ".join(f"{v} {n}" for v, n in verdicts.most_common()))
    by_convention: dict[str, Counter[str]] = defaultdict(Counter)
    for _, o in objects:
        by_convention[o["convention"] or "(not driven)"][o["verdict"]] += 1
    for convention, counts in sorted(by_convention.items(), key=lambda c: -sum(c[1].values())):
        lines.append(f"  {convention:<50} " + ", ".join(f"{v} {n}" for v, n in counts.most_common()))
    distinct: dict[str, bool] = {}
    left: dict[str, str] = {}
    for r in rows:
        for owner, name, mark in backwards(Path(r["file"])):
            driven = is_driven(owner, name, r["objects"]) is not None
            distinct[mark] = distinct.get(mark, False) or driven
            if not driven:
                left[mark] = f"{r['file']}: {owner + '.' if owner else ''}{name}"
    done = sum(distinct.values())
    lines.append(f"distinct backwards: {len(distinct)}, driven {done} ({done / max(1, len(distinct)):.1%})")
    lines += [
        f"FAIL {r['file']}: {o['name']} [{o['layer'] or 'numerical'}] {o['why']}"
        for r, o in objects
        if o["verdict"] == "FAIL"
    ]
    lines += [f"open {r['file']}: {o['name']} {o['why'][:110]}" for r, o in objects if o["verdict"] == "INCONCLUSIVE"]
    reasons = Counter(
        re.sub(r"`[^`]*`|\d+|'[^']*'", "...", o["why"])[:90] for _, o in objects if o["verdict"] == "not driven"
    )
    lines.append("not driven, by reason:")
    lines += [f"  {n:>4}  {reason}" for reason, n in reasons.most_common(40)]
    if verbose:
        lines += [
            f"not driven {r['file']}: {o['name']}: {o['why'][:120]}" for r, o in objects if o["verdict"] == "not driven"
        ]
        lines += [
            f"backward left: {where}" for mark, where in sorted(left.items(), key=lambda x: x[1]) if not distinct[mark]
        ]
    lines.append(f"seconds: {sum(r['seconds'] for r in rows):.0f} of work")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cases", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    start = time.perf_counter()
    paths = [p for folder in args.folders for p in files(folder)]
    rows = run(paths, args.cases, args.workers)
    print(*summary(rows, args.verbose), sep="\n")
    print(f"{time.perf_counter() - start:.0f} s")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    return 1 if any(r["problem"] == "crash" for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
