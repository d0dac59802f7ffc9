"""Real code, by the folder: what loads, what is recognised and driven, and every verdict.

    python tests/benchmarks/corpus.py FOLDER [FOLDER ...] [--cases 8] [--json rows.json] [--verbose] [--apart NAME ...]

A backward is a function or method with such a name (backward, backprop, ..._grad, derivative) that has a body, or a
function that returns (loss, gradient); no test, no numerical gradient, no abstract base, and no container that only
hands the gradient on. The same text in two files counts once among the distinct ones. Every FAIL is listed, to be
looked at by hand, and everything that is not driven, by its reason. Files are checked in processes of their own, a few
at a time, so that a crash or a hang is an outcome like any other.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import multiprocessing
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
TEST = re.compile(r"^Test|Tests?$")
NEVER = re.compile(
    r"^_?(test_|check_|requires_|accumulate_|numeric|eval_num|compute_num|zero_|no_grad|reset_|clip_|get_|plot_|save_for|sample_)|"
    r"_shape$|grad(ient)?_check|check_grad|numerical",
    re.IGNORECASE,
)
UNABLE = re.compile(r"^does not run here|is not written yet|^not-implemented|raised NameError")
NOT_LOADED = ("no-such-file", "syntax-error", "missing-module", "import-raised", "not-python", "crash")
CHUNK = 6


def source_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".ipynb":
        from gradcheck_plugin.loading.notebook import read_notebook

        return read_notebook(text).source
    return text


@dataclass(frozen=True)
class Backward:
    """A hand-written backward: the class it is in, its name, a fingerprint of its text, its form and what it calls."""

    owner: str
    name: str
    mark: str
    form: str
    calls: frozenset[str]
    heirs: frozenset[str] = frozenset()  # classes of the file that inherit it

    @property
    def full(self) -> str:
        return f"{self.owner}.{self.name}" if self.owner else self.name


def backwards(path: Path) -> Iterator[Backward]:
    """Every backward of a file that somebody would expect to be checked."""
    try:
        tree = ast.parse(source_of(path))
    except (SyntaxError, ValueError):
        return
    owners: list[tuple[str, Any]] = [("", tree), *((n.name, n) for n in tree.body if isinstance(n, ast.ClassDef))]
    for owner, node in owners:
        if owner and is_test(node):
            continue
        for function in node.body:
            if isinstance(function, ast.FunctionDef) and is_backward(function, node):
                text = ast.dump(ast.Module(function.body, []))
                mark = hashlib.sha1(text.encode()).hexdigest()[:16]
                heirs = frozenset(heirs_of(tree, owner, function.name))
                yield Backward(owner, function.name, mark, form_of(function, owner), called(function), heirs)


def heirs_of(tree: ast.Module, owner: str, name: str) -> Iterator[str]:
    """The classes of a file that run a method of another one, because they do not write their own."""
    classes = [n for n in tree.body if owner and isinstance(n, ast.ClassDef)]
    for node in classes:
        own = {f.name for f in node.body if isinstance(f, ast.FunctionDef)}
        if owner in {ast.unparse(b) for b in node.bases} and name not in own:
            yield node.name
            yield from heirs_of(tree, node.name, name)


def is_test(node: ast.ClassDef) -> bool:
    return bool(TEST.search(node.name)) or any("TestCase" in ast.unparse(b) for b in node.bases)


def is_backward(function: ast.FunctionDef, owner: Any) -> bool:
    """Whether a function is a backward: not a check, a numerical gradient, a property or a mere hand over."""
    if not NAMES.search(function.name) and not returns_loss_and_gradient(function):
        return False
    if NEVER.search(function.name) or any(
        "property" in ast.unparse(d) or "setter" in ast.unparse(d) for d in function.decorator_list
    ):
        return False
    left = {f.name for f in owner.body if isinstance(f, ast.FunctionDef) and not has_body(f) and raises(f)}
    return has_body(function) and not is_container(function) and not (called(function) & left)


def returns_loss_and_gradient(function: ast.FunctionDef) -> bool:
    """`return loss, grad` in a module's function that is named after a loss."""
    returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)]
    pair = any(
        isinstance(v, ast.Tuple) and len(v.elts) == 2 and re.match(r"\(?(d|grad|g\b|\{)", ast.unparse(v.elts[1]))
        for v in returned
    )
    return "loss" in function.name and pair and not (function.args.args and function.args.args[0].arg == "self")


