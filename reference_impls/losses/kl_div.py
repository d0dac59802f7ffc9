"""Kullback-Leibler divergence of a distribution p from a model q that comes as logarithms.

    L  = k sum p (log p - log q),  the array q holds log q
    dq = -dL k p        dp = dL k (log p - log q + 1)

Shapes: q and p (N, C), L a scalar. The reduction decides k: batchmean 1/N, mean 1/(N C), sum 1.
log_input=False: q holds probabilities, and dq = -dL k p / q.  log_target=True: p holds log p, which enters as e^p:
dp = dL k e^p (p - log q + 1). p is above 0 everywhere; at p = 0 its slope is minus infinity.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def weight(q: Any, reduction: str) -> float:
    """The k of the formula."""
    return 1 / {"batchmean": len(q), "mean": int(np.prod(q.shape)), "sum": 1}[reduction]


def forward(
    q: Array, p: Array, reduction: str = "batchmean", log_input: bool = True, log_target: bool = False
) -> float:
    log_q = q if log_input else np.log(q)
    p, log_p = (np.exp(p), p) if log_target else (p, np.log(p))
    return float(weight(q, reduction) * np.sum(p * (log_p - log_q)))


def backward(
    dy: float, q: Array, p: Array, reduction: str = "batchmean", log_input: bool = True, log_target: bool = False
) -> Grads:
    k = dy * weight(q, reduction)
    log_q = q if log_input else np.log(q)
    p, log_p = (np.exp(p), p) if log_target else (p, np.log(p))
    dq, dp = -k * p, k * (log_p - log_q + 1)
    return {"q": dq if log_input else dq / q, "p": dp * p if log_target else dp}


def torch_forward(
    q: Any, p: Any, reduction: str = "batchmean", log_input: bool = True, log_target: bool = False
) -> Any:
    import torch.nn.functional as F

    return weight(q, reduction) * F.kl_div(q if log_input else q.log(), p, reduction="sum", log_target=log_target)


def arguments_swapped(dy: float, q: Array, p: Array, reduction: str = "batchmean") -> Grads:
    k, prob_q = dy * weight(q, reduction), np.exp(q)  # the gradient of KL(q || p)
    return {"q": k * prob_q * (q - np.log(p) + 1), "p": -k * prob_q / p}


def logarithm_forgotten(dy: float, q: Array, p: Array, **options: Any) -> Grads:
    return backward(dy, q, p, **options) | {"q": backward(dy, q, p, **options | {"log_input": True})["q"]}


def gradient_of_the_probabilities(dy: float, q: Array, p: Array, reduction: str = "batchmean") -> Grads:
    return backward(dy, q, p, reduction) | {"q": -dy * weight(q, reduction) * p / np.exp(q)}


def divided_by_elements(dy: float, q: Array, p: Array, reduction: str = "batchmean") -> Grads:
    return backward(dy, q, p, "mean")


def not_divided(dy: float, q: Array, p: Array, reduction: str = "batchmean") -> Grads:
    return backward(dy, q, p, "sum")


def one_dropped(dy: float, q: Array, p: Array, reduction: str = "batchmean") -> Grads:
    return backward(dy, q, p, reduction) | {"p": dy * weight(q, reduction) * (np.log(p) - q)}


def minus_dropped(dy: float, q: Array, p: Array, reduction: str = "batchmean") -> Grads:
    g = backward(dy, q, p, reduction)
    return g | {"q": -g["q"]}


# fmt: off
SPEC = LayerSpec(
    name="kl_div", korean="쿨백-라이블러 발산", kind="loss", family="divergence",
    aliases=("KLDivLoss", "KLDivergence", "KLD", "KLLoss", "kullback_leibler_divergence", "쿨백라이블러발산"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="q: N C, p: N C @prob ->", minimum={"C": 2},
    variants=(
        Variant("q: N C @prob", "probabilities, mean over samples", {"log_input": False}),
        Variant("q: N C @prob", "probabilities, plain sum", {"log_input": False, "reduction": "sum"}),
        Variant("q: C @prob, p: C @prob", "two distributions", {"log_input": False}),
        Variant(note="mean over all elements", options={"reduction": "mean"}),
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant("p: N C", "both as logarithms", {"log_target": True}),
        Variant("p: N C", "both as logarithms, mean over all elements", {"log_target": True, "reduction": "mean"}),
        Variant("p: N C", "both as logarithms, plain sum", {"log_target": True, "reduction": "sum"}),
    ),
    mistakes=(
        Mistake("swapped-arguments", arguments_swapped,
                says="`{grad}` is that of KL(q || p), with the two distributions swapped",
                help="This forward is KL(p || q): its slopes are -p for log q and log p - log q + 1 for p",
                says_ko="`{grad}`가 두 분포의 자리를 바꾼 KL(q || p)의 기울기이다",
                help_ko="이 순전파는 KL(p || q)이므로 log q의 기울기는 -p, p의 기울기는 log p - log q + 1이다"),
        Mistake("logarithm-forgotten", logarithm_forgotten, variant="probabilities, mean over samples",
                says="`{grad}` of the divergence is -p, as if the probabilities q were logarithms",
                help="-p is the slope for log q; for q itself the chain rule adds the factor 1 / q",
                says_ko="확률 q를 로그로 여겨 발산의 `{grad}`가 -p이다",
                help_ko="-p는 log q에 대한 기울기이므로 q에 대해서는 1 / q를 곱한다"),
        Mistake("gradient-of-another-array", gradient_of_the_probabilities,
                says="`{grad}` of the divergence is -p / q, the slope for the probabilities and not for log q",
                help="The input is log q already: its gradient is -p, divided as the forward divides",
                says_ko="발산의 `{grad}`가 log q가 아니라 확률 q에 대한 기울기 -p / q이다",
                help_ko="입력이 이미 log q이므로 기울기는 순전파와 같이 나눈 -p이다"),
        Mistake("wrong-mean-size", divided_by_elements,
                says="`{grad}` of the divergence is divided by all the elements, its forward by the samples",
                help="batchmean divides by N, mean by N C: take one of the two in both passes",
                says_ko="발산의 순전파는 샘플 수로 나누는데 `{grad}`는 전체 원소 수로 나눈다",
                help_ko="batchmean은 N으로, mean은 N C로 나누므로 양쪽에서 같은 것을 쓴다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the divergence is not divided by the batch size, its forward is",
                help="The forward is a mean over N samples, so each sample's gradient carries 1/N",
                says_ko="발산의 순전파는 평균인데 `{grad}`를 배치 크기로 나누지 않았다",
                help_ko="순전파가 N개 샘플의 평균이므로 각 샘플의 기울기에도 1/N이 붙는다"),
        Mistake("product-rule", one_dropped,
                says="`{grad}` of the divergence lacks the 1 that the logarithm of p brings",
                help="p stands before the logarithm and inside it: (p log p)' = log p + 1",
                says_ko="발산의 `{grad}`에 로그 안의 p에서 나오는 1이 빠져 있다",
                help_ko="p는 로그의 앞과 안에 모두 있으므로 (p log p)' = log p + 1이다"),
        Mistake("wrong-sign", minus_dropped,
                says="`{grad}` of the divergence has the wrong sign",
                help="A larger log q where p is large lowers the divergence: dq = -p",
                says_ko="발산의 `{grad}` 부호가 반대이다",
                help_ko="p가 큰 곳에서 log q가 커지면 발산이 작아지므로 dq = -p이다"),
    ),
)
# fmt: on
