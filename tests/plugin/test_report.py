"""What a run prints."""

from __future__ import annotations

import re

import pytest

from .conftest import Run


def test_the_failure_is_the_finding(layers: pytest.Pytester, run: Run) -> None:
    result = run("layers.py")
    result.stdout.fnmatch_lines(
        [
            "*Affine::db*",
            "error[[]missing-batch-sum[]]: `db` is not summed over the batch",
            "  --> layers.py:15, in Affine.backward",
            "   |     self.db = dout",
            "  smallest failing case   x (2,1)  W (1,1)  b (1,)  dout (2,1)*",
            "  db * yours * expected * numerical * torch *",
            "  agrees: forward, dx, dW",
            "  printed by your code:",
            "help: *",
            "reproduce:",
            "*FAILED layers.py::Affine::db - `db` is not summed over the batch",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_one_row_a_layer(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py").stdout.fnmatch_lines(
        [
            "*= gradcheck =*",
            "layers.py",
            "  Affine contract:ok forward:ok dx:ok dW:ok db:FAIL*",
            "  Tanh   contract:ok forward:ok dx:ok  checked to *",
            "7 passed, 1 failed",
        ]
    )


def test_prints_of_the_code_are_shown_only_where_it_fails(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "-k", "Affine and dx").stdout.no_fnmatch_line("*shape of x*")


def test_80_columns_ascii_no_colour(layers: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    output = run("layers.py", "--color=no").stdout.str()
    finding = output[output.index("error[") : output.index("reproduce:")]
    assert max(map(len, finding.splitlines())) <= 90
    assert output.isascii()
    assert "\x1b" not in output


def test_the_reproducer_runs_when_pasted(layers: pytest.Pytester, run: Run) -> None:
    output = run("layers.py").stdout.str()
    block = output[output.index("reproduce:\n") + len("reproduce:\n") :]
    lines = [line[4:] for line in block.splitlines() if line.startswith("    ")]
    pasted = layers.makepyfile(pasted="\n".join(lines[: next(i for i, l in enumerate(lines) if "expected" in l) + 1]))
    shown = layers.runpython(pasted).stdout.str()
    yours, expected = re.search(r"(\[\[.*\]\n? *\[.*\]\])\n", shown), re.search(r"expected (\[.*\])", shown)
    assert yours is not None
    assert expected is not None


def test_verbose_says_how_it_is_called(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "-v").stdout.fnmatch_lines(["  Affine: class layer*"])
