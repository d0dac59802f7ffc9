"""Broadcast.

    y  = x repeated along new axes in front and along its axes of size 1
    dx = sum of dy over the copies of each entry

Shapes: x (1, D), y (2, 3, D) by default. `shape` makes the shape of y out of that of x. An axis of x that was repeated
keeps its size 1 in dx.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.ops import unbroadcast
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Shape = tuple[int, ...]


def stacked(shape: Shape) -> Shape:
    return 2, 3, shape[-1]


def forward(x: Array, shape: Callable[[Shape], Shape] = stacked) -> Array:
    return np.broadcast_to(x, shape(x.shape)).copy()


def backward(dy: Array, x: Array, shape: Callable[[Shape], Shape] = stacked) -> Grads:
    return {"x": unbroadcast(dy, x.shape)}


def torch_forward(x: Any, shape: Callable[[Shape], Shape] = stacked) -> Any:
    return x.broadcast_to(shape(tuple(x.shape)))


def new_axes_not_summed(dy: Array, x: Array, **options: Any) -> Grads:
    while dy.ndim > x.ndim:
        dy = dy[0]
    return {"x": unbroadcast(dy, x.shape)}


def repeated_axes_not_summed(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": dy.sum(axis=tuple(range(dy.ndim - x.ndim)))}


def averaged(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": unbroadcast(dy, x.shape) * (x.size / dy.size)}


def scalar_summed_over_rows(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": dy.sum(axis=0)}


# fmt: off
SPEC = LayerSpec(
    name="broadcast_to", korean="브로드캐스트", family="ops", aliases=("expand", "RepeatNode"), distinctive=False,
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: 1 D -> 2 3 D",
    variants=(
        Variant(note="rows repeated", options={"shape": lambda s: (3, s[1])}),
        Variant(note="a new axis in front", options={"shape": lambda s: (2, *s)}),
        Variant("x: D", "a vector to rows", {"shape": lambda s: (3, s[-1])}),
        Variant("x: ", "a scalar", {"shape": lambda s: (3, 4)}),
    ),
    mistakes=(
        Mistake("new-axes-not-summed", new_axes_not_summed,
                says="`{grad}` of the broadcast is taken from one copy along a new axis and not summed over them",
                help="Every copy passes its gradient back: sum over the new axes in front.",
                says_ko="브로드캐스트의 `{grad}`를 새 축의 사본들에 대해 더하지 않고 사본 하나에서만 가져왔다",
                help_ko="모든 사본이 기울기를 돌려보내므로 앞에 생긴 새 축들로 더한다."),
        Mistake("axes-of-one-not-summed", repeated_axes_not_summed,
                says="`{grad}` of the broadcast is not summed over an axis of size 1 that was repeated",
                help="Sum over such an axis and keep it: dy.sum(axis=k, keepdims=True).",
                says_ko="브로드캐스트의 `{grad}`를 반복된 크기 1의 축에 대해 더하지 않았다",
                help_ko="그런 축은 남기면서 더한다: dy.sum(axis=k, keepdims=True)."),
        Mistake("mean-for-sum", averaged,
                says="`{grad}` of the broadcast is the mean over the copies where it should be their sum",
                help="Every copy adds its own gradient: use sum and not mean.",
                says_ko="브로드캐스트의 `{grad}`가 사본들의 합이 아니라 평균이다",
                help_ko="사본마다 기울기를 더하므로 mean이 아니라 sum을 쓴다."),
        Mistake("scalar-not-summed", scalar_summed_over_rows, variant="a scalar",
                says="`{grad}` of a broadcast scalar is summed over the first axis only",
                help="Every entry of the output is a copy of the one number: dy.sum(), over all axes.",
                says_ko="브로드캐스트한 스칼라의 `{grad}`를 첫째 축으로만 더했다",
                help_ko="출력의 모든 원소가 한 수의 사본이므로 모든 축으로 더한다: dy.sum()."),
    ),
)
# fmt: on
