"""Batch normalization of images: each channel over the batch, the rows and the columns.

    y      = gamma xhat + beta,   xhat = (x - mean) / s,   s = sqrt(var + eps)
    dgamma = sum_nhw dy xhat      dbeta = sum_nhw dy
    g      = gamma dy             dx = (g - mean_nhw(g) - xhat mean_nhw(g xhat)) / s

Shapes: x, y (N, C, H, W); gamma, beta (C,); the mean and the variance of a channel are over its N H W entries.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.normalization import MEANS, Average, own_eps, shared_mistakes, with_averages
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

OVER: dict[str, Any] = {"axis": (0, 2, 3), "keepdims": True}


def normalized(x: Array, eps: float) -> Any:
    """xhat and s."""
    s = np.sqrt(x.var(**OVER) + eps)
    return (x - x.mean(**OVER)) / s, s


def channels(v: Array) -> Array:
    """One number a channel, to be used with images."""
    return v.reshape(1, -1, 1, 1)


def forward(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    return np.asarray(channels(gamma) * normalized(x, eps)[0] + channels(beta))


def backward(
    dy: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5, averages: tuple[Average, Average] = MEANS
) -> Grads:
    xhat, s = normalized(x, eps)
    g, (a, b) = channels(gamma) * dy, averages
    dx = (g - a(g, **OVER) - xhat * b(g * xhat, **OVER)) / s
    return {"x": dx, "gamma": (dy * xhat).sum(axis=(0, 2, 3)), "beta": dy.sum(axis=(0, 2, 3))}


def torch_forward(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    import torch

    if not eps:  # which torch refuses
        var, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
        return channels(gamma) * (x - mean) / var.sqrt() + channels(beta)
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def inside(y: Array, x: Array, gamma: Any, beta: Any, eps: float = 1e-5) -> dict[str, Any]:
    """What stands for gamma and beta where a layer has none, and its own eps."""
    own: dict[str, Any] = {"gamma": np.ones(x.shape[1]), "beta": np.zeros(x.shape[1])}
    gamma, beta = (channels(own[n] if v is None else v) for n, v in (("gamma", gamma), ("beta", beta)))
    xc = x - x.mean(**OVER)
    scale = gamma * (xc * xc).sum(**OVER) / (xc * (y - beta)).sum(**OVER)
    return own | {"eps": own_eps(x.var(**OVER), scale, eps)}


def mean_over_samples(g: Array, **axes: Any) -> Any:
    return g.sum(**axes) / len(g)


divided_by_samples_only = with_averages(backward, "divided_by_samples_only", mean_over_samples, mean_over_samples)


def mixed(x: Array) -> Array:
    """(N, C, H, W) read on as (N H W, C), without a transpose."""
    return x.reshape(-1, x.shape[1], 1, 1)


def channels_mixed_forward(x: Array, *arrays: Array, **options: Any) -> Array:
    return forward(mixed(x), *arrays, **options).reshape(x.shape)


def channels_mixed(dy: Array, x: Array, *arrays: Array, **options: Any) -> Grads:
    got = backward(mixed(dy), mixed(x), *arrays, **options)
    return got | {"x": got["x"].reshape(x.shape)}


def statistics_of_entries_forward(x: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> Array:
    return np.asarray(channels(gamma) * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + channels(beta))


def statistics_of_entries(dy: Array, x: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> Grads:
    s = np.sqrt(x.var(axis=0) + eps)
    xhat, g = (x - x.mean(axis=0)) / s, channels(gamma) * dy
    dx = (g - g.mean(axis=0) - xhat * (g * xhat).mean(axis=0)) / s
    return {"x": dx, "gamma": (dy * xhat).sum(axis=(0, 2, 3)), "beta": dy.sum(axis=(0, 2, 3))}


# fmt: off
SPEC = LayerSpec(
    name="spatial_batchnorm", korean="공간 배치 정규화", family="normalization",
    aliases=("SpatialBatchNorm", "SpatialBatchNormalization", "BatchNorm2d", "BatchNormalization2d", "batchnorm_2d"),
    forward=forward, backward=backward, torch_forward=torch_forward, inside=inside,
    shapes="x: N C H W; gamma: C, beta: C -> N C H W", minimum={"H": 2, "W": 3},
    variants=(
        Variant("gamma: 1 C 1 1, beta: 1 C 1 1", "gamma and beta as images", {"eps": 1e-8}),
        Variant("x: N H W C -> N H W C", "channels last", {"eps": 1e-3}),
        Variant("x: N C W -> N C W", "sequences", {"eps": 2e-5}),
        Variant("gamma: -, beta: -", "without gamma and beta", {"eps": 1e-6}),
    ),
    mistakes=(
        *shared_mistakes(backward, "the batch, the rows and the columns", "배치와 행과 열"),
        Mistake("wrong-mean-size", divided_by_samples_only,
                says="`{grad}` divides its sums by N where a channel has N H W entries",
                help="The statistics of a channel are over the batch, the rows and the columns: divide by N * H * W.",
                says_ko="채널마다 원소가 N H W개인데 `{grad}`의 합을 N으로만 나눈다",
                help_ko="채널의 통계는 배치와 행과 열에 대한 것이므로 N * H * W로 나눈다."),
        Mistake("channels-mixed", channels_mixed, forward=channels_mixed_forward,
                says="spatial batch normalization mixes the channels: reshape(-1, C) without a transpose",
                help="Put the channels last before: x.transpose(0, 2, 3, 1).reshape(-1, C), and undo both after.",
                says_ko="공간 배치 정규화가 transpose 없이 reshape(-1, C)를 해서 채널을 섞는다",
                help_ko="먼저 채널을 끝으로 옮긴다: x.transpose(0, 2, 3, 1).reshape(-1, C). 나중에 둘 다 되돌린다."),
        Mistake("statistics-of-entries", statistics_of_entries, forward=statistics_of_entries_forward,
                says="spatial batch normalization takes the statistics of every entry, not those of the channel",
                help="A channel has one mean and one variance: average over the axes (0, 2, 3), not over axis 0.",
                says_ko="공간 배치 정규화가 채널이 아니라 원소마다 통계를 구한다",
                help_ko="채널마다 평균과 분산이 하나이므로 배치 축만이 아니라 (0, 2, 3) 축에 대해 평균한다."),
    ),
)
# fmt: on
