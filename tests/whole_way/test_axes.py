"""An operation that takes an axis is judged with one: what is right for the sum of all entries only is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

NODE = """
    import numpy as np


    class Node:
        def __init__(self, value, parents=()):
            self.value = np.asarray(value, dtype=float)
            self.parents = parents
            self.grad = np.zeros_like(self.value)

        def __mul__(self, other):
            return Mul(self, other)

        def sum(self, axis=None, keepdims=False):
            return Summation(self, axis, keepdims)

        def push(self):
            pass

        def backward(self):
            order, seen = [], set()

            def visit(node):
                if id(node) not in seen:
                    seen.add(id(node))
                    for parent in node.parents:
                        visit(parent)
                    order.append(node)

            visit(self)
            self.grad = np.ones_like(self.value)
            for node in reversed(order):
                node.push()


    class Mul(Node):
        def __init__(self, a, b):
            super().__init__(a.value * b.value, (a, b))

        def push(self):
            a, b = self.parents
            a.grad = a.grad + self.grad * b.value
            b.grad = b.grad + self.grad * a.value


    class Summation(Node):
        def __init__(self, a, axis=None, keepdims=False):
            self.axis, self.keepdims = axis, keepdims
            super().__init__(a.value.sum(axis=axis, keepdims=keepdims), (a,))

        def push(self):
            a = self.parents[0]
            {spread}
            a.grad = a.grad + grad * np.ones_like(a.value)
"""
RIGHT = "grad = self.grad if self.axis is None or self.keepdims else np.expand_dims(self.grad, self.axis)"


@pytest.mark.parametrize(("spread", "failed"), [(RIGHT, {}), ("grad = self.grad", {"contract": "raised"})])
def test_a_sum_is_judged_over_an_axis(tmp_path: Path, spread: str, failed: dict[str, str]) -> None:
    found = checked(tmp_path, NODE.format(spread=spread))
    assert found.verdicts("Node.sum"), found.refused
    assert found.failed("Node.sum") == failed
    assert found.passes("Node.mul")


def test_a_sum_over_all_entries_that_offers_no_axis_is_right(tmp_path: Path) -> None:
    source = NODE.format(spread="grad = self.grad").replace("def sum(self, axis=None, keepdims=False)", "def sum(self)")
    source = source.replace("Summation(self, axis, keepdims)", "Summation(self, None, False)")
    assert checked(tmp_path, source).passes("Node.sum")


KEPT = """
import numpy as np


class {name}:
    def forward(self, x):
        self.x = x
        self.out = {forward}
        return self.out

    def backward(self, dout):
        return dout * {slope}
"""


@pytest.mark.parametrize(
    ("name", "forward", "slope"),
    [
        ("StandardDeviation", "x.std(axis=1, keepdims=True, ddof=1)",
         "(self.x - self.x.mean(axis=1, keepdims=True)) / (self.x.shape[1] - 1) / np.where(self.out, self.out, 1)"),
        ("Variance", "x.var(axis=0, keepdims=True, ddof=1)",
         "2 * (self.x - self.x.mean(axis=0, keepdims=True)) / (self.x.shape[0] - 1)"),
        ("VectorNorm", "(np.abs(x) ** 3).sum(axis=1, keepdims=True) ** (1 / 3)",
         "np.sign(self.x) * (np.abs(self.x) / np.where(self.out == 0, 1, self.out)) ** 2"),
        ("L1Norm", "np.abs(x).sum(axis=0, keepdims=True)", "np.sign(self.x)"),
    ],
)  # fmt: skip
def test_a_reduction_with_a_setting_may_keep_its_axis(tmp_path: Path, name: str, forward: str, slope: str) -> None:
    right = checked(tmp_path, KEPT.format(name=name, forward=forward, slope=slope), "right.py")
    assert right.passes(name), (right.failed(name), right.refused)
    wrong = checked(tmp_path, KEPT.format(name=name, forward=forward, slope=f"2 * {slope}"), "wrong.py")
    assert "dx" in wrong.failed(name)
