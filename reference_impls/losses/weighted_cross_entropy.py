"""Softmax and cross-entropy with a weight for each class, one ignored class, and labels at many places.

    p      = softmax(x), over the classes
    a[c]   = w[c] ((1 - e) [c = t] + e / C)           the weighted target of one place; 0 where t = ignore_index
    L      = -k sum a log p
    dx     = dL k (p sum_c a[c] - a)

Shapes: x (logits) (N, C, L), t (N, L) integers below C, w (C,) above 0, L a scalar; x (N, C) with t (N,) is one place
a sample. Labels and weights are constants. smoothing is e. The reduction decides k: mean 1 / sum w[t] over the
places that count, whatever e is (torch does so), batch 1 / (N L), sum 1. Where no place counts, L and dx are 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses.nll import scale
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def one_hot(t: Array, classes: int, ignore_index: int) -> Array:
    """(N, C, L) of the labels (N, L); zeros where they are ignored."""
    kept = (t != ignore_index)[:, None]
    return np.where(kept & (t[:, None] == np.arange(classes)[:, None]), 1.0, 0.0)


def log_softmax(x: Array) -> Array:
    x = x - x.max(axis=1, keepdims=True)  # the shift cancels; it only prevents overflow
    return np.asarray(x - np.log(np.exp(x).sum(axis=1, keepdims=True)))


def target(t: Array, w: Array, smoothing: float, ignore_index: int) -> tuple[Array, Array]:
    """The a of the formula, and w[t] of every place: 0 where the label is ignored."""
    hot = one_hot(t, len(w), ignore_index)
    counted = hot.sum(axis=1, keepdims=True)
    a = w[:, None] * ((1 - smoothing) * hot + smoothing / len(w) * counted)
    return a, np.ravel((w[:, None] * hot).sum(axis=1))


def forward(
    x: Array, t: Array, w: Array, *, reduction: str = "mean", smoothing: float = 0.0, ignore_index: int = -100
) -> float:
    a, weights = target(t, w, smoothing, ignore_index)
    return float(-scale(weights, reduction) * np.sum(a * log_softmax(x)))


def backward(
    dy: float, x: Array, t: Array, w: Array,
    *, reduction: str = "mean", smoothing: float = 0.0, ignore_index: int = -100,
) -> Grads:  # fmt: skip
    a, weights = target(t, w, smoothing, ignore_index)
    dx = np.exp(log_softmax(x)) * a.sum(axis=1, keepdims=True) - a
    return {"x": dy * scale(weights, reduction) * dx}


def torch_forward(
    x: Any, t: Any, w: Any, *, reduction: str = "mean", smoothing: float = 0.0, ignore_index: int = -100
) -> Any:
    import torch.nn.functional as F

    w = w.detach()
    weights = (w[t] * (t != ignore_index)).ravel()
    options: Any = {"ignore_index": ignore_index, "label_smoothing": smoothing, "reduction": "sum"}
    return scale(weights, reduction) * F.cross_entropy(x, t, w, **options)


def divided_by_samples(dy: float, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options | {"reduction": "batch"})


def weights_left_out(dy: float, x: Array, t: Array, w: Array, **options: Any) -> Grads:
    return backward(dy, x, t, np.ones_like(w), **options)


def ignored_rows_in_gradient(dy: float, x: Array, t: Array, w: Array, ignore_index: int = -100) -> Grads:
    _, counted = target(t, w, 0.0, ignore_index)
    return backward(dy * scale(counted, "mean"), x, t, w, reduction="sum")


def softmax_over_places(dy: float, x: Array, t: Array, w: Array, **options: Any) -> Grads:
    a, weights = target(t, w, 0.0, -100)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    dx = e / e.sum(axis=-1, keepdims=True) * a.sum(axis=1, keepdims=True) - a
    return {"x": dy * scale(weights, "mean") * dx}


def divided_by_smoothed_weights(dy: float, x: Array, t: Array, w: Array, smoothing: float = 0.0) -> Grads:
    a, _ = target(t, w, smoothing, -100)
    return backward(dy / a.sum(), x, t, w, smoothing=smoothing, reduction="sum")


def smoothing_without_weights(dy: float, x: Array, t: Array, w: Array, smoothing: float = 0.0) -> Grads:
    k = dy * scale(target(t, w, 0.0, -100)[1], "mean")
    hard = backward(k * (1 - smoothing), x, t, w, reduction="sum")["x"]
    return {"x": hard + backward(k * smoothing, x, t, np.ones_like(w), reduction="sum", smoothing=1.0)["x"]}


# fmt: off
SMOOTHED = "smoothing 0.1"
IGNORED = "class 0 ignored"
SPEC = LayerSpec(
    name="weighted_cross_entropy", korean="가중 교차 엔트로피", kind="loss", family="classification",
    aliases=("ce_weighted_ignore", "WeightedCrossEntropyLoss", "WeightedSoftmaxLoss", "가중교차엔트로피"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C L, t: N L @label(C), w: C @positive ->", minimum={"C": 2},
    variants=(
        Variant("x: N C, t: N @label(C)", "one label a sample"),
        Variant("x: N C, t: N @label(C)", "one label a sample, mean over the samples", {"reduction": "batch"}),
        Variant("x: N C, t: N @label(C)", "one label a sample, sum", {"reduction": "sum"}),
        Variant("x: N L C", "class axis last"),
        Variant(note=IGNORED, options={"ignore_index": 0}),
        Variant("x: N C, t: N @label(C)", "one label a sample, class 0 ignored", {"ignore_index": 0}),
        Variant(note=SMOOTHED, options={"smoothing": 0.1}),
    ),
    mistakes=(
        Mistake("wrong-mean-size", divided_by_samples,
                says="`{grad}` of the weighted cross-entropy is divided by the labels, its forward by their weights",
                help="Divide by the sum of w[t] over the labels, as the forward does",
                says_ko="가중 교차 엔트로피의 순전파는 가중치의 합으로 나누는데 `{grad}`는 레이블 수로 나눈다",
                help_ko="순전파와 같이 레이블마다 w[t]를 더한 값으로 나눈다"),
        Mistake("weights-missing", weights_left_out,
                says="`{grad}` of the weighted cross-entropy has no class weights, its forward has",
                help="Each row carries the weight of its label: multiply p - t by w[t]",
                says_ko="순전파에 있는 클래스 가중치가 가중 교차 엔트로피의 `{grad}`에 없다",
                help_ko="각 행에는 레이블의 가중치가 붙으므로 p - t에 w[t]를 곱한다"),
        Mistake("ignored-rows-counted", ignored_rows_in_gradient, variant=IGNORED,
                says="`{grad}` of the cross-entropy is not 0 where its forward ignores the label",
                help="A place that is left out of the loss has no slope: set its row to 0",
                says_ko="순전파가 레이블을 무시하는 곳에서 교차 엔트로피의 `{grad}`가 0이 아니다",
                help_ko="손실에서 빠진 자리에는 기울기가 없으므로 그 행을 0으로 둔다"),
        Mistake("wrong-axis", softmax_over_places,
                says="`{grad}` takes the softmax over the last axis, its forward over the classes on axis 1",
                help="In x (N, C, L) the classes are axis 1: use axis=1 in both passes",
                says_ko="순전파의 소프트맥스는 클래스 축 1인데 `{grad}`는 마지막 축에서 계산한다",
                help_ko="x (N, C, L)에서 클래스는 축 1이므로 양쪽에서 axis=1을 쓴다"),
        Mistake("wrong-mean-size", divided_by_smoothed_weights, variant=SMOOTHED,
                says="`{grad}` is divided by the weights of the smoothed labels, its forward by those of the labels",
                help="The smooth term is divided by the sum of w[t], too: one divisor in both passes",
                says_ko="순전파는 레이블의 가중치로 나누는데 `{grad}`는 스무딩한 레이블의 가중치로 나눈다",
                help_ko="스무딩 항도 w[t]의 합으로 나누므로 양쪽에서 같은 값으로 나눈다"),
        Mistake("weights-missing", smoothing_without_weights, variant=SMOOTHED,
                says="`{grad}` leaves the class weights out of the smooth term, its forward does not",
                help="The share e / C of class c carries w[c]: the target is w * ((1 - e) * t + e / C)",
                says_ko="순전파와 달리 `{grad}`의 스무딩 항에 클래스 가중치가 없다",
                help_ko="클래스 c의 몫 e / C에도 w[c]가 붙으므로 목표는 w * ((1 - e) * t + e / C)이다"),
    ),
)
# fmt: on
