"""Nothing of the user's is written to, and the sizes, points and settings that are chosen here make no fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

LINEAR = """
import numpy as np

W0 = np.linspace(-1.0, 1.0, 15).reshape(3, 5)
HELD = {{"W": W0, "b": np.arange(5.0)}}
LISTED = [W0, np.arange(5.0)]


class Linear:
    start = W0

    def __init__(self{argument}):
        {init}

    def forward(self, x):
        self.x = x
        return x @ {W}{b}

    def backward(self, dout):
        {dW} = self.x.T @ dout
        {rest}
        return {factor}dout @ {W}.T


class Unchanged:
    def forward(self, x):
        self.x = x
        return (x * x) * W0[0, 0] * HELD["b"][1]

    def backward(self, dout):
        assert W0[0, 0] == -1.0 and np.array_equal(HELD["b"], np.arange(5.0)), "somebody wrote into it"
        return 2 * dout * self.x * W0[0, 0] * HELD["b"][1]
"""
PLACES = {
    "array of the module": {"init": "self.W = W0"},
    "attribute of the class": {"init": "self.W = self.start"},
    "default argument": {"argument": ", W=W0", "init": "self.W = W"},
    "part of an array of the module": {"init": "self.W = W0[:, :]"},
    "dictionary of the module": {
        "init": "self.params = HELD\n        self.grads = {}",
        "W": "self.params['W']",
        "b": " + self.params['b']",
        "dW": "self.grads['W']",
        "rest": "self.grads['b'] = dout.sum(axis=0)",
    },
    "two places": {"init": "self.W = W0\n        self.params = [self.W]"},
}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("right", [True, False])
def test_weights_of_the_module_stay_as_they_are(tmp_path: Path, where: str, right: bool) -> None:
    filled = {"argument": "", "W": "self.W", "b": "", "dW": "self.dW", "rest": "", **PLACES[where]}
    found = checked(tmp_path, LINEAR.format(**filled, factor="" if right else "2 * "), cases=4)
    assert found.passes("Linear") if right else set(found.failed("Linear")) == {"dx"}
    assert found.passes("Unchanged")


POLE = """
import numpy as np


class Cardinal:
    def forward(self, x):
        self.x = x
        with np.errstate(invalid="ignore"):
            return np.sin(x + 1.0) / (x + 1.0)

    def backward(self, dout):
        z = self.x + 1.0
        with np.errstate(invalid="ignore", divide="ignore"):
            return {factor}dout * (np.cos(z) / z - np.sin(z) / z**2)
"""
ROOT = """
import numpy as np


class Warped:
    def forward(self, x):
        self.x = x
        return np.cosh(x)

    def backward(self, dout):
        return dout * np.sinh(self.x) * ((self.x - 1.0) / (self.x - 1.0))
"""


@pytest.mark.parametrize(("factor", "right"), [("", True), ("2 * ", False)])
def test_a_point_where_the_forward_is_no_number_is_no_fault(tmp_path: Path, factor: str, right: bool) -> None:
    found = checked(tmp_path, POLE.format(factor=factor), cases=25)
    assert found.passes("Cardinal") if right else "dx" in found.failed("Cardinal")


def test_a_backward_alone_that_is_no_number_is_one(tmp_path: Path) -> None:
    assert checked(tmp_path, ROOT, cases=25).failed("Warped") == {"dx": "not-finite"}


MOMENTS = """
import numpy as np


class MomentPool:
    def forward(self, x):
        self.x = x
        return np.stack([(x ** k).mean(axis=0) for k in (1, 2, 3, 4)])

    def backward(self, dout):
        n = self.x.shape[0]
        return {factor}sum(k * self.x ** (k - 1) * dout[k - 1] for k in (1, 2, 3, 4)) / n


class Squeezed:
    def forward(self, x):
        self.x = x
        return np.squeeze(np.exp(x) + x)

    def backward(self, dout):
        return dout.reshape(self.x.shape) * (np.exp(self.x) + 1)
"""


@pytest.mark.parametrize(("factor", "right"), [("", True), ("2 * ", False)])
def test_a_number_of_rows_of_its_own_is_no_batch(tmp_path: Path, factor: str, right: bool) -> None:
    found = checked(tmp_path, MOMENTS.format(factor=factor))
    assert found.passes("MomentPool") if right else set(found.failed("MomentPool")) == {"dx"}
    assert found.failed("Squeezed") == {"contract": "batch-of-one"}


DENSE = """
import numpy as np


