"""Adaline: a linear unit that learns from its error before the threshold.

    z  = x w + b
    E  = k sum_n (z_n - t_n)^2
    dz = dE 2 k (z - t)        dw = x^T dz        db = sum_n dz_n        dx_n = dz_n w

Shapes: x (N, D), w (D,), b a number, t (N,) of -1 and +1, E a scalar.
The reduction decides k: half-mean 1/(2N), half-sum 1/2, mean 1/N, sum 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def weight(x: Any, reduction: str) -> float:
    """The k of the formula."""
    half = 0.5 if reduction.startswith("half-") else 1.0
    return half / len(x) if reduction.endswith("mean") else half


def forward(x: Array, t: Array, w: Array, b: Array, reduction: str = "half-mean") -> float:
    return float(weight(x, reduction) * np.sum((x @ w + b - t) ** 2))


def gradients(dz: Array, x: Array, w: Array) -> Grads:
    return {"x": np.outer(dz, w), "w": x.T @ dz, "b": dz.sum()}


def backward(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "half-mean") -> Grads:
    dz = dy * 2 * weight(x, reduction) * (x @ w + b - t)
    return gradients(dz, x, w)


def torch_forward(x: Any, t: Any, w: Any, b: Any, reduction: str = "half-mean") -> Any:
    import torch

    return weight(x, reduction) * torch.nn.functional.mse_loss(x @ w + b, t, reduction="sum")


def error_after_threshold(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "half-mean") -> Grads:
    y = np.where(x @ w + b >= 0, 1.0, -1.0)
    return gradients(dy * 2 * weight(x, reduction) * (y - t), x, w)


def two_kept_beside_the_half(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "half-mean") -> Grads:
    return backward(2 * dy, x, t, w, b, reduction)


def not_divided(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "half-mean") -> Grads:
    return backward(dy, x, t, w, b, reduction.replace("mean", "sum"))


def t_minus_z(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "half-mean") -> Grads:
    return backward(-dy, x, t, w, b, reduction)


# fmt: off
SPEC = LayerSpec(
    name="adaline", korean="아달린", kind="network", family="networks",
    aliases=("Adaline", "AdalineGD", "AdalineSGD", "LMS", "WidrowHoff", "아달린"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, t: N @sign; w: D, b: ->",
    variants=(
        Variant(note="half of the sum", options={"reduction": "half-sum"}),
        Variant(note="mean, without the half", options={"reduction": "mean"}),
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant("t: N @binary", "targets 0 and 1"),
        Variant("b: 1", "bias of shape (1,)"),
        Variant("t: N 1 @sign; w: D 1, b: 1", "weights and targets as columns"),
        Variant("x: D, t: @sign", "one sample"),
    ),
    mistakes=(
        Mistake("error-after-threshold", error_after_threshold,
                says="`{grad}` of Adaline takes the error after the threshold, as the perceptron does",
                help="Adaline compares t with the linear output z = x w + b; the threshold is for prediction only",
                says_ko="아달린의 `{grad}`가 퍼셉트론처럼 임계값을 거친 뒤의 오차를 쓴다",
                help_ko="아달린은 선형 출력 z = x w + b를 t와 비교하고, 임계값은 예측에만 쓴다"),
        Mistake("factor-two", two_kept_beside_the_half,
                says="`{grad}` of Adaline is twice too large",
                help="The 1/2 of the cost cancels the 2 of the square: dz = (z - t) / N",
                says_ko="아달린의 `{grad}`가 두 배로 크다",
                help_ko="비용의 1/2이 제곱의 2를 없애므로 dz = (z - t) / N이다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of Adaline is summed over the samples although its cost is their mean",
                help="Divide by N as the cost does",
                says_ko="아달린의 비용은 평균인데 `{grad}`는 샘플에 대한 합이다",
                help_ko="비용과 같이 N으로 나눈다"),
        Mistake("wrong-sign", t_minus_z,
                says="`{grad}` of Adaline has the wrong sign",
                help="The gradient is x (z - t); w += lr * x (t - z) already holds the minus of the descent",
                says_ko="아달린의 `{grad}` 부호가 반대이다",
                help_ko="기울기는 x (z - t)이고, w += lr * x (t - z)에는 하강의 음수가 이미 들어 있다"),
    ),
)
# fmt: on
