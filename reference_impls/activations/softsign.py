"""Softsign.

    y  = x / (1 + |x|)
    dx = dy / (1 + |x|)^2

Shapes: x and y agree. By the quotient rule (1 + |x| - x sign(x)) / (1 + |x|)^2, and x sign(x) = |x|; so there is no
kink at 0, and the slope there is 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(x: Array) -> Array:
    return np.asarray(x / (1 + np.abs(x)))


def backward(dy: Array, x: Array) -> Grads:
    return {"x": dy / (1 + np.abs(x)) ** 2}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.nn.functional.softsign(x)


def bars_dropped(dy: Array, x: Array) -> Grads:
    with np.errstate(divide="ignore"):  # x may be -1
        return {"x": dy / (1 + x) ** 2}


def square_dropped(dy: Array, x: Array) -> Grads:
    return {"x": dy / (1 + np.abs(x))}


# fmt: off
SPEC = LayerSpec(
    name="softsign", korean="소프트사인", family="activations", aliases=("ElliotSigmoid", "Elliot"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D",
    mistakes=(
        Mistake("absolute-value-missing", bars_dropped,
                says="the denominator in `{grad}` of softsign has x where it needs |x|",
                help="For negative x the two differ, and at x = -1 the quotient is infinite: (1 + np.abs(x))**2.",
                says_ko="softsign의 `{grad}`의 분모에 |x|가 아니라 x가 있다",
                help_ko="x가 음수이면 둘은 다르고 x = -1에서는 무한대가 되므로 (1 + np.abs(x))**2을 쓴다."),
        Mistake("square-missing", square_dropped,
                says="the denominator in `{grad}` of softsign is not squared",
                help="The quotient rule squares it: dy / (1 + np.abs(x))**2.",
                says_ko="softsign의 `{grad}`의 분모를 제곱하지 않았다",
                help_ko="몫의 미분법에서는 분모를 제곱한다: dy / (1 + np.abs(x))**2."),
    ),
)
# fmt: on
