"""Sigmoid (logistic function).

    y  = 1 / (1 + exp(-x))
    dx = dy * y (1 - y)

Shapes: x and y agree. For x < 0 the equal form exp(x) / (1 + exp(x)) is used, which cannot overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(x: Array) -> Array:
    e = np.exp(-np.abs(x))  # never above 1
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def backward(dy: Array, x: Array) -> Grads:
    y = forward(x)
    return {"x": dy * y * forward(-x)}  # 1 - y = sigmoid(-x), exact where y rounds to 1


def torch_forward(x: Any) -> Any:
    import torch

    return torch.sigmoid(x)


def input_in_derivative(dy: Array, x: Array) -> Grads:
    return {"x": dy * x * (1 - x)}


def upstream_ignored(dy: Array, x: Array) -> Grads:
    return {"x": forward(x) * forward(-x)}


def derivative_applied_twice(dy: Array, x: Array) -> Grads:
    return {"x": dy * (forward(x) * forward(-x)) ** 2}


def sigmoid_of_output(dy: Array, x: Array) -> Grads:
    return backward(dy, forward(x))


SPEC = LayerSpec(
    name="sigmoid",
    korean="시그모이드",
    family="activations",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    mistakes=(
        Mistake(
            "local-derivative-at-input",
            input_in_derivative,
            says="`{grad}` uses x (1 - x) where the sigmoid's derivative is y (1 - y)",
            help="The formula y (1 - y) is written in the output y = sigmoid(x); save y in the forward.",
            says_ko="시그모이드의 도함수는 y (1 - y)인데 `{grad}`에 x (1 - x)를 썼다",
            help_ko="y (1 - y)의 y는 출력 sigmoid(x)이므로 순전파에서 y를 저장해 쓴다.",
        ),
        Mistake(
            "upstream-ignored",
            upstream_ignored,
            says="the sigmoid returns its own derivative without the upstream gradient",
            help="The chain rule needs both factors: dx = dy * y * (1 - y).",
            says_ko="시그모이드가 상류 기울기를 곱하지 않고 자기 도함수만 돌려준다",
            help_ko="연쇄법칙에는 두 인수가 모두 필요하다: dx = dy * y * (1 - y).",
        ),
        Mistake(
            "derivative-applied-twice",
            derivative_applied_twice,
            says="`{grad}` contains the sigmoid's derivative y (1 - y) twice",
            help="Multiply by y (1 - y) once, in the sigmoid or in the loss that contains the sigmoid, not in both.",
            says_ko="`{grad}`에 시그모이드의 도함수 y (1 - y)가 두 번 곱해졌다",
            help_ko="y (1 - y)는 시그모이드나 시그모이드를 포함한 손실 중 한 곳에서만 곱한다.",
        ),
        Mistake(
            "local-derivative-at-output",
            sigmoid_of_output,
            says="the sigmoid is applied to its own output before the derivative is taken",
            help="y is already sigmoid(x); use y * (1 - y) and do not call sigmoid(y).",
            says_ko="도함수를 구하기 전에 출력에 시그모이드를 한 번 더 적용했다",
            help_ko="y가 이미 sigmoid(x)이므로 sigmoid(y)를 부르지 말고 y * (1 - y)를 쓴다.",
        ),
    ),
)
