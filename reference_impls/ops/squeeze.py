"""Axes of size 1, taken away and put in.

    squeeze:      y = x without the axes `axis`, each of size 1        dx = dy in the shape of x
    expand_dims:  y = x with a new axis of size 1 at place `axis`      dx = dy in the shape of x

Shapes: squeeze x (N, 1, D, 1), y (N, D, 1) for axis 1; expand_dims x (N, D), y (N, D, 1) for axis -1.
A negative axis counts from the end of the array that has the axis: of x for squeeze, of y for expand_dims.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Axes = int | tuple[int, ...]


def squeeze(x: Array, axis: Axes = 1) -> Array:
    return np.squeeze(x, axis=axis).copy()


def squeeze_torch(x: Any, axis: Axes = 1) -> Any:
    return x.squeeze(axis)


def expand_dims(x: Array, axis: int = -1) -> Array:
    return np.expand_dims(x, axis).copy()


def expand_dims_torch(x: Any, axis: int = -1) -> Any:
    return x.unsqueeze(axis)


def backward(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": dy.reshape(x.shape).copy()}


def axis_of_the_input(dy: Array, x: Array, axis: int = -1) -> Grads:
    return {"x": np.take(dy, 0, axis=axis % x.ndim)}


# fmt: off
SPECS = (
    LayerSpec(
        name="squeeze", korean="축 제거", family="ops", distinctive=False,
        forward=squeeze, backward=backward, torch_forward=squeeze_torch,
        shapes="x: N 1 D 1 -> N D 1",
        variants=(
            Variant(note="the last axis", options={"axis": -1}),
            Variant(note="two axes", options={"axis": (1, 3)}),
        ),
    ),
    LayerSpec(
        name="expand_dims", korean="축 추가", family="ops", aliases=("Unsqueeze", "ExpandDim"), distinctive=False,
        forward=expand_dims, backward=backward, torch_forward=expand_dims_torch,
        shapes="x: N D -> N D 1",
        variants=(
            Variant(note="a new axis in front", options={"axis": 0}),
            Variant(note="a new axis in the middle", options={"axis": 1}),
        ),
        mistakes=(
            Mistake("axis-of-input", axis_of_the_input,
                    says="`{grad}` of expand_dims counts its negative axis in x, which has one axis fewer than y",
                    help="Take the axis out of y: axis % dy.ndim, or simply dy.reshape(x.shape).",
                    says_ko="expand_dims의 `{grad}`가 음수 축을 y보다 축이 하나 적은 x에서 센다",
                    help_ko="축은 y에서 세어 axis % dy.ndim으로 쓰거나 간단히 dy.reshape(x.shape)을 쓴다."),
        ),
    ),
)
# fmt: on
