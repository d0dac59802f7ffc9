"""Nearest-neighbour upsampling of images.

    y[p, q] = x[p // s, q // s]
    dx      = sum of dy over each block of s x s entries

Shapes: x (N, C, H, W), y (N, C, s H, s W). `scale` is s, or one number for the rows and one for the columns.
"""

from __future__ import annotations

from typing import Any

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Scale = int | tuple[int, int]


def pair(scale: Scale) -> tuple[int, int]:
    return (scale, scale) if isinstance(scale, int) else scale


def forward(x: Array, scale: Scale = 2) -> Array:
    rows, columns = pair(scale)
    return x.repeat(rows, axis=2).repeat(columns, axis=3)


def blocks(dy: Array, x: Array, scale: Scale) -> Array:
    """dy as (N, C, H, rows of a block, W, columns of a block)."""
    rows, columns = pair(scale)
    return dy.reshape(*x.shape[:3], rows, x.shape[3], columns)


def backward(dy: Array, x: Array, scale: Scale = 2) -> Grads:
    return {"x": blocks(dy, x, scale).sum(axis=(3, 5))}


def torch_forward(x: Any, scale: Scale = 2) -> Any:
    import torch

    return torch.nn.functional.interpolate(x, scale_factor=tuple(map(float, pair(scale))), mode="nearest")


def first_of_the_block(dy: Array, x: Array, scale: Scale = 2) -> Grads:
    return {"x": blocks(dy, x, scale)[:, :, :, 0, :, 0].copy()}


def mean_of_the_block(dy: Array, x: Array, scale: Scale = 2) -> Grads:
    return {"x": blocks(dy, x, scale).mean(axis=(3, 5))}


def whole_copies_summed(dy: Array, x: Array, scale: Scale = 2) -> Grads:
    (rows, columns), (n, c, h, w) = pair(scale), x.shape
    return {"x": dy.reshape(n, c, rows, h, columns, w).sum(axis=(2, 4))}


# fmt: off
SPEC = LayerSpec(
    name="upsample_nearest", korean="최근접 업샘플링", family="resampling",
    aliases=("Upsample", "UpSampling", "UpSampling1D", "UpSampling2D", "UpsamplingNearest2d", "NearestUpsample",
             "nearest_upsampling"),
    distinctive=False, forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C H W -> N C P Q",
    variants=(
        Variant("x: N H W C -> N P Q C", "channels last"),
        Variant(note="three times as large", options={"scale": 3}),
        Variant(note="twice as high, three times as wide", options={"scale": (2, 3)}),
        Variant("x: N C W -> N C Q", "sequences", {"scale": (1, 2)}),
        Variant("x: N W C -> N Q C", "sequences, channels last", {"scale": (1, 2)}),
    ),
    mistakes=(
        Mistake("one-of-the-block", first_of_the_block,
                says="`{grad}` of the upsampling takes one entry of each block and not the sum of the block",
                help="Each entry of x was copied to a whole block: add the gradients of all copies.",
                says_ko="업샘플링의 `{grad}`가 블록의 합이 아니라 원소 하나만 가져온다",
                help_ko="x의 원소는 블록 전체로 복사되었으므로 모든 사본의 기울기를 더한다."),
        Mistake("mean-for-sum", mean_of_the_block,
                says="`{grad}` of the upsampling is the mean of each block and not its sum",
                help="The forward copies and does not divide: sum the block, without 1 / s^2.",
                says_ko="업샘플링의 `{grad}`가 블록의 합이 아니라 평균이다",
                help_ko="순전파는 나누지 않고 복사하므로 1 / s^2 없이 블록을 더한다."),
        Mistake("tile-for-repeat", whole_copies_summed,
                says="`{grad}` of the upsampling sums entries that lie a whole image apart",
                help="The copies of an entry are neighbours: dy.reshape(N, C, H, s, W, s).sum(axis=(3, 5)).",
                says_ko="업샘플링의 `{grad}`가 이미지 하나만큼 떨어진 원소들을 더한다",
                help_ko="한 원소의 사본은 이웃해 있다: dy.reshape(N, C, H, s, W, s).sum(axis=(3, 5))."),
    ),
)
# fmt: on
