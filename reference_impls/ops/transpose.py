"""Transpose.

    y  = x with its axes in the order `axes`: axis k of y is axis axes[k] of x
    dx = dy with its axes in the inverse order, argsort(axes)

Shapes: x (N, C, D), y (C, D, N) for the default axes (1, 2, 0). Negative axes count from the end; None reverses all.
A swap of two axes is its own inverse; three axes in a circle are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Axes = tuple[int, ...] | None


def positive(ndim: int, axes: Axes) -> tuple[int, ...]:
    return tuple(a % ndim for a in axes) if axes is not None else tuple(range(ndim))[::-1]


def forward(x: Array, axes: Axes = (1, 2, 0)) -> Array:
    return x.transpose(axes).copy()


def backward(dy: Array, x: Array, axes: Axes = (1, 2, 0)) -> Grads:
    return {"x": dy.transpose(np.argsort(positive(x.ndim, axes))).copy()}


def torch_forward(x: Any, axes: Axes = (1, 2, 0)) -> Any:
    return x.permute(positive(x.ndim, axes))


def same_axes_again(dy: Array, x: Array, axes: Axes = (1, 2, 0)) -> Grads:
    return {"x": dy.transpose(axes).copy()}


def negative_axes_sorted(dy: Array, x: Array, axes: Any = (1, 2, 0)) -> Grads:
    return {"x": dy.transpose(np.argsort(axes)).copy()}


# fmt: off
SPEC = LayerSpec(
    name="transpose", korean="전치", family="ops", aliases=("Permute", "swapaxes", "movedim"), distinctive=False,
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C D -> C D N",
    variants=(
        Variant("x: N D -> D N", "a matrix"),
        Variant(note="all axes reversed", options={"axes": None}),
        Variant(note="last two axes swapped", options={"axes": (0, 2, 1)}),
        Variant(note="first two axes swapped", options={"axes": (1, 0, 2)}),
        Variant(note="last axis in front, as a negative axis", options={"axes": (-1, 0, 1)}),
    ),
    mistakes=(
        Mistake("permutation-not-inverted", same_axes_again,
                says="`{grad}` is transposed with the axes of the forward again, not with their inverse",
                help="Undo a permutation with its inverse: dy.transpose(np.argsort(axes)). Only swaps undo themselves.",
                says_ko="`{grad}`를 역순열이 아니라 순전파와 같은 axes로 다시 전치했다",
                help_ko="순열은 역순열 np.argsort(axes)로 되돌린다. 두 축의 맞바꿈만 스스로의 역이다."),
        Mistake("negative-axes", negative_axes_sorted, variant="last axis in front, as a negative axis",
                says="`{grad}` is transposed by argsort of axes of which one is negative",
                help="Make the axes positive before argsort: np.argsort([a % x.ndim for a in axes]).",
                says_ko="음수가 섞인 axes를 그대로 argsort해서 `{grad}`를 전치했다",
                help_ko="argsort 전에 축을 양수로 바꾼다: np.argsort([a % x.ndim for a in axes])."),
    ),
)
# fmt: on
