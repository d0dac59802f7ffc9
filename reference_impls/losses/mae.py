"""Absolute error (L1).

    L  = k sum |y - t|
    dy = dL k sign(y - t)        dt = -dy

Shapes: y (N, D) or (N,), t like y, L a scalar. The reduction decides k: mean 1/(N D), batch 1/N, sum 1.
At y = t any value between -dL k and dL k is a subgradient; 0 is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses import share
from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant


def forward(y: Array, t: Array, reduction: str = "mean") -> float:
    return float(share(y, reduction) * np.sum(np.abs(y - t)))


def backward(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    d = dy * share(y, reduction) * np.sign(y - t)
    return {"y": d, "t": -d}


def torch_forward(y: Any, t: Any, reduction: str = "mean") -> Any:
    import torch.nn.functional as F

    return share(y, reduction) * F.l1_loss(y, t, reduction="sum")


def met(rng: np.random.Generator, y: Array, t: Array, reduction: str = "mean") -> Kink:
    """One prediction that meets its target."""
    index = tuple(int(rng.integers(size)) for size in y.shape)
    moved = y.copy()
    moved[index] = t[index]
    return Kink("y = t", {"y": moved}, (("y", index),))


def t_minus_y(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(-dy, y, t, reduction)


def distance_for_sign(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    d = dy * share(y, reduction) * np.abs(y - t)
    return {"y": d, "t": -d}


def difference_for_sign(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    d = dy * share(y, reduction) * (y - t)
    return {"y": d, "t": -d}


def not_divided(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, y, t, "sum")


def divided_by_samples_only(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, y, t, "batch")


def upstream_ignored(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(1.0, y, t, reduction)


# fmt: off
SPEC = LayerSpec(
    name="mae", korean="평균 절대 오차", kind="loss", family="regression",
    aliases=("L1Loss", "MeanAbsoluteError", "mean_abs_error", "sum_absolute_error", "AbsoluteError", "평균절대오차"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="y: N D, t: N D ->", kinks=(met,),
    variants=(
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant(note="sum over features, mean over samples", options={"reduction": "batch"}),
        Variant("y: N, t: N", "vectors", incidental=True),
        Variant("y: N 1, t: N", "a column of predictions, a vector of targets"),
    ),
    mistakes=(
        Mistake("wrong-sign", t_minus_y,
                says="`{grad}` of the absolute error is sign(t - y), the gradient with the wrong sign",
                help="A larger y above its target raises the loss: dy = sign(y - t) / n",
                says_ko="절대 오차의 `{grad}`가 부호가 반대인 sign(t - y)이다",
                help_ko="목표보다 큰 y가 더 커지면 손실이 커지므로 dy = sign(y - t) / n이다"),
        Mistake("value-for-slope", distance_for_sign,
                says="`{grad}` of the absolute error is the distance |y - t| and not its slope",
                help="The slope of |d| is 1 or -1, whatever the distance: use np.sign(y - t)",
                says_ko="절대 오차의 `{grad}`가 기울기가 아니라 거리 |y - t| 자체이다",
                help_ko="|d|의 기울기는 거리와 상관없이 1 또는 -1이므로 np.sign(y - t)를 쓴다"),
        Mistake("sign-missing", difference_for_sign,
                says="`{grad}` of the absolute error is y - t, as for a squared error, and not its sign",
                help="The slope of |d| is 1 or -1, whatever the distance: use np.sign(y - t)",
                says_ko="절대 오차의 `{grad}`가 부호가 아니라 제곱 오차처럼 y - t이다",
                help_ko="|d|의 기울기는 거리와 상관없이 1 또는 -1이므로 np.sign(y - t)를 쓴다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the mean absolute error is not divided by the count",
                help="The forward is a mean, so each element has a share of 1/n in it: divide by n",
                says_ko="평균 절대 오차의 `{grad}`를 개수로 나누지 않았다",
                help_ko="순전파가 평균이므로 역전파도 개수로 나눈다"),
        Mistake("wrong-mean-size", divided_by_samples_only,
                says="`{grad}` of the absolute error is divided by the samples, its forward by all the elements",
                help="Divide by y.size when the forward is a mean over every element",
                says_ko="절대 오차의 `{grad}`는 샘플 수로, 순전파는 전체 원소 수로 나눈다",
                help_ko="순전파가 모든 원소의 평균이면 역전파도 y.size로 나눈다"),
        Mistake("upstream-ignored", upstream_ignored,
                says="`{grad}` of the absolute error ignores the upstream gradient",
                help="A loss may be scaled or added to another one: multiply by dout",
                says_ko="절대 오차의 `{grad}`가 상류 기울기를 무시한다",
                help_ko="손실도 다른 식의 일부일 수 있으니 dout을 곱한다"),
    ),
)
# fmt: on
