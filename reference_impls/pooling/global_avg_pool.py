"""Global average pooling: every channel of an image becomes one number.

    y[n, c]        = mean of x[n, c, h, w] over h and w
    dx[n, c, h, w] = dy[n, c] / (H W)

Shapes: x (N, C, H, W), y (N, C), or (N, C, 1, 1) where the axes are kept. The mean over the T steps of a sequence
(N, T, C) is the same with one axis less.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array) -> Array:
    return np.asarray(x.mean(axis=(2, 3)))


def backward(dy: Array, x: Array) -> Grads:
    height, width = x.shape[2:]
    return {"x": np.broadcast_to(dy[:, :, None, None] / (height * width), x.shape).copy()}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.nn.functional.adaptive_avg_pool2d(x, 1)[:, :, 0, 0]


def divisor_dropped(dy: Array, x: Array) -> Grads:
    return backward(dy * x[0, 0].size, x)


def not_broadcast(dy: Array, x: Array) -> Grads:
    return {"x": dy[:, :, None, None] / x[0, 0].size}


# fmt: off
SPEC = LayerSpec(
    name="global_avg_pool", korean="전역 평균 풀링", family="pooling", distinctive=False,
    aliases=("GlobalAveragePool", "GlobalAveragePooling", "GlobalAveragePooling2D", "GlobalAvgPool2d",
             "GlobalAvgPooling", "GlobalAveragePooling1D", "GAP", "mean_pooling_over_time", "전역평균풀링"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C H W -> N C",
    variants=(
        Variant("-> N C 1 1", "axes kept"),
        Variant("x: N H W C -> N C", "channels last"),
        Variant("x: N H W C -> N 1 1 C", "channels last, axes kept"),
        Variant("x: N H C -> N C", "mean over the steps of a sequence"),
    ),
    mistakes=(
        Mistake("divisor-dropped", divisor_dropped,
                says="`{grad}` of global average pooling is not divided by the number of pixels",
                help="Each entry has a share of 1 / (H W) in the mean of its channel: divide dy by H * W.",
                says_ko="전역 평균 풀링의 `{grad}`를 픽셀 수로 나누지 않았다",
                help_ko="원소마다 채널의 평균에 1 / (H W)만큼 기여하므로 dy를 H * W로 나눈다."),
        Mistake("not-broadcast", not_broadcast,
                says="`{grad}` of global average pooling has one entry a channel: it is not spread over the pixels",
                help="Every pixel of the channel gets it: dy[:, :, None, None] / (H * W) * np.ones_like(x).",
                says_ko="전역 평균 풀링의 `{grad}`가 채널마다 하나뿐이다: 픽셀로 퍼지지 않았다",
                help_ko="채널의 모든 픽셀이 같은 값을 받는다: dy[:, :, None, None] / (H * W) * np.ones_like(x)."),
    ),
)
# fmt: on
