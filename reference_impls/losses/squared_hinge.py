"""Squared hinge loss of scores against labels -1 and +1.

    m  = max(0, 1 - t y)
    L  = k sum m^2
    dy = dL k (-2 t m)

Shapes: y (scores) and t (N, D) or (N,), L a scalar. The reduction decides k: mean 1/(N D), batch 1/N, sum 1.
With signed=False labels are 0 and 1, and t stands for 2 t - 1.
Both branches meet with slope 0 at t y = 1, so there is no kink.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses import share
from reference_impls.losses.hinge import signs
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> float:
    m = np.maximum(0, 1 - signs(t, signed) * y)
    return float(share(y, reduction) * np.sum(m**2))


def backward(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    s = signs(t, signed)
    return {"y": dy * share(y, reduction) * -2 * s * np.maximum(0, 1 - s * y)}


def torch_forward(y: Any, t: Any, reduction: str = "mean", signed: bool = True) -> Any:
    return share(y, reduction) * ((1 - signs(t, signed) * y).relu() ** 2).sum()


def zeros_for_minus_ones(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    return backward(dy, y, t, reduction)


def minus_dropped(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    return backward(-dy, y, t, reduction, signed)


def every_margin_open(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    s = signs(t, signed)
    return {"y": dy * share(y, reduction) * -2 * s * (1 - s * y)}


def two_dropped(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    return backward(dy / 2, y, t, reduction, signed)


def margin_dropped(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    s = signs(t, signed)
    return {"y": dy * share(y, reduction) * np.where(s * y < 1, -s, 0.0)}


def not_divided(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    return backward(dy, y, t, "sum", signed)


# fmt: off
SPEC = LayerSpec(
    name="squared_hinge", korean="제곱 힌지 손실", kind="loss", family="margin",
    aliases=("SquaredHingeLoss", "HingeSquared", "L2Hinge", "제곱힌지손실"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="y: N D, t: N D @sign ->",
    variants=(
        Variant("t: N D @binary", "labels 0 and 1", {"signed": False}),
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant(note="sum over features, mean over samples", options={"reduction": "batch"}),
        Variant("y: N, t: N @sign", "vectors"),
        Variant("y: N, t: N @binary", "vectors, labels 0 and 1", {"signed": False}),
        Variant("y: N 1, t: N @sign", "a column of scores, a vector of labels"),
    ),
    mistakes=(
        Mistake("label-format", zeros_for_minus_ones, variant="labels 0 and 1",
                says="`{grad}` of the squared hinge loss multiplies by labels 0 and 1 where -1 and +1 are meant",
                help="A label 0 makes its gradient 0: convert the labels first, s = 2 * t - 1",
                says_ko="제곱 힌지 손실의 `{grad}`에 -1과 +1 대신 0과 1인 레이블을 그대로 곱한다",
                help_ko="레이블이 0이면 기울기도 0이 되므로 먼저 s = 2 * t - 1로 바꾼다"),
        Mistake("wrong-sign", minus_dropped,
                says="`{grad}` of the squared hinge loss has the wrong sign",
                help="A larger t y lowers the loss, so the gradient inside the margin has the sign of -t",
                says_ko="제곱 힌지 손실의 `{grad}` 부호가 반대이다",
                help_ko="t y가 커지면 손실이 작아지므로 마진 안쪽의 기울기는 -t의 부호를 갖는다"),
        Mistake("factor-half", two_dropped,
                says="`{grad}` of the squared hinge loss lacks the factor 2",
                help="The square brings down a 2: dy = -2 t max(0, 1 - t y), times the upstream gradient",
                says_ko="제곱 힌지 손실의 `{grad}`에 2가 빠져 있다",
                help_ko="제곱을 미분하면 2가 나오므로 dy = -2 t max(0, 1 - t y)에 상류 기울기를 곱한다"),
        Mistake("another-loss", margin_dropped,
                says="`{grad}` is that of the hinge loss without the square",
                help="The chain rule keeps the margin: dy = -2 t max(0, 1 - t y), times the upstream gradient",
                says_ko="`{grad}`가 제곱하지 않은 힌지 손실의 기울기이다",
                help_ko="연쇄 법칙에 따라 마진이 남으므로 dy = -2 t max(0, 1 - t y)에 상류 기울기를 곱한다"),
        Mistake("mask-missing", every_margin_open,
                says="`{grad}` of the squared hinge loss is not 0 where the margin is kept",
                help="Where t y > 1 the loss is 0 and flat: multiply by (t * y < 1)",
                says_ko="마진이 지켜진 곳에서 제곱 힌지 손실의 `{grad}`가 0이 아니다",
                help_ko="t y > 1이면 손실이 0으로 평평하므로 (t * y < 1)을 곱한다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the squared hinge loss is not divided by the count, its forward is",
                help="The forward is a mean, so each element has a share of 1/n in it: divide by n",
                says_ko="제곱 힌지 손실의 순전파는 평균인데 `{grad}`를 개수로 나누지 않았다",
                help_ko="순전파가 평균이므로 역전파도 개수로 나눈다"),
    ),
)
# fmt: on
