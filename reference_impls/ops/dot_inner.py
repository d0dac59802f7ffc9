"""Inner product, row by row.

    z  = sum_d x_d y_d
    dx = dz y        dy = dz x

Shapes: x and y (N, D), z (N,); or two vectors (D,) and a number. The upstream gradient of a row is one number: it
scales the other vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, y: Array) -> Array:
    return np.asarray((x * y).sum(axis=1))


def backward(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz[:, None] * y, "y": dz[:, None] * x}


def torch_forward(x: Any, y: Any) -> Any:
    return (x * y).sum(dim=1)


def operands_not_swapped(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz[:, None] * x, "y": dz[:, None] * y}


def inner_product(x: Array, y: Array) -> Array:
    return np.asarray(np.dot(x, y))


def outer_product(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz * np.outer(x, y), "y": dz * np.outer(y, x)}


# fmt: off
SPEC = LayerSpec(
    name="dot_inner", korean="내적", family="ops", distinctive=False,
    aliases=("Dot", "InnerProduct", "DotProduct", "VecDot", "Inner", "내적"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, y: N D -> N",
    variants=(
        Variant("x: D, y: D ->", "two vectors"),
        Variant("-> N 1", "one number a row, kept as a column"),
        Variant("x: D 1, y: D 1 ->", "two columns"),
    ),
    mistakes=(
        Mistake("swapped-operands", operands_not_swapped,
                says="`{grad}` of the inner product is its own operand times dz, not the other one",
                help="x . y is a sum of products: dx = dz * y and dy = dz * x.",
                says_ko="내적의 `{grad}`가 상대가 아니라 자기 자신에 dz를 곱한 것이다",
                help_ko="x . y는 곱의 합이므로 dx = dz * y, dy = dz * x이다."),
        Mistake("outer-product", outer_product, forward=inner_product, variant="two vectors",
                says="`{grad}` of the inner product is an outer product, a matrix",
                help="The upstream gradient is one number: dx is the vector dz * y.",
                says_ko="내적의 `{grad}`가 외적, 곧 행렬이다",
                help_ko="상류 기울기는 숫자 하나이므로 dx는 벡터 dz * y이다."),
    ),
)
# fmt: on
