"""The text of a report: what fits into the columns of a terminal, and what is said once."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_plugin.model import Comparison, Finding, Result, Verdict
from gradcheck_plugin.report import text
from gradcheck_plugin.report.columns import columns, cut, padded, wrapped

KOREAN = "self.db = dout  # 편향은 모든 표본이 함께 쓰므로 배치 축으로 더해야 하는데 여기서는 더하지 않았다"
FINDING = Finding(
    "wrong-gradient",
    "`d가중치` 는 순전파의 기울기가 아니다. " * 4,
    file="층.py",
    line=3,
    source=KOREAN,
    case={"입력": np.ones((1, 2)), "가중치": np.ones((2, 3))},
    cases=2,
    comparison=Comparison(
        "d가중치", np.arange(6.0), np.arange(6.0), np.arange(6.0), 1e-12, np.arange(6.0), 3, 6, "(0,)"
    ),
    output="모양 " * 40,
    help="도움말 " * 30,
)


def test_wide_characters_count_twice() -> None:
    assert columns("가W") == 3
    assert padded("가W", 5) == "가W  "
    assert columns("e\u0301") == 1


@pytest.mark.parametrize("width", [10, 11, 12])
def test_what_is_cut_says_so(width: int) -> None:
    assert columns(cut("가나다라마바사", width)) <= width
    assert cut("가나다라마바사", width).endswith("...")
    assert cut("가나다", width) == "가나다"


def test_lines_are_broken_between_words() -> None:
    assert wrapped("  help: 가나 다라 마바", 14, "   ") == ["  help: 가나", "   다라 마바"]
    assert wrapped("a-very-long-word b", 4, "") == ["a-very-long-word", "b"]
    assert wrapped("one\ntwo", 20, "") == ["one two"]
    assert wrapped("", 20, "") == [""]


def test_no_line_is_wider_than_the_report() -> None:
    lines = text.finding(FINDING).splitlines()
    assert max(map(columns, lines)) <= text.WIDTH
    assert any(line.startswith("   |     self.db") and line.endswith("...") for line in lines)


def test_rows_are_aligned_under_korean_names() -> None:
    rows = text.table([Result(name, "dx", Verdict.PASS, "층.py") for name in ("활성화함수", "Affine")], [])
    assert len({columns(row[: row.index("dx:")]) for row in rows[1:]}) == 1


def test_the_same_advice_is_said_once_and_whole() -> None:
    long = "the gradient " + "is wrong " * 12
    results = [
        Result(target, "dx", Verdict.PASS, advice=(Finding("layout", long),)) for target in ("Mean", "Mean", "mean")
    ]
    lines = text.advice(results)
    assert lines[0].startswith("advice[layout]: Mean: ")
    assert len(lines) == 4
    assert " ".join(" ".join(lines).split()).count(long.strip()) == 2


def test_a_sentence_has_no_newline() -> None:
    failed = Result("A", "dx", Verdict.FAIL, finding=Finding("raised", "`A` raised\n  ValueError"))
    assert text.sentence(failed) == "`A` raised ValueError"
    assert text.sentence(Result("A", "dx", Verdict.INCONCLUSIVE, reason="two\nlines")) == "two lines"
