"""Fixtures shared by the tests."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small arrays; the tests run in parallel
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start jobs in the background; children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

gc.set_threshold(20_000, 20, 20)  # torch keeps a million objects, which a collection goes through in vain

SUBMISSIONS = Path(__file__).parent / "submissions"


def pytest_collection_finish() -> None:
    gc.freeze()


@pytest.fixture
def submissions() -> Path:
    return SUBMISSIONS
