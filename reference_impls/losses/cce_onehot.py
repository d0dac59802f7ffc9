"""Categorical cross-entropy of probabilities against one-hot targets.

    L  = -1/N sum_n sum_c t_nc log p_nc        (no 1/N for reduction "sum")
    dp = -dL t / p / N

Shapes: p and t (N, C), L a scalar. The gradient for the logits, p - t, belongs to softmax and loss together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def count(p: Any, reduction: str) -> int:
    return len(p) if reduction == "mean" else 1


def forward(p: Array, t: Array, reduction: str = "mean") -> float:
    return float(-np.sum(t * np.log(p)) / count(p, reduction))


def backward(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"p": -dy * t / p / count(p, reduction)}


def torch_forward(p: Any, t: Any, reduction: str = "mean") -> Any:
    import torch

    return -(t * torch.log(p)).sum() / count(p, reduction)


def gradient_of_the_logits(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"p": dy * (p - t) / count(p, reduction)}


def not_divided(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, p, t, "sum")


def divided_in_backward_only(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, p, t, "mean")


def minus_dropped(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"p": dy * t / p / count(p, reduction)}


def likeliest_class_only(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, p, np.eye(p.shape[1])[t.argmax(axis=1)], reduction)


def upstream_ignored(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(1.0, p, t, reduction)


# fmt: off
SPEC = LayerSpec(
    name="cce_onehot", korean="교차 엔트로피 오차 (원-핫)", kind="loss", family="classification",
    aliases=("cross_entropy_error", "CrossEntropyError", "CategoricalCrossentropy", "CCE",
             "Loss_CategoricalCrossentropy", "CrossEntropy", "교차엔트로피오차"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="p: N C @prob, t: N C @onehot ->",
    minimum={"C": 2},
    variants=(
        Variant(note="sum over the samples", options={"reduction": "sum"}),
        Variant("p: C N @unit, t: C N @onehot(C)", "samples in columns"),
        Variant("p: C @prob, t: C @onehot", "one sample", incidental=True),
        Variant("t: N C @prob", "soft labels", incidental=True),
    ),
    mistakes=(
        Mistake("fused-gradient", gradient_of_the_logits,
                says="`{grad}` of the cross-entropy is p - t, the gradient for the logits",
                help="p - t holds for softmax and loss together; for the probabilities alone it is -t / p",
                says_ko="교차 엔트로피의 `{grad}`가 로짓에 대한 기울기 p - t이다",
                help_ko="p - t는 소프트맥스와 손실을 합친 기울기이고, 확률에 대한 기울기는 -t / p이다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the cross-entropy is not divided by the batch size, its forward is",
                help="The loss is a mean over N samples, so each sample's gradient carries 1/N",
                says_ko="교차 엔트로피의 순전파는 평균인데 `{grad}`를 배치 크기로 나누지 않았다",
                help_ko="손실이 N개 샘플의 평균이므로 각 샘플의 기울기에도 1/N이 붙는다"),
        Mistake("extra-batch-mean", divided_in_backward_only, variant="sum over the samples",
                says="`{grad}` of the summed cross-entropy is divided by the batch size, its forward is not",
                help="Divide by N in both passes or in neither",
                says_ko="교차 엔트로피의 순전파는 합인데 `{grad}`만 배치 크기로 나눈다",
                help_ko="N으로 나누는 일은 양쪽 모두 하거나 모두 하지 않는다"),
        Mistake("wrong-sign", minus_dropped,
                says="`{grad}` of the cross-entropy has the wrong sign",
                help="The loss is minus a logarithm: a larger p of the right class lowers it, so dp = -t / p",
                says_ko="교차 엔트로피의 `{grad}` 부호가 반대이다",
                help_ko="손실은 로그에 음수를 붙인 값이라 정답의 p가 크면 작아지므로 dp = -t / p이다"),
        Mistake("argmax-of-soft-labels", likeliest_class_only, variant="soft labels",
                says="`{grad}` of the cross-entropy keeps only the largest of the soft labels in t",
                help="argmax is right for one-hot rows alone; -t / p holds for both",
                says_ko="교차 엔트로피의 `{grad}`가 소프트 레이블 t에서 가장 큰 클래스 하나만 남긴다",
                help_ko="argmax는 원-핫 행에서만 맞고, -t / p는 두 경우에 모두 맞다"),
        Mistake("upstream-ignored", upstream_ignored,
                says="`{grad}` of the cross-entropy ignores the upstream gradient",
                help="A loss may be scaled or added to another one: multiply by dout",
                says_ko="교차 엔트로피의 `{grad}`가 상류 기울기를 무시한다",
                help_ko="손실도 다른 식의 일부일 수 있으니 dout을 곱한다"),
    ),
)
# fmt: on
