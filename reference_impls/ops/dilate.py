"""Zeros put in between the entries of an image, and taken out again.

    dilate:    y[f p, f q] = x[p, q], 0 elsewhere        dx = dy[::f, ::f]
    undilate:  y = x[::f, ::f]                           dx[f p, f q] = dy[p, q], 0 elsewhere

Shapes: x (N, C, H, W), f = `factor`. dilate gives f (H - 1) + 1 rows, ending with the last entry, or f H rows with
`tail`; undilate gives ceil(H / f) rows. Columns alike; `axes` may leave one of the two out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Axes = tuple[int, ...]


def every(factor: int, axes: Axes) -> tuple[slice, ...]:
    """The index of every `factor`-th entry along the axes."""
    return tuple(slice(None, None, factor if axis in axes else None) for axis in range(4))


def dilate(x: Array, factor: int = 2, axes: Axes = (2, 3), tail: bool = False) -> Array:
    sizes = [factor * s - (0 if tail else factor - 1) if k in axes else s for k, s in enumerate(x.shape)]
    y = np.zeros(sizes, x.dtype)
    y[every(factor, axes)] = x
    return y


def dilate_backward(dy: Array, x: Array, factor: int = 2, axes: Axes = (2, 3), tail: bool = False) -> Grads:
    return {"x": dy[every(factor, axes)].copy()}


def dilate_torch(x: Any, factor: int = 2, axes: Axes = (2, 3), tail: bool = False) -> Any:
    import torch

    for axis in axes:
        with_zeros = torch.stack([x] + [torch.zeros_like(x)] * (factor - 1), dim=axis + 1).flatten(axis, axis + 1)
        x = with_zeros if tail else with_zeros.narrow(axis, 0, with_zeros.shape[axis] - factor + 1)
    return x


def undilate(x: Array, factor: int = 2, axes: Axes = (2, 3)) -> Array:
    return x[every(factor, axes)].copy()


def undilate_backward(dy: Array, x: Array, factor: int = 2, axes: Axes = (2, 3)) -> Grads:
    dx = np.zeros(x.shape, dy.dtype)
    dx[every(factor, axes)] = dy
    return {"x": dx}


def undilate_torch(x: Any, factor: int = 2, axes: Axes = (2, 3)) -> Any:
    return x[every(factor, axes)]


def output_taken_for_longer(dy: Array, x: Array, factor: int = 2, axes: Axes = (2, 3), **options: Any) -> Grads:
    counted = tuple(slice(size // factor if axis in axes else None) for axis, size in enumerate(dy.shape))
    return {"x": dy[every(factor, axes)][counted].copy()}


def zeros_taken_for_copies(dy: Array, x: Array, factor: int = 2, axes: Axes = (2, 3), **options: Any) -> Grads:
    for axis in axes:
        dy = np.add.reduceat(dy, np.arange(0, dy.shape[axis], factor), axis=axis)
    return {"x": dy}


def odd_tail_forgotten(dy: Array, x: Array, factor: int = 2, axes: Axes = (2, 3)) -> Grads:
    return {"x": dilate(dy, factor, axes)}


# fmt: off
SPECS = (
    LayerSpec(
        name="dilate", korean="팽창", family="ops", aliases=("Upsample1d", "Upsample2d"), distinctive=False,
        forward=dilate, backward=dilate_backward, torch_forward=dilate_torch,
        shapes="x: N C H W -> N C P Q",
        variants=(
            Variant("x: N C W -> N C Q", "sequences"),
            Variant(note="two zeros between", options={"factor": 3}),
            Variant(note="zeros behind the last entry too", options={"tail": True}),
            Variant(note="zeros behind the last entry too, along the last axis", options={"axes": (3,), "tail": True}),
        ),
        mistakes=(
            Mistake("length-of-another-convention", output_taken_for_longer,
                    says="`{grad}` of the dilation lacks the last entries: the output is taken to be f times as long",
                    help="Between W entries there are W - 1 gaps, so the output has f (W - 1) + 1: dx = dy[::f].",
                    says_ko="출력 길이를 입력의 f배로 보아 팽창의 `{grad}`에 마지막 원소가 없다",
                    help_ko="원소 W개 사이의 틈은 W - 1개여서 출력 길이는 f (W - 1) + 1이다: dx = dy[::f]."),
            Mistake("zeros-taken-for-copies", zeros_taken_for_copies,
                    says="`{grad}` of the dilation sums blocks, as if zeros between the entries were copies",
                    help="The zeros do not depend on x: take every f-th entry, dx = dy[::f].",
                    says_ko="팽창의 `{grad}`가 사이에 넣은 0을 사본처럼 보아 블록을 더한다",
                    help_ko="0은 x에 따라 변하지 않으므로 f번째 원소마다 가져온다: dx = dy[::f]."),
        ),
    ),
    LayerSpec(
        name="undilate", korean="팽창 되돌리기", family="ops",
        aliases=("Downsample1d", "Downsample2d", "Downsampling1d", "Downsampling2d"),
        distinctive=False, forward=undilate, backward=undilate_backward, torch_forward=undilate_torch,
        shapes="x: N C H W -> N C P Q",
        variants=(
            Variant("x: N C W -> N C Q", "sequences"),
            Variant(note="every third", options={"factor": 3}),
            Variant(note="along the last axis", options={"axes": (3,)}),
        ),
        mistakes=(
            Mistake("odd-tail-forgotten", odd_tail_forgotten,
                    says="`{grad}` of the downsampling ends with the last entry that was kept",
                    help="Entries behind it have gradient 0: save the size of x, and start with np.zeros_like(x).",
                    says_ko="다운샘플링의 `{grad}`가 마지막으로 남긴 원소에서 끝난다",
                    help_ko="그 뒤 원소들의 기울기는 0이므로 x의 크기를 저장하고 np.zeros_like(x)에서 시작한다."),
        ),
    ),
)
# fmt: on
