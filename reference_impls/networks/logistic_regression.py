"""Logistic regression: one sigmoid unit under binary cross-entropy.

    z  = x w + b,  y = 1 / (1 + exp(-z))
    L  = -1/N sum_n (t_n log y_n + (1 - t_n) log(1 - y_n))        (no 1/N for reduction "sum")
    dz = dL (y - t) / N        dw = x^T dz        db = sum_n dz_n        dx_n = dz_n w

Shapes: x (N, D), w (D,), b a number, t (N,) of 0 and 1, L a scalar.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def sigmoid(z: Array) -> Array:
    return np.exp(-np.logaddexp(0, -z))  # logaddexp(0, -z) = log(1 + exp(-z)) without overflow


def count(x: Any, reduction: str) -> int:
    return len(x) if reduction == "mean" else 1


def forward(x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> float:
    z = x @ w + b
    return float(np.sum(t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z)) / count(x, reduction))


def gradients(dz: Array, x: Array, w: Array) -> Grads:
    return {"x": np.outer(dz, w), "w": x.T @ dz, "b": dz.sum()}


def backward(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return gradients(dy * (sigmoid(x @ w + b) - t) / count(x, reduction), x, w)


def torch_forward(x: Any, t: Any, w: Any, b: Any, reduction: str = "mean") -> Any:
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(x @ w + b, t, reduction=reduction)


def sigmoid_slope_left_in(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    y = sigmoid(x @ w + b)
    return gradients(dy * (y - t) * y * (1 - y) / count(x, reduction), x, w)


def not_divided(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return backward(dy, x, t, w, b, "sum")


def divided_twice(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return backward(dy / len(x), x, t, w, b, reduction)


def t_minus_y(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "mean") -> Grads:
    return backward(-dy, x, t, w, b, reduction)


# fmt: off
SPEC = LayerSpec(
    name="logistic_regression", korean="로지스틱 회귀", kind="network", family="networks",
    aliases=("LogisticRegression", "LogisticRegressionGD", "LogisticRegressor", "logistic", "로지스틱회귀"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, t: N @binary; w: D, b: ->",
    variants=(
        Variant(note="sum over the samples", options={"reduction": "sum"}),
        Variant("b: 1", "bias of shape (1,)"),
        Variant("t: N 1 @binary; w: D 1, b: 1", "weights and targets as columns"),
        Variant("t: N 1 @binary; w: D 1", "weights and targets as columns, bias a number"),
        Variant("x: D N, t: 1 N @binary; w: D 1", "samples in columns"),
    ),
    mistakes=(
        Mistake("derivative-applied-twice", sigmoid_slope_left_in,
                says="`{grad}` of logistic regression has y (1 - y) left in",
                help="The slope of the sigmoid cancels against the one of the cross-entropy: dz = y - t",
                says_ko="로지스틱 회귀의 `{grad}`에 y (1 - y)가 남아 있다",
                help_ko="시그모이드의 미분은 교차 엔트로피의 미분과 약분되어 dz = y - t이다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of logistic regression lacks the 1/m of its cost",
                help="The cost is a mean over m samples: dw = x.T @ (y - t) / m, db = mean(y - t)",
                says_ko="로지스틱 회귀의 `{grad}`에 비용의 1/m이 빠져 있다",
                help_ko="비용이 m개 샘플의 평균이므로 dw = x.T @ (y - t) / m, db = mean(y - t)이다"),
        Mistake("extra-batch-mean", divided_twice,
                says="`{grad}` of logistic regression has the 1/m of its cost twice",
                help="Divide once: either y - t or the sums over the samples",
                says_ko="로지스틱 회귀의 `{grad}`를 m으로 두 번 나눈다",
                help_ko="y - t와 샘플에 대한 합 가운데 한 곳에서만 나눈다"),
        Mistake("wrong-sign", t_minus_y,
                says="`{grad}` of logistic regression has the wrong sign",
                help="dz = y - t; with t - y the update must add instead of subtract",
                says_ko="로지스틱 회귀의 `{grad}` 부호가 반대이다",
                help_ko="dz = y - t이며, t - y로 두면 갱신할 때 빼지 말고 더해야 한다"),
    ),
)
# fmt: on
