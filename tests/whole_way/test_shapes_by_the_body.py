"""Inputs have the shape that a forward takes apart, repeats or reshapes, where nothing else runs."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

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
