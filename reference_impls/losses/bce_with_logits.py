"""Sigmoid and binary cross-entropy in one.

    p  = 1 / (1 + exp(-x))
    L  = -k sum (a t log p + (1 - t) log(1 - p))
    dx = dL k (p (1 - t) - a t (1 - p))                  for a = 1: dL k (p - t)

Shapes: x (logits) and t (N, D) or (N,), t is 0 or 1, L a scalar. k: mean 1/(N D), batch 1/N, sum 1.
a is pos_weight, the weight of the positive samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def weight(x: Any, reduction: str) -> float:
    """The k of the formula."""
    return 1 / {"mean": int(np.prod(x.shape)), "batch": len(x), "sum": 1}[reduction]


def sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))  # logaddexp(0, -x) = log(1 + exp(-x)) without overflow


def forward(x: Array, t: Array, reduction: str = "mean", pos_weight: float = 1.0) -> float:
    each = pos_weight * t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x)
    return float(weight(x, reduction) * np.sum(each))


def backward(dy: float, x: Array, t: Array, reduction: str = "mean", pos_weight: float = 1.0) -> Grads:
    p = sigmoid(x)
    return {"x": dy * weight(x, reduction) * (p * (1 - t) - pos_weight * t * (1 - p))}


def torch_forward(x: Any, t: Any, reduction: str = "mean", pos_weight: float = 1.0) -> Any:
    import torch
    import torch.nn.functional as F

    a = torch.tensor(pos_weight, dtype=x.dtype)
    return weight(x, reduction) * F.binary_cross_entropy_with_logits(x, t, reduction="sum", pos_weight=a)


def sigmoid_slope_again(dy: float, x: Array, t: Array, reduction: str = "mean", pos_weight: float = 1.0) -> Grads:
    p = sigmoid(x)
    return {"x": backward(dy, x, t, reduction, pos_weight)["x"] * p * (1 - p)}


def divided_by_samples_only(dy: float, x: Array, t: Array, reduction: str = "mean", pos_weight: float = 1.0) -> Grads:
    return backward(dy, x, t, "batch", pos_weight)


def not_divided(dy: float, x: Array, t: Array, reduction: str = "mean", pos_weight: float = 1.0) -> Grads:
    return backward(dy, x, t, "sum", pos_weight)


def weight_in_forward_only(dy: float, x: Array, t: Array, reduction: str = "mean", pos_weight: float = 1.0) -> Grads:
    return backward(dy, x, t, reduction)


def upstream_ignored(dy: float, x: Array, t: Array, reduction: str = "mean", pos_weight: float = 1.0) -> Grads:
    return backward(1.0, x, t, reduction, pos_weight)


# fmt: off
SPEC = LayerSpec(
    name="bce_with_logits", korean="시그모이드와 이진 교차 엔트로피", kind="loss", family="classification",
    aliases=("SigmoidWithLoss", "BCEWithLogitsLoss", "sigmoid_cross_entropy", "SigmoidCrossEntropyLoss",
             "binary_cross_entropy_with_logits", "SigmoidBCE", "logistic_loss"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, t: N D @binary ->",
    variants=(
        Variant(note="sum", options={"reduction": "sum"}),
        Variant(note="sum over features, mean over samples", options={"reduction": "batch"}),
        Variant("x: N, t: N @binary", "vectors"),
        Variant("x: N, t: N @label(2)", "vectors, integer labels"),
        Variant("x: N 1, t: N 1 @binary", "one column"),
        Variant("x: D N, t: D N @binary", "samples in columns, mean over samples", {"reduction": "batch"}),
        Variant(note="positive samples weigh 3", options={"pos_weight": 3.0}),
    ),
    mistakes=(
        Mistake("derivative-applied-twice", sigmoid_slope_again,
                says="`{grad}` of sigmoid-with-loss is multiplied by p (1 - p) although p - t contains it already",
                help="The slope of the sigmoid cancels against the one of the loss: what is left is p - t",
                says_ko="시그모이드와 손실을 합친 `{grad}`에 p (1 - p)를 한 번 더 곱했다",
                help_ko="시그모이드의 미분은 손실의 미분과 약분되어 p - t만 남는다"),
        Mistake("wrong-mean-size", divided_by_samples_only,
                says="`{grad}` of sigmoid-with-loss is divided by the samples, its forward by all the elements",
                help="Divide by x.size when the forward is a mean over every element",
                says_ko="시그모이드와 손실을 합친 `{grad}`는 샘플 수로, 순전파는 전체 원소 수로 나눈다",
                help_ko="순전파가 모든 원소의 평균이면 역전파도 x.size로 나눈다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of sigmoid-with-loss is p - t without the division by the count",
                help="The loss is a mean, so each element's gradient carries 1/n",
                says_ko="시그모이드와 손실을 합친 `{grad}`를 개수로 나누지 않았다",
                help_ko="손실이 평균이므로 각 원소의 기울기에도 1/n이 붙는다"),
        Mistake("missing-factor", weight_in_forward_only, variant="positive samples weigh 3",
                says="`{grad}` of sigmoid-with-loss lacks the weight of the positive samples that its forward has",
                help="With pos_weight a the gradient is p (1 - t) - a t (1 - p)",
                says_ko="순전파에는 있는 양성 샘플의 가중치가 `{grad}`에는 없다",
                help_ko="pos_weight가 a이면 기울기는 p (1 - t) - a t (1 - p)이다"),
        Mistake("upstream-ignored", upstream_ignored,
                says="`{grad}` of sigmoid-with-loss ignores the upstream gradient",
                help="A loss may be scaled or added to another one: multiply by dout",
                says_ko="시그모이드와 손실을 합친 `{grad}`가 상류 기울기를 무시한다",
                help_ko="손실도 다른 식의 일부일 수 있으니 dout을 곱한다"),
    ),
)
# fmt: on