def is_container(function: ast.FunctionDef) -> bool:
    """Whether it only hands the gradient from one layer of a list to the one before."""
    loops = [n for n in ast.walk(function) if isinstance(n, ast.For) and isinstance(n.target, ast.Name)]
    hands = any(
        isinstance(c, ast.Call) and isinstance(c.func, ast.Attribute) and NAMES.search(c.func.attr)
        and isinstance(c.func.value, ast.Name | ast.Subscript)
        and loop.target.id in {n.id for n in ast.walk(c.func.value) if isinstance(n, ast.Name)}  # type: ignore[attr-defined]
        for loop in loops for c in ast.walk(loop)
    )  # fmt: skip
    computes = any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mult | ast.MatMult | ast.Div)
                   for n in ast.walk(function))  # fmt: skip
    return hands and not computes


def form_of(function: ast.FunctionDef, owner: str) -> str:
    """How a backward is written, whether it was driven or not."""
    arguments = [a.arg for a in function.args.args]
    static = any("staticmethod" in ast.unparse(d) for d in function.decorator_list)
    if not owner:
        if not NAMES.search(function.name):
            return "function that returns loss and gradient"
        if re.search(r"prime|deriv|grad", function.name, re.IGNORECASE):
            return "derivative or gradient function"
        return "function pair"
    if "ctx" in arguments[:1] or "node" in arguments:
        return "Function of an autograd engine"
    if static:
        return "static pair"
    if re.search(r"updateGradInput", function.name):
        return "torch7 style"
    if re.search(r"derivative|deriv|grad|prime", function.name):
        return "gradient method"
    if any(re.match(r"(lr|learning_?rate|learn_rate|alpha|eta)$", a) for a in arguments):
        return "layer that updates itself"
    return "layer" if len(arguments) > 1 else "backward without upstream"


def called(function: ast.FunctionDef) -> frozenset[str]:
    calls = [n.func for n in ast.walk(function) if isinstance(n, ast.Call)]
    return frozenset(
        [c.id for c in calls if isinstance(c, ast.Name)] + [c.attr for c in calls if isinstance(c, ast.Attribute)]
    )


def raises(function: ast.FunctionDef) -> bool:
    return any(isinstance(n, ast.Raise) for n in function.body)


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
    from gradcheck_plugin.binding.bind import Broken
    from gradcheck_plugin.model import Settings
    from gradcheck_plugin.suite import open_file

    start = time.perf_counter()
    suite = open_file(path, Settings(cases=cases, seconds=5.0))
    row: dict[str, Any] = {"file": str(path), "problem": suite.problem.code if suite.problem else "", "objects": []}
    row["message"] = suite.problem.message if suite.problem else ""
    for target in suite.targets:
        results = target.check_all()
        verdicts = [r.verdict.value for r in results]
        worst = next((v for v in ("FAIL", "INCONCLUSIVE", "PASS") if v in verdicts), "PASS")
        findings = [f"{r.finding.code}: {r.finding.message}" for r in results if r.finding]
        why = next(iter(findings), "") or "; ".join(sorted({r.reason for r in results} - {""}))
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


def driven(made: list[Backward], objects: list[dict[str, Any]]) -> set[Backward]:
    """The backwards of a file that ran in a check: by name, as an engine's own, or called by one that ran."""
    ran = [o for o in objects if o["verdict"] != "not driven"]
    names = {o["function"].removesuffix(".forward") for o in ran}
    owners = {re.split(r"[. ]", o["name"])[0] for o in ran}
    engines = {e for o in ran if "engine" in o["convention"] for e in re.findall(r"`(\w+)`", o["convention"])}
    found = {b for b in made if b.full in names or (b.owner and {b.owner, *b.heirs} & (owners | engines))}
    found |= {b for b in made if not b.owner and any(o["name"] == b.name for o in ran)}
    while more := {b for b in made for f in found if b not in found and b.name in f.calls}:
        found |= more
    return found


def unable(made: list[Backward], objects: list[dict[str, Any]]) -> set[Backward]:
    """The backwards of a file that cannot run on this machine: compiled or removed parts, missing or unwritten ones."""
    names = {re.split(r"[. ]", o["name"])[0] for o in objects if UNABLE.search(o["why"])}
    return {b for b in made if (b.owner or re.sub(r"_(backward|backprop|bwd)", "", b.name)) in names}


