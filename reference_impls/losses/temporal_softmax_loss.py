"""Softmax and cross-entropy at every time step of a sequence, with a mask.

    p  = softmax(x), over the words
    L  = -k sum_n sum_i mask[n, i] log p[n, i, t[n, i]]
    dx = dL k mask (p - one_hot(t))

Shapes: x (logits) (N, T, V), t (N, T) integers below V, mask (N, T) of 0 and 1, L a scalar. A step with mask 0, the
padding behind a short sentence, adds nothing and has dx = 0. The reduction decides k, and courses differ: batch 1/N
(the steps add up), counted 1 / sum mask, mean 1/(N T), sum 1. Where nothing is counted, L and dx are 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def weight(mask: Any, reduction: str) -> Any:
    """The k of the formula."""
    steps = {"batch": len(mask), "counted": mask.sum() or 1.0, "mean": mask.shape[0] * mask.shape[1], "sum": 1}
    return 1 / steps[reduction]


def log_softmax(x: Array) -> Array:
    x = x - x.max(axis=2, keepdims=True)  # the shift cancels; it only prevents overflow
    return np.asarray(x - np.log(np.exp(x).sum(axis=2, keepdims=True)))


def forward(x: Array, t: Array, mask: Array, reduction: str = "batch") -> float:
    one_hot = np.eye(x.shape[2])[t]
    return float(-weight(mask, reduction) * np.sum(mask[..., None] * one_hot * log_softmax(x)))


def backward(dy: float, x: Array, t: Array, mask: Array, reduction: str = "batch") -> Grads:
    p, one_hot = np.exp(log_softmax(x)), np.eye(x.shape[2])[t]
    return {"x": dy * weight(mask, reduction) * mask[..., None] * (p - one_hot)}


def torch_forward(x: Any, t: Any, mask: Any, reduction: str = "batch") -> Any:
    import torch.nn.functional as F

    each = F.cross_entropy(x.flatten(0, 1), t.flatten(), reduction="none")
    return weight(mask, reduction) * (each * mask.flatten()).sum()


def divided_by_counted(dy: float, x: Array, t: Array, mask: Array, reduction: str = "batch") -> Grads:
    return backward(dy, x, t, mask, "counted")


def divided_by_steps(dy: float, x: Array, t: Array, mask: Array, reduction: str = "batch") -> Grads:
    return backward(dy, x, t, mask, "mean")


def divided_by_sequences(dy: float, x: Array, t: Array, mask: Array, reduction: str = "batch") -> Grads:
    return backward(dy, x, t, mask, "batch")


def mask_missing(dy: float, x: Array, t: Array, mask: Array, reduction: str = "batch") -> Grads:
    return backward(dy * weight(mask, reduction), x, t, np.ones_like(mask), "sum")


def mask_on_the_logits_forward(x: Array, t: Array, mask: Array, reduction: str = "batch") -> float:
    return forward(x * mask[..., None], t, np.ones_like(mask)) * len(x) * float(weight(mask, reduction))


def mask_on_the_logits(dy: float, x: Array, t: Array, mask: Array, reduction: str = "batch") -> Grads:
    return backward(dy, x * mask[..., None], t, mask, reduction)


def upstream_ignored(dy: float, x: Array, t: Array, mask: Array, reduction: str = "batch") -> Grads:
    return backward(1.0, x, t, mask, reduction)


# fmt: off
COUNTED = "mean over the steps that count"
SPEC = LayerSpec(
    name="temporal_softmax_loss", korean="마스크가 있는 시계열 소프트맥스 손실", kind="loss", family="classification",
    aliases=("TemporalSoftmax", "TemporalSoftmaxLoss", "MaskedSoftmaxLoss", "masked_cross_entropy",
             "MaskedSoftmaxCrossEntropyLoss", "SequenceCrossEntropy", "TemporalCrossEntropy"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N T V, t: N T @label(V), mask: N T @binary ->", minimum={"N": 2, "T": 3, "V": 2},
    variants=(
        Variant(note=COUNTED, options={"reduction": "counted"}),
        Variant(note="mean over all the steps", options={"reduction": "mean"}),
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant("x: T N V, t: T N @label(V), mask: T N @binary", "time first"),
        Variant("x: T N V, t: T N @label(V), mask: T N @binary", "time first, " + COUNTED, {"reduction": "counted"}),
        Variant("x: N V, t: N @label(V), mask: N @binary", "one step"),
    ),
    mistakes=(
        Mistake("wrong-mean-size", divided_by_counted,
                says="`{grad}` of the masked loss is divided by the steps that count, its forward by the sequences",
                help="This forward sums over time and divides by N: divide by N here, too",
                says_ko="순전파는 시퀀스 수 N으로 나누는데 마스크 손실의 `{grad}`는 마스크의 합으로 나눈다",
                help_ko="이 순전파는 시간에 대해 더하고 N으로 나누므로 역전파도 N으로 나눈다"),
        Mistake("wrong-mean-size", divided_by_steps,
                says="`{grad}` of the masked loss is divided by all N T steps, its forward is not",
                help="Divide by what the forward divides by: N, mask.sum() and N T are three losses",
                says_ko="순전파와 달리 마스크 손실의 `{grad}`를 모든 스텝 수 N T로 나눈다",
                help_ko="순전파와 같은 수로 나눈다. N, mask.sum(), N T는 서로 다른 세 손실이다"),
        Mistake("wrong-mean-size", divided_by_sequences, variant=COUNTED,
                says="`{grad}` of the masked loss is divided by the sequences, its forward by the steps that count",
                help="This forward is a mean over the unmasked steps: divide by mask.sum()",
                says_ko="순전파는 마스크의 합으로 나누는데 마스크 손실의 `{grad}`는 시퀀스 수 N으로 나눈다",
                help_ko="이 순전파는 마스크가 1인 스텝의 평균이므로 mask.sum()으로 나눈다"),
        Mistake("mask-missing", mask_missing,
                says="`{grad}` of the masked loss is not 0 at the steps that its forward masks out",
                help="A masked step adds nothing to the loss: multiply the gradient by mask[..., None]",
                says_ko="순전파가 마스크로 가린 스텝에서 손실의 `{grad}`가 0이 아니다",
                help_ko="가려진 스텝은 손실에 더해지지 않으므로 기울기에 mask[..., None]을 곱한다"),
        Mistake("mask-on-logits", mask_on_the_logits, forward=mask_on_the_logits_forward,
                says="the mask is put on the logits and not on the losses: a masked step still costs log V",
                help="Softmax of zeros is 1/V and no 0: multiply the loss of each step by the mask",
                says_ko="마스크를 손실이 아니라 로짓에 곱해서 가려진 스텝마다 log V가 더해진다",
                help_ko="0의 소프트맥스는 0이 아니라 1/V이므로 스텝마다의 손실에 마스크를 곱한다"),
        Mistake("upstream-ignored", upstream_ignored,
                says="`{grad}` of the masked loss ignores the upstream gradient",
                help="A loss may be scaled or added to another one: multiply by dout",
                says_ko="마스크 손실의 `{grad}`가 상류 기울기를 무시한다",
                help_ko="손실도 다른 식의 일부일 수 있으니 dout을 곱한다"),
    ),
)
# fmt: on
