"""Sum to a shape, the inverse of broadcasting.

    y  = sum of x over the axes in front and over those that have size 1 in y
    dx = dy repeated to the shape of x

Shapes: x (D, D, D), y (D, 1) by default; the axes of y are those of x, aligned from the right. `shape` makes the shape
of y out of that of x. The axes of x are equally long here: elsewhere NumPy itself refuses a wrong alignment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Shape = tuple[int, ...]


def column(shape: Shape) -> Shape:
    return shape[1], 1


def forward(x: Array, shape: Callable[[Shape], Shape] = column) -> Array:
    wanted = shape(x.shape)
    padded = (1,) * (x.ndim - len(wanted)) + wanted
    axes = tuple(axis for axis, size in enumerate(padded) if size == 1)
    return np.asarray(x.sum(axis=axes)).reshape(wanted)


def backward(dy: Array, x: Array, shape: Callable[[Shape], Shape] = column) -> Grads:
    return {"x": np.broadcast_to(dy, x.shape).copy()}


def torch_forward(x: Any, shape: Callable[[Shape], Shape] = column) -> Any:
    return x.sum_to_size(shape(tuple(x.shape)))


def axis_of_one_dropped(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": np.broadcast_to(dy.squeeze(), x.shape).copy()}


def aligned_from_the_left(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": np.broadcast_to(dy.reshape(dy.shape + (1,) * (x.ndim - dy.ndim)), x.shape).copy()}


# fmt: off
SPEC = LayerSpec(
    name="sum_to", korean="sum_to", family="ops", aliases=("unbroadcast", "sum_to_size", "sum_to_shape"),
    distinctive=False, forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: D D D -> D 1",
    variants=(
        Variant(note="to a row", options={"shape": lambda s: (1, s[2])}),
        Variant(note="to a vector", options={"shape": lambda s: (s[2],)}),
        Variant(note="to a matrix", options={"shape": lambda s: s[1:]}),
        Variant(note="to a scalar", options={"shape": lambda s: ()}),
        Variant(note="over the first axis, which stays", options={"shape": lambda s: (1, *s[1:])}),
    ),
    mistakes=(
        Mistake("axis-of-one-dropped", axis_of_one_dropped,
                says="the axis of size 1 is dropped before `{grad}` is repeated, so that it runs along another axis",
                help="Keep axes of size 1 with keepdims=True: (D, 1) and (D,) are repeated in different directions.",
                says_ko="크기 1의 축을 없앤 뒤 반복해서 `{grad}`가 다른 축을 따라 놓인다",
                help_ko="크기 1의 축을 keepdims=True로 남긴다. (D, 1)과 (D,)는 서로 다른 방향으로 반복된다."),
        Mistake("aligned-from-the-left", aligned_from_the_left,
                says="the axes of the sum are matched with those of x from the left",
                help="Broadcasting aligns shapes from the right: missing axes are in front.",
                says_ko="합의 축을 x의 축과 왼쪽부터 맞추었다",
                help_ko="브로드캐스팅은 shape을 오른쪽부터 맞추므로 없는 축은 앞쪽에 있다."),
    ),
)
# fmt: on
