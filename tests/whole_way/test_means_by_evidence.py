"""Where a mean over the batch is taken the author shows: averaged parameters, and losses of one number a sample."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import Checked, checked

from gradcheck_plugin.model import Verdict

PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE

LINEAR = """
import numpy as np

class Linear:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        {doc}
        n = len(self.x)
        self.dW = self.x.T @ delta / n
        self.db = delta.sum(axis=0){db}
        return delta @ self.W.T
"""


def of_linear(found: Checked) -> tuple[Verdict, Verdict, Verdict]:
    said = found.verdicts("Linear")
    return said["dx"], said["dW"], said["db"]


def test_averaged_parameters_alone_are_open(tmp_path: Path) -> None:
    found = checked(tmp_path, LINEAR.format(doc="pass", db=" / n"))
    assert of_linear(found) == (PASS, OPEN, OPEN)
    assert "divided by N" in found.result("Linear", "dW").reason


@pytest.mark.parametrize(
    "doc",
    [
        '"""The gradients are averaged over the batch."""',
        '"""Mean of the batch for dW and db."""',
        "# divide by the number of samples here",
        "# 1/m only here",
        "# 배치 평균",
    ],
)
def test_a_remark_in_the_backward_is_evidence(tmp_path: Path, doc: str) -> None:
    found = checked(tmp_path, LINEAR.format(doc=f"{doc}\n        pass", db=" / n"))
    assert of_linear(found) == (PASS, PASS, PASS)
    assert [a.code for a in found.result("Linear", "dW").advice] == ["batch-average"]


@pytest.mark.parametrize("doc", ['"""Mean squares are for others."""', "# the batch comes first", "# n by m"])
def test_other_remarks_are_not(tmp_path: Path, doc: str) -> None:
    assert of_linear(checked(tmp_path, LINEAR.format(doc=f"{doc}\n        pass", db=" / n"))) == (PASS, OPEN, OPEN)


LOSSES = {
    "returned as it is": ("return self.p - self.labels", PASS),
    "twice that": ("return 2 * (self.p - self.labels)", PASS),
    "divided at once": ("return (self.p - self.labels) / len(self.labels)", OPEN),
    "divided later": ("dx = self.p - self.labels\n        return dx / self.labels.shape[0]", OPEN),
    "divided in place": ("dx = self.p - self.labels\n        dx /= self.labels.shape[0]\n        return dx", OPEN),
    "handed on": ("dx = self.p - self.labels\n        return self.net.backward(dx)", PASS),
    "a distance": ("return np.abs(self.p - self.labels).sum()", OPEN),
}


@pytest.mark.parametrize("how", LOSSES)
def test_the_gradient_of_the_loss_beside_it_is_evidence(tmp_path: Path, how: str) -> None:
    body, verdict = LOSSES[how]
    source = LINEAR.format(doc="pass", db=" / n") + f"\n\nclass Criterion:\n    def start(self):\n        {body}\n"
    assert of_linear(checked(tmp_path, source)) == (PASS, verdict, verdict)


@pytest.mark.parametrize("doc", ["pass", '"""averaged over the batch"""'])
def test_one_averaged_and_one_not_is_a_fault_that_names_both(tmp_path: Path, doc: str) -> None:
    found = checked(tmp_path, LINEAR.format(doc=doc, db=""))
    assert found.failed("Linear") == {"dW": "batch-average-mixed"}
    finding = found.result("Linear", "dW").finding
    assert finding is not None
    assert finding.message.startswith("`dW` is averaged over the batch and `db` is not")


COLUMNS = """
import numpy as np

def sigmoid(Z):
    return 1 / (1 + np.exp(-Z)), Z

def linear_forward(A, W, b):
    return np.dot(W, A) + b, (A, W, b)

def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = np.dot(dZ, A_prev.T) / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return np.dot(W.T, dZ), dW, db
"""
MODEL = """
def forward_propagation(X, parameters):
    Z1, cache1 = linear_forward(X, parameters["W1"], parameters["b1"])
    A1 = np.tanh(Z1)
    Z2, cache2 = linear_forward(A1, parameters["W2"], parameters["b2"])
    A2, _ = sigmoid(Z2)
    return A2, (cache1, A1, cache2)

def compute_cost(A2, Y):
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1]

