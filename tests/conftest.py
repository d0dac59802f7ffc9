"""Fixtures shared by the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small arrays; the tests run in parallel

SUBMISSIONS = Path(__file__).parent / "submissions"


@pytest.fixture
def submissions() -> Path:
    return SUBMISSIONS
