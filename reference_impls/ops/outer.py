"""Outer product of two vectors.

    z[i, j] = x[i] y[j]
    dx      = dz y        dy = dz^T x

Shapes: x (D,), y (M,), z (D, M); or two rows (1, D) and (1, M). Each entry of x meets every entry of y: its gradient is
a sum over a row of dz, and that of y over a column.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, y: Array) -> Array:
    return np.outer(x, y)


def backward(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz @ y, "y": dz.T @ x}


def torch_forward(x: Any, y: Any) -> Any:
    return x.outer(y)


def sums_without_the_operands(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz.sum(axis=1), "y": dz.sum(axis=0)}


def not_summed(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz * y, "y": dz * x[:, None]}


# fmt: off
SPEC = LayerSpec(
    name="outer", korean="외적", family="ops", distinctive=False, aliases=("OuterProduct", "VecOuter"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: D, y: M -> D M",
    variants=(Variant("x: 1 D, y: 1 M -> D M", "two rows"),),
    mistakes=(
        Mistake("missing-factor", sums_without_the_operands,
                says="`{grad}` of the outer product is a sum of dz without the other vector",
                help="z[i, j] = x[i] y[j]: dx = dz @ y and dy = dz.T @ x.",
                says_ko="외적의 `{grad}`가 상대 벡터를 곱하지 않은 dz의 합이다",
                help_ko="z[i, j] = x[i] y[j]이므로 dx = dz @ y, dy = dz.T @ x이다."),
        Mistake("not-summed", not_summed,
                says="`{grad}` of the outer product is still a matrix",
                help="Every entry of x takes part in a whole row of z: sum dz * y over the row, dz @ y.",
                says_ko="외적의 `{grad}`가 아직 행렬이다",
                help_ko="x의 각 원소는 z의 한 행 전체에 쓰이므로 dz * y를 행을 따라 더한다: dz @ y."),
    ),
)
# fmt: on