def left_of(row: dict[str, Any]) -> list[Backward]:
    made = list(backwards(Path(row["file"])))
    ran = driven(made, row["objects"])
    return [b for b in made if b not in ran]


def reach(rows: list[dict[str, Any]], apart: Sequence[str] = ()) -> list[str]:
    """Distinct backwards and how many of them were driven: all, by form, by folder. A copy that ran is enough.

    The folders `apart` hold conventions of their own; they are counted in the first line only.
    """
    ran: dict[str, bool] = {}
    lame: set[str] = set()
    form: dict[str, str] = {}
    folder: dict[str, str] = {}
    common = len(os.path.commonpath([str(Path(r["file"]).parent) for r in rows])) + 1 if rows else 0
    helpers: dict[str, set[str]] = defaultdict(set)  # what the driven backwards of a folder call

    def folder_of(row: dict[str, Any]) -> str:
        return str(row["file"])[common:].split("/")[0]

    for r in rows:
        made = list(backwards(Path(r["file"])))
        done = driven(made, r["objects"])
        lame |= {b.mark for b in (made if r["problem"] in NOT_LOADED else unable(made, r["objects"]))}
        helpers[folder_of(r)] |= {name for b in done for name in b.calls}
        for b in made:
            ran[b.mark] = ran.get(b.mark, False) or b in done
            form.setdefault(b.mark, b.form)
            folder.setdefault(b.mark, folder_of(r))
    for r in rows:
        ran |= {b.mark: True for b in backwards(Path(r["file"])) if not b.owner and b.name in helpers[folder_of(r)]}
    lame -= {mark for mark, done in ran.items() if done}
    lines = ["distinct backwards:" + " " * 33 + "driven   of   share   cannot run here   share of the others"]
    kept = {mark for mark in ran if folder[mark] not in apart}
    named = [("all", set(ran)), *([("all but those of " + ", ".join(apart), kept)] if apart else [])]
    for what in (form, folder):
        named += [(w, {m for m in kept if what[m] == w}) for w, _ in Counter(what[m] for m in kept).most_common()]
    for name, marks in named:
        done, blocked = sum(ran[m] for m in marks), len(marks & lame)
        whole, rest = done / max(1, len(marks)), done / max(1, len(marks) - blocked)
        lines.append(f"  {name:<50}{done:>5} {len(marks):>4} {whole:>7.1%} {blocked:>17} {rest:>21.1%}")
    return lines


def summary(rows: list[dict[str, Any]], verbose: bool, apart: Sequence[str] = ()) -> list[str]:
    lines = []
    loaded = [r for r in rows if r["problem"] not in NOT_LOADED]
    lines.append(f"files: {len(rows)}, loaded {len(loaded)} ({len(loaded) / max(1, len(rows)):.1%})")
    lines += [f"  not loaded: {r['file']}: {r['message'][:120]}" for r in rows if r["problem"] in NOT_LOADED]
    objects = [(r, o) for r in rows for o in r["objects"]]
    verdicts = Counter(o["verdict"] for _, o in objects)
    lines.append("objects: " + ", ".join(f"{v} {n}" for v, n in verdicts.most_common()))
    by_convention: dict[str, Counter[str]] = defaultdict(Counter)
    for _, o in objects:
        by_convention[o["convention"] or "(not driven)"][o["verdict"]] += 1
    for convention, counts in sorted(by_convention.items(), key=lambda c: -sum(c[1].values())):
        lines.append(f"  {convention:<50} " + ", ".join(f"{v} {n}" for v, n in counts.most_common()))
    lines += reach(rows, apart)
    lines += [
        f"FAIL {r['file']}: {o['name']} [{o['layer'] or 'numerical'}] {o['why'][:200]}"
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
        lines += sorted(f"backward left: {r['file']}: {b.full}" for r in rows for b in left_of(r))
    lines.append(f"seconds: {sum(r['seconds'] for r in rows):.0f} of work")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cases", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument(
        "--apart", nargs="*", default=[], help="folders whose conventions are not counted with the others"
    )
    args = parser.parse_args()
    start = time.perf_counter()
    paths = [p for folder in args.folders for p in files(folder)]
    rows = run(paths, args.cases, args.workers)
    print(*summary(rows, args.verbose, args.apart), sep="\n")
    print(f"{time.perf_counter() - start:.0f} s")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    return 1 if any(r["problem"] == "crash" for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
