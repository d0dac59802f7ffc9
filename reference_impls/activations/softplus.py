"""Softplus, a smooth ReLU.

    y  = log(1 + exp(beta x)) / beta
    dx = dy * sigmoid(beta x)

Shapes: x and y agree. The factor beta that comes out of exp(beta x) cancels with 1/beta. The forward takes
max(beta x, 0) out of the logarithm, for exp(beta x) overflows from 710 on; PyTorch has y = x for beta x > 20 instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.activations.sigmoid import forward as sigmoid
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, beta: float = 1.0) -> Array:
    return (np.maximum(beta * x, 0) + np.log1p(np.exp(-np.abs(beta * x)))) / beta


def backward(dy: Array, x: Array, beta: float = 1.0) -> Grads:
    return {"x": dy * sigmoid(beta * x)}


def torch_forward(x: Any, beta: float = 1.0) -> Any:
    import torch

    return torch.nn.functional.softplus(x, beta, threshold=500)  # its own 20 is a jump of 2e-9


def divided_by_beta_again(dy: Array, x: Array, beta: float = 1.0) -> Grads:
    return {"x": dy * sigmoid(beta * x) / beta}


def beta_dropped(dy: Array, x: Array, beta: float = 1.0) -> Grads:
    return {"x": dy * sigmoid(x)}


def derivative_of_sigmoid(dy: Array, x: Array, beta: float = 1.0) -> Grads:
    s = sigmoid(beta * x)
    return {"x": dy * s * (1 - s)}


# fmt: off
SPEC = LayerSpec(
    name="softplus", korean="소프트플러스", family="activations", aliases=("SmoothReLU",),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D",
    variants=tuple(Variant(note=f"beta {b}", options={"beta": b}) for b in (0.5, 2.0, 5.0)),
    mistakes=(
        Mistake("factor-applied-twice", divided_by_beta_again, variant="beta 2.0",
                says="`{grad}` of softplus is divided by beta, which has cancelled already",
                help="The slope of exp(beta x) brings a beta that cancels the 1/beta: dx = dy * sigmoid(beta * x).",
                says_ko="softplus의 `{grad}`를 이미 약분된 beta로 또 나눈다",
                help_ko="exp(beta x)의 미분에서 나온 beta가 1/beta와 약분된다: dx = dy * sigmoid(beta * x)."),
        Mistake("inner-factor-missing", beta_dropped, variant="beta 2.0",
                says="`{grad}` of softplus is sigmoid(x) where it should be sigmoid(beta x)",
                help="Only the 1/beta in front cancels; the beta inside the exponent stays.",
                says_ko="softplus의 `{grad}`에 sigmoid(beta x)가 아니라 sigmoid(x)를 썼다",
                help_ko="앞의 1/beta만 약분되고 지수 안의 beta는 남는다."),
        Mistake("derivative-applied-twice", derivative_of_sigmoid,
                says="`{grad}` of softplus is the derivative of the sigmoid, and it should be the sigmoid itself",
                help="Softplus is the integral of the sigmoid: dx = dy * sigmoid(beta * x).",
                says_ko="softplus의 `{grad}`가 시그모이드가 아니라 시그모이드의 도함수이다",
                help_ko="softplus를 미분하면 시그모이드이다: dx = dy * sigmoid(beta * x)."),
    ),
)
# fmt: on
