"""Time limits: those of this process, so that a busy machine changes no verdict."""

from __future__ import annotations

import time

import pytest

from gradcheck_plugin.running import limits
from gradcheck_plugin.running.limits import Stopwatch, TimeLimit, time_limit


def endless(after: float = 0.0) -> None:
    if after:
        with time_limit(after):
            time.sleep(after / 10)
    while True:
        pass


def test_an_endless_loop_is_stopped() -> None:
    watch = Stopwatch()
    with pytest.raises(TimeLimit), time_limit(0.3):
        endless()
    assert 0.2 < watch.passed < 2


def test_waiting_is_stopped_with_patience() -> None:
    start = time.monotonic()
    with pytest.raises(TimeLimit), time_limit(0.2):
        time.sleep(60)
    assert 0.2 * limits.PATIENCE <= time.monotonic() - start < 30


def test_time_in_which_others_have_the_machine_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with time_limit(0.2):
        time.sleep(0.3)  # the process does nothing: the alarm rings, and nothing happens
    clock = time.monotonic()
    monkeypatch.setattr(limits.time, "process_time", lambda: 7.0)
    watch = Stopwatch(1.0)
    monkeypatch.setattr(limits.time, "monotonic", lambda: clock + 2.0)
    assert 0.4 < watch.passed < 0.6
    assert watch.left > 0


def test_the_outer_limit_still_rings_after_an_inner_one() -> None:
    with pytest.raises(TimeLimit), time_limit(0.5):
        endless(after=0.1)
