"""A single number that is trained is judged like an array; one that nobody gives a gradient of is a setting."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

SWISH = """
import numpy as np


class TrainableSwish:
    def __init__(self):
        self.beta = {start}

    def forward(self, inputs):
        self.inputs = inputs
        self.s = 1 / (1 + np.exp(-self.beta * inputs))
        self.output = inputs * self.s

    def backward(self, dvalues):
        self.dbeta = np.sum(dvalues * self.inputs**2 * self.s * {factor})
        self.dinputs = dvalues * (self.s + self.beta * self.inputs * self.s * (1 - self.s))
"""

ADALINE = """
import numpy as np


class Adaline:
    def __init__(self, n_features):
        self.params = {{"w": np.random.randn(n_features), "b": 0.0}}
        self.grads = {{}}

    def forward(self, X):
        self.X = X
        return X @ self.params["w"] + self.params["b"]

    def backward(self, dout):
        self.grads["w"] = self.X.T @ dout
        self.grads["b"] = {factor}
        return np.outer(dout, self.params["w"])
"""

RETURNED = """
import numpy as np


class Stretch:
    def __init__(self):
        self.alpha = 0.5

    def forward(self, x):
        self.x = x
        return self.alpha * np.sinh(x)

    def backward(self, dout):
        dalpha = np.sum(dout * {factor})
        dx = dout * self.alpha * np.cosh(self.x)
        return dx, dalpha
"""

SETTING = """
import numpy as np


class Slope:
    def __init__(self, alpha=0.25, momentum=0.9, eps=1e-5):
        self.alpha, self.momentum, self.eps = alpha, momentum, eps

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * x)

    def backward(self, dout):
        return np.where(self.x > 0, dout, self.alpha * dout)
"""


@pytest.mark.parametrize("start", ["1.0", "np.float64(1.0)", "np.array(1.0)"])
def test_a_trained_number_in_an_attribute_is_judged(tmp_path: Path, start: str) -> None:
    right = checked(tmp_path, SWISH.format(start=start, factor="(1 - self.s)"), "right.py")
    wrong = checked(tmp_path, SWISH.format(start=start, factor="1"), "wrong.py")
    assert right.passes("TrainableSwish")
    assert "dbeta" in right.verdicts("TrainableSwish")
    assert wrong.failed("TrainableSwish") == {"dbeta": "wrong-gradient"}


@pytest.mark.parametrize(
    ("source", "name", "gradient", "right", "wrong"),
    [
        (ADALINE, "Adaline", "db", "np.sum(dout)", "np.sum(dout * self.X[:, 0])"),  # among the parameters
        (RETURNED, "Stretch", "dalpha", "np.sinh(self.x)", "self.x"),  # its gradient is returned
    ],
)
def test_a_trained_number_is_judged(
    tmp_path: Path, source: str, name: str, gradient: str, right: str, wrong: str
) -> None:
    found = checked(tmp_path, source.format(factor=right), "right.py")
    assert found.passes(name)
    assert gradient in found.verdicts(name)
    assert checked(tmp_path, source.format(factor=wrong), "wrong.py").failed(name) == {gradient: "wrong-gradient"}


def test_a_number_that_nobody_gives_a_gradient_of_is_a_setting(tmp_path: Path) -> None:
    found = checked(tmp_path, SETTING)
    assert found.passes("Slope")
    assert not {"dalpha", "dmomentum", "deps"} & set(found.verdicts("Slope"))


@pytest.mark.parametrize("left", ["np.sum", "(dout * self.x).sum", "lambda: 0.0", "'later'"])
def test_a_gradient_that_is_no_number_is_one_that_is_not_there(tmp_path: Path, left: str) -> None:
    source = SETTING.replace(
        "        return np.where(self.x > 0, d", f"        self.dalpha = {left}\n        return np.where(self.x > 0, d"
    )
    assert f"self.dalpha = {left}" in source
    found = checked(tmp_path, source)
    assert found.failed("Slope") == {"dalpha": "missing-gradient"}
    assert found.verdicts("Slope")["dx"] is Verdict.PASS


@pytest.mark.parametrize("left", ["self.delta = np.sum", "self.done = 'yes'", "self.dalpha = None"])
def test_what_is_no_gradient_of_a_number_makes_it_no_parameter(tmp_path: Path, left: str) -> None:
    source = SETTING.replace(
        "        return np.where(self.x > 0, d", f"        {left}\n        return np.where(self.x > 0, d"
    )
    assert left in source
    found = checked(tmp_path, source)
    assert found.passes("Slope")
    assert not {"dalpha", "dmomentum", "deps"} & set(found.verdicts("Slope"))


BIAS = """
import numpy as np


class {name}:
    def __init__(self, W):
        self.W, self.b = W, 0.0

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = {db}
        return dout @ self.W.T
"""


@pytest.mark.parametrize("name", ["Affine", "Readout"])
@pytest.mark.parametrize("db", ["dout.sum(axis=0)", "dout.sum()"])  # it becomes an array, or stays one number
def test_a_bias_that_starts_as_a_number_is_judged(tmp_path: Path, name: str, db: str) -> None:
    found = checked(tmp_path, BIAS.format(name=name, db=db))
    assert found.passes(name)
    assert "db" in found.verdicts(name)


@pytest.mark.parametrize("name", ["Affine", "Readout"])
@pytest.mark.parametrize("db", ["dout", "dout.mean(axis=0)", "dout.sum(axis=1)", "2 * dout.sum()"])
def test_a_wrong_gradient_of_a_bias_that_starts_as_a_number_fails(tmp_path: Path, name: str, db: str) -> None:
    assert set(checked(tmp_path, BIAS.format(name=name, db=db)).failed(name)) == {"db"}
