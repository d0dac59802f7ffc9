"""What follows a number that its reference does not have is no faulty one of it: a name alone makes no FAIL."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

SOFTPLUS = """
import numpy as np


class Softplus:
    def __init__(self, sharpness={default}):
        self.sharpness = sharpness

    def forward(self, x):
        self.x = x
        return np.log1p(np.exp(self.sharpness * x)) / self.sharpness

    def backward(self, dout):
        return dout / (1 + np.exp(-{factor} * self.x))
"""

HUBER = """
import torch


class Huber(torch.autograd.Function):
    @staticmethod
    def forward(y, t, width):
        d = y - t
        return torch.where(d.abs() <= width, 0.5 * d * d, width * (d.abs() - 0.5 * width)).sum()

    @staticmethod
    def setup_context(ctx, inputs, output):
        y, t, ctx.width = inputs
        ctx.save_for_backward(y, t)

    @staticmethod
    def backward(ctx, g):
        y, t = ctx.saved_tensors
        d = g * (y - t).clamp(-ctx.width, {upper})
        return d, -d, None
"""

LOGARITHMS = """
import torch


class KLDiv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, log_q, log_p):
        ctx.save_for_backward(log_q, log_p)
        return (log_p.exp() * (log_p - log_q)).{reduction}()

    @staticmethod
    def backward(ctx, g):
        log_q, log_p = ctx.saved_tensors
        g = {g}
        return -g * log_p.exp(), g * log_p.exp() * (log_p - log_q + 1)
"""


@pytest.mark.parametrize("default", ["0.6", "2.5"])
def test_a_layer_with_a_number_of_its_own_is_judged_by_its_own_forward(tmp_path: Path, default: str) -> None:
    right = SOFTPLUS.format(default=default, factor="self.sharpness")
    assert checked(tmp_path, right, "right.py").passes("Softplus")
    wrong = SOFTPLUS.format(default=default, factor="2 * self.sharpness")
    assert "dx" in checked(tmp_path, wrong, "wrong.py").failed("Softplus")


def test_a_function_of_torch_with_a_number_of_its_own_is_judged_by_its_own_forward(tmp_path: Path) -> None:
    assert checked(tmp_path, HUBER.format(upper="ctx.width"), "right.py").passes("Huber")
    assert "dy" in checked(tmp_path, HUBER.format(upper="None"), "wrong.py").failed("Huber")


@pytest.mark.parametrize(("reduction", "g"), [("sum", "g"), ("mean", "g / log_q.numel()")])
def test_a_divergence_of_two_logarithms_is_one(tmp_path: Path, reduction: str, g: str) -> None:
    right = checked(tmp_path, LOGARITHMS.format(reduction=reduction, g=g), "right.py")
    assert right.passes("KLDiv")
    assert "forward" in right.verdicts("KLDiv")
    assert "dlog_q" in checked(tmp_path, LOGARITHMS.format(reduction=reduction, g="2 * g"), "wrong.py").failed("KLDiv")


def test_a_number_that_the_forward_does_not_follow_is_no_reason(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Sigmoid:
            def __init__(self, momentum=0.6):
                self.momentum = momentum

            def forward(self, x):
                self.y = 1 / (1 + np.exp(x))
                return self.y

            def backward(self, dout):
                return -dout * self.y * (1 - self.y)
    """
    assert set(checked(tmp_path, source).failed("Sigmoid")) == {"forward"}


CAPPED = """
import torch


class CappedReLU(torch.autograd.Function):
    @staticmethod
    def forward(x, high):
        return x.clamp(0, high)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.high = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ({inside}), None
"""


def test_a_bound_that_a_reference_knows_gets_its_value(tmp_path: Path) -> None:
    right = checked(tmp_path, CAPPED.format(inside="(x > 0) & (x < ctx.high)"), "right.py")
    assert right.passes("CappedReLU")
    assert "forward" in right.verdicts("CappedReLU")
    assert "dx" in checked(tmp_path, CAPPED.format(inside="x > 0"), "wrong.py").failed("CappedReLU")


BOUNDS = """
import torch


class Window(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, low, high):
        {kept}
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ((x > ctx.low) & (x < ctx.high)), None, None
"""


def test_what_is_put_on_ctx_at_once_is_a_number(tmp_path: Path) -> None:
    kept = "ctx.save_for_backward(x); ctx.low, ctx.high = low, high"
    assert checked(tmp_path, BOUNDS.format(kept=kept), "right.py").passes("Window")


def test_a_tensor_that_is_saved_and_gets_no_gradient_is_missed(tmp_path: Path) -> None:
    source = """
        import torch

        class Scaled(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, factors):
                ctx.save_for_backward(x, factors)
                return torch.sinh(x) * factors

            @staticmethod
            def backward(ctx, g):
                x, factors = ctx.saved_tensors
                return g * torch.cosh(x) * factors, None
    """
    assert set(checked(tmp_path, source).failed("Scaled")) == {"dfactors"}


