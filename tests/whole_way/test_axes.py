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
