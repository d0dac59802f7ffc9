"""Pairs whose backward takes again what the forward took: under any name of the backward, in any order."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

SOURCE = """
import numpy as np


def affine_forward(x, w):
    return x.dot(w)


def affine_grad(dout, x, w):
    dx = dout.dot(w.T)
    dw = x.T.dot(dout)
    return dx, {dw}


def scale(x, gamma):
    return x * gamma


def scale_vjp(gamma, x, grad_out):
    dgamma = (grad_out * x).sum(axis=0)
    dx = grad_out * gamma{scale}
    return dgamma, dx


def mystery(x, w):
    return np.tanh(x @ w) * w[0]


def mystery_gradient(x, w, dy):
    t = np.tanh(x @ w)
    dz = dy * w[0] * (1 - t * t)
    dw = x.T @ dz
    {more}
    return dz @ w.T, dw


def film(x, gamma):
    return x * gamma


def film_backward(gamma, dy, x):
    return dy * gamma, (dy * x).sum(axis=0)


def cost(w, X, y):
    return 0.5 * np.mean((X @ w - y) ** 2)


def cost_grad(w, X, y, reg):
    return X.T @ (X @ w - y) / len(y) + reg * w


def cube(x):
    return x**3


def cube_derivative(x):
    return 3 * x**2
"""
RIGHT = {"dw": "dw", "scale": "", "more": "dw[0] += (dy * t).sum(axis=0)"}


def test_right_ones_pass(tmp_path: Path) -> None:
    found = checked(tmp_path, SOURCE.format(**RIGHT))
    for name in ("affine", "scale", "mystery", "cube"):
        assert found.passes(name), found.verdicts(name)
    assert "upstream" not in found.refused["cost_grad"]


@pytest.mark.parametrize(
    ("fault", "name", "failing"),
    [
        ({"dw": "2 * dw"}, "affine", {"dw": "factor-two"}),
        ({"scale": " * 3"}, "scale", {"dx": "missing-factor"}),
        ({"more": "pass"}, "mystery", {"dw": "wrong-gradient"}),
    ],
)
def test_wrong_ones_fail(tmp_path: Path, fault: dict[str, str], name: str, failing: dict[str, str]) -> None:
    assert checked(tmp_path, SOURCE.format(**(RIGHT | fault))).failed(name) == failing


def test_where_nothing_tells_the_order_it_is_refused(tmp_path: Path) -> None:
    found = checked(tmp_path, SOURCE.format(**RIGHT))
    assert found.failed("film") == {}
    assert "nothing says in which order its gradients come" in found.refused["film"]
