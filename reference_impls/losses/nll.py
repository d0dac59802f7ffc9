"""Negative log-likelihood of log-probabilities.

    L  = -k sum_n x[n, t_n]
    dx = -dL k at [n, t_n], zero elsewhere

Shapes: x (log-probabilities) (N, C), t (N,) integers below C, L a scalar. Labels have no gradient.
The reduction decides k: mean 1 / number of rows that count, batch 1/N, sum 1. Rows with t_n = ignore_index do not
count: they add nothing to L, and their dx is 0. Where no row counts, L is 0 (torch gives 0 / 0 for the mean).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def targets(t: Array, classes: int, ignore_index: int) -> Array:
    """One-hot rows of the labels, rows of zeros for the ignored ones."""
    kept = (t != ignore_index)[:, None]
    return np.where(kept & (t[:, None] == np.arange(classes)), 1.0, 0.0)


def scale(weights: Any, reduction: str) -> Any:
    """The k of the formula, for the weights of the rows."""
    return 1 / {"mean": weights.sum() or 1.0, "batch": len(weights), "sum": 1}[reduction]


def forward(x: Array, t: Array, reduction: str = "mean", ignore_index: int = -100) -> float:
    one_hot = targets(t, x.shape[1], ignore_index)
    return float(-scale(one_hot.sum(axis=1), reduction) * np.sum(one_hot * x))


def backward(dy: float, x: Array, t: Array, reduction: str = "mean", ignore_index: int = -100) -> Grads:
    one_hot = targets(t, x.shape[1], ignore_index)
    return {"x": -dy * scale(one_hot.sum(axis=1), reduction) * one_hot}


def torch_forward(x: Any, t: Any, reduction: str = "mean", ignore_index: int = -100) -> Any:
    import torch.nn.functional as F

    k = scale((t != ignore_index).double(), reduction)
    return k * F.nll_loss(x, t, ignore_index=ignore_index, reduction="sum")


def not_divided(dy: float, x: Array, t: Array, reduction: str = "mean", ignore_index: int = -100) -> Grads:
    return backward(dy, x, t, "sum", ignore_index)


def minus_dropped(dy: float, x: Array, t: Array, reduction: str = "mean", ignore_index: int = -100) -> Grads:
    return backward(-dy, x, t, reduction, ignore_index)


def gradient_of_the_probabilities(
    dy: float, x: Array, t: Array, reduction: str = "mean", ignore_index: int = -100
) -> Grads:
    return {"x": backward(dy, x, t, reduction, ignore_index)["x"] / np.exp(x)}


def gradient_of_the_logits(dy: float, x: Array, t: Array, reduction: str = "mean", ignore_index: int = -100) -> Grads:
    one_hot = targets(t, x.shape[1], ignore_index)
    counted = one_hot.sum(axis=1)
    return {"x": dy * scale(counted, reduction) * (np.exp(x) * counted[:, None] - one_hot)}


def ignored_rows_in_gradient(dy: float, x: Array, t: Array, reduction: str = "mean", ignore_index: int = -100) -> Grads:
    k = scale(1.0 * (t != ignore_index), reduction)
    return {"x": -dy * k * np.eye(x.shape[1])[t]}


def ignored_rows_in_the_mean(dy: float, x: Array, t: Array, reduction: str = "mean", ignore_index: int = -100) -> Grads:
    return backward(dy, x, t, "batch", ignore_index)


# fmt: off
SPEC = LayerSpec(
    name="nll", korean="음의 로그 가능도", kind="loss", family="classification",
    aliases=("NLLLoss", "NLLLoss2d", "NegativeLogLikelihood", "NegativeLogLikelihoodLoss", "음의로그가능도"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C, t: N @label(C) ->", minimum={"C": 2},
    variants=(
        Variant("t: N C @onehot", "one-hot labels"),
        Variant(note="sum over the samples", options={"reduction": "sum"}),
        Variant(note="class 0 ignored", options={"ignore_index": 0}),
        Variant(note="class 0 ignored, sum over the samples", options={"ignore_index": 0, "reduction": "sum"}),
        Variant(note="class 0 ignored, mean over all samples", options={"ignore_index": 0, "reduction": "batch"}),
        Variant("x: C N", "samples in columns"),
        Variant("x: (E F) C, t: (E F) @label(C)", "sequences of samples"),
    ),
    mistakes=(
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the negative log-likelihood is not divided by the batch size, its forward is",
                help="The loss is a mean over N samples: the entry at the label is -1 / N",
                says_ko="음의 로그 가능도의 순전파는 평균인데 `{grad}`를 배치 크기로 나누지 않았다",
                help_ko="손실이 N개 샘플의 평균이므로 레이블 자리의 값은 -1 / N이다"),
        Mistake("wrong-sign", minus_dropped,
                says="`{grad}` of the negative log-likelihood has the wrong sign",
                help="The loss is minus the log-probability of the label: its slope there is negative",
                says_ko="음의 로그 가능도의 `{grad}` 부호가 반대이다",
                help_ko="손실은 레이블의 로그 확률에 음수를 붙인 값이므로 그 자리의 기울기는 음수이다"),
        Mistake("gradient-of-another-array", gradient_of_the_probabilities,
                says="`{grad}` of the negative log-likelihood is -1 / p, the slope for the probabilities",
                help="The input is log p already, and the loss is linear in it: -1 / N at the label",
                says_ko="음의 로그 가능도의 `{grad}`가 확률에 대한 기울기 -1 / p이다",
                help_ko="입력이 이미 log p이고 손실은 그 일차식이므로 레이블 자리의 값은 -1 / N이다"),
        Mistake("fused-gradient", gradient_of_the_logits,
                says="`{grad}` of the negative log-likelihood is p - t, the gradient for the logits",
                help="p - t holds for log-softmax and loss together; for the log-probabilities it is -t / N",
                says_ko="음의 로그 가능도의 `{grad}`가 로짓에 대한 기울기 p - t이다",
                help_ko="p - t는 로그 소프트맥스와 손실을 합친 기울기이고, 로그 확률에 대해서는 -t / N이다"),
        Mistake("ignored-rows-counted", ignored_rows_in_gradient, variant="class 0 ignored",
                says="`{grad}` of the negative log-likelihood is not 0 in the rows that its forward ignores",
                help="A row that is left out of the loss has no slope: set it to 0",
                says_ko="순전파가 무시하는 행에서 음의 로그 가능도의 `{grad}`가 0이 아니다",
                help_ko="손실에서 빠진 행에는 기울기가 없으므로 0으로 둔다"),
        Mistake("wrong-mean-size", ignored_rows_in_the_mean, variant="class 0 ignored",
                says="`{grad}` of the negative log-likelihood is divided by all rows, the ignored ones too",
                help="The forward is a mean over the rows that count: divide by their number",
                says_ko="음의 로그 가능도의 `{grad}`를 무시하는 행까지 포함한 전체 행 수로 나눈다",
                help_ko="순전파는 세는 행만의 평균이므로 그 행의 수로 나눈다"),
    ),
)
# fmt: on
