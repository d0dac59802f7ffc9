"""Huber loss: a square near the target, a straight line beyond the distance delta.

    d  = y - t
    L  = k sum (d^2 / 2 if |d| <= delta, else delta (|d| - delta / 2))
    dy = dL k clip(d, -delta, delta)        dt = -dy

Shapes: y (N, D) or (N,), t like y, L a scalar. delta is in the units of y. The reduction decides k: mean 1/(N D),
batch 1/N, sum 1. The two branches meet with the same slope, so there is no kink. Huber is delta times smooth L1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses import share
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(y: Array, t: Array, delta: float = 1.0, reduction: str = "mean") -> float:
    d = np.abs(y - t)
    return float(share(y, reduction) * np.sum(np.where(d <= delta, d**2 / 2, delta * (d - delta / 2))))


def both(d: Array) -> Grads:
    return {"y": d, "t": -d}


def backward(dy: float, y: Array, t: Array, delta: float = 1.0, reduction: str = "mean") -> Grads:
    return both(dy * share(y, reduction) * np.clip(y - t, -delta, delta))


def torch_forward(y: Any, t: Any, delta: float = 1.0, reduction: str = "mean") -> Any:
    import torch.nn.functional as F

    return share(y, reduction) * F.huber_loss(y, t, delta=delta, reduction="sum")


def delta_dropped(dy: float, y: Array, t: Array, delta: float = 1.0, reduction: str = "mean") -> Grads:
    d = y - t
    return both(dy * share(y, reduction) * np.where(np.abs(d) <= delta, d, np.sign(d)))


def gradient_of_smooth_l1(dy: float, y: Array, t: Array, delta: float = 1.0, reduction: str = "mean") -> Grads:
    return backward(dy / delta, y, t, delta, reduction)


def square_everywhere(dy: float, y: Array, t: Array, delta: float = 1.0, reduction: str = "mean") -> Grads:
    return both(dy * share(y, reduction) * (y - t))


def sign_dropped(dy: float, y: Array, t: Array, delta: float = 1.0, reduction: str = "mean") -> Grads:
    d = y - t
    return both(dy * share(y, reduction) * np.where(np.abs(d) <= delta, d, delta))


def not_divided(dy: float, y: Array, t: Array, delta: float = 1.0, reduction: str = "mean") -> Grads:
    return backward(dy, y, t, delta, "sum")


def t_minus_y(dy: float, y: Array, t: Array, delta: float = 1.0, reduction: str = "mean") -> Grads:
    return backward(-dy, y, t, delta, reduction)


# fmt: off
SPEC = LayerSpec(
    name="huber", korean="후버 손실", kind="loss", family="regression",
    aliases=("HuberLoss", "Loss_Huber", "huber_error", "후버손실"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="y: N D, t: N D ->",
    variants=(
        Variant(note="delta 0.5", options={"delta": 0.5}),
        Variant(note="delta 1.5", options={"delta": 1.5}),
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant(note="sum over features, mean over samples", options={"reduction": "batch"}),
        Variant("y: N, t: N", "vectors", incidental=True),
        Variant("y: N 1, t: N", "a column of predictions, a vector of targets"),
    ),
    mistakes=(
        Mistake("linear-branch-scale", delta_dropped, variant="delta 0.5",
                says="`{grad}` of the Huber loss is sign(y - t) on the linear branch, without the factor delta",
                help="The line delta (|d| - delta / 2) has the slope delta: use delta * np.sign(y - t) there",
                says_ko="후버 손실의 `{grad}`가 직선 구간에서 delta를 곱하지 않은 sign(y - t)이다",
                help_ko="직선 delta (|d| - delta / 2)의 기울기는 delta이므로 그 구간에서는 delta * np.sign(y - t)이다"),
        Mistake("another-loss", gradient_of_smooth_l1, variant="delta 0.5",
                says="`{grad}` belongs to smooth L1, which is the Huber loss divided by delta",
                help="With this forward the gradient is clip(y - t, -delta, delta), not divided by delta",
                says_ko="`{grad}`가 후버 손실을 delta로 나눈 스무스 L1의 기울기이다",
                help_ko="이 순전파의 기울기는 delta로 나누지 않은 clip(y - t, -delta, delta)이다"),
        Mistake("clip-missing", square_everywhere,
                says="`{grad}` of the Huber loss is y - t beyond delta, too",
                help="Beyond delta the loss is a straight line: clip y - t to -delta and delta",
                says_ko="후버 손실의 `{grad}`가 delta를 넘는 곳에서도 y - t이다",
                help_ko="delta 밖에서 손실은 직선이므로 y - t를 -delta와 delta 사이로 자른다"),
        Mistake("sign-missing", sign_dropped,
                says="`{grad}` of the Huber loss is +delta on both sides of the target",
                help="Below the target the line falls: use delta * np.sign(y - t) on the linear branch",
                says_ko="후버 손실의 `{grad}`가 목표의 양쪽에서 모두 +delta이다",
                help_ko="목표보다 작은 쪽에서는 직선이 내려가므로 직선 구간에 delta * np.sign(y - t)를 쓴다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the Huber loss is not divided by the count, its forward is",
                help="The forward is a mean, so each element has a share of 1/n in it: divide by n",
                says_ko="후버 손실의 순전파는 평균인데 `{grad}`를 개수로 나누지 않았다",
                help_ko="순전파가 평균이므로 역전파도 개수로 나눈다"),
        Mistake("wrong-sign", t_minus_y,
                says="`{grad}` of the Huber loss has the wrong sign",
                help="The error is y - t and not t - y when the gradient is that of the prediction",
                says_ko="후버 손실의 `{grad}` 부호가 반대이다",
                help_ko="예측 y에 대한 기울기이므로 오차는 t - y가 아니라 y - t이다"),
    ),
)
# fmt: on
