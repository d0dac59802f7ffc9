"""Hyperbolic tangent.

    y  = tanh(x)
    dx = dy * (1 - y^2)

Shapes: x and y agree. With e = exp(-2|x|), 1 - y^2 = 4 e / (1 + e)^2, which keeps its digits where y rounds to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(x: Array) -> Array:
    return np.tanh(x)


def backward(dy: Array, x: Array) -> Grads:
    e = np.exp(-2 * np.abs(x))  # never above 1
    return {"x": dy * 4 * e / (1 + e) ** 2}  # dy * (1 - y**2)


def torch_forward(x: Any) -> Any:
    import torch

    return torch.tanh(x)


def input_in_derivative(dy: Array, x: Array) -> Grads:
    return {"x": dy * (1 - x**2)}


def tanh_of_output(dy: Array, x: Array) -> Grads:
    return {"x": dy * (1 - np.tanh(np.tanh(x)) ** 2)}


def derivative_of_sigmoid(dy: Array, x: Array) -> Grads:
    y = np.tanh(x)
    return {"x": dy * y * (1 - y)}


SPEC = LayerSpec(
    name="tanh",
    korean="하이퍼볼릭 탄젠트",
    family="activations",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    mistakes=(
        Mistake(
            "local-derivative-at-input",
            input_in_derivative,
            says="`{grad}` uses 1 - x^2 where the derivative of tanh is 1 - y^2",
            help="The formula is written in the output y = tanh(x); save y in the forward.",
            says_ko="tanh의 도함수는 1 - y^2인데 `{grad}`에 1 - x^2을 썼다",
            help_ko="식의 y는 출력 tanh(x)이므로 순전파에서 y를 저장해 쓴다.",
        ),
        Mistake(
            "local-derivative-at-output",
            tanh_of_output,
            says="tanh is applied to its own output before the derivative is taken",
            help="y is already tanh(x); use 1 - y**2 and not 1 - tanh(y)**2.",
            says_ko="도함수를 구하기 전에 출력에 tanh를 한 번 더 적용했다",
            help_ko="y가 이미 tanh(x)이므로 1 - tanh(y)**2가 아니라 1 - y**2을 쓴다.",
        ),
        Mistake(
            "wrong-local-derivative",
            derivative_of_sigmoid,
            says="`{grad}` of tanh uses y (1 - y), which is the derivative of the sigmoid",
            help="The derivative of tanh is 1 - y^2.",
            says_ko="tanh의 `{grad}`에 시그모이드의 도함수인 y (1 - y)를 썼다",
            help_ko="tanh의 도함수는 1 - y^2이다.",
        ),
    ),
)
