"""Linear regression: a linear unit under squared error.

    z  = x w + b
    L  = k sum_n (z_n - t_n)^2
    dz = dL 2 k (z - t)        dw = x^T dz        db = sum_n dz_n        dx_n = dz_n w

Shapes: x (N, D), w (D,), b a number, t (N,), L a scalar; with w (D, 1) the scores are a column, and t is one, too.
The reduction decides k: mean 1/N, sum 1, and half of each: half-mean 1/(2N), half-sum 1/2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.networks.adaline import gradients, weight
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> float:
    return float(weight(x, reduction) * np.sum((x @ w + b - t) ** 2))


def backward(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    dz = dy * 2 * weight(x, reduction) * (x @ w + b - t)
    return gradients(dz, x, w)


def torch_forward(x: Any, t: Any, w: Any, b: Any, reduction: str = "mean") -> Any:
    import torch

    return weight(x, reduction) * torch.nn.functional.mse_loss(x @ w + b, t, reduction="sum")


def two_dropped(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return backward(dy / 2, x, t, w, b, reduction)


def two_kept_beside_the_half(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return backward(2 * dy, x, t, w, b, reduction)


def not_divided(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return backward(dy, x, t, w, b, reduction.replace("mean", "sum"))


def divided_twice(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return backward(dy / len(x), x, t, w, b, reduction)


def bias_not_summed(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    dz = dy * 2 * weight(x, reduction) * (x @ w + b - t)
    return gradients(dz, x, w) | {"b": dz}


def t_minus_z(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return backward(-dy, x, t, w, b, reduction)


def every_pair(x: Array, t: Array) -> tuple[Array, Array]:
    """Inputs and targets of all N^2 pairs, which a column (N, 1) minus a vector (N,) compares."""
    return np.repeat(x, len(t), axis=0), np.tile(t, len(x))


def column_minus_vector_forward(x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> float:
    return forward(*every_pair(x, t), w, b, reduction)


def column_minus_vector(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    g = backward(dy, *every_pair(x, t), w, b, reduction)
    return g | {"x": g["x"].reshape(len(x), -1, len(w)).sum(axis=1)}


# fmt: off
SPEC = LayerSpec(
    name="linear_regression", korean="선형 회귀", kind="network", family="networks",
    aliases=("LinearRegression", "LinearRegressionGD", "LinearRegressor", "LinearModel", "LinReg", "선형회귀"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, t: N; w: D, b: ->",
    variants=(
        Variant(note="half of the mean", options={"reduction": "half-mean"}),
        Variant(note="half of the sum", options={"reduction": "half-sum"}),
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant("b: 1", "bias of shape (1,)"),
        Variant("t: N 1; w: D 1, b: 1", "weights and targets as columns"),
        Variant("t: N 1; w: D 1", "weights and targets as columns, bias a number"),
        Variant("t: N 1; w: D 1, b: 1", "weights and targets as columns, half of the mean", {"reduction": "half-mean"}),
        Variant("x: D N, t: 1 N; w: D 1", "samples in columns"),
    ),
    mistakes=(
        Mistake("factor-half", two_dropped,
                says="`{grad}` of linear regression lacks the factor 2",
                help="This loss has no 1/2 that would cancel the 2 of the square: dz = 2 (z - t) / N",
                says_ko="선형 회귀의 `{grad}`에 2가 빠져 있다",
                help_ko="이 손실에는 제곱의 2를 없앨 1/2이 없으므로 dz = 2 (z - t) / N이다"),
        Mistake("factor-two", two_kept_beside_the_half, variant="half of the mean",
                says="`{grad}` of linear regression is twice too large",
                help="The 1/2 of this loss cancels the 2 of the square: dz = (z - t) / N",
                says_ko="선형 회귀의 `{grad}`가 두 배로 크다",
                help_ko="이 손실의 1/2이 제곱의 2를 없애므로 dz = (z - t) / N이다"),
        Mistake("broadcast-to-matrix", column_minus_vector, forward=column_minus_vector_forward,
                says="a column (N, 1) of scores minus a vector (N,) of targets became an (N, N) matrix",
                help="Bring both to one shape first, for example t.reshape(z.shape)",
                says_ko="(N, 1) 열인 예측에서 (N,) 벡터인 목표를 빼서 (N, N) 행렬이 되었다",
                help_ko="먼저 t.reshape(z.shape)로 모양을 맞춘다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of linear regression is summed over the samples although its loss is their mean",
                help="Divide by N as the loss does",
                says_ko="선형 회귀의 손실은 평균인데 `{grad}`는 샘플에 대한 합이다",
                help_ko="손실과 같이 N으로 나눈다"),
        Mistake("extra-batch-mean", divided_twice,
                says="`{grad}` of linear regression is divided by N once more than its loss",
                help="Divide once: either z - t, or the sums over the samples",
                says_ko="선형 회귀의 `{grad}`를 손실보다 한 번 더 N으로 나눈다",
                help_ko="z - t와 샘플에 대한 합 가운데 한 곳에서만 나눈다"),
        Mistake("missing-batch-sum", bias_not_summed,
                says="`{grad}` of linear regression is not summed over the samples",
                help="One bias serves every sample: db = dz.sum()",
                says_ko="선형 회귀의 `{grad}`를 샘플에 대해 더하지 않았다",
                help_ko="편향 하나를 모든 샘플이 쓰므로 db = dz.sum()이다"),
        Mistake("wrong-sign", t_minus_z,
                says="`{grad}` of linear regression has the wrong sign",
                help="dz = z - t up to a factor; with t - z the update must add instead of subtract",
                says_ko="선형 회귀의 `{grad}` 부호가 반대이다",
                help_ko="dz는 z - t에 비례하며, t - z로 두면 갱신할 때 빼지 말고 더해야 한다"),
    ),
)
# fmt: on
