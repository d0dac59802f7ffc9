"""Mish.

    y  = x t                                        t = tanh(softplus(x)), softplus(x) = log(1 + exp(x))
    dx = dy * (t + x (1 - t^2) sigmoid(x))

Shapes: x and y agree. The product rule gives two terms; in the second one 1 - t^2 is the slope of tanh, and sigmoid
that of softplus.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.activations.sigmoid import forward as sigmoid
from reference_impls.activations.softplus import forward as softplus
from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(x: Array) -> Array:
    return np.asarray(x * np.tanh(softplus(x)))


def backward(dy: Array, x: Array) -> Grads:
    t = np.tanh(softplus(x))
    return {"x": dy * (t + x * (1 - t**2) * sigmoid(x))}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.nn.functional.mish(x)


def second_term_dropped(dy: Array, x: Array) -> Grads:
    return {"x": dy * np.tanh(softplus(x))}


def slope_of_softplus_dropped(dy: Array, x: Array) -> Grads:
    t = np.tanh(softplus(x))
    return {"x": dy * (t + x * (1 - t**2))}


def output_for_tanh(dy: Array, x: Array) -> Grads:
    y = forward(x)
    return {"x": dy * (np.tanh(softplus(x)) + x * (1 - y**2) * sigmoid(x))}


# fmt: off
SPEC = LayerSpec(
    name="mish", korean="미쉬", family="activations",
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D",
    mistakes=(
        Mistake("product-rule", second_term_dropped,
                says="`{grad}` of Mish has only the first term of the product rule",
                help="x stands in front of the tanh and inside it: add x (1 - t**2) sigmoid(x).",
                says_ko="Mish의 `{grad}`에 곱의 미분법의 첫째 항만 있다",
                help_ko="x는 tanh의 앞에도 안에도 있으므로 x (1 - t**2) sigmoid(x)를 더한다."),
        Mistake("inner-derivative-missing", slope_of_softplus_dropped,
                says="the second term of `{grad}` of Mish lacks sigmoid(x), the slope of the softplus",
                help="The chain has two links: 1 - t**2 for the tanh and sigmoid(x) for the softplus inside it.",
                says_ko="Mish의 `{grad}`의 둘째 항에 softplus의 기울기 sigmoid(x)가 빠져 있다",
                help_ko="연쇄의 고리는 둘이다: tanh의 1 - t**2과 그 안의 softplus의 sigmoid(x)."),
        Mistake("local-derivative-at-output", output_for_tanh,
                says="`{grad}` of Mish uses 1 - y^2 with the whole output y = x t where t alone belongs",
                help="The slope of tanh is 1 - t**2 with t = tanh(softplus(x)); save t in the forward.",
                says_ko="Mish의 `{grad}`에 t가 아니라 전체 출력 y = x t로 1 - y^2을 썼다",
                help_ko="tanh의 기울기는 t = tanh(softplus(x))로 쓴 1 - t**2이므로 순전파에서 t를 저장한다."),
    ),
)
# fmt: on
