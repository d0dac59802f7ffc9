"""Networks with a way forward for columns and a `backprop` of a sample and its target, or of the rows of a batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

ROWS = """
    import numpy as np


    class Logistic:
        @staticmethod
        def value(z):
            return 1 / (1 + np.exp(-z))

        @staticmethod
        def slope(z):
            return np.exp(-z) / (1 + np.exp(-z)) ** 2


    class Softplus:
        @staticmethod
        def value(z):
            return np.log1p(np.exp(z))

        @staticmethod
        def slope(z):
            return 1 / (1 + np.exp(-z))


    class Net:
        '''Trained with the cross-entropy.'''

        def __init__(self, sizes, unit=Softplus):
            self.unit = unit
            self.ws = [np.random.randn(n, m) for m, n in zip(sizes[:-1], sizes[1:])]
            self.bs = [np.random.randn(n, 1) for n in sizes[1:]]

        def feedforward(self, a):
            for w, b in zip(self.ws, self.bs):
                a = self.unit.value(w @ a + b)
            return a

        def back_propagation(self, x, y):
            found, zs = [x], []
            for w, b in zip(self.ws, self.bs):
                zs.append(found[-1] @ w.T + b.T)
                found.append(self.unit.value(zs[-1]))
            gw, gb = [0 * w for w in self.ws], [0 * b for b in self.bs]
            delta = found[-1] - y
            for k in range(len(self.ws) - 1, -1, -1):
                gw[k] = delta.T @ found[k]
                gb[k] = np.sum(delta, axis=0)[:, None]
                if k:
                    delta = delta @ self.ws[k] * self.unit.slope(zs[k - 1])
            return gb, gw
"""
CALL = """

    if __name__ == "__main__":
        net = Net([784, 30, 10], unit=Logistic)
"""


def test_a_backprop_of_rows_beside_a_forward_of_columns(tmp_path: Path) -> None:
    """The activation is the one that the author's own call gives the network: its cross-entropy is meant for that."""
    report = checked(tmp_path, ROWS + CALL)
    assert report.passes("Net")
    assert len(report.verdicts("Net")) == 5


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("np.sum(delta, axis=0)[:, None]", "np.mean(delta, axis=0)[:, None]"),
        ("* self.unit.slope(zs[k - 1])", "* self.unit.slope(zs[k - 1]) ** 2"),
    ],
)
def test_a_wrong_one_of_rows_fails(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in ROWS
    assert checked(tmp_path, ROWS.replace(right, wrong) + CALL).failed("Net")


def test_without_a_call_of_the_author_the_defaults_are_what_is_meant(tmp_path: Path) -> None:
    """The difference of output and target is no gradient of any loss of a softplus."""
    assert checked(tmp_path, ROWS).failed("Net")


def test_a_backprop_that_raises_for_a_column_and_for_rows_is_at_fault(tmp_path: Path) -> None:
    report = checked(tmp_path, ROWS.replace("delta.T @ found[k]", "delta @ found[k + 1] @ found[k]") + CALL)
    assert report.failed("Net")["contract"] == "raised"
