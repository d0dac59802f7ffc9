"""Step function.

    y  = 1 where x > 0, else low
    dx = 0

Shapes: x and y agree. `low` is 0 or -1. The output is flat on both sides of the jump at 0, so no gradient passes;
that is why a perceptron with a step output cannot be trained by backpropagation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, low: float = 0.0) -> Array:
    return np.where(x > 0, 1.0, low)


def backward(dy: Array, x: Array, low: float = 0.0) -> Grads:
    return {"x": np.zeros_like(x)}


def torch_forward(x: Any, low: float = 0.0) -> Any:
    import torch

    # 0 * x ties the constant output to x, so that autograd has a gradient (zero) to return
    return torch.where(x > 0, 1.0, low) + 0 * x


def gradient_of_relu(dy: Array, x: Array, low: float = 0.0) -> Grads:
    return {"x": dy * (x > 0)}


def straight_through(dy: Array, x: Array, low: float = 0.0) -> Grads:
    return {"x": dy.copy()}


SPEC = LayerSpec(
    name="step",
    aliases=("StepFunction", "Heaviside", "UnitStep"),
    korean="계단 함수",
    family="activations",
    distinctive=False,
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    zero_gradient=True,
    variants=(Variant(note="output -1 or 1", options={"low": -1.0}),),
    mistakes=(
        Mistake(
            "nonzero-gradient",
            gradient_of_relu,
            says="`{grad}` of the step function is not zero",
            help="The step is flat on both sides of 0, so its gradient is 0; use a smooth activation to train.",
            says_ko="계단 함수의 `{grad}`가 0이 아니다",
            help_ko="계단 함수는 0의 양쪽에서 평평하여 기울기가 0이므로, 학습하려면 매끄러운 활성화 함수를 쓴다.",
        ),
        Mistake(
            "straight-through",
            straight_through,
            says="the step function passes dy on unchanged, which is not its gradient",
            help="A straight-through estimate is a substitute; the derivative of a step is 0.",
            says_ko="계단 함수가 dy를 그대로 흘려보내는데 이는 계단 함수의 기울기가 아니다",
            help_ko="straight-through 추정은 대용품일 뿐이며 계단 함수의 도함수는 0이다.",
        ),
    ),
)
