"""`x @ W + b` takes weights for one output and for many: the shapes of all gradients say which is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

LINE = """
import numpy as np


def line(X, w, b):
    return X @ w + b


def line_backward(dout, X, w, b):
    return np.outer(dout, w), X.T @ dout, {db}
"""

PRODUCT = """
def module(x, kernel, b):
    return x @ kernel + b


def module_backward(grad_out, x, kernel, b):
    return grad_out @ kernel.T, x.T @ grad_out, {db}
"""

STRETCH = """
def module(x, gamma, b):
    return gamma * x + b


def module_backward(grad_out, x, gamma, b):
    return grad_out * gamma, (grad_out * x).sum(), grad_out.sum()
"""


def test_a_line_of_one_output_is_right_as_it_is_written(tmp_path: Path) -> None:
    found = checked(tmp_path, LINE.format(db="dout.sum()"))
    assert found.passes("line")
    assert {"dX", "dw", "db"} <= set(found.verdicts("line"))


@pytest.mark.parametrize("db", ["dout.mean()", "2 * dout.sum()", "dout[0]"])
def test_a_wrong_bias_of_a_line_fails(tmp_path: Path, db: str) -> None:
    assert set(checked(tmp_path, LINE.format(db=db)).failed("line")) == {"db"}


def test_a_bias_beside_a_matrix_is_not_taken_for_a_number_for_its_gradient_is_one(tmp_path: Path) -> None:
    found = checked(tmp_path, PRODUCT.format(db="grad_out.sum()"))
    assert found.verdicts("module")["db"] is Verdict.INCONCLUSIVE
    assert found.result("module", "db").reason == "right if `b` is one number; wrong if it has one entry a feature"
    assert found.verdicts("module")["dx"] is Verdict.PASS


@pytest.mark.parametrize("db", ["grad_out.sum(axis=0)", "grad_out.sum(0)"])
def test_a_bias_beside_a_matrix_passes(tmp_path: Path, db: str) -> None:
    assert checked(tmp_path, PRODUCT.format(db=db)).passes("module")


def test_a_number_beside_no_matrix_is_a_number(tmp_path: Path) -> None:
    assert checked(tmp_path, STRETCH).passes("module")