def backward_propagation(A2, Y, parameters, cache):
    cache1, A1, cache2 = cache
    dA2 = -(np.divide(Y, A2) - np.divide(1 - Y, 1 - A2))
    dA1, dW2, db2 = linear_backward({scale}dA2 * A2 * (1 - A2), cache2)
    _, dW1, db1 = linear_backward(dA1 * (1 - A1 ** 2), cache1)
    return {{"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}}
"""


def test_columns_alone_are_open(tmp_path: Path) -> None:
    found = checked(tmp_path, COLUMNS)
    assert found.verdicts("linear")["dW"] is OPEN
    assert found.verdicts("linear")["db"] is OPEN


def test_a_network_that_calls_it_and_is_right_is_evidence(tmp_path: Path) -> None:
    found = checked(tmp_path, COLUMNS + MODEL.format(scale=""))
    assert found.passes("linear"), found.verdicts("linear")
    advice = found.result("linear", "dW").advice[0]
    assert "right as a whole" in advice.evidence[0]


def test_a_network_that_is_wrong_with_it_is_none(tmp_path: Path) -> None:
    found = checked(tmp_path, COLUMNS + MODEL.format(scale="1 / Y.shape[1] * "))
    assert found.verdicts("linear")["dW"] is OPEN
    assert any(v is FAIL for r in found.report.results for v in [r.verdict])


def test_columns_of_which_one_is_not_divided_fail(tmp_path: Path) -> None:
    source = COLUMNS.replace("db = np.sum(dZ, axis=1, keepdims=True) / m", "db = np.sum(dZ, axis=1, keepdims=True)")
    assert checked(tmp_path, source + MODEL.format(scale="")).failed("linear") == {"dW": "batch-average-mixed"}


LOSS = """
import numpy as np

class Loss{base}:
    {calculate}

class MeanSquaredError(Loss):
    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    def backward(self, dvalues, y_true):
        self.dinputs = -2 * (y_true - dvalues) / len(dvalues[0]){scale}
"""
CALCULATES = "def calculate(self, output, y):\n        sample_losses = self.forward(output, y)\n        return {mean}"


@pytest.mark.parametrize(
    ("calculate", "verdict"),
    [
        (CALCULATES.format(mean="np.mean(sample_losses)"), PASS),
        (CALCULATES.format(mean="sample_losses.mean()"), PASS),
        (CALCULATES.format(mean="sum(sample_losses) / len(sample_losses)"), PASS),
        (CALCULATES.format(mean="sample_losses"), OPEN),
        (CALCULATES.format(mean="np.mean(output)"), OPEN),
        ("pass", OPEN),
    ],
)
def test_the_mean_of_a_loss_is_taken_somewhere(tmp_path: Path, calculate: str, verdict: Verdict) -> None:
    found = checked(tmp_path, LOSS.format(base="", calculate=calculate, scale=" / len(dvalues)"))
    assert found.verdicts("MeanSquaredError")["dy_pred"] is verdict


def test_the_sum_of_a_loss_needs_no_evidence(tmp_path: Path) -> None:
    found = checked(tmp_path, LOSS.format(base="", calculate="pass", scale=""))
    assert found.passes("MeanSquaredError"), found.verdicts("MeanSquaredError")


def test_the_sum_is_wrong_where_the_mean_is_taken(tmp_path: Path) -> None:
    calculate = CALCULATES.format(mean="np.mean(sample_losses)")
    found = checked(tmp_path, LOSS.format(base="", calculate=calculate, scale=""))
    assert found.failed("MeanSquaredError") == {"dy_pred": "missing-batch-mean"}


def test_neither_sum_nor_mean_is_a_fault(tmp_path: Path) -> None:
    found = checked(tmp_path, LOSS.format(base="", calculate="pass", scale=" / 7"))
    assert found.failed("MeanSquaredError")


PLAIN = """
import numpy as np

def squared(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2, axis=1)

def squared_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_pred.size
"""


def test_a_training_loop_beside_the_file_takes_the_mean(tmp_path: Path) -> None:
    assert checked(tmp_path, PLAIN).verdicts("squared")["dy_pred"] is OPEN
    (tmp_path / "train.py").write_text(
        "import numpy as np\nfrom layers import squared\n\ndef step(y, p):\n    return np.mean(squared(y, p))\n"
    )
    assert checked(tmp_path, PLAIN).passes("squared")


def test_a_loss_that_a_program_imports_beside_the_layer_is_evidence(tmp_path: Path) -> None:
    mine, yours = tmp_path / "mytorch", tmp_path / "other"
    for folder in (mine, yours, tmp_path / "hw1"):
        folder.mkdir()
    source = LINEAR.format(doc="pass", db=" / n")
    (mine / "loss.py").write_text("class Loss:\n    def derivative(self):\n        return self.p - self.labels\n")
    (yours / "linear.py").write_text(source)
    (yours / "run.py").write_text("from linear import Linear\nfrom loss import Loss\n")
    assert of_linear(checked(mine, source, "linear.py")) == (PASS, OPEN, OPEN)
    (tmp_path / "hw1" / "run.py").write_text("from linear import *\nfrom loss import *\n")
    assert of_linear(checked(mine, source, "linear.py")) == (PASS, PASS, PASS)
