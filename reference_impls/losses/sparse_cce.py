"""Sparse categorical cross-entropy: probabilities against integer labels.

    L  = -1/N sum_n log p[n, t_n]                       (no 1/N for reduction "sum")
    dp = -dL / p / N at [n, t_n], zero elsewhere

Shapes: p (N, C), t (N,) integers below C, L a scalar. Labels have no gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def count(p: Any, reduction: str) -> int:
    return len(p) if reduction == "mean" else 1


def forward(p: Array, t: Array, reduction: str = "mean") -> float:
    return float(-np.sum(np.log(p[np.arange(len(p)), t])) / count(p, reduction))


def backward(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    rows = np.arange(len(p))
    dp = np.zeros_like(p)
    dp[rows, t] = -dy / p[rows, t] / count(p, reduction)
    return {"p": dp}


def torch_forward(p: Any, t: Any, reduction: str = "mean") -> Any:
    import torch

    return torch.nn.functional.nll_loss(torch.log(p), t.long(), reduction=reduction)


def columns_for_entries(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    dp = np.zeros_like(p)
    dp[:, t] = -dy / p[:, t] / count(p, reduction)
    return {"p": dp}


def columns_for_entries_forward(p: Array, t: Array, reduction: str = "mean") -> float:
    return float(-np.sum(np.log(p[:, t])) / count(p, reduction))


def columns_for_entries_accumulated(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    hits = np.eye(p.shape[1])[t].sum(axis=0)  # how often each column is read
    return {"p": -dy * hits / p / count(p, reduction)}


def gradient_of_the_logits(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"p": dy * (p - np.eye(p.shape[1])[t]) / count(p, reduction)}


def not_divided(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, p, t, "sum")


def minus_dropped(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(-dy, p, t, reduction)


# fmt: off
SPEC = LayerSpec(
    name="sparse_cce", korean="희소 범주형 교차 엔트로피", kind="loss", family="classification",
    aliases=("SparseCategoricalCrossentropy", "SparseCCE", "SparseCrossEntropy", "cross_entropy_error_sparse"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="p: N C @prob, t: N @label(C) ->",
    minimum={"C": 2},
    variants=(
        Variant(note="sum over the samples", options={"reduction": "sum"}),
        Variant("p: C N @unit, t: N @label(C)", "samples in columns"),
        Variant("t: N 1 @label(C)", "labels as a column"),
    ),
    mistakes=(
        Mistake("rows-not-paired", columns_for_entries,
                says="`{grad}` of the sparse cross-entropy fills whole columns p[:, t], not one entry a sample",
                help="Pair every row with its own label: p[np.arange(N), t]",
                says_ko="희소 교차 엔트로피의 `{grad}`가 샘플의 한 원소가 아니라 p[:, t] 열 전체를 채운다",
                help_ko="각 행을 자기 레이블과 짝지어 p[np.arange(N), t]로 쓴다"),
        Mistake("rows-not-paired", columns_for_entries_accumulated, forward=columns_for_entries_forward,
                says="the sparse cross-entropy reads p[:, t], an (N, N) matrix, in forward and backward",
                help="Pair every row with its own label: p[np.arange(N), t]",
                says_ko="희소 교차 엔트로피가 순전파와 역전파에서 (N, N) 행렬 p[:, t]를 읽는다",
                help_ko="각 행을 자기 레이블과 짝지어 p[np.arange(N), t]로 쓴다"),
        Mistake("fused-gradient", gradient_of_the_logits,
                says="`{grad}` of the sparse cross-entropy is the gradient for the logits, p - 1 at the label",
                help="That holds for softmax and loss together; for the probabilities it is -1 / p at the label",
                says_ko="희소 교차 엔트로피의 `{grad}`가 로짓에 대한 기울기이다",
                help_ko="p - 1은 소프트맥스와 손실을 합친 기울기이고, 확률에 대해서는 레이블 자리만 -1 / p이다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the sparse cross-entropy is not divided by the batch size, its forward is",
                help="The loss is a mean over N samples, so each sample's gradient carries 1/N",
                says_ko="희소 교차 엔트로피의 순전파는 평균인데 `{grad}`를 배치 크기로 나누지 않았다",
                help_ko="손실이 N개 샘플의 평균이므로 각 샘플의 기울기에도 1/N이 붙는다"),
        Mistake("wrong-sign", minus_dropped,
                says="`{grad}` of the sparse cross-entropy has the wrong sign",
                help="The loss is minus a logarithm, so its slope at the label is -1 / p",
                says_ko="희소 교차 엔트로피의 `{grad}` 부호가 반대이다",
                help_ko="손실은 로그에 음수를 붙인 값이라 레이블 자리의 기울기는 -1 / p이다"),
    ),
)
# fmt: on
