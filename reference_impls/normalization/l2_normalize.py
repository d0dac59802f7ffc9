"""L2 normalization: every row brought to length 1.

    y  = x / n,   n = max(|x|, eps),  or |x| + eps,  or sqrt(|x|^2 + eps),   |x| = sqrt(sum_d x^2)
    dx = (dy - dn/dx sum_d(dy y)) / n,   dn/dx = x / |x|,  or with eps under the root x / n

Shapes: x, y (N, D). What is subtracted is the part of dy along x: a row that only grows longer stays the same. One
number a row gives y = +-1, so D is 2 or more. how: "max" (torch), "add" or "root" says where eps stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.normalization import own_eps
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

OVER: dict[str, Any] = {"axis": -1, "keepdims": True}


def lengths(x: Array, eps: float, how: str) -> Any:
    """n and |x|, or for eps under the root n twice."""
    length = np.sqrt(np.sum(x**2, **OVER) + (eps if how == "root" else 0.0))
    return np.maximum(length, eps) if how == "max" else length + eps if how == "add" else length, length


def forward(x: Array, *, eps: float = 1e-12, how: str = "max") -> Array:
    return np.asarray(x / lengths(x, eps, how)[0])


def backward(dy: Array, x: Array, *, eps: float = 1e-12, how: str = "max") -> Grads:
    n, length = lengths(x, eps, how)
    return {"x": (dy - x / length * np.sum(dy * x / n, **OVER)) / n}


def torch_forward(x: Any, eps: float = 1e-12, how: str = "max") -> Any:
    import torch

    if how == "max":
        return torch.nn.functional.normalize(x, dim=-1, eps=eps)
    square = x.square().sum(-1, keepdim=True)
    return x / (square.sqrt() + eps if how == "add" else (square + eps).sqrt())


def inside(y: Array, x: Array, eps: float = 1e-12, how: str = "max") -> dict[str, Any]:
    """A layer's own eps, where it shows."""
    if how == "max":
        return {}
    square = np.sum(x**2, **OVER)
    return {"eps": own_eps(square, square / np.sum(x * y, **OVER), eps, how == "add")}


def projection_missing(dy: Array, x: Array, eps: float = 1e-12, how: str = "max") -> Grads:
    return {"x": dy / lengths(x, eps, how)[0]}


def squared_length(dy: Array, x: Array, eps: float = 1e-12, how: str = "max") -> Grads:
    return {"x": backward(dy, x, eps=eps, how=how)["x"] / lengths(x, eps, how)[0]}


def other_axis(dy: Array, x: Array, eps: float = 1e-12, how: str = "max") -> Grads:
    n, length = lengths(x, eps, how)
    return {"x": (dy - x / length * np.sum(dy * x / n, axis=0, keepdims=True)) / n}


def projected_on_input(dy: Array, x: Array, eps: float = 1e-12, how: str = "max") -> Grads:
    n, _ = lengths(x, eps, how)
    return {"x": (dy - x * np.sum(dy * x, **OVER)) / n}


# fmt: off
SPEC = LayerSpec(
    name="l2_normalize", korean="L2 정규화", family="normalization",
    aliases=("normalize", "L2Normalize", "L2Normalization", "L2Norm", "normalize_rows", "UnitNormalization",
             "LpNormalization", "NormalizeLayer"),
    forward=forward, backward=backward, torch_forward=torch_forward, inside=inside,
    shapes="x: N D -> N D", minimum={"D": 2},
    variants=(
        Variant(note="eps beside the root", options={"how": "add", "eps": 1e-8}),
        Variant(note="eps under the root", options={"how": "root", "eps": 1e-6}),
        Variant("x: D -> D", "single vector", incidental=True),
        Variant("x: D N -> D N", "samples in columns"),
        Variant("x: D N -> D N", "samples in columns, eps beside the root", {"how": "add", "eps": 1e-5}),
    ),
    mistakes=(
        Mistake("projection-missing", projection_missing,
                says="`{grad}` takes the length of x for a constant",
                help="The length depends on x, too: subtract y * sum(dy * y), the part of dy along x.",
                says_ko="`{grad}`가 x의 길이를 상수로 본다",
                help_ko="길이도 x에 따라 변하므로 dy에서 x 방향의 성분 y * sum(dy * y)를 뺀다."),
        Mistake("squared-length", squared_length,
                says="`{grad}` divides by the squared length of x",
                help="Divide by the length once, as the forward does: the y in y * sum(dy * y) has the others.",
                says_ko="`{grad}`를 x의 길이의 제곱으로 나누었다",
                help_ko="순전파처럼 길이로 한 번만 나눈다. 나머지는 y * sum(dy * y)의 y에 들어 있다."),
        Mistake("other-axis", other_axis,
                says="`{grad}` sums dy * y over the samples and not over each row",
                help="Every row has a length of its own: sum over the axis that the forward sums over.",
                says_ko="`{grad}`가 dy * y를 행마다가 아니라 샘플 방향으로 더한다",
                help_ko="행마다 길이가 따로 있으므로 순전파에서 더한 축으로 더한다."),
        Mistake("input-for-normalized", projected_on_input,
                says="`{grad}` subtracts x * sum(dy * x) where it should be y * sum(dy * y)",
                help="The direction of a row is y, of length 1: keep the output and project on that.",
                says_ko="`{grad}`가 y * sum(dy * y)가 아니라 x * sum(dy * x)를 뺀다",
                help_ko="행의 방향은 길이가 1인 y이므로 출력을 저장해 그것으로 사영한다."),
    ),
)
# fmt: on
