"""Layer normalization: each sample over its own features.

    y      = gamma xhat + beta,   xhat = (x - mean) / s,   s = sqrt(var + eps)
    dgamma = sum_n dy xhat        dbeta = sum_n dy
    g      = gamma dy             dx = (g - mean_d(g) - xhat mean_d(g xhat)) / s

Shapes: x, y (N, D); gamma, beta (D,); the mean and the variance of a row are over its D features, or over all the axes
that gamma has. Two features give xhat = +-1, whatever x is, so D is 3 or more. The variance divides by D - ddof.
outside=True: s = sqrt(var) + eps. The last term of dx is then D / (D - ddof) and s / sqrt(var) times as large.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.normalization import MEANS, Average, own_eps, shared_mistakes, stretched, with_averages
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

OVER: dict[str, Any] = {"axis": -1, "keepdims": True}


def normalized(x: Array, eps: float, outside: bool, ddof: int) -> Any:
    """xhat and s."""
    var = x.var(**OVER, ddof=ddof)
    s = np.sqrt(var) + eps if outside else np.sqrt(var + eps)
    return (x - x.mean(**OVER)) / s, s


# fmt: off
def forward(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5, outside: bool = False, ddof: int = 0) -> Array:
    return np.asarray(gamma * normalized(x, eps, outside, ddof)[0] + beta)


def backward(dy: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5, outside: bool = False, ddof: int = 0,
             averages: tuple[Average, Average] = MEANS) -> Grads:
    (xhat, s), d = normalized(x, eps, outside, ddof), x.shape[-1]
    g, (a, b), stretch = gamma * dy, averages, stretched(s, eps, outside) * d / (d - ddof)
    dx = (g - a(g, **OVER) - xhat * b(g * xhat, **OVER) * stretch) / s
    rows = tuple(range(x.ndim - 1))
    return {"x": dx, "gamma": (dy * xhat).sum(axis=rows), "beta": dy.sum(axis=rows)}


def torch_forward(x: Any, gamma: Any, beta: Any, eps: float = 1e-5, outside: bool = False, ddof: int = 0) -> Any:
    import torch

    if outside or ddof:
        var, mean = torch.var_mean(x, -1, correction=ddof, keepdim=True)
        return gamma * (x - mean) / (var.sqrt() + eps if outside else (var + eps).sqrt()) + beta
    return torch.nn.functional.layer_norm(x, gamma.shape, gamma, beta, eps)


def inside(y: Array, x: Array, gamma: Any, beta: Any,
           eps: float = 1e-5, outside: bool = False, ddof: int = 0) -> dict[str, Any]:
    """What stands for gamma and beta where a layer has none, and its own eps."""
    own: dict[str, Any] = {"gamma": np.ones(x.shape[-1]), "beta": np.zeros(x.shape[-1])}
    gamma, beta = (own[n] if v is None else v for n, v in (("gamma", gamma), ("beta", beta)))
    xc = x - x.mean(**OVER)
    scale = (gamma * xc * gamma * xc).sum(**OVER) / (gamma * xc * (y - beta)).sum(**OVER)
    return own | {"eps": own_eps(x.var(**OVER, ddof=ddof), scale, eps, outside)}
# fmt: on


def mean_over(axis: int) -> Average:
    return lambda g, **axes: g.mean(axis=axis, keepdims=True)


def sum_by_samples(g: Array, **axes: Any) -> Any:
    return g.sum(**axes) / len(g)


batch_axis_kept = with_averages(backward, "batch_axis_kept", mean_over(0), mean_over(0))
axis_1_of_tensor = with_averages(backward, "axis_1_of_tensor", mean_over(1), mean_over(1))
divided_by_samples = with_averages(backward, "divided_by_samples", sum_by_samples, sum_by_samples)
mean_subtracted_twice = with_averages(backward, "mean_subtracted_twice", lambda g, **a: 2 * g.mean(**a), np.mean)


def gamma_summed_over_features(dy: Array, x: Array, gamma: Array, beta: Array, **options: Any) -> Grads:
    right, xhat = backward(dy, x, gamma, beta, **options), forward(x, np.ones_like(gamma), 0 * beta, **options)
    return right | {"gamma": (dy * xhat).sum(axis=-1), "beta": dy.sum(axis=-1)}


def gamma_multiplied_last(dy: Array, x: Array, gamma: Array, beta: Array, **options: Any) -> Grads:
    without = backward(dy, x, np.ones_like(gamma), beta, **options)["x"]
    return backward(dy, x, gamma, beta, **options) | {"x": gamma * without}


def default_eps_in_backward(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options | {"eps": 1e-5})


# fmt: off
SPEC = LayerSpec(
    name="layernorm", korean="층 정규화", family="normalization",
    aliases=("LayerNorm", "LayerNormalization", "LayerNorm1d", "LN", "layer_normalize"),
    forward=forward, backward=backward, torch_forward=torch_forward, inside=inside,
    shapes="x: N D; gamma: D, beta: D -> N D", minimum={"D": 3, "F": 3},
    variants=(
        Variant("x: (B T) D -> (B T) D", "sequences"),
        Variant("gamma: 1 D, beta: 1 D", "gamma and beta as rows", {"eps": 1e-8}),
        Variant("x: D N; gamma: D 1, beta: D 1 -> D N", "samples in columns", {"eps": 2e-5}),
        Variant("x: N (C H F); gamma: (C H F), beta: (C H F) -> N (C H F)", "over whole images", {"eps": 1e-3}),
        Variant("gamma: -, beta: -", "without gamma and beta", {"eps": 1e-6}),
        Variant("x: (B T) D -> (B T) D", "unbiased variance, eps beside the root", {"outside": True, "ddof": 1}),
        Variant(note="eps beside the root", options={"outside": True}),
    ),
    mistakes=(
        *shared_mistakes(backward, "the features", "특징"),
        Mistake("gamma-multiplied-last", gamma_multiplied_last,
                says="`{grad}` multiplies by gamma after its means are subtracted, not before",
                help="The means are those of gamma * dy: each feature of a row has a gamma of its own.",
                says_ko="`{grad}`가 평균을 뺀 다음에야 gamma를 곱한다",
                help_ko="한 행의 특징마다 gamma가 다르므로 먼저 gamma * dy를 만들고 그 평균을 뺀다."),
        Mistake("batch-axis", batch_axis_kept,
                says="`{grad}` averages over the batch, as batch normalization does",
                help="Each sample has a mean and a variance of its own: average over the features, axis=-1.",
                says_ko="`{grad}`가 배치 정규화처럼 배치 방향으로 평균한다",
                help_ko="층 정규화의 평균과 분산은 샘플마다 있으므로 특징 방향, axis=-1로 평균한다."),
        Mistake("wrong-mean-size", divided_by_samples,
                says="`{grad}` divides its sums over the features by N, the number of samples",
                help="The mean and the variance of a row are over its D features: divide by D.",
                says_ko="`{grad}`가 특징에 대한 합을 샘플 수 N으로 나눈다",
                help_ko="한 행의 평균과 분산은 특징 D개에 대한 것이므로 D로 나눈다."),
        Mistake("mean-subtracted-twice", mean_subtracted_twice,
                says="`{grad}` subtracts the mean of gamma * dy twice",
                help="Through the variance no second one comes: x - mean adds up to 0.",
                says_ko="`{grad}`가 gamma * dy의 평균을 두 번 뺀다",
                help_ko="x - mean의 합은 0이므로 분산을 거쳐서는 이 항이 또 나오지 않는다."),
        Mistake("summed-over-features", gamma_summed_over_features,
                says="`{grad}` is summed over the features where it should be over the samples",
                help="Every sample uses the same gamma and beta: sum over all axes but the last.",
                says_ko="`{grad}`를 샘플이 아니라 특징 방향으로 더했다",
                help_ko="모든 샘플이 같은 gamma와 beta를 쓰므로 마지막 축만 남기고 더한다."),
        Mistake("second-axis-for-last", axis_1_of_tensor, forward=forward, variant="sequences",
                says="`{grad}` averages over axis 1, which is not the axis of the features in a tensor",
                help="The features are the last axis, however many there are before it: axis=-1.",
                says_ko="텐서에서 특징 축이 아닌 1번 축으로 `{grad}`의 평균을 구한다",
                help_ko="앞에 축이 몇 개이든 특징은 마지막 축이므로 axis=-1을 쓴다."),
        Mistake("another-eps", default_eps_in_backward, variant="over whole images",
                says="the gradients of layer normalization have another eps than its forward: 1e-5",
                help="Keep what the forward divided by; 1e-5 is the default of torch, 1e-3 that of Keras.",
                says_ko="층 정규화의 기울기에 순전파와 다른 eps 1e-5를 쓴다",
                help_ko="순전파에서 나눈 값을 저장해 쓴다. 기본값은 torch가 1e-5, Keras가 1e-3이다."),
    ),
)
# fmt: on
