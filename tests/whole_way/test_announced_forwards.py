"""A forward that a base class only announces is none: the author's own method is read, or nothing is said of it."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

BASE = """
import numpy as np


class Operation:
    def forward(self, x):
        pass

    def backward(self, dout):
        pass


"""

LOSS = """
class SquaredLoss(Operation):
    def forloss(self, y, t):
        self.y, self.t = y, t
        return np.sum((y - t) ** 2)

    def backward(self):
        return {factor} * (self.y - self.t)
"""

DROP = """
class Drop(Operation):
    def __init__(self, p=0.5):
        self.p = p

    def fordrop(self, x):
        self.mask = np.random.rand(*x.shape) > self.p
        return x * self.mask

    def backward(self, dout):
        return {gradient}
"""


def test_the_method_that_backward_belongs_to_is_the_forward(tmp_path: Path) -> None:
    right = checked(tmp_path, BASE + LOSS.format(factor=2) + DROP.format(gradient="dout * self.mask"), "right.py")
    assert right.passes("SquaredLoss")
    assert right.passes("Drop")
    wrong = checked(tmp_path, BASE + LOSS.format(factor=3) + DROP.format(gradient="dout * (1 - self.mask)"), "wrong.py")
    assert set(wrong.failed("SquaredLoss")) == {"dy"}
    assert set(wrong.failed("Drop")) == {"dx"}


def test_where_no_method_or_several_may_be_the_forward_it_is_refused(tmp_path: Path) -> None:
    source = (
        BASE
        + """
class Unfinished(Operation):
    def backward(self, dout):
        return dout * (self.x > 0)


class Twice(Operation):
    def one_way(self, x):
        self.x = x
        return x ** 3

    def other_way(self, x):
        self.x = x
        return 2 * x

    def backward(self, dout):
        return 3 * dout * self.x ** 2
"""
    )
    found = checked(tmp_path, source)
    assert set(found.refused) == {"Unfinished", "Twice"}
    assert all("`forward` is not written" in reason for reason in found.refused.values())


def test_a_forward_that_a_class_leaves_empty_itself_is_judged(tmp_path: Path) -> None:
    source = """
        class Cube:
            def forward(self, x):
                self.x = x
                x ** 3

            def backward(self, dout):
                return 3 * dout * self.x ** 2
    """
    assert set(checked(tmp_path, source).failed("Cube").values()) == {"returns-nothing"}