ADAM = """
import numpy as np


class Adam:
    def __init__(self, lr=0.1, beta1={first}, beta2=0.99, eps=1e-7):
        self.lr, self.beta1, self.beta2, self.eps = lr, {kept}
        self.m, self.v, self.t = {{}}, {{}}, 0

    def update(self, params, grads):
        self.t += 1
        for k in params:
            self.m[k] = self.beta1 * self.m.get(k, 0.0) + (1 - self.beta1) * grads[k]
            self.v[k] = self.beta2 * self.v.get(k, 0.0) + (1 - self.beta2) * grads[k] ** 2
            m, v = self.m[k] / (1 - self.beta1**self.t), self.v[k] / (1 - self.beta2**self.t)
            params[k] -= self.lr * m / (np.sqrt(v) + self.eps)
"""


def test_a_setting_that_is_not_used_is_no_excuse_for_the_default_of_another(tmp_path: Path) -> None:
    assert checked(tmp_path, ADAM.format(first=0.8, kept="beta1, beta2, eps"), "right.py").passes("Adam")
    swapped = checked(tmp_path, ADAM.format(first=0.8, kept="beta2, beta1, eps"), "swapped.py")
    assert swapped.failed("Adam") == {"update": "swapped-operands"}


@pytest.mark.parametrize("kept", ["0.8, 0.99, 1e-7", "0.85, 0.95, 1e-7"])
def test_a_setting_that_is_not_used_is_what_stands_in_the_code(tmp_path: Path, kept: str) -> None:
    assert checked(tmp_path, ADAM.format(first=0.8, kept=kept)).passes("Adam")


NORM = """
import numpy as np


class {name}:
    def __init__(self, gamma, beta, eps=1e-5, ddof=1):
        self.gamma, self.beta, self.eps, self.ddof = gamma, beta, eps, ddof

    def forward(self, X):
        self.X = X
        self.root = np.sqrt(X.var(axis=-1, keepdims=True, ddof=self.ddof))
        self.xhat = (X - X.mean(axis=-1, keepdims=True)) / (self.root + self.eps)
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        rows, d = tuple(range(dout.ndim - 1)), self.X.shape[-1]
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=rows), dout.sum(axis=rows)
        g, s = self.gamma * dout, self.root + self.eps
        stretch = s / np.maximum(self.root, 1e-99) * d / (d - {ddof})
        return (g - g.mean(-1, keepdims=True) - self.xhat * (g * self.xhat).mean(-1, keepdims=True) * stretch) / s
"""


@pytest.mark.parametrize("name", ["LayerNorm", "Unit"])
def test_another_setting_changes_nothing_else(tmp_path: Path, name: str) -> None:
    """An eps beside the root stays there with another divisor of the variance, which is tried, too."""
    right = checked(tmp_path, NORM.format(name=name, ddof="self.ddof"), "right.py", cases=25)
    assert right.passes(name), right.failed(name)
    wrong = checked(tmp_path, NORM.format(name=name, ddof=1), "wrong.py")
    assert set(wrong.failed(name)) == {"dX"}


POOL = """
import numpy as np


def bordered(x, pad, value=0.0):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=value)


class {name}:
    def __init__(self, pool_size=2, stride=1, pad=1):
        self.pool_size, self.stride, self.pad = pool_size, stride, pad

    def windows(self, x):
        k, s = self.pool_size, self.stride
        for i in range((x.shape[2] - k) // s + 1):
            for j in range((x.shape[3] - k) // s + 1):
                yield i, j, np.s_[:, :, i * s : i * s + k, j * s : j * s + k]

    def forward(self, x):
        self.x = x
        counted, x = bordered(np.ones_like(x), self.pad), bordered(x, self.pad)
        means = {{(i, j): x[w].sum(axis=(2, 3)) / counted[w].sum(axis=(2, 3)) for i, j, w in self.windows(x)}}
        rows, columns = (max(index) + 1 for index in zip(*means))
        return np.stack([np.stack([means[i, j] for j in range(columns)], -1) for i in range(rows)], -2)

    def backward(self, dout):
        counted = bordered(np.ones_like(self.x), self.pad, {value})
        dx = np.zeros_like(counted)
        for i, j, w in self.windows(dx):
            dx[w] += (dout[:, :, i, j] / counted[w].sum(axis=(2, 3)))[..., None, None]
        return dx[:, :, self.pad : dx.shape[2] - self.pad, self.pad : dx.shape[3] - self.pad]
"""


@pytest.mark.parametrize("name", ["AveragePool", "MeanPool2D"])
def test_a_border_that_shows_in_some_settings_only_is_tried_in_these(tmp_path: Path, name: str) -> None:
    """Without a border nothing tells whether it is counted."""
    right = checked(tmp_path, POOL.format(name=name, value=0.0), "right.py")
    assert right.passes(name), right.failed(name)
    assert set(checked(tmp_path, POOL.format(name=name, value=1.0), "wrong.py").failed(name)) == {"dx"}