class Dense:
    def __init__(self, n_in, n_out, dropout_rate=0.0):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros(n_out)
        self.dropout_rate = dropout_rate

    def forward(self, x):
        self.x = x
        out = x @ self.W + self.b
        self.mask = 1.0
        if self.dropout_rate > 0:
            self.mask = (np.random.rand(*out.shape) > self.dropout_rate) / (1 - self.dropout_rate)
        return out * self.mask

    def backward(self, dout):
        dout = dout * self.mask
        self.dW = self.x.T @ dout
        self.db = {db}
        return dout @ self.W.T
"""


@pytest.mark.parametrize(("db", "right"), [("dout.sum(axis=0)", True), ("dout.mean(axis=0)", False)])
def test_what_the_author_leaves_at_zero_stays_there(tmp_path: Path, db: str, right: bool) -> None:
    found = checked(tmp_path, DENSE.format(db=db))
    assert "forward" not in found.failed("Dense")
    assert found.passes("Dense") if right else set(found.failed("Dense")) == {"db"}


LOG = """
import numpy as np


class MyLog:
    def forward(self, x):
        self.x = x
        return np.log(x)

    def backward(self, dout):
        return {factor}dout / (self.x + {eps})
"""
PAIR = """
import numpy as np


def hypot_forward(a, b):
    return np.sqrt(a * a + b * b), (a, b)


def hypot_backward(dout, cache, eps={eps}):
    a, b = cache
    r = np.sqrt(a * a + b * b + eps)
    return dout * a / r, dout * {second} / r
"""


@pytest.mark.parametrize(("eps", "factor", "right"), [("1e-8", "", True), ("1e-7", "", True), ("1e-2", "", False),
                                                      ("1e-8", "2 * ", False)])  # fmt: skip
def test_a_guard_that_only_the_backward_has(tmp_path: Path, eps: str, factor: str, right: bool) -> None:
    found = checked(tmp_path, LOG.format(eps=eps, factor=factor))
    assert found.passes("MyLog") if right else "dx" in found.failed("MyLog")


@pytest.mark.parametrize(("second", "right"), [("b", True), ("a", False)])
def test_a_guard_in_the_backward_of_a_pair(tmp_path: Path, second: str, right: bool) -> None:
    found = checked(tmp_path, PAIR.format(eps="1e-6", second=second))
    assert found.passes("hypot") if right else set(found.failed("hypot")) == {"db"}


NORM = """
import numpy as np


class Scale:
    def forward(self, x):
        self.x = x
        self.r = np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)
        return x / self.r

    def backward(self, dout):
        y = self.x / self.r
        return (dout - {term}) / self.r
"""


@pytest.mark.parametrize(("term", "right"), [("y * (dout * y).mean(axis=-1, keepdims=True)", True), ("0", False)])
def test_what_forward_and_backward_have_is_no_guard_of_either(tmp_path: Path, term: str, right: bool) -> None:
    found = checked(tmp_path, NORM.format(term=term))
    assert found.passes("Scale") if right else "dx" in found.failed("Scale")
    assert "guard" not in found.result("Scale", "dx").reason


STANDARD = """
import numpy as np

SCALE = np.array([0.5, 2.0, 3.0, 4.0, 5.0])


class Standardize:
    mean = np.array([0.1, 0.2, 0.3])
    std = np.array([0.5, 1.5, 2.5])

    def forward(self, x):
        self.x = x
        return np.tanh((x - self.mean) / self.std)

    def backward(self, dout):
        y = np.tanh((self.x - self.mean) / self.std)
        return dout * (1 - y * y) {std}


def rescale_forward(x):
    return x**2 * SCALE, x


def rescale_backward(dout, cache):
    return 2 * dout * cache {scale}


class Rotation:
    def forward(self, x):
        self.kept = x
        self.R = np.array([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
        return x @ self.R + (x @ self.R) ** 3

    def backward(self, dout):
        z = self.kept @ self.R
        return (dout * (1 + 3 * z**2)) @ self.R{turned}
"""


@pytest.mark.parametrize("right", [True, False])
def test_constants_of_a_fixed_size_are_met_at_that_size(tmp_path: Path, right: bool) -> None:
    last = {"std": "/ self.std", "scale": "* SCALE", "turned": ".T"}
    text = STANDARD.format(**last if right else dict.fromkeys(last, ""))
    found = checked(tmp_path, text, cases=4)
    assert not found.refused
    for name in ("Standardize", "rescale", "Rotation"):
        assert found.passes(name) if right else set(found.failed(name)) == {"dx"}
        assert "wrong-shape" not in found.failed(name).values()
