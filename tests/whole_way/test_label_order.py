"""Beside a name that says target, `y` is what was predicted; beside `y_pred` it is the target."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

LOSS = """
import numpy as np


def softplus_loss({first}, {second}):
    return np.mean({label} * np.logaddexp(0, -{guess}) + (1 - {label}) * np.logaddexp(0, {guess}))


def softplus_loss_prime({first}, {second}):
    p = 1 / (1 + np.exp(-{guess}))
    return {gradient} / {guess}.size
"""
RIGHT, WRONG = "(p - {label})", "({label} - p)"


@pytest.mark.parametrize(
    ("first", "second", "label"),
    [("y_true", "y", 0), ("Y", "y", 0), ("y", "Y", 1), ("y_pred", "y", 1), ("y", "labels", 1)],
)
def test_which_of_two_arguments_is_the_label(tmp_path: Path, first: str, second: str, label: int) -> None:
    names = {"first": first, "second": second}
    names |= {"label": (first, second)[label], "guess": (first, second)[1 - label]}
    right = checked(tmp_path, LOSS.format(**names, gradient=RIGHT.format(**names)))
    assert right.passes("softplus_loss"), (right.failed("softplus_loss"), right.refused)
    wrong = checked(tmp_path, LOSS.format(**names, gradient=WRONG.format(**names)))
    assert wrong.failed("softplus_loss")


DIVERGENCE = """
import numpy as np


class Node:
    def forward(self, A, Y):
        self.A, self.Y = A, Y
        self.log_y = np.log(Y)
        return np.sum(Y * (self.log_y - A)) / len(A)

    def backward(self, dy=1):
        return {gradient}
"""


def test_a_divergence_takes_the_log_of_its_target(tmp_path: Path) -> None:
    assert checked(tmp_path, DIVERGENCE.format(gradient="-dy * self.Y / len(self.A)")).passes("Node")
    assert checked(tmp_path, DIVERGENCE.format(gradient="dy * self.Y / len(self.A)")).failed("Node")
