"""Inputs have the shape that a forward takes apart, repeats or reshapes, where nothing else runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

SOURCE = """
import numpy as np


class Node:
    def forward(self, x, y):
        self.x, self.y = x, y
        return np.outer(x.reshape(x.shape[1]), y.reshape(y.shape[1]))

    def backward(self, d):
        return (d @ self.y.ravel()).reshape(self.x.shape), (d.T @ self.{other}.ravel()).reshape(self.y.shape)


class Parts:
    def forward(self, x):
        self.x = x
        a, b, c = x
        return np.sinh(a) * b + c

    def backward(self, d):
        a, b, c = self.x
        return np.array([d * np.cosh(a) * b, d * np.sinh(a), {last}])


class Block:
    def forward(self, x):
        self.shape = x.shape
        return np.broadcast_to(x, (3, 4)).copy()

    def backward(self, d):
        return d.{reduce}(axis=0, keepdims=True)
"""


def test_what_is_taken_apart_repeated_or_reshaped(tmp_path: Path) -> None:
    right = checked(tmp_path, SOURCE.format(other="x", last="d", reduce="sum"), "right.py")
    assert all(right.passes(name) for name in ("Node", "Parts", "Block"))
    wrong = checked(tmp_path, SOURCE.format(other="y", last="2 * d", reduce="mean"), "wrong.py")
    assert all(wrong.failed(name) for name in ("Parts", "Block"))
    assert not wrong.passes("Node")


def test_what_is_unpacked_from_a_shape_or_an_attribute_says_nothing(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Rows:
            def forward(self, x):
                self.x = x
                n, d = x.shape
                return (x ** 2).sum(axis=1) / d

            def backward(self, dout):
                n, d = self.x.shape
                return 2 * dout[:, None] * self.x / d
    """
    assert checked(tmp_path, source).passes("Rows")


REPEATED = """
import numpy as np


class RepeatNode:
    def forward(self, x):
        return np.broadcast_to(x, (3, 4)).copy()

    def backward(self, dout):
        dx = {gradient}
        return dx
"""


@pytest.mark.parametrize("gradient", ["dout.sum()", "np.sum(dout)"])
def test_what_is_repeated_may_be_a_number_where_its_gradient_sums_all(tmp_path: Path, gradient: str) -> None:
    found = checked(tmp_path, REPEATED.format(gradient=gradient)).result("RepeatNode", "dx")
    assert (found.verdict, found.reason) == (
        Verdict.INCONCLUSIVE,
        "right if `x` is a number; the forward repeats arrays, too",
    )


@pytest.mark.parametrize("gradient", ["dout.sum().reshape(())", "float(dout.sum())", "dout.sum(axis=0)"])
def test_what_is_repeated_is_a_number_where_its_gradient_is_made_one(tmp_path: Path, gradient: str) -> None:
    assert checked(tmp_path, REPEATED.format(gradient=gradient)).passes("RepeatNode")  # or a row of four


@pytest.mark.parametrize("gradient", ["2 * dout.sum()", "dout.mean()", "dout.sum(axis=1)", "dout[0]"])
def test_what_is_repeated_is_wrong_otherwise(tmp_path: Path, gradient: str) -> None:
    assert checked(tmp_path, REPEATED.format(gradient=gradient)).failed("RepeatNode")


def test_a_sum_over_everything_is_no_gradient_of_what_is_not_repeated(tmp_path: Path) -> None:
    source = REPEATED.format(gradient="dout.sum()").replace("np.broadcast_to(x, (3, 4)).copy()", "x * 3.0")
    assert "dx" in checked(tmp_path, source).failed("RepeatNode")


ONE_HOT = """
import numpy as np


class Embedding:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        {added}
"""


def test_one_hot_rows_are_a_table_of_words(tmp_path: Path) -> None:
    right = "self.dW += np.tensordot(self.x, dout, axes=((0, 1), (0, 1)))"
    assert checked(tmp_path, ONE_HOT.format(added=right)).passes("Embedding")


@pytest.mark.parametrize(
    "added", ["self.dW[self.x.argmax(axis=1)] += dout", "np.add.at(self.dW, self.x.argmax(axis=0), dout)"]
)
def test_words_that_are_lost_or_read_off_the_wrong_axis_fail(tmp_path: Path, added: str) -> None:
    assert checked(tmp_path, ONE_HOT.format(added=added)).failed("Embedding")


SQUEEZED = """
import numpy as np


class {name}:
    def forward(self, x):
        self.shape = x.shape
        return {squeezed}.copy()

    def backward(self, dout):
        return {factor} * dout.reshape(self.shape)
"""


@pytest.mark.parametrize(
    "squeezed", ["np.squeeze(x, axis=(1, 3))", "np.squeeze(x, 1)", "x.squeeze((0, 2))", "x.squeeze(axis=2)"]
)
def test_an_axis_that_is_taken_away_has_length_one(tmp_path: Path, squeezed: str) -> None:
    def source(factor: int) -> str:
        return SQUEEZED.format(name="Module", squeezed=squeezed, factor=factor)

    assert checked(tmp_path, source(1), "right.py").passes("Module")
    assert checked(tmp_path, source(2), "wrong.py").failed("Module") == {"dx": "factor-two"}


TURNED = """
import numpy as np


class Block:
    def forward(self, x):
        x = x.transpose(2, 0, 1)
        a, b, c = (row.copy() for row in x)
        return a, b, c

    def backward(self, da, db, dc):
        return np.stack((da, db, dc)).transpose{order}
"""


def test_the_axis_that_is_put_first_is_the_one_that_is_taken_apart(tmp_path: Path) -> None:
    assert checked(tmp_path, TURNED.format(order="(1, 2, 0)")).passes("Block")
    assert checked(tmp_path, TURNED.format(order="(1, 2, 0) * 2")).failed("Block")


EXPANDED = """
import torch


class Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.expand({shape}).clone()

    @staticmethod
    def backward(ctx, grad):
        return grad.sum(dim={axis}, keepdim=True)
"""


@pytest.mark.parametrize("shape", ["4, 3", "(4, 3)"])
def test_torch_repeats_rows_to_a_size_that_is_written_out(tmp_path: Path, shape: str) -> None:
    assert checked(tmp_path, EXPANDED.format(shape=shape, axis=0)).passes("Rows")
    assert "dx" in checked(tmp_path, EXPANDED.format(shape=shape, axis=0).replace("grad.sum", "2 * grad.sum")).failed(
        "Rows"
    )
