"""Leaky ReLU.

    y  = x  where x > 0, else slope * x
    dx = dy where x > 0, else slope * dy

Shapes: x and y agree. `slope` is a constant of the layer, 0.01 in the original and in PyTorch; other libraries
have 0.1, 0.2 or 0.3. At x = 0 any value between slope * dy and dy is a subgradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, slope: float = 0.01) -> Array:
    return np.where(x > 0, x, slope * x)


def backward(dy: Array, x: Array, slope: float = 0.01) -> Grads:
    return {"x": np.where(x > 0, dy, slope * dy)}


def torch_forward(x: Any, slope: float = 0.01) -> Any:
    import torch

    return torch.nn.functional.leaky_relu(x, slope)


def slope_times_input(dy: Array, x: Array, slope: float = 0.01) -> Grads:
    return {"x": np.where(x > 0, dy, slope * x)}


def slope_dropped(dy: Array, x: Array, slope: float = 0.01) -> Grads:
    return {"x": np.where(x > 0, dy, 0.0)}


def slope_on_positive_side(dy: Array, x: Array, slope: float = 0.01) -> Grads:
    return {"x": np.where(x > 0, slope * dy, dy)}


def default_slope_in_backward(dy: Array, x: Array, slope: float = 0.01) -> Grads:
    return backward(dy, x)


SPEC = LayerSpec(
    name="leaky_relu",
    korean="리키 렐루",
    family="activations",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    kinks=(0.0,),
    variants=(
        Variant(note="slope 0.1", options={"slope": 0.1}),
        Variant(note="slope 0.2", options={"slope": 0.2}),
        Variant(note="slope 0.3", options={"slope": 0.3}),
    ),
    mistakes=(
        Mistake(
            "slope-times-input",
            slope_times_input,
            says="on the negative side `{grad}` is the slope times x and not the slope times dy",
            help="The backward scales the upstream gradient: the slope times dy where x is not positive.",
            says_ko="음수 쪽의 `{grad}`가 dy가 아니라 x에 기울기 계수를 곱한 값이다",
            help_ko="역전파는 상류 기울기를 줄여 보낸다: x가 양수가 아닌 곳에서 slope * dy를 쓴다.",
        ),
        Mistake(
            "gradient-missing",
            slope_dropped,
            says="`{grad}` of leaky ReLU is zero on the negative side, as in plain ReLU",
            help="The negative side leaks: multiply dy by the slope there, not by 0.",
            says_ko="리키 렐루의 `{grad}`가 보통 ReLU처럼 음수 쪽에서 0이다",
            help_ko="음수 쪽에서도 기울기가 새어 나오므로 dy에 0이 아니라 slope를 곱한다.",
        ),
        Mistake(
            "mask-inverted",
            slope_on_positive_side,
            says="leaky ReLU applies its slope to the gradient of the positive inputs",
            help="Positive inputs pass dy unchanged; the slope belongs to the negative ones.",
            says_ko="리키 렐루가 양수 입력의 기울기에 slope를 곱한다",
            help_ko="양수 입력은 dy를 그대로 보내고, slope는 음수 입력에 곱한다.",
        ),
        Mistake(
            "constant-differs",
            default_slope_in_backward,
            variant="slope 0.2",
            says="the leaky ReLU backward uses another slope than the forward",
            help="Keep the slope in one place; the default differs between libraries (0.01, 0.1, 0.2, 0.3).",
            says_ko="리키 렐루의 역전파가 순전파와 다른 slope를 쓴다",
            help_ko="slope는 한 곳에만 둔다. 기본값은 라이브러리마다 다르다(0.01, 0.1, 0.2, 0.3).",
        ),
    ),
)
