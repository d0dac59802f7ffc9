"""Layers that take their own steps: what belongs to the step is no part of the gradient."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

STEP = """
    import numpy as np


    class Dense:
        def __init__(self, n_in, n_out, lr=0.01, momentum=0, weight_decay=0.1):
            self.W = np.random.randn(n_in, n_out)
            self.W_before = np.array(self.W)
            self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dout):
            dx = dout @ self.W.T
            dW = self.x.T @ dout
            dW += self.weight_decay * self.W
            self.W = self.W - self.lr * dW + self.momentum * (self.W - self.W_before)
            self.W_before = np.array(self.W)
            return dx
"""


def test_the_decay_of_a_step_is_no_part_of_the_gradient(tmp_path: Path) -> None:
    """Nor is a copy of the weights a gradient of them, though the backward sets it."""
    report = checked(tmp_path, STEP)
    assert report.passes("Dense"), report.failed("Dense")
    assert "dW" in report.verdicts("Dense")
    assert "judged without its `weight_decay`" in report.result("Dense", "dW").convention


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dW = self.x.T @ dout", "dW = 2 * self.x.T @ dout"),
        ("dW += self.weight_decay * self.W", "dW += 0.1 * self.W"),  # nothing says that this is a decay
        ("return x @ self.W", "return x @ (self.W * (1 - self.weight_decay))"),  # which the forward knows
    ],
)
def test_what_is_no_decay_of_the_step_stays_in_it(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in STEP
    assert checked(tmp_path, STEP.replace(right, wrong)).failed("Dense")


SUMS_TO_ZERO = """
    import numpy as np


    class Dense:
        def __init__(self, n_in, n_out):
            self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, dout, lr):
            dx = dout @ self.W.T
            db = dout.sum(axis=0)
            self.W = self.W - lr * self.x.T @ dout
            {step}
            return dx
"""


@pytest.mark.parametrize(
    ("step", "right"),
    [
        ("self.b = self.b - lr * db", True),
        ("self.b = self.b - lr * np.maximum(db, 0)", False),
        ("self.b = self.b - lr * (db - db.mean())", False),
        ("pass", False),
    ],
)
def test_a_step_that_is_zero_is_a_gradient_that_is_zero(tmp_path: Path, step: str, right: bool) -> None:
    """An upstream gradient may sum up to nothing; then a parameter stays where it is, as it ought to."""
    found = checked(tmp_path, SUMS_TO_ZERO.format(step=step), cases=60)
    assert found.passes("Dense") if right else found.failed("Dense")


GROUP_NORM = """
import numpy as np


class GroupNorm:
    def __init__(self, gamma, beta, groups=2, eps=1e-5):
        self.gamma, self.beta, self.groups, self.eps = gamma, beta, groups, eps

    def forward(self, x):
        g = x.reshape(len(x), self.groups, -1)
        self.s = np.sqrt(g.var(axis=2, keepdims=True) + self.eps)
        self.g = (g - g.mean(axis=2, keepdims=True)) / self.s
        self.xhat = self.g.reshape(x.shape)
        return self.gamma.reshape(1, -1, 1, 1) * self.xhat + self.beta.reshape(1, -1, 1, 1)

    def backward(self, dout, learning_rate):
        d = (self.gamma.reshape(1, -1, 1, 1) * dout).reshape(self.g.shape)
        dx = (d - d.mean(2, keepdims=True) - self.g * (d * self.g).mean(2, keepdims=True)) / self.s
        self.gamma = self.gamma - learning_rate * (dout * self.xhat).sum(axis=(0, 2, 3))
        self.beta = self.beta - learning_rate * {factor} * dout.sum(axis=(0, 2, 3))
        return dx.reshape(dout.shape)
"""


def test_a_step_that_reshapes_a_parameter_is_none_for_that_shape(tmp_path: Path) -> None:
    assert checked(tmp_path, GROUP_NORM.format(factor=1), "right.py").passes("GroupNorm")
    assert set(checked(tmp_path, GROUP_NORM.format(factor=2), "wrong.py").failed("GroupNorm")) == {"dbeta"}


PRELU = """
import numpy as np


class PReLU:
    def __init__(self, slope):
        self.slope = slope

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.slope[:, None] * x)

    def backward(self, dout, learning_rate):
        each = (dout * np.minimum(self.x, 0)).sum(axis=(0, 2))
        dx = dout * np.where(self.x > 0, 1, self.slope[:, None])
        self.slope -= learning_rate * {step}
        return dx
"""


@pytest.mark.parametrize(
    ("step", "verdict"),
    [("each", Verdict.PASS), ("each.sum(keepdims=True)", Verdict.INCONCLUSIVE), ("2 * each", Verdict.FAIL)],
)
def test_a_step_that_repeats_over_its_parameter_is_open(tmp_path: Path, step: str, verdict: Verdict) -> None:
    """The sum over all channels is right for one slope, which the forward takes as well as one for each channel."""
    report = checked(tmp_path, PRELU.format(step=step))
    assert report.verdicts("PReLU")["dslope"] is verdict
    assert report.verdicts("PReLU")["dx"] is Verdict.PASS


SHRINKING = """
import numpy as np


class Dense:
    def __init__(self, W, b, lr):
        self.W, self.b, self.lr = W, b, lr

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, {factor} * dout.sum(axis=0)
        self.lr -= 1e-6
        return dout @ self.W.T
"""


def test_a_rate_that_shrinks_is_no_parameter(tmp_path: Path) -> None:
    assert checked(tmp_path, SHRINKING.format(factor=1), "right.py").passes("Dense")
    assert set(checked(tmp_path, SHRINKING.format(factor=2), "wrong.py").failed("Dense")) == {"db"}
