"""Multiclass SVM loss (hinge).

    m[n, j] = x[n, j] - x[n, t_n] + 1                (j other than t_n)
    L  = 1/N sum_n sum_j max(0, m[n, j])             (no 1/N for reduction "sum")
    dx = dL / N where m > 0, and at the label minus their number

Shapes: x (N, C), t (N,) integers below C, L a scalar. Labels have no gradient. At m = 0 any value between the two
slopes is a subgradient; the margin counts as satisfied.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant


def count(x: Any, reduction: str) -> int:
    return len(x) if reduction == "mean" else 1


def margins(x: Array, t: Array) -> Array:
    rows = np.arange(len(x))
    m = x - x[rows, t][:, None] + 1
    m[rows, t] = 0
    return np.asarray(np.maximum(m, 0))


def forward(x: Array, t: Array, reduction: str = "mean") -> float:
    return float(margins(x, t).sum() / count(x, reduction))


def backward(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    open_ = (margins(x, t) > 0).astype(x.dtype)
    open_[np.arange(len(x)), t] = -open_.sum(axis=1)
    return {"x": dy * open_ / count(x, reduction)}


def torch_forward(x: Any, t: Any, reduction: str = "mean") -> Any:
    import torch

    return torch.nn.functional.multi_margin_loss(x, t.long(), reduction=reduction) * x.shape[1]


def on_the_margin(rng: np.random.Generator, x: Array, t: Array, reduction: str = "mean") -> Kink | None:
    """One wrong class exactly at the margin; the score of the label is short, so that no rounding hides it."""
    if x.shape[1] < 2:
        return None
    n = int(rng.integers(len(x)))
    j = int((t[n] + rng.integers(1, x.shape[1])) % x.shape[1])
    moved = x.copy()
    moved[n, t[n]] = np.round(64 * x[n, t[n]]) / 64
    moved[n, j] = moved[n, t[n]] - 1
    return Kink("margin = 0", {"x": moved}, (("x", (n, j)),))


def label_counted_forward(x: Array, t: Array, reduction: str = "mean") -> float:
    return float(np.maximum(x - x[np.arange(len(x)), t][:, None] + 1, 0).sum() / count(x, reduction))


def label_left_out(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"x": dy * (margins(x, t) > 0) / count(x, reduction)}


def label_counted_once(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    open_ = (margins(x, t) > 0).astype(x.dtype)
    open_[np.arange(len(x)), t] = -open_.max(axis=1)
    return {"x": dy * open_ / count(x, reduction)}


def not_divided(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, x, t, "sum")


def divided_by_classes(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"x": backward(dy, x, t, reduction)["x"] / x.shape[1]}


# fmt: off
SPEC = LayerSpec(
    name="svm_multiclass", korean="다중 클래스 SVM 손실", kind="loss", family="margin",
    aliases=("svm", "svm_loss", "multiclass_svm"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C, t: N @label(C) ->", minimum={"C": 2}, kinks=(on_the_margin,),
    variants=(
        Variant("t: N C @onehot", "one-hot labels"),
        Variant(note="sum over the samples", options={"reduction": "sum"}),
        Variant("x: C N, t: N @label(C)", "samples in columns"),
    ),
    mistakes=(
        Mistake("label-counted", backward, forward=label_counted_forward,
                says="the SVM loss counts the label's own margin: it is 1 too large for every sample",
                help="Leave the label out of the sum, or set its margin to 0.",
                says_ko="SVM 손실이 정답 클래스의 마진까지 더해서 샘플마다 1만큼 크다",
                help_ko="합에서 정답 클래스를 빼거나 그 마진을 0으로 둔다."),
        Mistake("gradient-missing", label_left_out,
                says="`{grad}` of the SVM loss leaves out the label's own score",
                help="Every open margin contains -x[t]: subtract the number of open margins at the label.",
                says_ko="SVM 손실의 `{grad}`가 정답 클래스의 점수를 빠뜨렸다",
                help_ko="열린 마진마다 -x[t]가 들어 있으므로 정답 자리에서 열린 마진의 수를 뺀다."),
        Mistake("label-counted-once", label_counted_once,
                says="`{grad}` of the SVM loss has -1 at the label, whatever the number of open margins: = for -=",
                help="Every open margin takes 1 off the label's gradient: accumulate with -=.",
                says_ko="SVM 손실의 `{grad}`가 열린 마진의 수와 상관없이 정답 자리에서 -1이다: -= 대신 =를 썼다",
                help_ko="열린 마진 하나마다 정답의 기울기에서 1을 빼므로 -=로 누적한다."),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the SVM loss is not divided by the batch size, its forward is",
                help="The loss is a mean over N samples, so each sample's gradient carries 1/N.",
                says_ko="SVM 손실의 순전파는 평균인데 `{grad}`를 배치 크기로 나누지 않았다",
                help_ko="손실이 N개 샘플의 평균이므로 각 샘플의 기울기에도 1/N이 붙는다."),
        Mistake("wrong-mean-size", divided_by_classes,
                says="`{grad}` of the SVM loss is divided by the number of classes, too",
                help="Only the samples are averaged; torch's multi_margin_loss divides by the classes in both passes.",
                says_ko="SVM 손실의 `{grad}`를 클래스 수로도 나누었다",
                help_ko="평균은 샘플에 대해서만 낸다. torch의 multi_margin_loss는 순전파에서도 클래스 수로 나눈다."),
    ),
)
# fmt: on
