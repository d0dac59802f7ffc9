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


NEURON = """
import numpy as np


def neuron_forward(x, w, b):
    z = np.dot(w, x) + b
    a = 1.0 / (1.0 + np.exp(-z))
    return a, (x, w, b, a)


def neuron_backward(da, cache):
    x, w, b, a = cache
    dz = da * a * (1 - a)
    return {gradients}
"""

UNSUMMED = """
import numpy as np


def module_forward(x, W, b):
    z = np.dot(x, W) + b
    return np.tanh(z) + 0.1 * z, (x, W, z)


def module_backward(dout, cache):
    x, W, z = cache
    dz = dout * (1 - np.tanh(z) ** 2 + 0.1)
    return np.dot(dz, W.T), np.dot(x.T, dz), {db}
"""


def test_a_neuron_of_one_sample_is_not_failed_for_rows(tmp_path: Path) -> None:
    """Nothing but its gradients says that it is for one: it is open."""
    found = checked(tmp_path, NEURON.format(gradients="dz * w, dz * x, dz"))
    assert found.failed("neuron") == {}
    assert found.result("neuron", "dx").verdict is Verdict.INCONCLUSIVE
    assert "of one sample" in found.result("neuron", "dx").reason


ELEMENTWISE = """
import numpy as np


def module_forward(x, W, b):
    z = np.dot(x, W) + b
    return {output}, (x, W, z)


def module_backward(dout, cache):
    x, W, z = cache
    dz = {dz}
    return {gradients}
"""


@pytest.mark.parametrize(("output", "dz"), [("z", "dout"), ("z**3", "3 * z**2 * dout")])
@pytest.mark.parametrize("gradients", ["dz * W, dz * x, dz", "np.sum(dz) * W, np.sum(dz) * x, np.sum(dz)"])
def test_a_product_of_matrices_entry_by_entry_does_not_pass(
    tmp_path: Path, output: str, dz: str, gradients: str
) -> None:
    """It is right for one sample and one output; that its numbers are right there does not say that it is for those."""
    right = checked(tmp_path, ELEMENTWISE.format(output=output, dz=dz, gradients="dz @ W.T, x.T @ dz, dz.sum(0)"))
    assert right.passes("module")
    found = checked(tmp_path, ELEMENTWISE.format(output=output, dz=dz, gradients=gradients))
    assert Verdict.PASS not in {v for p, v in found.verdicts("module").items() if p not in ("contract", "forward")}


@pytest.mark.parametrize("gradients", ["dz * x, dz * w, dz", "dz * w, dz * x, 2 * dz", "da * w, da * x, da"])
def test_a_wrong_neuron_does_not_pass(tmp_path: Path, gradients: str) -> None:
    found = checked(tmp_path, NEURON.format(gradients=gradients))
    assert found.failed("neuron") or found.refused


def test_a_sum_that_is_missing_is_no_single_sample(tmp_path: Path) -> None:
    assert checked(tmp_path, UNSUMMED.format(db="dz.sum(axis=0)"), "right.py").passes("module")
    assert set(checked(tmp_path, UNSUMMED.format(db="dz"), "wrong.py").failed("module")) == {"db"}
