"""Bad input: one clear message, the right exit code, and nothing else is lost."""

from __future__ import annotations

import pytest

from .conftest import LAYERS, Run

FILES = {
    "empty": ("", "empty-file"),
    "syntax": ("def f(:\n", "syntax-error"),
    "raises": ("import numpy as np\nclass Relu(undefined_name):\n    def backward(self): pass\n", "import-raised"),
    "nothing": ("x = 1\n", "nothing-recognised"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_checked(pytester: pytest.Pytester, run: Run, kind: str) -> None:
    source, code = FILES[kind]
    (pytester.path / "broken.py").write_text(source)
    result = run("broken.py")
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"error[[]{code}[]]: *broken.py*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("kind", FILES)
def test_it_hides_no_other_file(layers: pytest.Pytester, run: Run, kind: str) -> None:
    (layers.path / "broken.py").write_text(FILES[kind][0])
    result = run("broken.py", "layers.py")
    result.assert_outcomes(passed=7, failed=1, skipped=1)  # the file is an item, with the reason
    assert result.ret == 1


def test_nothing_recognised_says_how_to_name_it(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(layers="x = 1\n")
    run("layers.py").stdout.fnmatch_lines(["*--gradcheck-as MyLayer=affine*"])


OPTIONS = {
    "--gradcheck-as=Affine2": "*cannot read 'Affine2'*NAME=LAYER*",
    "--gradcheck-as=Affine2=afine": "*no reference called 'afine'*did you mean affine*",
    "--gradcheck-cases=0": "*gradcheck_cases: 0 is not above 0*",
    "--gradcheck-json=no/such/folder/r.json": "*--gradcheck-json*there is no folder*",
    "--gradcheck-json=.": "*--gradcheck-json*this is a folder*",
    "--gradcheck-seconds=inf": "*gradcheck_seconds: inf is not finite*",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_wrong_option(layers: pytest.Pytester, option: str) -> None:
    result = layers.runpytest("--gradcheck", "layers.py", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([OPTIONS[option]])


def test_no_such_file(pytester: pytest.Pytester, run: Run) -> None:
    result = run("nowhere.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*file or directory not found: nowhere.py*"])


HEAD = "class Relu:\n    def forward(self, x):\n        return x * (x > 0)\n    def backward(self, dout):\n        "
LAYER_FAULTS = {
    "infinite loop": (HEAD + "while True: pass", "time-limit"),
    "raises": (HEAD + "return dout[99]", "raised"),
    "returns None": (HEAD + "pass", "not-implemented"),
    "not implemented": (HEAD + "raise NotImplementedError", "not-implemented"),
    "exits": (HEAD + "raise SystemExit(3)", "raised"),
    "NaN": (HEAD + "return dout * float('nan')", "not-finite"),
    "object array": (HEAD + "return dout.astype(object)", "not-numeric"),
    "text": (HEAD + "return 'dx'", "not-numeric"),
    "wrong shape": (HEAD + "return dout[:, :1]", "wrong-shape"),
    "forward gives None": (HEAD.replace("return x * (x > 0)", "pass") + "return dout", "returns-nothing"),
    "cannot be constructed": (HEAD.replace("    def forward", "    def __init__(self, what): pass\n    def forward", 1)
                              + "return dout", None),
}  # fmt: skip


@pytest.mark.parametrize("fault", LAYER_FAULTS)
def test_a_fault_in_one_layer_hides_none_of_the_others(pytester: pytest.Pytester, run: Run, fault: str) -> None:
    source, code = LAYER_FAULTS[fault]
    (pytester.path / "layers.py").write_text(LAYERS + "\n\n" + source + "\n")
    result = run("layers.py", "--gradcheck-seconds=1")
    result.stdout.fnmatch_lines(["  Tanh * contract:ok forward:ok dx:ok*"])
    if code is None:
        result.stdout.fnmatch_lines(["  Relu * not driven: *"])
    else:
        result.stdout.fnmatch_lines([f"error[[]{code}[]]: *"])
    assert result.ret == 1
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_only_undriven_objects_is_nothing_checked(pytester: pytest.Pytester, run: Run) -> None:
    source = "class Odd:\n    def __init__(self, what): pass\n    def forward(self, x): return x\n"
    pytester.makepyfile(layers=source + "    def backward(self, dout): return dout\n")
    result = run("layers.py")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["*Odd cannot be constructed: nothing is known about its argument `what`*"])


def test_a_folder_with_nothing_to_check(pytester: pytest.Pytester, run: Run) -> None:
    pytester.mkdir("plots")
    result = run("plots")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["error[[]nothing-to-check[]]: plots: *"])
