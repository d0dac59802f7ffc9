"""Arrays that the code multiplies and turns are matrices, whatever they are called; vectors do not stand for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

BLOCK = """
import numpy as np


class Block:
    @staticmethod
    def forward(x, kernel, shift):
        return {product} + shift, (x, kernel)

    @staticmethod
    def backward(dout, cache):
        x, kernel = cache
        return {dx}, {dkernel}, {dshift}
"""
OUT_IN = {"product": "x @ kernel.T", "dx": "dout @ kernel", "dkernel": "dout.T @ x", "dshift": "dout.sum(axis=0)"}
IN_OUT = {
    "product": "np.dot(x, kernel)",
    "dx": "dout @ kernel.T",
    "dkernel": "x.T @ dout",
    "dshift": "dout.sum(axis=0)",
}
COLUMNS = {
    "product": "kernel.dot(x)",
    "dx": "kernel.T @ dout",
    "dkernel": "dout @ x.T",
    "dshift": "dout.sum(axis=1, keepdims=True)",
}


@pytest.mark.parametrize("written", [OUT_IN, IN_OUT, COLUMNS])
def test_a_matrix_has_the_axes_of_the_product_it_is_in(tmp_path: Path, written: dict[str, str]) -> None:
    right = checked(tmp_path, BLOCK.format(**written))
    assert right.passes("Block"), (right.failed("Block"), right.refused)
    for gradient, fault in (("dx", "2 * {}"), ("dkernel", "-{}"), ("dshift", "{} / 4")):
        wrong = checked(tmp_path, BLOCK.format(**written | {gradient: fault.format(f"({written[gradient]})")}))
        assert set(wrong.failed("Block")) == {gradient}


def test_a_bias_that_is_not_summed_is_none_of_another_shape(tmp_path: Path) -> None:
    """With one sample the sum and the sample are the same: the layer is written for many."""
    wrong = checked(tmp_path, BLOCK.format(**OUT_IN | {"dshift": "dout"}))
    assert set(wrong.failed("Block")) == {"dshift"}


GATES = """
import numpy as np


def gate(x, h, p):
    W, U, b = p
    return 1 / (1 + np.exp(-(x @ W + h @ U + b)))


def custom_forward(x, h, Wz, Uz, bz, Wr, Ur, br):
    z, r = gate(x, h, (Wz, Uz, bz)), gate(x, h, (Wr, Ur, br))
    return z * r + h, (x, h, Wz, Uz, bz, Wr, Ur, br, z, r)


def custom_backward(dout, cache):
    x, h, Wz, Uz, bz, Wr, Ur, br, z, r = cache
    dz, dr = dout * r * z * (1 - z), dout * z * r * (1 - r)
    dx = dz @ Wz.T + dr @ Wr.T
    dh = dz @ Uz.T + dr @ Ur.T + dout
    return dx, dh, x.T @ dz, h.T @ dz, dz.sum(axis=0), x.T @ dr, h.T @ dr, dr.sum(axis=0)
"""


def test_code_for_matrices_gets_no_fail_for_vectors(tmp_path: Path) -> None:
    """The products are in another function, so that nothing says which axes the matrices have."""
    report = checked(tmp_path, GATES)
    assert not report.failed("custom")
    assert report.passes("custom") or "shape" in report.refused["custom"]


VECTORS = """
import numpy as np


def score_forward(a, b):
    return a @ b, (a, b)


def score_backward(dout, cache):
    a, b = cache
    return {da}, dout * a
"""


def test_a_product_of_vectors_stays_one(tmp_path: Path) -> None:
    assert checked(tmp_path, VECTORS.format(da="dout * b")).passes("score")
    assert set(checked(tmp_path, VECTORS.format(da="dout * a")).failed("score")) == {"da"}


RANKS = """
import numpy as np


def spread_forward(x):
    return x.mean(axis=1), x


def spread_backward(dout, cache):
    x = cache
    return {dx}
"""


def test_more_axes_are_asked_before_a_wrong_shape_is_said(tmp_path: Path) -> None:
    series = checked(tmp_path, RANKS.format(dx="np.repeat(dout[:, None, :], x.shape[1], axis=1) / x.shape[1]"))
    assert series.passes("spread")
    wrong = checked(tmp_path, RANKS.format(dx="np.repeat(dout[:, None, :], x.shape[1], axis=1)"))
    assert set(wrong.failed("spread")) == {"dx"}
    summed = checked(tmp_path, RANKS.format(dx="dout / x.shape[1]"))
    assert set(summed.failed("spread")) == {"dx"}


TAKEN = """
import numpy as np


class IndexSelect:
    def forward(self, x, i):
        self.x, self.i = x, i
        return x.T[i].T

    def backward(self, dout):
        dx = np.zeros(self.x.T.shape)
        np.add.at(dx, self.i, {dout})
        return dx.T
"""


def test_what_is_turned_is_no_vector_for_which_turning_does_nothing(tmp_path: Path) -> None:
    assert checked(tmp_path, TAKEN.format(dout="dout.T")).passes("IndexSelect")
    assert checked(tmp_path, TAKEN.format(dout="dout")).failed("IndexSelect") == {"contract": "raised"}


SUMMED = """
import numpy as np


def op(x):
    wanted = x.shape[1:]
    return x.sum(axis=0).reshape(wanted)


def op_backward(dout, x):
    return np.broadcast_to({dout}, x.shape).copy()
