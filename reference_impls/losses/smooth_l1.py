"""Smooth L1: the absolute error with its corner rounded off within the distance beta.

    d  = y - t
    L  = k sum (d^2 / (2 beta) if |d| < beta, else |d| - beta / 2)
    dy = dL k clip(d / beta, -1, 1)        dt = -dy

Shapes: y (N, D) or (N,), t like y, L a scalar. beta is in the units of y and above 0; towards 0 this is L1.
The reduction decides k: mean 1/(N D), batch 1/N, sum 1. There is no kink. Smooth L1 is the Huber loss over beta.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses import share
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(y: Array, t: Array, beta: float = 1.0, reduction: str = "mean") -> float:
    d = np.abs(y - t)
    return float(share(y, reduction) * np.sum(np.where(d < beta, d**2 / (2 * beta), d - beta / 2)))


def both(d: Array) -> Grads:
    return {"y": d, "t": -d}


def backward(dy: float, y: Array, t: Array, beta: float = 1.0, reduction: str = "mean") -> Grads:
    return both(dy * share(y, reduction) * np.clip((y - t) / beta, -1, 1))


def torch_forward(y: Any, t: Any, beta: float = 1.0, reduction: str = "mean") -> Any:
    import torch.nn.functional as F

    return share(y, reduction) * F.smooth_l1_loss(y, t, beta=beta, reduction="sum")


def beta_dropped(dy: float, y: Array, t: Array, beta: float = 1.0, reduction: str = "mean") -> Grads:
    d = y - t
    return both(dy * share(y, reduction) * np.where(np.abs(d) < beta, d, np.sign(d)))


def gradient_of_huber(dy: float, y: Array, t: Array, beta: float = 1.0, reduction: str = "mean") -> Grads:
    return backward(dy * beta, y, t, beta, reduction)


def corner_not_rounded(dy: float, y: Array, t: Array, beta: float = 1.0, reduction: str = "mean") -> Grads:
    return both(dy * share(y, reduction) * np.sign(y - t))


def not_divided(dy: float, y: Array, t: Array, beta: float = 1.0, reduction: str = "mean") -> Grads:
    return backward(dy, y, t, beta, "sum")


def t_minus_y(dy: float, y: Array, t: Array, beta: float = 1.0, reduction: str = "mean") -> Grads:
    return backward(-dy, y, t, beta, reduction)


# fmt: off
SPEC = LayerSpec(
    name="smooth_l1", korean="스무스 L1", kind="loss", family="regression",
    aliases=("SmoothL1", "SmoothL1Loss", "smooth_l1_error"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="y: N D, t: N D ->",
    variants=(
        Variant(note="beta 0.5", options={"beta": 0.5}),
        Variant(note="beta 1.5", options={"beta": 1.5}),
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant(note="sum over features, mean over samples", options={"reduction": "batch"}),
        Variant("y: N, t: N", "vectors", incidental=True),
        Variant("y: N 1, t: N", "a column of predictions, a vector of targets"),
    ),
    mistakes=(
        Mistake("square-branch-scale", beta_dropped, variant="beta 0.5",
                says="`{grad}` of smooth L1 is y - t near the target, without the division by beta",
                help="d^2 / (2 beta) has the slope d / beta: divide by beta where |d| < beta",
                says_ko="스무스 L1의 `{grad}`가 목표 가까이에서 beta로 나누지 않은 y - t이다",
                help_ko="d^2 / (2 beta)의 기울기는 d / beta이므로 |d| < beta인 곳에서 beta로 나눈다"),
        Mistake("another-loss", gradient_of_huber, variant="beta 0.5",
                says="`{grad}` belongs to the Huber loss, which is smooth L1 times beta",
                help="With this forward the gradient is clip((y - t) / beta, -1, 1)",
                says_ko="`{grad}`가 스무스 L1에 beta를 곱한 후버 손실의 기울기이다",
                help_ko="이 순전파의 기울기는 clip((y - t) / beta, -1, 1)이다"),
        Mistake("branch-missing", corner_not_rounded,
                says="`{grad}` of smooth L1 is sign(y - t) everywhere, as for L1",
                help="Within beta of the target the loss is a square: the slope there is (y - t) / beta",
                says_ko="스무스 L1의 `{grad}`가 L1처럼 어디서나 sign(y - t)이다",
                help_ko="목표에서 beta 안쪽의 손실은 제곱이므로 그곳의 기울기는 (y - t) / beta이다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of smooth L1 is not divided by the count, its forward is",
                help="The forward is a mean, so each element has a share of 1/n in it: divide by n",
                says_ko="스무스 L1의 순전파는 평균인데 `{grad}`를 개수로 나누지 않았다",
                help_ko="순전파가 평균이므로 역전파도 개수로 나눈다"),
        Mistake("wrong-sign", t_minus_y,
                says="`{grad}` of smooth L1 has the wrong sign",
                help="The error is y - t and not t - y when the gradient is that of the prediction",
                says_ko="스무스 L1의 `{grad}` 부호가 반대이다",
                help_ko="예측 y에 대한 기울기이므로 오차는 t - y가 아니라 y - t이다"),
    ),
)
# fmt: on
