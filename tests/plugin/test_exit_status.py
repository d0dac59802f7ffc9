"""The exit codes of pytest, with this plugin's items in the run."""

from __future__ import annotations

import pytest

from .conftest import LAYERS, Run
from .test_refusals import ODD, RIGHT


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Right layers, one that cannot be driven, and ordinary tests."""
    pytester.mkdir("src").joinpath("layers.py").write_text(RIGHT + ODD)
    pytester.mkdir("tests").joinpath("test_relu.py").write_text("def test_relu():\n    pass\n")
    return pytester


@pytest.mark.parametrize(
    "options", [["-k", "test_relu"], ["-m", "not gradcheck"], ["--collect-only"], ["-k", "Tanh"], []], ids=str
)
def test_green_runs(project: pytest.Pytester, run: Run, options: list[str]) -> None:
    assert run("src", "tests", *options).ret == 0


def test_a_run_that_judged_nothing_is_not_green(project: pytest.Pytester, run: Run) -> None:
    result = run("src", "-k", "Odd")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert run("src", "-k", "Odd", "--gradcheck-allow-open").ret == 0
    project.makeini("[pytest]\ngradcheck_allow_open = true\n")
    assert run("src", "-k", "Odd").ret == 0


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "xdist"])
def test_nor_is_it_under_xdist(project: pytest.Pytester, workers: list[str]) -> None:
    (project.path / "src/layers.py").write_text(ODD)
    done = project.runpytest_subprocess("--gradcheck", "src", *workers)
    assert done.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_fault_of_the_checker_is_neither_a_failure_nor_green(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> None:
        raise ZeroDivisionError("of the checker")

    monkeypatch.setattr("gradcheck_plugin.judging.forward.judge", fails)
    pytester.makepyfile(layers=RIGHT)
    result = run("layers.py", "-rs", "--gradcheck-allow-open")
    result.assert_outcomes(passed=6, skipped=2)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["*ZeroDivisionError: of the checker*"])
    assert "please report it" in " ".join(result.stdout.str().split())


def test_folders_without_a_layer_say_so(project: pytest.Pytester, run: Run) -> None:
    project.makeini("[pytest]\ntestpaths = tests\n")
    result = run()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["no layer, loss, network or update rule was found in tests (testpaths)"])
    run("src").stdout.no_fnmatch_line("*no layer, loss*")


def test_failures_stay_failures(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(layers=LAYERS + ODD)
    assert run("layers.py", "--gradcheck-allow-open").ret == 1
