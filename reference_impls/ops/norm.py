"""Norm of vectors along an axis.

    y[n]     = (sum_d |x[n, d]|^p)^(1/p)                         or, for p = inf,  max_d |x[n, d]|
    dx[n, d] = dy[n] sign(x[n, d]) (|x[n, d]| / y[n])^(p - 1)    or, for p = inf,  dy[n] sign(x[n, d]) at the largest

Shapes: x (N, D), y (N, 1) for axis=1, (1, D) for axis=0, (1, 1) for axis=None. For p = 2 that is dx = dy x / y.
Kinks: the zero vector, where y = 0; for p = 1 every x = 0; for p = inf a tie. dx is 0 at 0, and ties share it evenly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.axes import LAYOUT, VARIANTS, Axis, along_each_axis
from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake


def forward(x: Array, axis: Axis = 1, p: float = 2.0) -> Array:
    if p == np.inf:
        return np.asarray(np.abs(x).max(axis=axis, keepdims=True))
    return np.asarray((np.abs(x) ** p).sum(axis=axis, keepdims=True) ** (1 / p))


def backward(dy: Array, x: Array, axis: Axis = 1, p: float = 2.0) -> Grads:
    y = forward(x, axis, p)
    if p == np.inf:
        largest = np.abs(x) == y
        return {"x": dy * np.sign(x) * largest / largest.sum(axis=axis, keepdims=True)}
    return {"x": dy * np.sign(x) * (np.abs(x) / np.where(y == 0, 1, y)) ** (p - 1)}


def torch_forward(x: Any, axis: Axis = 1, p: float = 2.0) -> Any:
    import torch

    return torch.linalg.vector_norm(x, p, dim=axis, keepdim=True)


def zero_vector(rng: np.random.Generator, x: Array, axis: Axis = 1, p: float = 2.0) -> Kink:
    n, d = (int(rng.integers(size)) for size in x.shape)
    moved = x.copy()
    moved[{1: (n,), 0: (slice(None), d), None: ()}[axis]] = 0.0
    return Kink("the zero vector", {"x": moved}, (("x", (n, d)),))


def zero_entry(rng: np.random.Generator, x: Array, axis: Axis = 1, p: float = 2.0) -> Kink | None:
    n, d = (int(rng.integers(size)) for size in x.shape)
    moved = x.copy()
    moved[n, d] = 0.0
    return Kink("x = 0", {"x": moved}, (("x", (n, d)),)) if p == 1 else None


def tie(rng: np.random.Generator, x: Array, axis: Axis = 1, p: float = 2.0) -> Kink | None:
    n, d = (int(rng.integers(size)) for size in x.shape)
    other = ((n + 1) % x.shape[0], d) if axis == 0 else (n, (d + 1) % x.shape[1])
    moved = x.copy()
    moved[n, d] = moved[other] = np.abs(x).max() + 1
    tied = p == np.inf and other != (n, d)
    return Kink("a tie for the maximum", {"x": moved}, (("x", (n, d)), ("x", other))) if tied else None


def root_left_out(dy: Array, x: Array, axis: Axis = 1, p: float = 2.0) -> Grads:
    return {"x": backward(dy, x, axis, p)["x"] * p * forward(x, axis, p) ** (p - 1)}


def norm_not_divided_by(dy: Array, x: Array, axis: Axis = 1, p: float = 2.0) -> Grads:
    return {"x": backward(dy, x, axis, p)["x"] * forward(x, axis, p) ** (p - 1)}


def divided_by_the_square(dy: Array, x: Array, axis: Axis = 1, p: float = 2.0) -> Grads:
    return {"x": backward(dy, x, axis, p)["x"] / forward(x, axis, p)}


def sign_dropped(dy: Array, x: Array, axis: Axis = 1, p: float = 2.0) -> Grads:
    return backward(dy, np.abs(x), axis, p)


# fmt: off
SPEC = LayerSpec(
    name="norm", korean="노름", family="ops", kinks=(zero_vector, zero_entry, tie),
    aliases=("L2Norm", "VectorNorm", "L1Norm", "LpNorm", "EuclideanNorm", "FrobeniusNorm"),
    forward=forward, backward=backward, torch_forward=torch_forward, shapes=LAYOUT,
    variants=(*VARIANTS, *(v for p in (1.0, 3.0, np.inf) for v in along_each_axis(f"order {p:g}", p=p))),
    mistakes=(
        Mistake("root-left-out", root_left_out,
                says="`{grad}` is that of the norm's square, 2 x dy: the root is left out",
                help="The root adds 1 / (2 y) to the chain: the gradient of the norm is x / y times dy.",
                says_ko="`{grad}`가 노름의 제곱의 기울기 2 x dy이다: 제곱근이 빠졌다",
                help_ko="제곱근의 도함수 1 / (2 y)를 더 곱한다: 노름의 기울기는 dy x / y이다."),
        Mistake("norm-not-divided", norm_not_divided_by,
                says="`{grad}` of the norm is dy * x, not divided by the norm",
                help="The gradient is the unit vector x / y times dy.",
                says_ko="노름의 `{grad}`가 dy * x이다: 노름으로 나누지 않았다",
                help_ko="기울기는 단위 벡터 x / y에 dy를 곱한 것이다."),
        Mistake("norm-divided-twice", divided_by_the_square,
                says="`{grad}` of the norm divides by the square of the norm, not by the norm",
                help="The gradient is the unit vector x / y times dy: divide by y once.",
                says_ko="노름의 `{grad}`를 노름이 아니라 노름의 제곱으로 나누었다",
                help_ko="기울기는 단위 벡터 x / y에 dy를 곱한 것이므로 y로 한 번만 나눈다."),
        Mistake("sign-missing", sign_dropped,
                says="`{grad}` of the norm lacks the sign of x",
                help="The norm falls as a negative entry grows: multiply by sign(x), or use x and not |x|.",
                says_ko="노름의 `{grad}`에 x의 부호가 빠졌다",
                help_ko="음수인 원소가 커지면 노름은 작아지므로 sign(x)를 곱하거나 |x| 대신 x를 쓴다."),
    ),
)
# fmt: on
