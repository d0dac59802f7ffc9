"""What a run comes to: one exit code with one meaning, and what was demanded and not met."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gradcheck_plugin.model import NotDriven, Problem, Result, Verdict

OK = 0  # every object that was asked for was judged, and none failed
FAILED = 1  # something failed
USAGE = 2  # a wrong command, or nothing to check
OPEN = 3  # something asked for was left open, refused, or met a fault of the checker, and nothing failed
INTERNAL = "internal"  # the code of a fault of the checker itself
PIN = "as"  # the code of a name that stands for a layer and does not do so
REQUIRED = "required"
_CUT_OFF = ("crashed", "time-limit", INTERNAL)  # the file was there and could be read, but not judged to its end


def exit_code(
    results: Sequence[Result],
    not_driven: Sequence[NotDriven],
    problems: Sequence[Problem],
    *,
    strict: bool = False,
    allow_open: bool = False,
) -> int:
    """The exit code of a run. With `strict` what is open or refused has failed; `allow_open` lets it be.

    A fault of the checker and a file that could not be read are never let be.
    """
    codes = {p.code for p in problems} | {n.code for n in not_driven}
    left = not_driven or any(is_open(r) for r in results)
    if PIN in codes:
        return USAGE
    if any(r.verdict is Verdict.FAIL for r in results) or REQUIRED in codes or (strict and left):
        return FAILED
    if not results and not not_driven and not codes & {*_CUT_OFF}:
        return USAGE
    if problems or INTERNAL in codes or any(r.code == INTERNAL for r in results):
        return OPEN
    return OPEN if left and not allow_open else OK


def is_open(result: Result) -> bool:
    """Whether a property was not decided. NOT JUDGED follows from a failure, which is what counts then."""
    return result.verdict is Verdict.INCONCLUSIVE


def unmet(
    results: Sequence[Result],
    not_driven: Sequence[NotDriven],
    required: Iterable[str],
    passed_over: Sequence[NotDriven] = (),
) -> Iterator[Problem]:
    """The required objects that were not judged, each with its reason."""
    names = {r.target for r in results} | {n.target for n in not_driven}
    over = {n.target: n.reason for n in passed_over}
    for name in dict.fromkeys(required):
        if name not in names:
            yield Problem("", REQUIRED, missing(name, names, over))
        for n in not_driven:
            if n.target == name:
                yield Problem(n.file, REQUIRED, f"{name} is required, and was not driven: {n.reason}")
        for r in results:
            if r.target == name and is_open(r):
                yield Problem(r.file, REQUIRED, f"{name} is required, and {r.property} was left open: {r.reason}")


def missing(name: str, names: Iterable[str], passed_over: Mapping[str, str]) -> str:
    """The sentence about a required name that no object has, or one that has no gradient of its own."""
    if name in passed_over:
        return f"{name} is required, and was passed over: {passed_over[name]}"
    return f"{name} is required, and no object of that name was found{_nearest(name, names)}"


def unmatched(name: str, layer: str, names: Iterable[str]) -> str:
    """The sentence about a name that was to stand for a layer and that no object has."""
    return f"{name}={layer}: no object called {name} was found{_nearest(name, names)}"


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=3)
    return f"; did you mean {', '.join(near)}?" if near else ""


def internal(fault: BaseException, doing: str = "the checker itself failed") -> str:
    """The sentence about a fault of the checker, with the line of ours that it came through last."""
    home = str(Path(__file__).parent)
    ours = [f for f in traceback.extract_tb(fault.__traceback__) if f.filename.startswith(home)]
    at = f" ({Path(ours[-1].filename).name}:{ours[-1].lineno})" if ours else ""
    said = " ".join(str(fault).split())[:200]
    return f"{doing}: {type(fault).__name__}: {said}{at}. This is no fault of your code: please report it"
