"""The short version of the whole way: generated files, opened as a user's file is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from benchmarks.whole_way.__main__ import table
from benchmarks.whole_way.campaign import Outcome, Row, Said, Writer, opened, run

QUICK = ("book", "pair", "cmu", "loss class", "loss, grad", "update", "torch ctx")
SEED = 11


def campaign(folder: Path, right: bool, check: object = opened, names: tuple[str, ...] = QUICK) -> list[Outcome]:
    """One file in each of some conventions, all of its objects right or all of them wrong."""
    found = []
    for name in names:
        writer = Writer(SEED, convention=name)
        for _, told in run(writer, [(not right, right)], folder, 2, 0, check):  # type: ignore[arg-type]
            found += told.outcomes
    return found


def said(path: Path, verdict: str) -> Said:
    """A checker that says the same of every class and function."""
    names = [line.split()[1].partition("(")[0].rstrip(":") for line in path.read_text().splitlines()
             if line.startswith(("class ", "def "))]  # fmt: skip
    return Said(tuple(Row(n, "dx", verdict) for n in names), {})


def bugs(outcomes: list[Outcome]) -> list[str]:
    return [f"{o.outcome} of {o.fault or 'right'}: {o.convention} {o.name} {o.says}" for o in outcomes if o.bug]


def test_right_objects_are_never_failed(tmp_path: Path) -> None:
    outcomes = campaign(tmp_path, right=True)
    assert bugs(outcomes) == []
    counts = Counter(o.outcome for o in outcomes)
    assert len(outcomes) >= 80
    assert counts["PASS"] >= 0.95 * len(outcomes), counts


def test_wrong_objects_never_pass(tmp_path: Path) -> None:
    outcomes = campaign(tmp_path, right=False)
    assert bugs(outcomes) == []
    counts = Counter(o.outcome for o in outcomes)
    assert len(outcomes) >= 80
    assert counts["FAIL"] >= 0.95 * len(outcomes), counts


@pytest.mark.parametrize(("verdict", "right"), [("PASS", False), ("FAIL", True)])
def test_a_checker_that_always_says_the_same_is_noticed(tmp_path: Path, verdict: str, right: bool) -> None:
    outcomes = campaign(tmp_path, right, lambda path, cases: said(path, verdict), ("book", "pair"))
    assert len(outcomes) >= 20
    assert all(o.bug and o.outcome == verdict for o in outcomes)
    assert f"{len(outcomes):>9}" in table(outcomes, "convention")[-1]


def test_a_checker_that_says_nothing_is_noticed(tmp_path: Path) -> None:
    outcomes = campaign(tmp_path, True, lambda path, cases: Said((), {}), ("book",))
    assert {o.outcome for o in outcomes} == {"vanished"}
    assert all(o.bug for o in outcomes)


def test_the_same_number_gives_the_same_file() -> None:
    one, other = (Writer(SEED).file(6, True) for _ in range(2))
    assert one.text == other.text
    assert one.text != Writer(SEED + 1).file(6, True).text
    assert "reference_impls" not in one.text
