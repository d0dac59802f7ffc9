"""Without a reference one slope along all arrays is asked in most cases: nothing may hide in it."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_plugin.api import check
from gradcheck_plugin.model import Verdict


class Gate:
    """tanh of an affine map, times itself, with a scale; what it gives for one array can be made wrong."""

    wrong = ""  # the array whose gradient is doubled for two samples
    scale = 1.0

    def __init__(self, n_in, n_out):  # type: ignore[no-untyped-def]
        self.W, self.b = 0.3 * np.random.randn(n_in, n_out), np.zeros(n_out)
        self.s = self.scale * np.ones(n_out)

    def forward(self, x):  # type: ignore[no-untyped-def]
        self.x = x
        self.z = x @ self.W + self.b
        self.h = np.tanh(self.z) * self.z
        return self.h * self.s + 0.1 * self.z**2

    def backward(self, dout):  # type: ignore[no-untyped-def]
        t = np.tanh(self.z)
        dz = dout * self.s * (t + self.z * (1 - t**2)) + 0.2 * dout * self.z
        right = {"W": self.x.T @ dz, "b": dz.sum(axis=0), "s": (dout * self.h).sum(axis=0), "x": dz @ self.W.T}
        given = {n: 2 * g if n == self.wrong and len(dout) == 2 else g for n, g in right.items()}
        self.dW, self.db, self.ds = given["W"], given["b"], given["s"]
        return given["x"]


def test_it_takes_few_forwards() -> None:
    report = check(Gate, cases=25)
    assert report.failed == [], str(report)
    gradients = [r for r in report.results if r.property != "contract"]
    assert len(gradients) == 4
    assert all(r.verdict is Verdict.PASS and r.cases >= 25 for r in gradients)
    assert sum(r.evaluations for r in gradients) < 16 * 25
    assert max(r.resolution or 1 for r in gradients) <= 1e-6


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", ["x", "W", "b", "s"])
def test_one_that_is_wrong_in_some_cases_only_is_found_whatever_the_others_are(
    name: str, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generic cases, which come first, have more than two samples."""
    monkeypatch.setattr(Gate, "wrong", name)
    monkeypatch.setattr(Gate, "scale", scale)
    failed = {r.property for r in check(Gate, cases=25).failed}
    assert failed == {f"d{name}"}
