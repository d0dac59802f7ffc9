"""A network whose loss is in no function: what its backward is the gradient of its author has to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE

NETWORK = """
import numpy as np
{remark}

class Network:
    def __init__(self, sizes):
        self.biases = [np.random.randn(y, 1) for y in sizes[1:]]
        self.weights = [np.random.randn(y, x) for x, y in zip(sizes[:-1], sizes[1:])]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights):
            a = 1 / (1 + np.exp(-(w @ a + b)))
        return a

    def backprop(self, x, y):
        activations = [x]
        for b, w in zip(self.biases, self.weights):
            activations.append(1 / (1 + np.exp(-(w @ activations[-1] + b))))
        a = activations[-1]
        delta = {delta}
        nabla_b, nabla_w = [], []
        for l in range(1, len(self.weights) + 1):
            nabla_b.insert(0, delta)
            nabla_w.insert(0, delta @ activations[-l - 1].T)
            a = activations[-l - 1]
            delta = (self.weights[-l].T @ delta) * a * (1 - a)
        return nabla_b, nabla_w
"""


@pytest.mark.parametrize(
    ("delta", "remark", "verdict"),
    [
        ("(a - y) * a * (1 - a)", "", PASS),
        ("a - y", "# with the cross-entropy cost", PASS),
        ("a - y", "", OPEN),
        ("a - y", "# with the quadratic cost", OPEN),
        ("(a - y) * a", "# with the cross-entropy cost", FAIL),
    ],
)
def test_a_delta_without_the_slope_of_the_output(tmp_path: Path, delta: str, remark: str, verdict: Verdict) -> None:
    said = checked(tmp_path, NETWORK.format(delta=delta, remark=remark), cases=3).verdicts("Network")
    assert said["dweights[0]"] is verdict, said


FUNCTIONS = """
import numpy as np

def forward_propagation(X, parameters):
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    A2 = 1 / (1 + np.exp(-(parameters["W2"] @ A1 + parameters["b2"])))
    return A2, (A1, A2)

def backward_propagation(X, Y, parameters, cache):
    {remark}
    m = X.shape[1]
    A1, A2 = cache
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {{
        "dW2": dZ2 @ A1.T / m, "db2": dZ2.sum(axis=1, keepdims=True) / m,
        "dW1": dZ1 @ X.T / m, "db1": dZ1.sum(axis=1, keepdims=True) / m,
    }}
"""


@pytest.mark.parametrize(("remark", "verdict"), [("pass", OPEN), ("# logistic regression on A1", PASS)])
def test_the_same_in_functions(tmp_path: Path, remark: str, verdict: Verdict) -> None:
    found = checked(tmp_path, FUNCTIONS.format(remark=remark), cases=3)
    assert found.verdicts("backward_propagation")["dW1"] is verdict, found.verdicts("backward_propagation")


ALONE = """
import numpy as np

def max_backward(grad, a{keep}):
    {remark}
    chosen = np.zeros_like(a)
    chosen[np.arange(len(a)), np.argmax(a, axis=1)] = 1
    return chosen * grad

def sum_backward(grad, a):
    return grad * np.ones_like(a)
"""


@pytest.mark.parametrize(("remark", "verdict"), [("pass", OPEN), ("# of max(axis=1, keepdims=True)", PASS)])
def test_an_axis_that_is_kept_is_said_to_be_kept(tmp_path: Path, remark: str, verdict: Verdict) -> None:
    found = checked(tmp_path, ALONE.format(remark=remark, keep=""))
    assert found.verdicts("max")["da"] is verdict
    assert found.passes("sum")
