"""What may be tried is counted in calls, never in seconds; the clock only ends what hangs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from from_file import checked

from gradcheck_plugin.binding import bind
from gradcheck_plugin.checks import contract
from gradcheck_plugin.model import Result, Verdict
from gradcheck_plugin.oracles.judge import Judgement
from gradcheck_plugin.session import Session

SLOW = """
import time
import numpy as np


class Wave:
    def forward(self, x):
        until = time.process_time() + 0.002
        while time.process_time() < until:
            pass
        self.x = x
        return np.sin(x) * np.exp(x / 3)

    def backward(self, dout):
        x = self.x
        return dout * np.exp(x / 3) * (np.cos(x) + np.sin(x) / 3)
"""


def test_code_that_is_slow_gets_the_same_verdict_later(tmp_path: Path) -> None:
    """Several thousand calls of 2 ms take far longer than the limit of one call."""
    found = checked(tmp_path, SLOW, seconds=0.2)
    assert found.passes("Wave"), (found.verdicts("Wave"), found.refused)
    assert sum(r.evaluations for r in found.report.results) * 0.002 > 0.2
    assert checked(tmp_path, SLOW.replace("0.002", "0.0"), seconds=0.2).verdicts("Wave") == found.verdicts("Wave")


def test_calls_are_what_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind, "CALLS", 3)
    found = checked(tmp_path, SLOW.replace("0.002", "0.0"))
    assert found.refused == {"Wave": "no way of calling it was found in 3 calls"}


SWALLOWS = """
import numpy as np


def work():
    total = 0
    for i in range(200):
        total += i
    return total


class Swallows:
    def forward(self, x):
        return 3 * x

    def backward(self, dout):
        while True:
            try:
                work()
            except:
                pass


class Handles:
    def forward(self, x):
        self.x = x
        return np.sin(x) ** 3

    def backward(self, dout):
        for _ in range(3):
            try:
                work()
            except BaseException:
                continue
        return 3 * dout * np.sin(self.x) ** 2 * np.cos(self.x)
"""


def test_a_loop_that_swallows_every_alarm_ends(tmp_path: Path) -> None:
    found = checked(tmp_path, SWALLOWS, seconds=0.5)
    assert found.failed("Swallows") == {"contract": "time-limit"}
    assert found.passes("Handles")


PICKY = """
import numpy as np


class Picky:
    def forward(self, x):
        if x.shape[1] < 3:
            raise ValueError("three features, please")
        self.x = x
        return np.sin(x) * x[:, ::-1]

    def backward(self, dout):
        return dout * np.cos(self.x) * self.x[:, ::-1] + (dout * np.sin(self.x))[:, ::-1]


class Easy:
    def forward(self, x):
        self.x = x
        return np.sin(x) * x[:, ::-1]

    def backward(self, dout):
        return dout * np.cos(self.x) * self.x[:, ::-1] + (dout * np.sin(self.x))[:, ::-1]
"""


def _without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [_without_seconds(v) for v in value] if isinstance(value, list) else value


def test_a_busy_machine_changes_nothing_but_the_seconds(tmp_path: Path) -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        first = checked(tmp_path, PICKY, cases=12).report.to_json()
    finally:
        for process in busy:
            process.kill()
            process.wait()
    second = checked(tmp_path, PICKY, cases=12).report.to_json()
    assert len(first["results"]) == 4
    assert _without_seconds(first) == _without_seconds(second)


def test_cases_that_are_refused_are_drawn_anew_and_not_counted(tmp_path: Path) -> None:
    found = checked(tmp_path, PICKY, cases=12)
    assert found.passes("Picky")
    picky, easy = found.result("Picky", "dx"), found.result("Easy", "dx")
    assert picky.cases == easy.cases
    assert "three features, please" in picky.reason
    assert "refused" in picky.reason
    assert easy.reason == ""


def test_nothing_of_one_property_reaches_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract is checked once; a fault of the checker in one property is that property's."""
    checks: list[str] = []
    check, judge = contract.check, Session.judge

    def counted(session: Session) -> Result:
        checks.append(session.subject.name)
        return check(session)

    def failing(session: Session, *args: Any, **kwargs: Any) -> Judgement:
        if checks == ["Picky"]:
            checks.append("a slip")
            raise TypeError("a slip of the checker")
        return judge(session, *args, **kwargs)

    monkeypatch.setattr(contract, "check", counted)
    monkeypatch.setattr(Session, "judge", failing)
    found = checked(tmp_path, PICKY)
    assert checks == ["Picky", "a slip", "Easy"]
    hurt = [r for r in found.report.results if r.verdict is not Verdict.PASS]
    assert len(hurt) == 1
    assert hurt[0].verdict is Verdict.INCONCLUSIVE
    assert "the checker itself failed: TypeError: a slip of the checker" in hurt[0].reason


HANGS_AT_TIMES = """
import numpy as np


class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        while len(dout) == 2:
            pass
        return dout * self.mask
"""


def test_a_backward_that_hangs_says_nothing_of_the_forward(tmp_path: Path) -> None:
    found = checked(tmp_path, HANGS_AT_TIMES, cases=25, seconds=0.3)
    assert found.verdicts("Relu")["forward"] is Verdict.PASS
    assert found.failed("Relu")["contract"] == "time-limit"
