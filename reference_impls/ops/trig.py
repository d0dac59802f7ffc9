"""Sine, cosine and tangent.

    y  = sin(x)            y  = cos(x)              y  = tan(x)
    dx = dy * cos(x)       dx = -dy * sin(x)        dx = dy / cos(x)^2

Shapes: x and y agree. tan has poles at odd multiples of pi / 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

SLOPES: dict[str, Callable[[Array], Array]] = {
    "sin": np.cos,
    "cos": lambda x: -np.sin(x),
    "tan": lambda x: 1 / np.cos(x) ** 2,
}


def sign_dropped(dy: Array, x: Array) -> Grads:
    return {"x": dy * np.sin(x)}


def minus_too_many(dy: Array, x: Array) -> Grads:
    return {"x": -dy * np.cos(x)}


def cosine_not_squared(dy: Array, x: Array) -> Grads:
    return {"x": dy / np.cos(x)}


def spec(name: str, korean: str, slope: str, own: Mistake, domain: str = "") -> LayerSpec:
    def forward(x: Array) -> Array:
        return np.asarray(getattr(np, name)(x))

    def backward(dy: Array, x: Array) -> Grads:
        return {"x": dy * SLOPES[name](x)}

    def torch_forward(x: Any) -> Any:
        return getattr(x, name)()

    def slope_at_output(dy: Array, x: Array) -> Grads:
        return backward(dy, forward(x))

    # fmt: off
    at_output = Mistake("local-derivative-at-output", slope_at_output,
                        says=f"the derivative of {name} is taken at the output {name}(x) and not at the input x",
                        help=f"Save the input in the forward and use it in the backward: {slope}.",
                        says_ko=f"{name}의 도함수를 입력 x가 아니라 출력 {name}(x)에서 계산했다",
                        help_ko=f"순전파에서 입력을 저장해 두고 역전파에서 쓴다: {slope}.")
    return LayerSpec(
        name=name, korean=korean, family="ops", forward=forward, backward=backward, torch_forward=torch_forward,
        shapes=f"x: N D {domain} -> N D", variants=(Variant(f"x: {domain} ->", "scalar node"),),
        mistakes=(own, at_output),
    )
    # fmt: on


# fmt: off
SPECS = (
    spec("sin", "사인", "dy * np.cos(x)",
         Mistake("wrong-sign", minus_too_many,
                 says="`{grad}` of sin has a minus that belongs to the derivative of cos",
                 help="sin' = cos without a sign; cos' = -sin has the minus.",
                 says_ko="sin의 `{grad}`에 cos의 도함수에 붙을 음수 부호가 붙었다",
                 help_ko="sin' = cos에는 부호가 없고, cos' = -sin에 음수 부호가 있다.")),
    spec("cos", "코사인", "-dy * np.sin(x)",
         Mistake("wrong-sign", sign_dropped,
                 says="`{grad}` of cos lacks the minus of cos' = -sin",
                 help="cos falls where sin is positive: return -dy * np.sin(x).",
                 says_ko="cos의 `{grad}`에 cos' = -sin의 음수 부호가 빠졌다",
                 help_ko="sin이 양수인 곳에서 cos은 감소하므로 -dy * np.sin(x)를 돌려준다.")),
    spec("tan", "탄젠트", "dy / np.cos(x)**2",
         Mistake("denominator-not-squared", cosine_not_squared,
                 says="`{grad}` of tan divides by cos(x), not by its square",
                 help="tan = sin / cos has the derivative 1 / cos^2, which is 1 + tan^2, too.",
                 says_ko="tan의 `{grad}`를 cos(x)의 제곱이 아니라 cos(x)로 나누었다",
                 help_ko="tan = sin / cos의 도함수는 1 / cos^2이고 1 + tan^2와 같다."),
         "@unit"),
)
# fmt: on
