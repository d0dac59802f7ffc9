"""Batch normalization of the features of a batch.

    y      = gamma xhat + beta,   xhat = (x - mean) / s,   s = sqrt(var + eps)
    dgamma = sum_n dy xhat        dbeta = sum_n dy
    g      = gamma dy             dx = (g - mean_n(g) - xhat mean_n(g xhat)) / s       in training
                                  dx = g / s                                           at test time

Shapes: x, y (N, D); gamma, beta, mean, var (D,). In training mean and var are those of the batch, so dx has a term for
each, and N is 3 or more: one sample gives y = beta, two give y = beta +- gamma, whatever x is. At test time they are
the running statistics, which are given and get no gradient. outside=True: s = sqrt(var) + eps; then the last term of
dx is s / sqrt(var) times as large.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.normalization import MEANS, Average, own_eps, shared_mistakes, stretched
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def normalized(x: Array, mean: Array, var: Array, eps: float, training: bool, outside: bool, ddof: int = 0) -> Any:
    """xhat and s."""
    mean, var = (x.mean(axis=0), x.var(axis=0, ddof=ddof)) if training else (mean, var)
    s = np.sqrt(var) + eps if outside else np.sqrt(var + eps)
    return (x - mean) / s, s


# fmt: off
def forward(x: Array, mean: Array, var: Array, gamma: Array, beta: Array,
            *, eps: float = 1e-5, training: bool = True, outside: bool = False, ddof: int = 0) -> Array:
    return np.asarray(gamma * normalized(x, mean, var, eps, training, outside, ddof)[0] + beta)


def backward(dy: Array, x: Array, mean: Array, var: Array, gamma: Array, beta: Array, *, eps: float = 1e-5,
             training: bool = True, outside: bool = False, averages: tuple[Average, Average] = MEANS) -> Grads:
    xhat, s = normalized(x, mean, var, eps, training, outside)
    g, (a, b), stretch = gamma * dy, averages, stretched(s, eps, outside)
    dx = (g - a(g, axis=0) - xhat * b(g * xhat, axis=0) * stretch) / s if training else g / s
    return {"x": dx, "gamma": (dy * xhat).sum(axis=0), "beta": dy.sum(axis=0)}


def torch_forward(x: Any, mean: Any, var: Any, gamma: Any, beta: Any,
                  eps: float = 1e-5, training: bool = True, outside: bool = False) -> Any:
    import torch

    if training and (outside or not eps):
        var, mean = torch.var_mean(x, 0, correction=0)
        return gamma * (x - mean) / (torch.sqrt(var) + eps) + beta
    mean, var = (None, None) if training else (mean.detach(), var.detach())
    return torch.nn.functional.batch_norm(x, mean, var, gamma, beta, training=training, eps=eps)


def inside(y: Array, x: Array, mean: Any, var: Any, gamma: Any, beta: Any,
           eps: float = 1e-5, training: bool = True, outside: bool = False) -> dict[str, Any]:
    """What stands for running statistics, gamma and beta where a layer has none, and its own eps."""
    zeros, ones = np.zeros(x.shape[1]), np.ones(x.shape[1])
    own = {"mean": zeros, "var": ones, "gamma": ones, "beta": zeros}
    gamma, beta = ones if gamma is None else gamma, zeros if beta is None else beta
    mean, var = (x.mean(axis=0), x.var(axis=0)) if training else (mean, var)
    xc = x - mean
    return own | {"eps": own_eps(var, gamma * (xc * xc).sum(axis=0) / (xc * (y - beta)).sum(axis=0), eps, outside)}
# fmt: on


def gamma_from_input(dy: Array, x: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, x, *arrays, **options) | {"gamma": (dy * x).sum(axis=0)}


def gamma_from_centred_input(dy: Array, x: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, x, *arrays, **options) | {"gamma": (dy * (x - x.mean(axis=0))).sum(axis=0)}


def eps_missing(dy: Array, x: Array, *arrays: Array, eps: float = 1e-5, **options: Any) -> Grads:
    right, var = backward(dy, x, *arrays, eps=eps, **options), x.var(axis=0)
    return right | {"x": right["x"] * np.sqrt(var + eps) / np.sqrt(var)}


def eps_beside_the_root(dy: Array, x: Array, *arrays: Array, eps: float = 1e-5, **options: Any) -> Grads:
    right, var = backward(dy, x, *arrays, eps=eps, **options), x.var(axis=0)
    return right | {"x": right["x"] * np.sqrt(var + eps) / (np.sqrt(var) + eps)}


def unbiased_forward(*arrays: Array, **options: Any) -> Array:
    return forward(*arrays, **options, ddof=1)


def unbiased_variance(
    dy: Array, x: Array, mean: Array, var: Array, gamma: Array, beta: Array, eps: float = 1e-5
) -> Grads:
    xhat, s = normalized(x, mean, var, eps, True, False, ddof=1)
    g = gamma * dy
    dx = (g - g.mean(axis=0) - xhat * (g * xhat).mean(axis=0)) / s
    return {"x": dx, "gamma": (dy * xhat).sum(axis=0), "beta": dy.sum(axis=0)}


def train_formula_at_test(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options | {"training": True})


# fmt: off
TRAIN = "mean: -, var: -"
SPEC = LayerSpec(
    name="batchnorm", korean="배치 정규화 계층", family="normalization",
    aliases=("BatchNormalization", "BatchNorm", "BatchNorm1d", "BN", "batchnorm_simple", "batch_normalize"),
    forward=forward, backward=backward, torch_forward=torch_forward, inside=inside,
    shapes="x: N D, mean: D, var: D @positive; gamma: D, beta: D -> N D", minimum={"N": 3},
    variants=(
        Variant(TRAIN),
        Variant(f"{TRAIN}, gamma: 1 D, beta: 1 D", "gamma and beta as rows", {"eps": 1e-8}),
        Variant(f"x: N (C H W), {TRAIN} -> N (C H W)", "every entry of an image a feature of its own"),
        Variant(f"{TRAIN}, gamma: -, beta: -", "without gamma and beta", {"eps": 1e-6}),
        Variant(TRAIN, "eps beside the root", {"outside": True}),
        Variant(note="at test time", options={"training": False, "eps": 1e-3}),
        Variant("mean: 1 D, var: 1 D @positive, gamma: 1 D, beta: 1 D", "at test time, all of them as rows",
                {"training": False, "eps": 2e-5}),
    ),
    mistakes=(
        *shared_mistakes(backward, "the batch", "배치"),
        *(Mistake("input-for-normalized", wrong,
                  says="`{grad}` is summed with x where it should be with the normalized x",
                  help="gamma multiplies xhat in the forward: keep xhat, and sum dy * xhat over the batch.",
                  says_ko="`{grad}`를 정규화한 x가 아니라 x를 곱해 더했다",
                  help_ko="순전파에서 gamma가 곱해지는 것은 xhat이므로 xhat을 저장해 dy * xhat을 배치에 대해 더한다.")
          for wrong in (gamma_from_input, gamma_from_centred_input)),
        Mistake("eps-missing", eps_missing,
                says="`{grad}` divides by sqrt(var) without the eps of the forward",
                help="Keep the divisor of the forward, sqrt(var + eps), and divide by that.",
                says_ko="`{grad}`를 나누는 sqrt(var)에 순전파의 eps가 없다",
                help_ko="순전파에서 나눈 sqrt(var + eps)를 저장해 그것으로 나눈다."),
        Mistake("eps-beside-the-root", eps_beside_the_root,
                says="`{grad}` divides by sqrt(var) + eps, the forward by sqrt(var + eps)",
                help="Keep the divisor of the forward and divide by that.",
                says_ko="순전파는 sqrt(var + eps)로, `{grad}`는 sqrt(var) + eps로 나눈다",
                help_ko="순전파에서 나눈 값을 저장해 그것으로 나눈다."),
        Mistake("unbiased-variance", unbiased_variance, forward=unbiased_forward,
                says="the variance in batch normalization is divided by N - 1",
                help="Divide by N in training, as np.var does (ddof=0); N - 1 is for the running variance at most.",
                says_ko="배치 정규화의 분산을 N - 1로 나누었다",
                help_ko="학습 때는 np.var처럼 N으로 나눈다(ddof=0). N - 1은 이동 분산에나 쓴다."),
        Mistake("train-formula-at-test", train_formula_at_test, variant="at test time",
                says="`{grad}` at test time is that of training, with the statistics of the batch",
                help="The running statistics are constants: dx = gamma * dy / sqrt(running_var + eps).",
                says_ko="테스트 때의 `{grad}`를 배치의 통계로 학습 때처럼 계산했다",
                help_ko="이동 평균과 이동 분산은 상수이므로 dx = gamma * dy / sqrt(running_var + eps)이다."),
    ),
)
# fmt: on
