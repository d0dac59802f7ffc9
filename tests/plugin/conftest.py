"""A homework file for pytester, and the plugin's own command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradcheck_plugin.api import Report, check
from gradcheck_plugin.report import as_json

SUBMISSIONS = Path(__file__).parent.parent / "submissions"

LAYERS = """
import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        print("shape of x", x.shape)
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout
        return dout @ self.W.T


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def layers(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(layers=LAYERS)
    return pytester


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """pytest with the plugin, in process, few cases."""

    def go(*args: str) -> pytest.RunResult:
        return pytester.runpytest("--gradcheck", "--gradcheck-cases=8", "--gradcheck-seconds=3", *args)

    return go


@pytest.fixture(scope="session", autouse=True)
def _everything_imported() -> None:
    """pytester puts sys.modules back after a run in process, and NumPy and torch cannot be imported twice.

    One check here imports all that a run imports, for good.
    """
    assert check(SUBMISSIONS / "wrong/activations_misc.py", cases=3).failed
    assert as_json.document(Report())
