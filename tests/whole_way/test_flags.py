"""Flags of a forward and a backward: what makes it train, what makes it keep what its backward reads."""

from __future__ import annotations

from pathlib import Path

from from_file import checked


def test_a_backward_is_told_how_its_forward_was_run(tmp_path: Path) -> None:
    """A dropout in training has a backward in training; one that has no mask there is wrong."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Dropout:
            def __init__(self, rate=0.3):
                self.rate = rate

            def forward(self, x, training=False):
                if not training:
                    return x
                self.mask = (np.random.rand(*x.shape) >= self.rate) / (1 - self.rate)
                return x * self.mask

            def backward(self, dout, training=False):
                return dout * self.mask if training else dout


        class Dropout2:
            def __init__(self, rate=0.3):
                self.rate = rate

            def forward(self, x, training=False):
                if not training:
                    return x
                self.mask = (np.random.rand(*x.shape) >= self.rate) / (1 - self.rate)
                return x * self.mask

            def backward(self, dout, training=False):
                return dout * (self.mask > 0) if training else dout
        """,
    )
    assert report.passes("Dropout")
    assert set(report.failed("Dropout2")) == {"dx"}


def test_a_flag_under_which_a_forward_keeps_what_backward_reads_is_set(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Softplus:
            def __init__(self):
                self.held = {}

            def forward_propagate(self, z, remember=False):
                if remember:
                    self.held["z"] = z
                return np.log1p(np.exp(z))

            def back_propagate(self, da):
                return da / (1 + np.exp(-self.held["z"]))


        class Cube:
            def forwardPass(self, x, light=True):
                if not light:
                    self.x = x
                return x ** 3

            def backwardPass(self, grad):
                return 2 * grad * self.x ** 2
        """,
    )
    assert report.passes("Softplus")
    assert set(report.failed("Cube")) == {"dx"}


def test_a_flag_of_anything_else_keeps_its_default(tmp_path: Path) -> None:
    """What is kept either way, or not read by the backward, says nothing of a flag that changes the output."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Scaled:
            def forward(self, x, halve=False, log=False):
                self.factor = 1.0
                self.x = x
                if halve:
                    self.factor = 0.5
                if log:
                    self.seen = x
                    raise RuntimeError("there is no log here")
                return self.factor * np.sin(x)

            def backward(self, dout):
                return dout * np.cos(self.x)
        """,
    )
    assert report.passes("Scaled")


def test_a_flag_that_has_no_default_is_no_array(tmp_path: Path) -> None:
    """It is asked whether it is True, or asked alone, before the forward keeps what its backward reads."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Drop:
            def __init__(self, p=0.5):
                self.mask, self.p = 0, p

            def forward(self, x, learning):
                if learning is True:
                    self.mask = (np.random.rand(*x.shape) < self.p) / self.p
                    return x * self.mask
                return x

            def backward(self, g):
                return self.mask * g


        class Cube:
            def forward(self, x, keep):
                if keep:
                    self.x = x
                return x ** 3

            def backward(self, g):
                return 2 * g * self.x ** 2


        class Times:
            def forward(self, x, y):
                self.x, self.y = x, y
                return x * y

            def backward(self, g):
                return g * self.y, g * self.x
        """,
    )
    assert report.passes("Drop"), (report.refused, report.failed("Drop"))
    assert set(report.failed("Cube")) == {"dx"}
    assert report.passes("Times")
    assert set(report.verdicts("Times")) >= {"dx", "dy"}
