"""What the exit code of a file says: 0 judged and right, 1 failed, 2 nothing to check, 3 left open."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin import check
from gradcheck_plugin.cli import main
from gradcheck_plugin.model import Verdict

RIGHT = """
import numpy as np

class Double:
    def forward(self, x):
        return 2 * x

    def backward(self, dout):
        return 2 * dout
"""
WRONG = RIGHT.replace("Double", "Triple").replace("return 2 * dout", "return 3 * dout")
ODD = """
class Odd:
    def __init__(self, what):
        self.what = what

    def forward(self, x):
        return x * self.what

    def backward(self, dout):
        return dout * self.what
"""
OPEN = """
class Zero:
    def forward(self, x):
        return np.zeros_like(x)

    def backward(self, dout):
        return np.zeros_like(dout)
"""
BASE = """
class Layer:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, dout):
        raise NotImplementedError
"""
CODES = {
    "right": (RIGHT, 0),
    "wrong": (WRONG, 1),
    "wrong, and one not driven": (WRONG + ODD, 1),
    "right, and one not driven": (RIGHT + ODD, 3),
    "only one that is not driven": (ODD, 3),
    "right, and one left open": (RIGHT + OPEN, 3),
    "right, and a base class": (RIGHT.replace("class Double", BASE.lstrip() + "\n\nclass Double(Layer)"), 0),
    "nothing": ("x = 1\n", 2),
    "no Python": ("def f(:\n", 2),
}


@pytest.mark.parametrize("kind", CODES)
def test_a_file(kind: str, tmp_path: Path) -> None:
    source, code = CODES[kind]
    found = checked(tmp_path, source, cases=3)
    assert found.exit_code == code, str(found.report)
    assert found.report.ok == (code == 0)


def test_what_is_open_may_be_allowed(tmp_path: Path) -> None:
    assert checked(tmp_path, RIGHT + ODD + OPEN, cases=3, allow_open=True).exit_code == 0
    assert checked(tmp_path, WRONG + ODD, cases=3, allow_open=True).exit_code == 1


def test_strict_fails_what_is_open(tmp_path: Path) -> None:
    assert checked(tmp_path, RIGHT + ODD, cases=3, strict=True).exit_code == 1
    assert checked(tmp_path, RIGHT, cases=3, strict=True).exit_code == 0


LEFT = {
    "Odd": "Odd is required, and was not driven: Odd cannot be constructed",
    "Zero": "Zero is required, and dx was left open",
    "Duble": "Duble is required, and no object of that name was found; did you mean Double",
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_required_and_not_judged_fails(tmp_path: Path, name: str) -> None:
    found = checked(tmp_path, RIGHT + ODD + OPEN, cases=3, required=(name,), allow_open=True)
    assert found.exit_code == 1
    assert LEFT[name] in " ".join(str(found.report).split())
    assert checked(tmp_path, RIGHT, cases=3, required=("Double",)).exit_code == 0


def test_a_fault_of_the_checker_is_open_and_never_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("gradcheck_plugin.checks.gradient.check", fails)
    found = checked(tmp_path, RIGHT, cases=3, allow_open=True)
    assert found.exit_code == 3
    internal = [r for r in found.report.results if r.code == "internal"]
    assert [r.verdict for r in internal] == [Verdict.INCONCLUSIVE]
    assert "please report it" in internal[0].reason
    assert found.report.to_json()["results"][-1]["code"] == "internal"


def test_so_is_one_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("bind.bind", "recognise.recognised"):
        with monkeypatch.context() as patched:
            patched.setattr(f"gradcheck_plugin.suite.{place}", lambda *_, **__: 1 / 0)
            found = checked(tmp_path, RIGHT, cases=3, allow_open=True)
        assert found.exit_code == 3
        assert "please report it" in " ".join(str(found.report).split())


def test_a_file_that_cannot_be_read_beside_one_that_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("right.py").write_text(RIGHT)
    Path("broken.py").write_text("def backward(:\n")
    Path("plots.py").write_text("gradient = 1\n")
    assert main(["check", "right.py", "--cases", "3"]) == 0
    assert main(["check", "right.py", "broken.py", "--cases", "3", "--allow-open"]) == 3
    assert main(["check", "right.py", "plots.py", "--cases", "3"]) == 3
    Path("broken.py").unlink()
    assert main(["check", ".", "--cases", "3"]) == 0
    capsys.readouterr()


def test_a_name_stands_for_the_layer_that_it_is_said_to_be(tmp_path: Path) -> None:
    tanh = RIGHT.replace("Double", "Tanh").replace("2 * x", "np.tanh(x)")
    found = checked(tmp_path, tanh, cases=3, pinned={"Tanh": "sigmoid"})
    assert found.verdicts("Tanh")["forward"] is Verdict.FAIL
    assert found.result("Tanh", "forward").layer == "sigmoid"
    other = checked(tmp_path, tanh, cases=3, pinned={"Tanh": "mse"})
    assert other.exit_code == 1
    assert other.failed("Tanh") == {"contract": "forward-differs"}
    absent = checked(tmp_path, tanh, cases=3, pinned={"Tahn": "tanh"})
    assert absent.exit_code == 2
    assert "Tahn=tanh: no object called Tahn was found; did you mean Tanh?" in str(absent.report)


REFUSED = {
    "no cases": (["a.py", "--cases", "0"], "0 is not above 0"),
    "no end": (["a.py", "--seconds", "inf"], "not finite"),
    "a name in no file": (["a.py", "--as", "Foo=affine"], "--as Foo=affine: Foo is in none of the files"),
    "json onto a folder": (["a.py", "--json", "."], "--json .: this is a folder; name a file"),
    "no name": (["a.py", ""], "an empty name is no file") ,
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_command_is_refused_before_anything_runs(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("open('ran', 'w')\n" + RIGHT)
    arguments, said = REFUSED[kind]
    try:
        code = main(["check", *arguments])
    except SystemExit as exit:
        code = int(str(exit.code))
    assert code == 2
    assert said in capsys.readouterr().err
    assert not Path("ran").exists()


def test_a_file_is_checked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(RIGHT)
    assert main(["check", "a.py", "./a.py", ".", "--cases", "3"]) == 0
    assert capsys.readouterr().out.count("Double contract:ok") == 1


def test_check_is_not_asked_what_it_cannot_do() -> None:
    import sys

    for thing in ((), (1, 2), {}, sys):
        with pytest.raises(TypeError):
            check(thing)
    with pytest.raises(ValueError, match="cases is 0"):
        check(CODES, cases=0)
    with pytest.raises(ValueError, match="seconds is -1"):
        check(CODES, seconds=-1)
    with pytest.raises(ValueError, match="names no file"):
        check("")
