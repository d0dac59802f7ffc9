"""Concatenate two arrays.

    z  = [x, y] along `axis`
    dx = the first entries of dz along `axis`, as many as x has        dy = the others

Shapes: x (N, D), y (N, M), z (N, D + M) for the default, the last axis. D and M may differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, y: Array, axis: int = -1) -> Array:
    return np.concatenate([x, y], axis=axis)


def cut(dz: Array, at: int, axis: int) -> Grads:
    """dz in two pieces, the first with `at` entries along `axis`."""
    dx, dy = np.split(dz, [at], axis=axis)
    return {"x": dx.copy(), "y": dy.copy()}


def backward(dz: Array, x: Array, y: Array, axis: int = -1) -> Grads:
    return cut(dz, x.shape[axis], axis)


def torch_forward(x: Any, y: Any, axis: int = -1) -> Any:
    import torch

    return torch.cat([x, y], dim=axis)


def cut_in_halves(dz: Array, x: Array, y: Array, axis: int = -1) -> Grads:
    return cut(dz, dz.shape[axis] // 2, axis)


def cut_along_another_axis(dz: Array, x: Array, y: Array, axis: int = -1) -> Grads:
    return cut(dz, x.shape[axis], axis - 1)


def pieces_in_reverse_order(dz: Array, x: Array, y: Array, axis: int = -1) -> Grads:
    dy, dx = cut(dz, y.shape[axis], axis).values()
    return {"x": dx, "y": dy}


# fmt: off
SPEC = LayerSpec(
    name="concat", korean="연결", family="ops", aliases=("Concatenate", "Concatenation", "cat", "hstack"),
    distinctive=False, forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, y: N M -> N F",
    variants=(
        Variant("x: D N, y: M N -> F N", "one below the other"),
        Variant("x: (B T) D, y: (B T) M -> (B T) F", "features of a sequence"),
        Variant("x: D, y: M -> F", "vectors"),
    ),
    mistakes=(
        Mistake("equal-pieces", cut_in_halves,
                says="`{grad}` of the concatenation is cut in the middle although x and y differ in size",
                help="Cut where x ends: np.split(dz, [x.shape[axis]], axis).",
                says_ko="x와 y의 크기가 다른데 연결의 `{grad}`를 한가운데에서 잘랐다",
                help_ko="x가 끝나는 곳에서 자른다: np.split(dz, [x.shape[axis]], axis)."),
        Mistake("wrong-axis", cut_along_another_axis,
                says="`{grad}` of the concatenation is cut along another axis than the forward joins",
                help="Split along the axis of np.concatenate.",
                says_ko="연결의 `{grad}`를 순전파에서 이어 붙인 축이 아닌 다른 축으로 잘랐다",
                help_ko="np.concatenate와 같은 축으로 나눈다."),
        Mistake("pieces-swapped", pieces_in_reverse_order,
                says="`{grad}` of the concatenation is cut in the order [y, x], and the forward joins [x, y]",
                help="Keep one order: what stands first in the forward has the first part of dz.",
                says_ko="순전파는 [x, y] 순서인데 연결의 `{grad}`는 [y, x] 순서로 잘랐다",
                help_ko="한 순서를 지킨다. 순전파에서 앞에 놓인 것이 dz의 앞부분을 받는다."),
    ),
)
# fmt: on
