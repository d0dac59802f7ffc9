"""Gradients that a backward keeps step by step, and that the author sums before they are used."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

STEPS = """
    import numpy as np


    class Scan:
        def __init__(self, n_in, n_out):
            self.W = np.random.randn(n_in, n_out)

        def forward(self, x):
            self.x = x
            return sum(np.tanh(step @ self.W) for step in x)

        def backward(self, dout):
            slopes = [1 - np.tanh(step @ self.W) ** 2 for step in self.x]
            self.grads = {"dW": np.array([x.T @ (dout * s) for x, s in zip(self.x, slopes)])}
            return np.array([(dout * s) @ self.W.T for s in slopes])

        def update(self, lr):
            for key, grad in self.grads.items():
                self.W -= lr * grad.sum(axis=0)
"""


def test_they_are_judged_as_the_author_sums_them(tmp_path: Path) -> None:
    report = checked(tmp_path, STEPS)
    assert report.passes("Scan")
    assert "dW" in report.verdicts("Scan")


def test_a_wrong_one_of_them_fails(tmp_path: Path) -> None:
    assert set(checked(tmp_path, STEPS.replace("x.T @ (dout * s)", "x.T @ dout")).failed("Scan")) == {"dW"}


def test_a_sum_that_nobody_takes_is_missing(tmp_path: Path) -> None:
    for other in ("grad", "grad.sum(axis=1)", "self.W.sum(axis=0)"):
        report = checked(tmp_path, STEPS.replace("grad.sum(axis=0)", other))
        assert "dW" in report.failed("Scan"), other
