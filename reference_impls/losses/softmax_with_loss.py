"""Softmax and cross-entropy in one.

    p  = softmax(x)
    L  = -1/N sum_n sum_c t_nc log p_nc        (no 1/N for reduction "sum")
    dx = dL (p - t) / N

Shapes: x (logits) and t (N, C), t one-hot, L a scalar. Integer labels (N,) mean the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))  # the shift cancels; it only prevents overflow
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def count(x: Any, reduction: str) -> int:
    return len(x) if reduction == "mean" else 1


def forward(x: Array, t: Array, reduction: str = "mean") -> float:
    m = x.max(axis=1, keepdims=True)
    log_p = x - m - np.log(np.sum(np.exp(x - m), axis=1, keepdims=True))
    return float(-np.sum(t * log_p) / count(x, reduction))


def backward(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"x": dy * (softmax(x) - t) / count(x, reduction)}


def torch_forward(x: Any, t: Any, reduction: str = "mean") -> Any:
    import torch

    return torch.nn.functional.cross_entropy(x, t, reduction=reduction)


def not_divided(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, x, t, "sum")


def divided_twice(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy / len(x), x, t, reduction)


def upstream_ignored(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(1.0, x, t, reduction)


def t_minus_p(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(-dy, x, t, reduction)


def labels_taken_for_rows(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
    labels = t.argmax(axis=1).reshape(-1, 1)  # what the caller passes as t
    return {"x": dy * (softmax(x) - labels) / count(x, reduction)}


def with_cache(take_target: Callable[[Array, Array], None]) -> Callable[..., Grads]:
    """A backward that takes the target away from the probabilities which its forward has kept."""
    kept: dict[str, Array] = {}

    def wrong(dy: float, x: Array, t: Array, reduction: str = "mean") -> Grads:
        if "x" not in kept or not np.array_equal(kept["x"], x):  # another input: the forward has run again
            kept.update(x=x.copy(), p=softmax(x))
        take_target(kept["p"], t)
        return {"x": dy * kept["p"] / count(x, reduction)}

    return wrong


def target_taken_from_kept_rows() -> Callable[..., Grads]:
    def take(p: Array, t: Array) -> None:
        p -= t

    return with_cache(take)


def one_taken_at_kept_labels() -> Callable[..., Grads]:
    def take(p: Array, t: Array) -> None:
        p[np.arange(len(p)), t.argmax(axis=1)] -= 1

    return with_cache(take)


# fmt: off
KEPT: Any = {
    "says": "the backward of softmax-with-loss writes into the probabilities its forward kept: a second call differs",
    "help": "Work on a copy: dx = self.y.copy(), then subtract the target from dx",
    "says_ko": "Softmax-with-Loss의 역전파가 순전파에서 저장한 확률을 바꾸어 두 번째 호출의 값이 달라진다",
    "help_ko": "dx = self.y.copy()로 복사한 뒤 dx에서 정답을 뺀다",
}
SPEC = LayerSpec(
    name="softmax_with_loss", korean="소프트맥스와 교차 엔트로피", kind="loss", family="classification",
    aliases=("SoftmaxWithLoss", "softmax_loss", "SoftmaxCrossEntropy", "SoftmaxCrossEntropyLoss", "CrossEntropyLoss",
             "softmax_cross_entropy_with_logits", "SoftmaxWithCrossEntropy", "CrossEntropyWithLogits",
             "Activation_Softmax_Loss_CategoricalCrossentropy"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C, t: N C @onehot ->",
    minimum={"C": 2},
    variants=(
        Variant("t: N @label(C)", "integer labels"),
        Variant(note="sum over the samples", options={"reduction": "sum"}),
        Variant("t: N @label(C)", "integer labels, sum over the samples", {"reduction": "sum"}),
        Variant("x: C N, t: C N @onehot(C)", "samples in columns"),
        Variant("x: C N, t: N @label(C)", "samples in columns, integer labels"),
        Variant("x: C, t: C @onehot", "one sample", incidental=True),
    ),
    mistakes=(
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of softmax-with-loss is y - t without the division by the batch size",
                help="The loss is a mean over N samples, so dx = (y - t) / N",
                says_ko="Softmax-with-Loss의 `{grad}`가 배치 크기로 나누지 않은 y - t이다",
                help_ko="손실이 N개 샘플의 평균이므로 dx = (y - t) / N이다"),
        Mistake("extra-batch-mean", divided_twice,
                says="`{grad}` of softmax-with-loss is divided by the batch size once more than its forward",
                help="1/N belongs into the loss alone: divide once here, and not in the layers below",
                says_ko="Softmax-with-Loss의 `{grad}`를 순전파보다 한 번 더 배치 크기로 나눈다",
                help_ko="1/N은 손실에서 한 번만 나누고 아래 층에서는 나누지 않는다"),
        Mistake("upstream-ignored", upstream_ignored,
                says="`{grad}` of softmax-with-loss ignores the upstream gradient",
                help="A loss may be scaled or added to another one: multiply y - t by dout",
                says_ko="Softmax-with-Loss의 `{grad}`가 상류 기울기를 무시한다",
                help_ko="손실도 다른 식의 일부일 수 있으니 y - t에 dout을 곱한다"),
        Mistake("wrong-sign", t_minus_p,
                says="`{grad}` of softmax-with-loss is t - y, the gradient with the wrong sign",
                help="A larger logit of a wrong class raises the loss: dx = y - t",
                says_ko="Softmax-with-Loss의 `{grad}`가 부호가 반대인 t - y이다",
                help_ko="틀린 클래스의 로짓이 커지면 손실이 커지므로 dx = y - t이다"),
        Mistake("label-format", labels_taken_for_rows, variant="integer labels",
                says="`{grad}` of softmax-with-loss subtracts the integer labels themselves from the probabilities",
                help="Make one-hot rows of the labels, or subtract 1 at [np.arange(N), t]",
                says_ko="Softmax-with-Loss의 `{grad}`가 확률에서 정수 레이블 값을 그대로 뺀다",
                help_ko="레이블을 원-핫으로 바꾸거나 [np.arange(N), t] 위치에서 1을 뺀다"),
        Mistake("mutates-cache", target_taken_from_kept_rows, stateful=True, **KEPT),
        Mistake("mutates-cache", one_taken_at_kept_labels, stateful=True, variant="integer labels", **KEPT),
    ),
)
# fmt: on
