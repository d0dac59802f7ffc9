"""Binary cross-entropy of probabilities.

    L  = -k sum (t log p + (1 - t) log(1 - p))
    dp = dL k (p - t) / (p (1 - p))

Shapes: p and t (N, D) or (N,), t is 0 or 1, L a scalar. k: mean 1/(N D), batch 1/N (sum over features), sum 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def weight(p: Any, reduction: str) -> float:
    """The k of the formula."""
    return 1 / {"mean": int(np.prod(p.shape)), "batch": len(p), "sum": 1}[reduction]


def forward(p: Array, t: Array, reduction: str = "mean") -> float:
    return float(-weight(p, reduction) * np.sum(t * np.log(p) + (1 - t) * np.log(1 - p)))


def backward(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"p": dy * weight(p, reduction) * (p - t) / (p * (1 - p))}


def torch_forward(p: Any, t: Any, reduction: str = "mean") -> Any:
    import torch.nn.functional as F

    return weight(p, reduction) * F.binary_cross_entropy(p, t, reduction="sum")


def t_minus_p(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"p": dy * weight(p, reduction) * (t - p) / (p * (1 - p))}


def gradient_of_the_logits(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"p": dy * weight(p, reduction) * (p - t)}


def not_divided(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, p, t, "sum")


def divided_twice(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return {"p": backward(dy, p, t, reduction)["p"] / len(p)}


def upstream_ignored(dy: float, p: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(1.0, p, t, reduction)


def clipped_forward(p: Array, t: Array, reduction: str = "mean") -> float:
    # the real clip is at 1e-7; this one is wide so that ordinary probabilities meet it
    return forward(np.clip(p, 0.3, 0.7), t, reduction)


# fmt: off
SPEC = LayerSpec(
    name="bce", korean="이진 교차 엔트로피", kind="loss", family="classification",
    aliases=("BCELoss", "binary_cross_entropy", "BinaryCrossentropy", "Loss_BinaryCrossentropy", "bce_loss",
             "binary_cross_entropy_error", "BinaryCrossEntropyLoss", "이진교차엔트로피"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="p: N D @unit, t: N D @binary ->",
    variants=(
        Variant(note="sum", options={"reduction": "sum"}),
        Variant(note="sum over features, mean over samples", options={"reduction": "batch"}),
        Variant("p: N @unit, t: N @binary", "vectors"),
        Variant("p: D N @unit, t: D N @binary", "samples in columns, mean over samples", {"reduction": "batch"}),
    ),
    mistakes=(
        Mistake("wrong-sign", t_minus_p,
                says="`{grad}` of the binary cross-entropy has the wrong sign",
                help="A p above the target raises the loss: the numerator is p - t",
                says_ko="이진 교차 엔트로피의 `{grad}` 부호가 반대이다",
                help_ko="p가 목표보다 크면 손실이 커지므로 분자는 p - t이다"),
        Mistake("fused-gradient", gradient_of_the_logits,
                says="`{grad}` of the binary cross-entropy is p - t, the gradient for the logit",
                help="p - t holds for sigmoid and loss together; for the probability divide by p (1 - p)",
                says_ko="이진 교차 엔트로피의 `{grad}`가 로짓에 대한 기울기 p - t이다",
                help_ko="p - t는 시그모이드와 손실을 합친 기울기이므로 확률에 대해서는 p (1 - p)로 나눈다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the binary cross-entropy is not divided by the count, its forward is",
                help="The loss is a mean, so each element's gradient carries 1/n",
                says_ko="이진 교차 엔트로피의 순전파는 평균인데 `{grad}`를 개수로 나누지 않았다",
                help_ko="손실이 평균이므로 각 원소의 기울기에도 1/n이 붙는다"),
        Mistake("extra-batch-mean", divided_twice,
                says="`{grad}` of the binary cross-entropy is divided by the batch size twice",
                help="Put 1/m in one place: in the loss, or in the layers' dW and db, not in both",
                says_ko="이진 교차 엔트로피의 `{grad}`를 배치 크기로 두 번 나눈다",
                help_ko="1/m은 손실이나 층의 dW, db 가운데 한 곳에만 둔다"),
        Mistake("guard-in-one-pass", backward, forward=clipped_forward,
                says="the binary cross-entropy clips p in its forward only, so `{grad}` is not zero where p is cut off",
                help="Clip once and use the clipped p in both passes; outside the bounds the slope is zero",
                says_ko="이진 교차 엔트로피가 순전파에서만 p를 잘라서, 잘린 곳의 `{grad}`가 0이 아니다",
                help_ko="한 번 자른 p를 양쪽에서 쓰고, 범위 밖의 기울기는 0으로 둔다"),
        Mistake("upstream-ignored", upstream_ignored,
                says="`{grad}` of the binary cross-entropy ignores the upstream gradient",
                help="A loss may be scaled or added to another one: multiply by dout",
                says_ko="이진 교차 엔트로피의 `{grad}`가 상류 기울기를 무시한다",
                help_ko="손실도 다른 식의 일부일 수 있으니 dout을 곱한다"),
    ),
)
# fmt: on
