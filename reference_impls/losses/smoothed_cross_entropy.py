"""Softmax and cross-entropy with smoothed labels.

    s  = (1 - e) t + e / C                    (spread "others": (1 - e) t + e / (C - 1) (1 - t))
    p  = softmax(x)
    L  = -k sum_n sum_c s_nc log p_nc
    dx = dL k (p - s)

Shapes: x (logits) and t (N, C), t one-hot, L a scalar; integer labels (N,) mean the same rows. smoothing is e, the
share of the label that goes to all classes, or to the others alone. k is 1/N for reduction "mean", 1 for "sum".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses.softmax_with_loss import count, softmax
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def smooth(t: Any, e: float, spread: str) -> Any:
    """The soft labels s; every row sums to one."""
    classes = t.shape[1]
    return (1 - e) * t + (e / classes if spread == "all" else e / (classes - 1) * (1 - t))


def forward(x: Array, t: Array, smoothing: float = 0.1, reduction: str = "mean", spread: str = "all") -> float:
    m = x.max(axis=1, keepdims=True)
    log_p = x - m - np.log(np.sum(np.exp(x - m), axis=1, keepdims=True))
    return float(-np.sum(smooth(t, smoothing, spread) * log_p) / count(x, reduction))


def backward(
    dy: float, x: Array, t: Array, smoothing: float = 0.1, reduction: str = "mean", spread: str = "all"
) -> Grads:
    return {"x": dy * (softmax(x) - smooth(t, smoothing, spread)) / count(x, reduction)}


def torch_forward(x: Any, t: Any, smoothing: float = 0.1, reduction: str = "mean", spread: str = "all") -> Any:
    import torch.nn.functional as F

    if spread == "all":
        return F.cross_entropy(x, t, label_smoothing=smoothing, reduction=reduction)
    return F.cross_entropy(x, smooth(t, smoothing, spread), reduction=reduction)


def spread_over_the_others(dy: float, x: Array, t: Array, smoothing: float = 0.1, **options: Any) -> Grads:
    return backward(dy, x, t, smoothing, **options | {"spread": "others"})


def spread_over_all(dy: float, x: Array, t: Array, smoothing: float = 0.1, **options: Any) -> Grads:
    return backward(dy, x, t, smoothing, **options | {"spread": "all"})


def hard_labels(dy: float, x: Array, t: Array, smoothing: float = 0.1, **options: Any) -> Grads:
    return backward(dy, x, t, 0.0, **options)


def label_keeps_everything(dy: float, x: Array, t: Array, smoothing: float = 0.1, reduction: str = "mean") -> Grads:
    return {"x": dy * (softmax(x) - t - smoothing / x.shape[1]) / count(x, reduction)}


def not_divided(dy: float, x: Array, t: Array, smoothing: float = 0.1, **options: Any) -> Grads:
    return backward(dy, x, t, smoothing, **options | {"reduction": "sum"})


def s_minus_p(dy: float, x: Array, t: Array, smoothing: float = 0.1, **options: Any) -> Grads:
    return backward(-dy, x, t, smoothing, **options)


# fmt: off
OTHERS = {"spread": "others"}
SPEC = LayerSpec(
    name="smoothed_cross_entropy", korean="레이블 스무딩 교차 엔트로피", kind="loss", family="classification",
    aliases=("ce_label_smoothing", "LabelSmoothing", "LabelSmoothingCrossEntropy", "CrossEntropyLabelSmooth",
             "SmoothCrossEntropy", "LabelSmoothedCrossEntropy", "레이블스무딩"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C, t: N C @onehot ->", minimum={"C": 2},
    variants=(
        Variant("t: N @label(C)", "integer labels"),
        Variant(note="smoothing 0.2", options={"smoothing": 0.2}),
        Variant(note="sum over the samples", options={"reduction": "sum"}),
        Variant(note="spread over the other classes", options=OTHERS),
        Variant("t: N @label(C)", "integer labels, spread over the other classes", OTHERS),
        Variant("x: C N, t: C N @onehot(C)", "samples in columns"),
    ),
    mistakes=(
        Mistake("smoothing-share", spread_over_the_others,
                says="`{grad}` spreads the smoothing over the C - 1 other classes, its forward over all C",
                help="With e / C for every class the label itself has 1 - e + e / C: use one s in both passes",
                says_ko="순전파는 스무딩을 C개 모든 클래스에 나누는데 `{grad}`는 나머지 C - 1개에 나눈다",
                help_ko="모든 클래스에 e / C를 주면 정답은 1 - e + e / C이므로 양쪽에서 같은 s를 쓴다"),
        Mistake("smoothing-share", spread_over_all, variant="spread over the other classes",
                says="`{grad}` spreads the smoothing over all C classes, its forward over the C - 1 others",
                help="With e / (C - 1) for the others the label itself has 1 - e: use one s in both passes",
                says_ko="순전파는 스무딩을 나머지 C - 1개 클래스에 나누는데 `{grad}`는 C개 모두에 나눈다",
                help_ko="나머지에 e / (C - 1)을 주면 정답은 1 - e이므로 양쪽에서 같은 s를 쓴다"),
        Mistake("smoothing-missing", hard_labels,
                says="`{grad}` subtracts the hard labels, its forward compares with the smoothed ones",
                help="The gradient is p - s with the same soft labels s as in the forward",
                says_ko="순전파는 스무딩한 레이블과 비교하는데 `{grad}`는 원래 레이블을 뺀다",
                help_ko="기울기는 순전파와 같은 소프트 레이블 s를 쓴 p - s이다"),
        Mistake("label-not-lowered", label_keeps_everything,
                says="`{grad}` adds the smoothing to the labels without taking it off the true class",
                help="The soft labels sum to one: s = (1 - e) * t + e / C",
                says_ko="`{grad}`가 정답 클래스에서 덜어 내지 않고 레이블에 스무딩을 더한다",
                help_ko="소프트 레이블의 합은 1이므로 s = (1 - e) * t + e / C이다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the smoothed cross-entropy is p - s without the division by the batch size",
                help="The loss is a mean over N samples, so dx = (p - s) / N",
                says_ko="스무딩한 교차 엔트로피의 `{grad}`가 배치 크기로 나누지 않은 p - s이다",
                help_ko="손실이 N개 샘플의 평균이므로 dx = (p - s) / N이다"),
        Mistake("wrong-sign", s_minus_p,
                says="`{grad}` of the smoothed cross-entropy is s - p, the gradient with the wrong sign",
                help="A larger logit of a wrong class raises the loss: dx = p - s",
                says_ko="스무딩한 교차 엔트로피의 `{grad}`가 부호가 반대인 s - p이다",
                help_ko="틀린 클래스의 로짓이 커지면 손실이 커지므로 dx = p - s이다"),
    ),
)
# fmt: on
