"""Scaled hyperbolic tangent of LeCun's "Efficient BackProp".

    y  = A tanh(S x) + twist x
    dx = dy * (A S (1 - tanh(S x)^2) + twist)

Shapes: x and y agree. A = 1.7159 and S = 2/3 make f(1) = 1 and f(-1) = -1, so that outputs of variance one stay so;
the twisting term keeps a slope where tanh is flat. In terms of the output (without a twist) the slope is A S - S/A y^2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, A: float = 1.7159, S: float = 2 / 3, twist: float = 0.0) -> Array:
    return A * np.tanh(S * x) + twist * x


def backward(dy: Array, x: Array, A: float = 1.7159, S: float = 2 / 3, twist: float = 0.0) -> Grads:
    return {"x": dy * (A * S * (1 - np.tanh(S * x) ** 2) + twist)}


def torch_forward(x: Any, A: float = 1.7159, S: float = 2 / 3, twist: float = 0.0) -> Any:
    import torch

    return A * torch.tanh(S * x) + twist * x


def inner_factor_dropped(dy: Array, x: Array, A: float = 1.7159, S: float = 2 / 3, twist: float = 0.0) -> Grads:
    return {"x": dy * (A * (1 - np.tanh(S * x) ** 2) + twist)}


def scaled_output_squared(dy: Array, x: Array, A: float = 1.7159, S: float = 2 / 3, twist: float = 0.0) -> Grads:
    return {"x": dy * A * S * (1 - forward(x, A, S, twist) ** 2)}


def slope_of_plain_tanh(dy: Array, x: Array, A: float = 1.7159, S: float = 2 / 3, twist: float = 0.0) -> Grads:
    return {"x": dy * (1 - forward(x, A, S, twist) ** 2)}


def outer_factor_twice(dy: Array, x: Array, A: float = 1.7159, S: float = 2 / 3, twist: float = 0.0) -> Grads:
    return {"x": A * backward(dy, x, A, S, twist)["x"]}


def twist_dropped(dy: Array, x: Array, A: float = 1.7159, S: float = 2 / 3, twist: float = 0.0) -> Grads:
    return backward(dy, x, A, S)


# fmt: off
SPEC = LayerSpec(
    name="lecun_tanh", korean="르쿤의 스케일 tanh", family="activations",
    aliases=("tanh_lecun", "lecun_sigmoid", "stanh"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D",
    variants=(
        *(Variant(note=f"twisting term {a} x", options={"twist": a}) for a in (0.01, 0.1)),
        *(Variant(note=f"inner factor rounded to {s}", options={"S": s}) for s in (0.67, 0.667, 0.666, 0.6666)),
    ),
    mistakes=(
        Mistake("inner-factor-missing", inner_factor_dropped,
                says="`{grad}` of the scaled tanh lacks the inner factor 2/3",
                help="The chain rule brings S out of tanh(S x): the slope is A * S * (1 - tanh(S x)**2).",
                says_ko="스케일 tanh의 `{grad}`에 안쪽 계수 2/3가 빠져 있다",
                help_ko="연쇄법칙으로 tanh(S x)의 S가 밖으로 나오므로 기울기는 A * S * (1 - tanh(S x)**2)이다."),
        *(Mistake("local-derivative-at-output", wrong,
                  says="`{grad}` uses 1 - y^2 although the output y is A tanh(S x), no plain tanh",
                  help="Save t = tanh(S x) and use A * S * (1 - t**2); in terms of y it is A * S - S / A * y**2.",
                  says_ko="출력 y는 그냥 tanh가 아니라 A tanh(S x)인데 `{grad}`에 1 - y^2을 썼다",
                  help_ko="t = tanh(S x)를 저장해 A * S * (1 - t**2)을 쓴다. y로 쓰면 A * S - S / A * y**2이다.")
          for wrong in (scaled_output_squared, slope_of_plain_tanh)),
        Mistake("gradient-missing", twist_dropped, variant="twisting term 0.01 x",
                says="`{grad}` of the scaled tanh lacks the slope of the twisting term",
                help="The term a x of the forward adds the constant a to the slope.",
                says_ko="스케일 tanh의 `{grad}`에 비틀림 항의 기울기가 빠져 있다",
                help_ko="순전파의 a x 항은 기울기에 상수 a를 더한다."),
        Mistake("factor-applied-twice", outer_factor_twice,
                says="`{grad}` of the scaled tanh contains the outer factor A twice",
                help="The forward has A once, so the slope has it once: A * S * (1 - tanh(S x)**2).",
                says_ko="스케일 tanh의 `{grad}`에 바깥 계수 A가 두 번 곱해졌다",
                help_ko="순전파에 A가 한 번 있으므로 기울기에도 한 번만 곱한다: A * S * (1 - tanh(S x)**2)."),
    ),
)
# fmt: on
