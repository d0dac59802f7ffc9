"""Stack two arrays along a new axis.

    z  = (x, y), one after the other along a new axis `axis`
    dx = entry 0 of dz along that axis        dy = entry 1

Shapes: x and y (N, D), z (2, N, D) for the default axis 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, y: Array, axis: int = 0) -> Array:
    return np.stack([x, y], axis=axis)


def backward(dz: Array, x: Array, y: Array, axis: int = 0) -> Grads:
    return {"x": np.take(dz, 0, axis=axis), "y": np.take(dz, 1, axis=axis)}


def torch_forward(x: Any, y: Any, axis: int = 0) -> Any:
    import torch

    return torch.stack([x, y], dim=axis)


def pairs_taken_apart(dz: Array, x: Array, y: Array, axis: int = 0) -> Grads:
    flat = dz.reshape(-1, 2)  # right for the last axis only
    return {"x": flat[:, 0].reshape(x.shape), "y": flat[:, 1].reshape(y.shape)}


# fmt: off
SPEC = LayerSpec(
    name="stack", korean="쌓기", family="ops", distinctive=False,
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, y: N D -> 2 N D",
    variants=(
        Variant(note="axis 1", options={"axis": 1}),
        Variant(note="the last axis", options={"axis": -1}),
        Variant("x: D, y: D -> 2 D", "vectors"),
    ),
    mistakes=(
        Mistake("wrong-axis", pairs_taken_apart,
                says="`{grad}` of the stack is taken apart along another axis than the forward stacks",
                help="Unstack along the new axis: np.take(dz, k, axis=axis) for the k-th array.",
                says_ko="stack의 `{grad}`를 순전파에서 쌓은 축이 아닌 다른 축으로 나누었다",
                help_ko="새로 생긴 축으로 나눈다: k번째 배열은 np.take(dz, k, axis=axis)."),
    ),
)
# fmt: on
