"""Clip.

    y  = min(max(x, low), high)
    dx = dy where low <= x <= high, else 0

Shapes: x and y agree. `low` and `high` are constants of the layer. On a bound any value between 0 and dy is a
subgradient; dy is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant


def forward(x: Array, low: float = -1.0, high: float = 1.0) -> Array:
    return np.clip(x, low, high)


def backward(dy: Array, x: Array, low: float = -1.0, high: float = 1.0) -> Grads:
    return {"x": dy * ((x >= low) & (x <= high))}


def torch_forward(x: Any, low: float = -1.0, high: float = 1.0) -> Any:
    import torch

    return torch.clamp(x, low, high)


def on_the_lower_bound(rng: np.random.Generator, x: Array, low: float = -1.0, high: float = 1.0) -> Kink:
    return on_a_bound(rng, x, low)


def on_the_upper_bound(rng: np.random.Generator, x: Array, low: float = -1.0, high: float = 1.0) -> Kink:
    return on_a_bound(rng, x, high)


def on_a_bound(rng: np.random.Generator, x: Array, bound: float) -> Kink:
    index = tuple(int(rng.integers(size)) for size in x.shape)
    moved = x.copy()
    moved[index] = bound
    return Kink(f"x = {bound:g}", {"x": moved}, (("x", index),))


def bounds_ignored(dy: Array, x: Array, low: float = -1.0, high: float = 1.0) -> Grads:
    return {"x": dy.copy()}


def lower_bound_only(dy: Array, x: Array, low: float = -1.0, high: float = 1.0) -> Grads:
    return {"x": dy * (x >= low)}


def upstream_clipped(dy: Array, x: Array, low: float = -1.0, high: float = 1.0) -> Grads:
    return {"x": np.clip(dy, low, high)}


SPEC = LayerSpec(
    name="clip",
    aliases=("Clamp", "Clipping"),
    korean="클리핑",
    family="ops",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    kinks=(on_the_lower_bound, on_the_upper_bound),
    variants=(
        Variant(note="between 0 and 1", options={"low": 0.0, "high": 1.0}),
        Variant(note="between -0.5 and 0.5", options={"low": -0.5, "high": 0.5}),
    ),
    mistakes=(
        Mistake(
            "bounds-ignored",
            bounds_ignored,
            says="`{grad}` of clip passes the gradient outside the bounds, too",
            help="Outside the bounds the output does not move with x: the gradient there is 0.",
            says_ko="clip의 `{grad}`가 경계 밖에서도 기울기를 흘려보낸다",
            help_ko="경계 밖에서는 x가 변해도 출력이 변하지 않으므로 기울기가 0이다.",
        ),
        Mistake(
            "gradient-of-clipped",
            lower_bound_only,
            says="`{grad}` of clip passes the gradient above the upper bound",
            help="Both bounds close the gate: use (low <= x) & (x <= high).",
            says_ko="clip의 `{grad}`가 위쪽 경계를 넘은 곳에서도 기울기를 흘려보낸다",
            help_ko="두 경계 모두에서 막아야 하므로 (low <= x) & (x <= high)를 쓴다.",
        ),
        Mistake(
            "upstream-clipped",
            upstream_clipped,
            says="the backward of clip clips the upstream gradient in place of masking it",
            help="Clipping a gradient is another thing: multiply dy by the mask of the inputs inside the bounds.",
            says_ko="clip의 역전파가 마스크를 곱하지 않고 상류 기울기를 잘라낸다",
            help_ko="기울기 자르기와는 다르다: 경계 안에 있는 입력의 마스크를 dy에 곱한다.",
        ),
    ),
)
