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


def sqrt(x, eps=0.25):
    return np.sqrt(x + eps)


def sqrt_grad(grad_out, x, eps=0.25):
    return grad_out / (2 * np.sqrt(x + eps)){root}


def soft_step(x, slope=2.5):
    return np.tanh(x * slope)


def soft_step_backward(x, slope, dout):
    return dout * slope * (1 - np.tanh(x * slope) ** 2){step}


def conv1d(x, w, bias, stride=2, pad=1):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad)))
    k = w.shape[2]
    out = np.zeros((len(x), len(w), (x.shape[2] - k) // stride + 1))
    for i in range(out.shape[2]):
        out[:, :, i] = np.einsum("nck,fck->nf", x[:, :, i * stride:i * stride + k], w) + bias
    return out


def conv1d_backward(dy, x, w, bias, stride=2, pad=1):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad)))
    k = w.shape[2]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(dy.shape[2]):
        dx[:, :, i * stride:i * stride + k] += np.einsum("nf,fck->nck", dy[:, :, i], w)
        dw += np.einsum("nf,nck->fck", dy[:, :, i], x[:, :, i * stride:i * stride + k])
    return dx[:, :, pad:x.shape[2] - pad], dw, dy.sum(axis=(0, 2)){bias}


def wave(x):
    return np.sin(x)


def wave_prime(x, dx):
    return (np.sin(x + dx) - np.sin(x - dx)) / (2 * dx)


def cube(x):
    return x**3


def cube_derivative(x):
    return 3 * x**2
"""
RIGHT = {"dw": "dw", "scale": "", "more": "dw[0] += (dy * t).sum(axis=0)", "root": "", "step": "", "bias": ""}


def test_right_ones_pass(tmp_path: Path) -> None:
    found = checked(tmp_path, SOURCE.format(**RIGHT))
    for name in ("affine", "scale", "mystery", "cube", "sqrt", "soft_step", "conv1d"):
        assert found.passes(name), found.verdicts(name)


@pytest.mark.parametrize("name", ["cost_grad", "wave_prime"])
def test_a_setting_and_a_step_are_no_upstream_gradients(tmp_path: Path, name: str) -> None:
    found = checked(tmp_path, SOURCE.format(**RIGHT))
    assert not found.verdicts(name.partition("_")[0])
    assert "in no way that is known" in found.refused[name]


@pytest.mark.parametrize(
    ("fault", "name", "failing"),
    [
        ({"dw": "2 * dw"}, "affine", {"dw": "factor-two"}),
        ({"scale": " * 3"}, "scale", {"dx": "missing-factor"}),
        ({"root": " + eps"}, "sqrt", {"dx": "wrong-gradient"}),
        ({"step": " / slope"}, "soft_step", {"dx": "missing-factor"}),
        ({"bias": " / len(dy)"}, "conv1d", {"dbias": "batch-average-mixed"}),
        ({"more": "pass"}, "mystery", {"dw": "wrong-gradient"}),
    ],
)
def test_wrong_ones_fail(tmp_path: Path, fault: dict[str, str], name: str, failing: dict[str, str]) -> None:
    assert checked(tmp_path, SOURCE.format(**(RIGHT | fault))).failed(name) == failing


def test_where_nothing_tells_the_order_it_is_refused(tmp_path: Path) -> None:
    found = checked(tmp_path, SOURCE.format(**RIGHT))
    assert found.failed("film") == {}
    assert "nothing says in which order its gradients come" in found.refused["film"]


CHOSEN = """
import numpy as np


def choose(c, x, y):
    return c * x * y


def choose_grad(dy, c, x, y):
    return {dc}, c * y * dy, c * x * dy
"""


def test_an_upstream_gradient_may_be_called_like_the_gradient_of_an_input(tmp_path: Path) -> None:
    """It is the step of a difference where an argument is moved by it, and not by its name alone."""
    assert checked(tmp_path, CHOSEN.format(dc="x * y * dy")).passes("choose")
    assert set(checked(tmp_path, CHOSEN.format(dc="x * dy")).failed("choose")) == {"dc"}
