"""Perceptron, with the criterion that its learning rule descends.

    z  = x w + b,  y = step(z)
    E  = sum_n (y_n - t_n) z_n                 (divided by N for reduction "mean")
    dw = x^T (y - t)       db = sum_n (y_n - t_n)       dx_n = (y_n - t_n) w

Shapes: x (N, D), w (D,), b a number, t (N,) of 0 and 1, E a scalar. A right sample has y = t and adds nothing.
The step is flat, so y counts as a constant; w += lr (t - y) x is a step down this slope.
With signed=True t and y are -1 or +1 and E is halved, which is sum_n max(0, -t_n z_n).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def count(x: Any, reduction: str) -> int:
    return len(x) if reduction == "mean" else 1


def error(z: Array, t: Array, signed: bool) -> Array:
    """y - t, in halves where both are signs: 0 or +-1 either way."""
    y = np.where(z >= 0, 1.0, -1.0 if signed else 0.0)
    return (y - t) / 2 if signed else y - t


def forward(x: Array, t: Array, w: Array, b: Array, reduction: str = "sum", signed: bool = False) -> float:
    z = x @ w + b
    return float(np.sum(error(z, t, signed) * z) / count(x, reduction))


def backward(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "sum", signed: bool = False) -> Grads:
    dz = dy * error(x @ w + b, t, signed) / count(x, reduction)
    return {"x": np.outer(dz, w), "w": x.T @ dz, "b": dz.sum()}


def torch_forward(x: Any, t: Any, w: Any, b: Any, reduction: str = "sum", signed: bool = False) -> Any:
    import torch

    s = t if signed else 2 * t - 1
    return torch.relu(-s * (x @ w + b)).sum() / count(x, reduction)


def updates_on_right_samples(
    dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "sum", signed: bool = False
) -> Grads:
    s = t if signed else 2 * t - 1
    dz = -dy * s / count(x, reduction)
    return {"x": np.outer(dz, w), "w": x.T @ dz, "b": dz.sum()}


def bias_not_updated(
    dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "sum", signed: bool = False
) -> Grads:
    return backward(dy, x, t, w, b, reduction, signed) | {"b": np.zeros_like(b)}


def t_minus_y(dy: float, x: Array, t: Array, w: Array, b: Array, reduction: str = "sum", signed: bool = False) -> Grads:
    return backward(-dy, x, t, w, b, reduction, signed)


# fmt: off
SPEC = LayerSpec(
    name="perceptron", korean="퍼셉트론", kind="network", family="networks",
    aliases=("Perceptron", "SingleLayerPerceptron", "퍼셉트론"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, t: N @binary; w: D, b: ->",
    variants=(
        Variant(note="mean over the samples", options={"reduction": "mean"}),
        Variant("t: N @sign", "targets -1 and +1", {"signed": True}),
        Variant("t: N @sign", "targets -1 and +1, mean over the samples", {"signed": True, "reduction": "mean"}),
        Variant("b: 1", "bias of shape (1,)"),
        Variant("t: N 1 @binary; w: D 1, b: 1", "weights and targets as columns"),
        Variant("x: D, t: @binary", "one sample"),
    ),
    mistakes=(
        Mistake("mask-missing", updates_on_right_samples,
                says="`{grad}` of the perceptron counts the rightly classified samples too",
                help="Only a wrong sample moves the weights: use y - t, which is 0 where the answer is right",
                says_ko="퍼셉트론의 `{grad}`에 맞게 분류된 샘플까지 들어 있다",
                help_ko="틀린 샘플만 가중치를 움직이므로, 맞으면 0이 되는 y - t를 쓴다"),
        Mistake("gradient-missing", bias_not_updated,
                says="the bias of the perceptron gets no gradient and never learns",
                help="The bias is the weight of an input that is always 1: db = sum(y - t)",
                says_ko="퍼셉트론의 편향에 기울기가 없어 학습되지 않는다",
                help_ko="편향은 항상 1인 입력의 가중치이므로 db = sum(y - t)이다"),
        Mistake("wrong-sign", t_minus_y,
                says="`{grad}` of the perceptron has the wrong sign",
                help="The gradient is x (y - t); the rule w += lr * (t - y) * x already holds the minus of the descent",
                says_ko="퍼셉트론의 `{grad}` 부호가 반대이다",
                help_ko="기울기는 x (y - t)이고, w += lr * (t - y) * x에는 하강의 음수가 이미 들어 있다"),
    ),
)
# fmt: on
