"""Group normalization: each sample over groups of its channels.

    y      = gamma xhat + beta,   xhat = (x - mean) / s,   s = sqrt(var + eps)
    dgamma = sum_nhw dy xhat      dbeta = sum_nhw dy
    g      = gamma dy             dx = (g - mean_k(g) - xhat mean_k(g xhat)) / s

Shapes: x, y (N, C, H, W); gamma, beta (C,). `groups` blocks of C / groups channels that lie together; the mean and the
variance of a block are over its k = C / groups H W entries.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.normalization import MEANS, Average, own_eps, shared_mistakes, with_averages
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

OVER: dict[str, Any] = {"axis": (2, 3, 4), "keepdims": True}


def blocks(x: Array, groups: int) -> Array:
    """(N, C, H, W) as (N, groups, C / groups, H, W)."""
    return x.reshape(len(x), groups, -1, *x.shape[2:])


def normalized(x: Array, groups: int, eps: float) -> Any:
    """xhat and s, in blocks."""
    x = blocks(x, groups)
    s = np.sqrt(x.var(**OVER) + eps)
    return (x - x.mean(**OVER)) / s, s


def channels(v: Array) -> Array:
    """One number a channel, to be used with images."""
    return v.reshape(1, -1, 1, 1)


def forward(x: Array, gamma: Array, beta: Array, *, groups: int = 2, eps: float = 1e-5) -> Array:
    xhat, _ = normalized(x, groups, eps)
    return np.asarray(channels(gamma) * xhat.reshape(x.shape) + channels(beta))


# fmt: off
def backward(dy: Array, x: Array, gamma: Array, beta: Array, *, groups: int = 2, eps: float = 1e-5,
             averages: tuple[Average, Average] = MEANS) -> Grads:
    xhat, s = normalized(x, groups, eps)
    g, (a, b) = blocks(channels(gamma) * dy, groups), averages
    dx = (g - a(g, **OVER) - xhat * b(g * xhat, **OVER)) / s
    dgamma = (dy * xhat.reshape(x.shape)).sum(axis=(0, 2, 3))
    return {"x": dx.reshape(x.shape), "gamma": dgamma, "beta": dy.sum(axis=(0, 2, 3))}
# fmt: on


def torch_forward(x: Any, gamma: Any, beta: Any, groups: int = 2, eps: float = 1e-5) -> Any:
    import torch

    return torch.nn.functional.group_norm(x, groups, gamma, beta, eps)


def inside(y: Array, x: Array, gamma: Any, beta: Any, groups: int = 2, eps: float = 1e-5) -> dict[str, Any]:
    """What stands for gamma and beta where a layer has none, and its own eps."""
    own: dict[str, Any] = {"gamma": np.ones(x.shape[1]), "beta": np.zeros(x.shape[1])}
    gamma, beta = (channels(own[n] if v is None else v) for n, v in (("gamma", gamma), ("beta", beta)))
    scaled = blocks(gamma * x, groups) - gamma.reshape(1, groups, -1, 1, 1) * blocks(x, groups).mean(**OVER)
    scale = (scaled * scaled).sum(**OVER) / (scaled * blocks(y - beta, groups)).sum(**OVER)
    return own | {"eps": own_eps(blocks(x, groups).var(**OVER), scale, eps)}


def mean_by_channels(g: Array, **axes: Any) -> Any:
    return g.sum(**axes) / g.shape[2]


def mean_by_places(g: Array, **axes: Any) -> Any:
    return g.sum(**axes) / np.prod(g.shape[3:])


divided_by_channels = with_averages(backward, "divided_by_channels", mean_by_channels, mean_by_channels)
divided_by_places = with_averages(backward, "divided_by_places", mean_by_places, mean_by_places)


def strided(x: Array, groups: int) -> Array:
    """The channels c with one c % groups brought together."""
    return np.concatenate([x[:, i::groups] for i in range(groups)], axis=1)


def strided_groups_forward(x: Array, gamma: Array, beta: Array, groups: int = 2, eps: float = 1e-5) -> Array:
    y = forward(strided(x, groups), np.ones_like(gamma), 0 * beta, groups=groups, eps=eps)
    return np.asarray(channels(gamma) * strided(y, x.shape[1] // groups) + channels(beta))


def strided_groups(dy: Array, x: Array, gamma: Array, beta: Array, groups: int = 2, eps: float = 1e-5) -> Grads:
    ones, g = np.ones_like(gamma), strided(channels(gamma) * dy, groups)
    dx = backward(g, strided(x, groups), ones, beta, groups=groups, eps=eps)["x"]
    xhat = strided_groups_forward(x, ones, 0 * beta, groups, eps)
    dgamma, dbeta = (dy * xhat).sum(axis=(0, 2, 3)), dy.sum(axis=(0, 2, 3))
    return {"x": strided(dx, x.shape[1] // groups), "gamma": dgamma, "beta": dbeta}


def one_gamma_a_group(dy: Array, *arrays: Array, groups: int = 2, **options: Any) -> Grads:
    right = backward(dy, *arrays, groups=groups, **options)
    return right | {n: right[n].reshape(groups, -1).sum(axis=1) for n in ("gamma", "beta")}


# fmt: off
SPEC = LayerSpec(
    name="groupnorm", korean="그룹 정규화", family="normalization",
    aliases=("GroupNorm", "GroupNormalization", "spatial_groupnorm", "GroupNorm2d", "GN"),
    forward=forward, backward=backward, torch_forward=torch_forward, inside=inside,
    shapes="x: N 6 H W; gamma: 6, beta: 6 -> N 6 H W",
    variants=(
        Variant("gamma: 1 6 1 1, beta: 1 6 1 1", "gamma and beta as images"),
        Variant("x: N H W 6 -> N H W 6", "channels last", {"eps": 1e-3}),
        Variant(note="three groups", options={"groups": 3, "eps": 1e-8}),
        Variant("gamma: -, beta: -", "without gamma and beta", {"eps": 1e-6}),
    ),
    mistakes=(
        *shared_mistakes(backward, "the group", "그룹"),
        *(Mistake("wrong-mean-size", wrong,
                  says="`{grad}` divides its sums over a group by another number than the size of the group",
                  help="A group has C / groups * H * W entries: divide by all of them, or use mean.",
                  says_ko="`{grad}`가 그룹에 대한 합을 그룹의 크기가 아닌 수로 나눈다",
                  help_ko="그룹 하나의 원소는 C / groups * H * W개이므로 그 수로 나누거나 mean을 쓴다.")
          for wrong in (divided_by_channels, divided_by_places)),
        Mistake("strided-groups", strided_groups, forward=strided_groups_forward,
                says="group normalization puts channels c with one c % groups into a group",
                help="The channels of a group lie together: x.reshape(N, groups, C // groups, H, W).",
                says_ko="그룹 정규화가 c % groups가 같은 채널 c들을 한 그룹으로 묶는다",
                help_ko="한 그룹의 채널은 이웃해 있다: x.reshape(N, groups, C // groups, H, W)."),
        Mistake("one-gamma-a-group", one_gamma_a_group,
                says="`{grad}` has one number a group where it should have one a channel",
                help="The groups share mean and variance only; every channel has its own gamma and beta.",
                says_ko="`{grad}`가 채널마다가 아니라 그룹마다 숫자 하나이다",
                help_ko="그룹이 함께 쓰는 것은 평균과 분산뿐이고 gamma와 beta는 채널마다 따로 있다."),
    ),
)
# fmt: on
