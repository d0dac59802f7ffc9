"""Softmax and cross-entropy at every time step of a sequence, without the steps of one label.

    p  = softmax(x), over the words
    L  = -1/m sum log p[n, i, t[n, i]]                 over the m steps with t[n, i] other than ignore_label
    dx = dL (p - one_hot(t)) / m, and 0 at the other steps

Shapes: x (logits) (N, T, V), t (N, T) integers below V, L a scalar. ignore_label is -1 by default, which marks the
padding; 0 where word 0 is the padding. It is `temporal_softmax_loss` with the mask t != ignore_label.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses import temporal_softmax_loss as masked
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def mask(t: Array, ignore_label: int) -> Array:
    return np.asarray(t != ignore_label, dtype=float)


def forward(x: Array, t: Array, ignore_label: int = -1) -> float:
    return masked.forward(x, t, mask(t, ignore_label), "counted")


def backward(dy: float, x: Array, t: Array, ignore_label: int = -1) -> Grads:
    return masked.backward(dy, x, t, mask(t, ignore_label), "counted")


def torch_forward(x: Any, t: Any, ignore_label: int = -1) -> Any:
    import torch.nn.functional as F

    counted = (t != ignore_label).sum().clamp(min=1)
    return F.cross_entropy(x.flatten(0, 1), t.flatten(), ignore_index=ignore_label, reduction="sum") / counted


def divided_by_sequences(dy: float, x: Array, t: Array, ignore_label: int = -1) -> Grads:
    return masked.backward(dy, x, t, mask(t, ignore_label), "batch")


def not_divided(dy: float, x: Array, t: Array, ignore_label: int = -1) -> Grads:
    return masked.backward(dy, x, t, mask(t, ignore_label), "sum")


def mask_missing(dy: float, x: Array, t: Array, ignore_label: int = -1) -> Grads:
    k = masked.weight(mask(t, ignore_label), "counted")
    return masked.backward(dy * k, x, t, np.ones(t.shape), "sum")


def upstream_ignored(dy: float, x: Array, t: Array, ignore_label: int = -1) -> Grads:
    return backward(1.0, x, t, ignore_label)


# fmt: off
SPEC = LayerSpec(
    name="time_softmax_with_loss", korean="시계열 소프트맥스와 교차 엔트로피", kind="loss", family="classification",
    aliases=("TimeSoftmaxWithLoss", "TimeSoftmaxLoss", "TimeSoftmaxCrossEntropy"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N T V, t: N T @label(V) ->", minimum={"V": 2},
    variants=(
        Variant(note="label 0 ignored", options={"ignore_label": 0}),
        Variant("t: N T V @onehot", "one-hot labels"),
    ),
    mistakes=(
        Mistake("wrong-mean-size", divided_by_sequences,
                says="`{grad}` of the loss over time is divided by the sequences, its forward by all the steps",
                help="The forward is a mean over the steps of all sequences: divide by mask.sum()",
                says_ko="순전파는 모든 스텝 수로 나누는데 시계열 손실의 `{grad}`는 시퀀스 수로 나눈다",
                help_ko="순전파가 모든 시퀀스의 스텝에 대한 평균이므로 mask.sum()으로 나눈다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the loss over time is y - t without the division by the steps",
                help="The loss is a mean over the steps that count: divide by mask.sum()",
                says_ko="시계열 손실의 `{grad}`가 스텝 수로 나누지 않은 y - t이다",
                help_ko="손실이 세는 스텝의 평균이므로 mask.sum()으로 나눈다"),
        Mistake("mask-missing", mask_missing, variant="label 0 ignored",
                says="`{grad}` of the loss over time is not 0 at the steps with the ignored label",
                help="An ignored step adds nothing to the loss: multiply its gradient by the mask",
                says_ko="무시하는 레이블의 스텝에서 시계열 손실의 `{grad}`가 0이 아니다",
                help_ko="무시하는 스텝은 손실에 더해지지 않으므로 그 기울기에 마스크를 곱한다"),
        Mistake("upstream-ignored", upstream_ignored,
                says="`{grad}` of the loss over time ignores the upstream gradient",
                help="A loss may be scaled or added to another one: multiply by dout",
                says_ko="시계열 손실의 `{grad}`가 상류 기울기를 무시한다",
                help_ko="손실도 다른 식의 일부일 수 있으니 dout을 곱한다"),
    ),
)
# fmt: on
