"""Operations of an engine whose tensors are in another file: they need no more of these than their numbers."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

OPERATIONS = """
import numpy as np


class Mul:
    def forward(x, y):
        return x.value * y.value

    def backward(g, x, y, z):
        return [g * y.value, g * x.value]


class Swapped:
    def forward(x, y):
        return x.value * y.value

    def backward(g, x, y, z):
        return [g * x.value, g * y.value]


class Exp:
    @staticmethod
    def forward(x):
        return np.exp(x.value)

    @staticmethod
    def backward(g, x, z):
        return [g * z.value]


class Sigmoid:
    def forward(x):
        return 1.0 / (1.0 + np.exp(-x.value))

    def backward(g, x, z):
        return [g * z.value]


class Pow:
    def forward(x, y):
        return x.value ** y.value

    def backward(g, x, y, z):
        return [g * y.value * x.value ** (y.value - 1), np.array([[0]])]


class Halved:
    def forward(x):
        return x.value / 2

    def backward(g, x):
        return [g]


class Reshape:
    def forward(x, *shape):
        return np.reshape(x.value, shape)

    def backward(g, x, z):
        return [g.reshape(x.shape)]


class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        return dout * (1 - np.tanh(self.x) ** 2)
"""


def test_operations_on_boxes_are_judged(tmp_path: Path) -> None:
    report = checked(tmp_path, OPERATIONS)
    for name in ("Mul", "Exp", "Pow", "Reshape", "Layer"):
        assert report.passes(name), (name, report.refused, report.failed(name))
    assert set(report.verdicts("Mul")) >= {"dx", "dy"}
    assert set(report.failed("Swapped")) == {"dx", "dy"}
    assert set(report.failed("Sigmoid")) == {"dx"}
    assert set(report.failed("Halved")) == {"dx"}


def test_what_reads_no_box_is_no_such_operation(tmp_path: Path) -> None:
    source = "\n\n\n".join(
        part for part in OPERATIONS.split("\n\n\n") if "Layer" in part or part.startswith("\nimport")
    )
    report = checked(tmp_path, source)
    assert report.passes("Layer")
    assert report.result("Layer", "dx").convention == "class layer"
