"""Losses that are given their parameters: the references of whole networks say what shapes these have."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

SOURCE = """
    import numpy as np


    def perceptron_loss(x, t, w, b):
        z = x @ w + b
        wrong = (np.where(z >= 0, 1.0, -1.0) - t) / 2
        loss = float(np.sum(wrong * z))
        grads = {"w": x.T @ wrong, "b": wrong.sum()}
        return loss, grads


    def two_layer_net_loss(x, t, W1, b1, W2, b2, reg=0.0):
        h = np.maximum(x @ W1 + b1, 0)
        s = h @ W2 + b2
        s = s - s.max(axis=1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        loss = -np.sum(t * np.log(p)) / len(x) + reg * (np.sum(W1**2) + np.sum(W2**2))
        ds = (p - t) / len(x)
        da = ds @ W2.T * (h > 0)
        grads = {"b1": da.sum(axis=0), "b2": ds.sum(axis=0)}
        grads["W1"] = x.T @ da + 2 * reg * W1
        grads["W2"] = h.T @ ds + 2 * reg * W2
        return loss, grads


    def logistic_regression_cost(w, b, x, t):
        p = 1 / (1 + np.exp(-(x @ w + b)))
        loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
        dz = (p - t) / len(x)
        return loss, {"w": x.T @ dz, "b": dz.sum()}
"""
FAULTS = (
    ("perceptron_loss", "db", '"b": wrong.sum()', '"b": wrong.mean()'),
    ("two_layer_net_loss", "dW1", "ds @ W2.T * (h > 0)", "ds @ W2.T"),
    ("two_layer_net_loss", "dW2", "2 * reg * W2", "reg * W2"),
    ("logistic_regression_cost", "dw", '"w": x.T @ dz', '"w": 2 * x.T @ dz'),
)


def test_what_is_right_passes(tmp_path: Path) -> None:
    found = checked(tmp_path, SOURCE)
    for name in ("perceptron_loss", "two_layer_net_loss", "logistic_regression_cost"):
        assert found.passes(name), (name, found.verdicts(name), found.refused)


@pytest.mark.parametrize(("name", "gradient", "right", "wrong"), FAULTS)
def test_a_fault_is_seen(tmp_path: Path, name: str, gradient: str, right: str, wrong: str) -> None:
    assert right in SOURCE
    found = checked(tmp_path, SOURCE.replace(right, wrong))
    assert gradient in found.failed(name)


def test_a_loss_of_other_arrays_is_no_network(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        """
        import numpy as np


        def weighted_loss(x, t, w, c):
            loss = np.sum(w * (x - t) ** 2) + np.sum(c**2)
            grads = {"x": 2 * w * (x - t), "c": 2 * c}
            return loss, grads
        """,
    )
    assert "weighted_loss" in {r.target for r in found.report.results} | set(found.refused)
    assert {r.layer for r in found.report.results} <= {""}


KERNELS = """
import numpy as np


def two_layers_cost(x, t, kernel1, bias1, kernel2, bias2):
    {turned}
    h = np.tanh(x @ kernel1 + bias1)
    y = h @ kernel2 + bias2
    loss = 0.5 * ((y - t) ** 2).sum()
    d2 = y - t
    d1 = (d2 @ kernel2.T) * (1 - h**2)
    grads = {{"kernel1": ({first}), "bias1": d1{rows}, "kernel2": ({second}), "bias2": d2{rows}}}
    return loss, grads
"""
TURNED = "kernel1 = kernel1.T; kernel2 = kernel2.T"


@pytest.mark.parametrize(
    ("turned", "first", "second", "rows"),
    [
        ("pass", "x.T @ d1", "h.T @ d2", ".sum(axis=0)"),
        (TURNED, "(x.T @ d1).T", "(h.T @ d2).T", ".sum(axis=0)"),
        ("pass", "np.outer(x, d1)", "np.outer(h, d2)", ""),
        (TURNED, "np.outer(x, d1).T", "np.outer(h, d2).T", ""),
    ],
)
def test_weights_are_what_is_multiplied_and_has_a_gradient(
    tmp_path: Path, turned: str, first: str, second: str, rows: str
) -> None:
    right = KERNELS.format(turned=turned, first=first, second=second, rows=rows)
    assert checked(tmp_path, right, "right.py").passes("two_layers_cost")
    wrong = KERNELS.format(turned=turned, first=first, second=f"2 * {second}", rows=rows)
    assert set(checked(tmp_path, wrong, "wrong.py").failed("two_layers_cost")) == {"dkernel2"}


SIGNED = """
import numpy as np


def perceptron(w, b, x, t):
    z = np.dot(x, w) + b
    error = (np.where(z >= 0, 1.0, -1.0) - t) / 2
    loss = float(np.sum(error * z) / len(x))
    dz = error / len(x)
    return loss, {{"w": np.dot(x.T, dz), "b": {db}}}
"""


def test_a_function_that_takes_its_weights_first_may_turn_its_input(tmp_path: Path) -> None:
    assert checked(tmp_path, SIGNED.format(db="dz.sum()")).passes("perceptron")
    assert set(checked(tmp_path, SIGNED.format(db="dz.mean()")).failed("perceptron")) == {"db"}
