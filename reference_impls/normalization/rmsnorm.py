"""RMS normalization: each row over the root of its mean square.

    y      = gamma xhat,          xhat = x / s,   s = sqrt(mean_d(x^2) + eps)
    dgamma = sum_n dy xhat        g = gamma dy,   dx = (g - xhat mean_d(g xhat)) / s

Shapes: x, y (N, D); gamma (D,). Nothing is subtracted, so dx has one term less than that of layer normalization.
outside=True: s = sqrt(mean_d(x^2)) + eps; then that term is s / (s - eps) times as large.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.normalization import Average, nothing, own_eps, stretched
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

OVER: dict[str, Any] = {"axis": -1, "keepdims": True}


def root_mean_square(x: Array, eps: float, outside: bool) -> Any:
    """The s of the formulas."""
    square = np.mean(x**2, **OVER)
    return np.sqrt(square) + eps if outside else np.sqrt(square + eps)


def forward(x: Array, gamma: Array, *, eps: float = 1e-6, outside: bool = False) -> Array:
    return np.asarray(gamma * x / root_mean_square(x, eps, outside))


def backward(
    dy: Array, x: Array, gamma: Array, *, eps: float = 1e-6, outside: bool = False, average: Average = np.mean
) -> Grads:
    s = root_mean_square(x, eps, outside)
    xhat, g, stretch = x / s, gamma * dy, stretched(s, eps, outside)
    return {"x": (g - xhat * average(g * xhat, **OVER) * stretch) / s, "gamma": (dy * xhat).sum(axis=0)}


def torch_forward(x: Any, gamma: Any, eps: float = 1e-6, outside: bool = False) -> Any:
    import torch

    if outside:
        return gamma * x / (x.square().mean(-1, keepdim=True).sqrt() + eps)
    return torch.nn.functional.rms_norm(x, gamma.shape, gamma, eps)


def inside(y: Array, x: Array, gamma: Any, eps: float = 1e-6, outside: bool = False) -> dict[str, Any]:
    """What stands for gamma where a layer has none, and its own eps."""
    own: dict[str, Any] = {"gamma": np.ones(x.shape[-1])}
    gx = x * (own["gamma"] if gamma is None else gamma)
    return own | {"eps": own_eps(np.mean(x**2, **OVER), (gx * gx).sum(**OVER) / (gx * y).sum(**OVER), eps, outside)}


def term_missing(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options, average=nothing)


def sum_for_mean(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options, average=np.sum)


def mean_subtracted(dy: Array, x: Array, gamma: Array, eps: float = 1e-6, outside: bool = False) -> Grads:
    right = backward(dy, x, gamma, eps=eps, outside=outside)
    s, g = root_mean_square(x, eps, outside), gamma * dy
    return right | {"x": right["x"] - g.mean(**OVER) / s}


def gamma_forgotten(dy: Array, x: Array, gamma: Array, **options: Any) -> Grads:
    without = backward(dy, x, np.ones_like(gamma), **options)["x"]
    return backward(dy, x, gamma, **options) | {"x": without}


# fmt: off
SPEC = LayerSpec(
    name="rmsnorm", korean="RMS 정규화", family="normalization",
    aliases=("RMSNorm", "RMSNormalization", "RootMeanSquareNorm", "RMSLayerNorm"),
    forward=forward, backward=backward, torch_forward=torch_forward, inside=inside,
    shapes="x: N D; gamma: D -> N D", minimum={"D": 2},
    variants=(
        Variant("x: (B T) D -> (B T) D", "sequences", {"eps": 1e-5}),
        Variant("gamma: 1 D", "gamma as a row", {"eps": 1e-3}),
        Variant("x: D N; gamma: D 1 -> D N", "samples in columns", {"eps": 2e-5}),
        Variant("gamma: -", "without gamma"),
        Variant(note="eps beside the root", options={"outside": True, "eps": 1e-8}),
    ),
    mistakes=(
        Mistake("statistics-as-constants", term_missing,
                says="`{grad}` takes the root of the mean square for a constant",
                help="It depends on x: subtract xhat * mean(gamma * dy * xhat) before you divide.",
                says_ko="`{grad}`가 제곱평균제곱근을 상수로 본다",
                help_ko="그것도 x에 따라 변하므로 나누기 전에 xhat * mean(gamma * dy * xhat)을 뺀다."),
        Mistake("sum-for-mean", sum_for_mean,
                says="`{grad}` has a sum over the features where the derivative of the mean square has a mean",
                help="The mean square divides by D, so its term in dx does, too.",
                says_ko="`{grad}`에서 제곱평균의 미분이 평균이 아니라 합으로 들어갔다",
                help_ko="제곱평균은 D로 나누므로 dx의 그 항도 나눈다."),
        Mistake("mean-subtracted", mean_subtracted,
                says="`{grad}` subtracts the mean of gamma * dy, as layer normalization does",
                help="RMS normalization subtracts no mean in its forward, so there is no such term.",
                says_ko="`{grad}`가 층 정규화처럼 gamma * dy의 평균을 뺀다",
                help_ko="RMS 정규화의 순전파는 평균을 빼지 않으므로 그런 항이 없다."),
        Mistake("gamma-forgotten", gamma_forgotten,
                says="`{grad}` is computed from dy where it should be from gamma * dy",
                help="gamma stands between xhat and the output: multiply dy by it before everything else.",
                says_ko="`{grad}`를 gamma * dy가 아니라 dy로 계산했다",
                help_ko="xhat과 출력 사이에 gamma가 있으므로 먼저 dy에 gamma를 곱한다."),
    ),
)
# fmt: on
