"""Perceptron criterion: what a wrongly signed score costs.

    L  = k sum_n max(0, -t_n y_n)
    dy = dL k (-t)    where t y < 0, else 0

Shapes: y (scores) and t (N,) of -1 and +1, L a scalar; k is 1/N for reduction "mean", 1 for "sum".
With scores y = x w + b the chain rule gives dw = sum_n dy_n x_n and db = sum_n dy_n: minus t x for every mistake, so
that w -= lr dw is Rosenblatt's rule. With signed=False labels are 0 and 1, and t stands for 2 t - 1.
At y = 0 any value between -t and 0 is a subgradient; 0 is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses import share
from reference_impls.losses.hinge import signs
from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant


def forward(y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> float:
    return float(share(y, reduction) * np.sum(np.maximum(0, -signs(t, signed) * y)))


def backward(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    s = signs(t, signed)
    return {"y": dy * share(y, reduction) * np.where(s * y < 0, -s, 0.0)}


def torch_forward(y: Any, t: Any, reduction: str = "mean", signed: bool = True) -> Any:
    return share(y, reduction) * (-signs(t, signed) * y).relu().sum()


def undecided(rng: np.random.Generator, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Kink:
    index = tuple(int(rng.integers(size)) for size in y.shape)
    moved = y.copy()
    moved[index] = 0.0
    return Kink("y = 0", {"y": moved}, (("y", index),))


def zeros_for_minus_ones(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    return backward(dy, y, t, reduction)


def right_samples_too(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    return {"y": dy * share(y, reduction) * -signs(t, signed)}


def margin_of_the_hinge(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    s = signs(t, signed)
    return {"y": dy * share(y, reduction) * np.where(s * y < 1, -s, 0.0)}


def minus_dropped(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    return backward(-dy, y, t, reduction, signed)


def not_divided(dy: float, y: Array, t: Array, reduction: str = "mean", signed: bool = True) -> Grads:
    return backward(dy, y, t, "sum", signed)


# fmt: off
SPEC = LayerSpec(
    name="perceptron_criterion", korean="퍼셉트론 기준", kind="loss", family="margin",
    aliases=("PerceptronLoss", "PerceptronCriterionLoss", "퍼셉트론손실"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="y: N, t: N @sign ->", kinks=(undecided,),
    variants=(
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant("t: N @binary", "labels 0 and 1", {"signed": False}),
        Variant("t: N @binary", "labels 0 and 1, plain sum", {"signed": False, "reduction": "sum"}),
        Variant("y: N 1, t: N 1 @sign", "scores and labels as columns"),
        Variant("y: N 1, t: N @sign", "a column of scores, a vector of labels"),
    ),
    mistakes=(
        Mistake("label-format", zeros_for_minus_ones, variant="labels 0 and 1",
                says="`{grad}` of the perceptron criterion takes labels 0 and 1 for -1 and +1",
                help="A sample with label 0 would never move anything: convert the labels first, s = 2 * t - 1",
                says_ko="퍼셉트론 기준의 `{grad}`가 0과 1인 레이블을 -1과 +1처럼 쓴다",
                help_ko="레이블이 0인 샘플은 아무것도 움직이지 못하므로 먼저 s = 2 * t - 1로 바꾼다"),
        Mistake("mask-missing", right_samples_too,
                says="`{grad}` of the perceptron criterion is not 0 for the rightly classified samples",
                help="Only a mistake costs anything: multiply by (t * y < 0)",
                says_ko="맞게 분류된 샘플에서도 퍼셉트론 기준의 `{grad}`가 0이 아니다",
                help_ko="틀린 샘플만 손실이 있으므로 (t * y < 0)을 곱한다"),
        Mistake("another-loss", margin_of_the_hinge,
                says="`{grad}` of the perceptron criterion opens at t y < 1, as the hinge loss does",
                help="This forward has no margin: the gradient is -t where t y < 0, and 0 elsewhere",
                says_ko="퍼셉트론 기준의 `{grad}`가 힌지 손실처럼 t y < 1에서 열린다",
                help_ko="이 순전파에는 마진이 없으므로 기울기는 t y < 0인 곳에서 -t, 나머지에서 0이다"),
        Mistake("wrong-sign", minus_dropped,
                says="`{grad}` of the perceptron criterion has the wrong sign",
                help="The gradient of a mistake is -t; w += lr * t * x already holds the minus of the descent",
                says_ko="퍼셉트론 기준의 `{grad}` 부호가 반대이다",
                help_ko="틀린 샘플의 기울기는 -t이고, w += lr * t * x에는 하강의 음수가 이미 들어 있다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the perceptron criterion is not divided by the number of samples, its forward is",
                help="The forward is a mean, so each sample has a share of 1/N in it: divide by N",
                says_ko="퍼셉트론 기준의 순전파는 평균인데 `{grad}`를 샘플 수로 나누지 않았다",
                help_ko="순전파가 평균이므로 역전파도 N으로 나눈다"),
    ),
)
# fmt: on