"""


def test_whose_shape_is_asked_for_behind_its_first_axis_has_two_axes(tmp_path: Path) -> None:
    assert checked(tmp_path, SUMMED.format(dout="dout[None]")).passes("op")
    wrong = checked(tmp_path, SUMMED.format(dout="dout.reshape(dout.shape + (1,) * (x.ndim - dout.ndim))"))
    assert not wrong.passes("op")


COLUMNS = """
import numpy as np


def bce(labels, x):
    x, labels = x.T, labels.T
    return -np.sum(labels * np.log(x) + (1 - labels) * np.log(1 - x)) / len(x)


def bce_prime(labels, x):
    return ((x.T - {labels}) / (x.T * (1 - x.T)) / x.shape[1]).T
"""


def test_a_loss_that_turns_its_arrays_is_no_loss_of_vectors(tmp_path: Path) -> None:
    assert checked(tmp_path, COLUMNS.format(labels="labels.T")).passes("bce")
    assert checked(tmp_path, COLUMNS.format(labels="labels").replace("x.shape[1]", "len(x.T)")).failed("bce")


FLAT = """
import numpy as np


class MyLayer:
    def forward(self, x):
        self.x = x
        return x.reshape(x.shape[0], -1).sum(axis=1)

    def backward(self, dout):
        x = self.x.reshape(self.x.shape[0], {columns})
        return (dout[:, None] * np.ones_like(x)).reshape(self.x.shape)
"""


def test_what_is_flattened_has_two_axes(tmp_path: Path) -> None:
    assert checked(tmp_path, FLAT.format(columns="-1")).passes("MyLayer")
    assert not checked(tmp_path, FLAT.format(columns="1")).passes("MyLayer")


HELPED = """
import numpy as np


def gradients(dz, x):
    return {{"w": {dw}, "b": dz.sum()}}


class Adaline:
    def __init__(self, n):
        self.params = {{"w": np.zeros(n), "b": 1.0}}

    def loss(self, x, t):
        return float(0.5 * np.sum((np.dot(x, self.params["w"]) + self.params["b"] - t) ** 2))

    def gradient(self, x, t):
        return gradients(np.dot({z}) + self.params["b"] - t, x)


def label_smoothing(scores, t):
    t = np.eye(scores.shape[1])[t]
    t = 0.9 * t + 0.1 / t.shape[1]
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.sum(t * np.log(p)) / len(scores), (p - t) / len(scores)
"""


def test_a_function_that_is_called_may_turn_an_array(tmp_path: Path) -> None:
    right = checked(tmp_path, HELPED.format(dw="np.dot(x.T, dz)", z="x, self.params['w']"), "right.py")
    assert right.passes("Adaline")
    assert right.passes("label_smoothing")  # whose labels are others when their axes are asked for
    wrong = checked(tmp_path, HELPED.format(dw="np.dot(x.T, dz)", z="self.params['w'], x"), "wrong.py")
    assert not wrong.passes("Adaline")


KEPT = """
import numpy as np


class Op:
    def forward(self, hs, a):
        self.hs = hs
        self.a = a
        return a @ hs

    def backward(self, dout):
        return np.swapaxes(self.a, -1, -2) @ dout, {factor} * dout @ np.swapaxes(self.hs, -1, -2)


class OfOneRow:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.x = x
        return self.w @ x

    def backward(self, dout):
        row = self.x
        row = row[:, None]
        self.dw = {factor} * (row @ dout[None, :]).T
        return self.w.T @ dout
"""


def test_what_is_turned_where_it_is_kept_has_two_axes(tmp_path: Path) -> None:
    """No row is tried for it; what is multiplied has the axes of the product, whatever its name."""
    right = checked(tmp_path, KEPT.format(factor=1), "right.py")
    assert right.passes("Op"), right.failed("Op")
    assert right.passes("OfOneRow"), right.failed("OfOneRow")
    wrong = checked(tmp_path, KEPT.format(factor=2), "wrong.py")
    assert set(wrong.failed("Op")) == {"da"}
    assert set(wrong.failed("OfOneRow")) == {"dw"}


CALLED = """
import numpy as np


def normed(x, W, b, gamma, beta):
    a = x @ W + b
    return gamma * (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5) + beta


def {name}(inp, W, bias, gamma, beta):
    W = W.T
    return normed(inp, W, bias, gamma, beta)


def {name}_backward(dout, inp, W, bias, gamma, beta):
    W = W.T
    a = inp @ W + bias
    s = np.sqrt(a.var(1, keepdims=True) + 1e-5)
    n = (a - a.mean(1, keepdims=True)) / s
    dn = gamma * dout
    da = (dn - dn.mean(1, keepdims=True) - n * (n * dn).mean(1, keepdims=True)) / s
    return da @ W.T, (inp.T @ da).T, da.sum(axis=0), {factor} * (dout * n).sum(axis=0), dout.sum(axis=0)
"""


@pytest.mark.parametrize("name", ["custom", "block"])
@pytest.mark.parametrize("gamma", ["gamma", "g"])
def test_a_product_that_only_the_backward_shows_tells_the_axes(tmp_path: Path, name: str, gamma: str) -> None:
    """Also those of what may be called like an operand."""
    right = checked(tmp_path, CALLED.format(name=name, factor=1).replace("gamma", gamma), "right.py")
    assert right.passes(name), right.failed(name)
    wrong = checked(tmp_path, CALLED.format(name=name, factor=2).replace("gamma", gamma), "wrong.py")
    assert set(wrong.failed(name)) == {f"d{gamma}"}
