"""What other plugins and whoever runs pytest decide passes through the checks."""

from __future__ import annotations

import json

import pytest

from .conftest import LAYERS, Run
from .test_refusals import RIGHT

# an alarm, as pytest-timeout sets one
TIMEOUT = """
import signal
import pytest

def ring(signum, frame):
    {outcome}

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    before = signal.signal(signal.SIGALRM, ring), signal.signal(signal.SIGUSR1, ring)
    signal.setitimer(signal.ITIMER_REAL, {seconds})
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before[0])
    signal.signal(signal.SIGUSR1, before[1])

signal.signal(signal.SIGUSR1, signal.SIG_IGN)
"""


def test_a_time_limit_of_another_plugin_fails_the_item(pytester: pytest.Pytester, run: Run) -> None:
    source = "import time\n" + RIGHT.replace("self.y =", "time.sleep(0.2); self.y =")
    pytester.makepyfile(layers=source, conftest=TIMEOUT.format(outcome="pytest.fail('Timeout')", seconds=0.1))
    result = run("layers.py", "-k", "Tanh and dx", "--gradcheck-cases=3")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Timeout*"])


# an alarm that rings while a case is drawn, once
BETWEEN = """
import sys
import pytest
from gradcheck_plugin.subject import Subject

draw, drawn = Subject.sample, []

def sample(*args, **kwargs):
    drawn.append(sys._getframe(1).f_code.co_name)
    if drawn[-1] == "drawn" and drawn.count("drawn") == {draws}:
        pytest.fail("Timeout")
    return draw(*args, **kwargs)

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    Subject.sample = sample
    yield
    Subject.sample = draw
"""


@pytest.mark.parametrize("draws", [1, 5, 20])
def test_a_time_limit_between_two_cases_fails_the_item(pytester: pytest.Pytester, run: Run, draws: int) -> None:
    pytester.makepyfile(layers=RIGHT, conftest=BETWEEN.format(draws=draws))
    result = run("layers.py", "-k", "Tanh and dx", "--gradcheck-cases=60")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Timeout*"])


@pytest.mark.parametrize(("outcome", "code"), [("pytest.exit('enough', 7)", 7), ("pytest.fail('mine')", 1)])
def test_what_a_handler_raises_in_the_users_code_is_not_the_users(
    pytester: pytest.Pytester, run: Run, outcome: str, code: int
) -> None:
    source = "import signal\n" + RIGHT.replace("self.y =", "signal.raise_signal(signal.SIGUSR1); self.y =")
    pytester.makepyfile(layers=source, conftest=TIMEOUT.format(outcome=outcome, seconds=60))
    assert run("layers.py", "-k", "Tanh and dx").ret == code


INNER = """
import pytest

def test_inner(pytester):
    pytester.makepyfile(layers={source!r})
    result = pytester.runpytest_inprocess("--gradcheck", "layers.py", "--gradcheck-cases=3", "-p", "no:cacheprovider")
    assert result.ret == 1
"""


def test_an_inner_session_loses_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(layers=RIGHT, test_a_inner=INNER.format(source=LAYERS))
    options = ["--gradcheck-cases=3", "--gradcheck-json=r.json", "-p", "pytester"]
    result = pytester.runpytest_subprocess("--gradcheck", "layers.py", "test_a_inner.py", *options)
    assert result.ret == 0, result.stdout.str()
    rows = json.loads((pytester.path / "r.json").read_text(encoding="utf-8"))["results"]
    assert len(rows) == 8
    result.stdout.fnmatch_lines(["*= gradcheck =*", "  Affine contract:ok*", "8 passed"])
