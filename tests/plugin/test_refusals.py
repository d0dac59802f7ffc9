"""What could not be judged is an item of its own, with its reason; it fails where it was required."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from .conftest import LAYERS, Run

ODD = """

class Odd:
    def __init__(self, what):
        self.what = what

    def forward(self, x):
        return x * self.what

    def backward(self, dout):
        return dout * self.what
"""
RIGHT = LAYERS.replace("self.db = dout\n", "self.db = dout.sum(axis=0)\n")
REASON = "not driven: Odd cannot be constructed: nothing is known about its argument `what`"
OPEN = """

class Zero:
    def forward(self, x):
        return np.zeros_like(x)

    def backward(self, dout):
        return np.zeros_like(dout)
"""


@pytest.fixture
def odd(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(layers=RIGHT + ODD)
    return pytester


def test_it_is_collected(odd: pytest.Pytester, run: Run) -> None:
    result = run("layers.py", "--collect-only", "-q")
    assert "layers.py::Odd::driven" in result.outlines
    assert result.ret == 0


def test_it_is_a_skip_with_its_reason(odd: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = run("layers.py", "-rs", "-v")
    result.assert_outcomes(passed=8, skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"layers.py::Odd::driven SKIPPED ({REASON})*"])
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] layers.py:28: {REASON}"])
    result.stdout.fnmatch_lines(["8 passed; 1 object not driven"])


def test_junit_and_json_have_it(odd: pytest.Pytester, run: Run) -> None:
    run("layers.py", "--junitxml=r.xml", "--gradcheck-json=r.json")
    cases = {(c.get("classname"), c.get("name")): c for c in ET.parse(odd.path / "r.xml").iter("testcase")}
    case = cases["layers.Odd", "driven"]
    skipped, found = case.find("skipped"), case.find(".//property[@name='gradcheck']")
    assert skipped is not None
    assert skipped.get("message") == REASON
    assert found is not None
    assert json.loads(found.get("value") or "")["not_driven"]["target"] == "Odd"
    rows = json.loads((odd.path / "r.json").read_text(encoding="utf-8"))["not_driven"]
    assert [row["target"] for row in rows] == ["Odd"]


@pytest.mark.parametrize(
    ("option", "workers"),
    [("--gradcheck-strict", []), ("--gradcheck-require=Odd", []), ("--gradcheck-require=Odd", ["-n2"])],
    ids=["strict", "required", "required under xdist"],
)
def test_it_fails_where_it_is_required(odd: pytest.Pytester, option: str, workers: list[str]) -> None:
    result = odd.runpytest_subprocess("--gradcheck", "layers.py", "--gradcheck-cases=4", option, *workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED layers.py::Odd::driven - *not driven: Odd *"])


def test_what_is_required_and_judged_passes(odd: pytest.Pytester, run: Run) -> None:
    assert run("layers.py", "--gradcheck-require", "Affine,Tanh").ret == 0


def test_a_required_name_that_is_nowhere_fails(odd: pytest.Pytester, run: Run) -> None:
    odd.makeini("[pytest]\ngradcheck_require = Affine Tahn\n")
    result = run("layers.py")
    assert result.ret == 1
    result.assert_outcomes(passed=8, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["Tahn is required*did you mean Tanh?", "FAILED Tahn::required - Tahn is required*"])


def test_an_open_verdict_is_a_skip_and_fails_where_it_is_required(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(layers=RIGHT + OPEN)
    result = run("layers.py", "-rs")
    result.stdout.fnmatch_lines(["  Zero *dx:[?]*", "INCONCLUSIVE*inconclusive: the gradient was zero*"])
    assert result.ret == 0
    for option in ("--gradcheck-strict", "--gradcheck-require=Zero"):
        again = run("layers.py", option)
        assert again.ret == 1
        again.stdout.fnmatch_lines(["FAILED layers.py::Zero::dx - *inconclusive: *"])


def test_a_name_that_stands_for_a_layer_and_is_nowhere_fails(odd: pytest.Pytester, run: Run) -> None:
    result = run("layers.py", "--gradcheck-as", "Afine=affine")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["Afine=affine: no object called Afine*did you mean Affine?", "FAILED Afine::as - *"])


def test_pins_of_the_ini_file_may_be_for_other_files(odd: pytest.Pytester, run: Run) -> None:
    odd.makeini("[pytest]\ngradcheck_as =\n    Elsewhere=affine\n")
    assert run("layers.py").ret == 0


def test_a_name_that_cannot_be_that_layer_fails(odd: pytest.Pytester, run: Run) -> None:
    result = run("layers.py", "--gradcheck-as", "Affine=relu")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED layers.py::Affine::contract - `Affine` is to be `relu`*"])


def test_a_file_that_cannot_be_read_is_an_item(odd: pytest.Pytester, run: Run) -> None:
    (odd.path / "broken.py").write_text("def backward(:\n")
    result = run("layers.py", "broken.py", "-rs")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["SKIPPED*broken.py*broken.py, line 1: *"])
