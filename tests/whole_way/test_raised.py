"""What raises by the code's own fault fails, with its line, its case, the shapes on the line and lines to run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from from_file import Checked, checked

pytestmark = pytest.mark.xdist_group("raised")  # what they look at is checked once

SOURCE = """
import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Tanh:
    def forward(self, x):
        self.out = np.tahn(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out**2)


class Misspelt:
    def forward(self, x):
        self.out = np.exp(x)
        return self.out

    def backward(self, dout):
        return dout * self.otu


class Undefined:
    def __init__(self, limit=3.0):
        self.limit = limit

    def forward(self, x):
        return np.sin(x) * limit

    def backward(self, dout):
        return dout


class NeverStored:
    def __init__(self, W, learning_rate=0.1):
        self.W, self.learning_rate = W, learning_rate

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        dx = dout @ self.W.T
        dW = self.x.T @ dout
        self.W -= self.learning_rate * self.dW
        return dx


class ForThreeFeatures:
    def forward(self, x):
        self.x = x
        return np.sin(x) * np.exp(x)

    def backward(self, dout):
        last = dout[:, 2]
        return dout * (np.cos(self.x) + np.sin(self.x)) * np.exp(self.x)


class Forgets:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        out = x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class HalfAnIndex:
    def forward(self, x):
        return 3 * x * x

    def backward(self, dout):
        dx = np.zeros_like(dout)
        for i in range(len(dout) / 1):
            dx[i] = 5 * dout[i]
        return dx


class NotWritten:
    def forward(self, x):
        return 3 * x

    def backward(self, dout):
        raise NotImplementedError


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for key in params.keys():
            params[key] -= self.lr * grad[key]


class Momentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None

    def update(self, params, grads):
        for key in params.keys():
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    x = cache
    return dout @ (x > 0)
"""

FAULTS = {  # an object: the code, what its line is, and a word of the help
    "Affine": ("raised", "self.dW = self.x @ dout", "shapes"),
    "Tanh": ("raised", "self.out = np.tahn(x)", "did you mean `tanh`"),
    "Misspelt": ("raised", "return dout * self.otu", "did you mean `out`"),
    "Undefined": ("raised", "return np.sin(x) * limit", "did you mean `self.limit`"),
    "NeverStored": ("raised", "self.W -= self.learning_rate * self.dW", "nothing sets `dW`"),
    "ForThreeFeatures": ("raised", "last = dout[:, 2]", "past the end"),
    "Forgets": ("returns-nothing", "", "return"),
    "HalfAnIndex": ("raised", "for i in range(len(dout) / 1):", ""),
    "NotWritten": ("not-implemented", "raise NotImplementedError", ""),
    "SGD": ("raised", "params[key] -= self.lr * grad[key]", "did you mean `grads`"),
    "Momentum": ("raised", "self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]", "None"),
    "relu": ("raised", "return dout @ (x > 0)", "shapes"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return checked(tmp_path_factory.mktemp("raised"), SOURCE)


@pytest.mark.parametrize("name", FAULTS)
def test_it_fails_with_its_line_and_help(found: Checked, name: str) -> None:
    code, line, helps = FAULTS[name]
    failed = [r.finding for r in found.report.failed if r.target == name and r.finding]
    assert [f.code for f in failed] == [code], found.refused.get(name)
    assert failed[0].source == line
    assert helps in failed[0].help


@pytest.mark.parametrize("name", [n for n, (code, line, _) in FAULTS.items() if code == "raised"])
def test_its_lines_can_be_run_and_raise_the_same(found: Checked, name: str) -> None:
    (finding,) = [r.finding for r in found.report.failed if r.target == name and r.finding]
    assert finding.case
    run = subprocess.run([sys.executable, "-c", finding.reproduce], capture_output=True, text=True, check=False)
    kind = finding.message.split(" raised ")[1].split(":")[0]
    assert run.stderr.splitlines()[-1].startswith(kind)


def test_the_shapes_on_the_line_and_the_smallest_case_are_told(found: Checked) -> None:
    affine = found.result("Affine", "contract").finding
    assert affine is not None
    (told,) = affine.evidence
    assert told.startswith("on that line: self.x (")
    assert ", dout (" in told
    small = found.result("ForThreeFeatures", "contract").finding
    assert small is not None
    assert small.case["x"].shape == (1, 1)


TWINS = """
import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class KeepsItsOutput:
    def forward(self, x):
        self.output = np.tanh(x) * 3

    def backward(self, dout):
        return dout * (3 - self.output**2 / 3)


class LooksBeforeItReads:
    scale = 2.0

    def forward(self, x):
        try:
            factor = scale
        except NameError:
            factor = self.scale
        self.factor = getattr(self, "given", factor)
        self.x = x
        return self.factor * np.sin(x * x)

    def backward(self, dout):
        return dout * self.factor * np.cos(self.x * self.x) * 2 * self.x


class TakesTwoOrMore:
    def forward(self, x):
        if x.shape[1] < 2:
            raise ValueError("at least two features")
        self.x = x
        return np.sin(x) * x[:, ::-1]

    def backward(self, dout):
        return dout * np.cos(self.x) * self.x[:, ::-1] + (dout * np.sin(self.x))[:, ::-1]


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for key in params.keys():
            params[key] -= self.lr * grads[key]
"""


@pytest.mark.parametrize("name", ["Affine", "KeepsItsOutput", "LooksBeforeItReads", "TakesTwoOrMore", "SGD"])
def test_right_twins_pass(tmp_path: Path, name: str) -> None:
    found = checked(tmp_path, TWINS)
    assert found.passes(name), (found.verdicts(name), found.failed(name), found.refused)


A_MODULE = """
import numpy as np


def perceptron_cost(x, t, w, b):
    z = x @ w + b
    loss = float({top} / len(x))
    dz = (np.where(z >= 0, 1.0, 0.0) - t) / len(x)
    return loss, {{"w": x.T @ dz, "b": dz.sum()}}
"""


def test_a_module_among_numbers_fails_whatever_the_input_is(tmp_path: Path) -> None:
    right = checked(tmp_path, A_MODULE.format(top="np.sum((np.where(z >= 0, 1.0, 0.0) - t) * z)"), "right.py")
    assert right.passes("perceptron_cost")
    wrong = checked(tmp_path, A_MODULE.format(top="np"), "wrong.py")
    assert wrong.failed("perceptron_cost") == {"contract": "raised"}
    assert "a module is no number" in wrong.result("perceptron_cost", "contract").finding.help  # type: ignore[union-attr]


def test_a_module_that_is_not_here_is_no_fault_of_the_file(tmp_path: Path) -> None:
    source = "import not_installed_here as settings\n" + A_MODULE.format(top="settings.factor * np.sum(z)")
    assert "does not run here" in checked(tmp_path, source).refused["perceptron_cost"]
