"""Absolute value.

    y  = |x|
    dx = dy * sign(x)

Shapes: x and y agree. At x = 0 any value between -dy and dy is a subgradient; 0 is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(x: Array) -> Array:
    return np.abs(x)


def backward(dy: Array, x: Array) -> Grads:
    return {"x": dy * np.sign(x)}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.abs(x)


def sign_dropped(dy: Array, x: Array) -> Grads:
    return {"x": dy.copy()}


SPEC = LayerSpec(
    name="abs",
    aliases=("Absolute", "AbsoluteValue"),
    korean="절댓값",
    family="ops",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    kinks=(0.0,),
    mistakes=(
        Mistake(
            "sign-missing",
            sign_dropped,
            says="`{grad}` of the absolute value lacks the sign of x",
            help="|x| falls where x is negative: multiply the upstream gradient by sign(x).",
            says_ko="절댓값의 `{grad}`에 x의 부호가 빠졌다",
            help_ko="x가 음수인 곳에서 |x|는 감소하므로 상류 기울기에 sign(x)를 곱한다.",
        ),
    ),
)
