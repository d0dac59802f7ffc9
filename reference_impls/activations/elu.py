"""ELU, the exponential linear unit.

    y  = x  where x > 0, else alpha (exp(x) - 1)
    dx = dy where x > 0, else dy * alpha exp(x)

Shapes: x and y agree. `alpha` is a constant of the layer. On the negative side alpha exp(x) = y + alpha. Unless alpha
is 1 there is a kink at x = 0, where any value between alpha * dy and dy is a subgradient; alpha * dy is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))  # np.where computes both sides


def backward(dy: Array, x: Array, alpha: float = 1.0) -> Grads:
    return {"x": dy * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))}


def torch_forward(x: Any, alpha: float = 1.0) -> Any:
    import torch

    return torch.nn.functional.elu(x, alpha)


def output_plus_one(dy: Array, x: Array, alpha: float = 1.0) -> Grads:
    return {"x": dy * np.where(x > 0, 1, forward(x, alpha) + 1)}


def alpha_dropped(dy: Array, x: Array, alpha: float = 1.0) -> Grads:
    return backward(dy, x, 1.0)


def output_for_slope(dy: Array, x: Array, alpha: float = 1.0) -> Grads:
    return {"x": dy * np.where(x > 0, 1, forward(x, alpha))}


# fmt: off
SPEC = LayerSpec(
    name="elu", korean="엘루", family="activations", aliases=("ExponentialLinearUnit", "ExponentialLU"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D", kinks=(0.0,),
    variants=tuple(Variant(note=f"alpha {a}", options={"alpha": a}) for a in (0.01, 0.1, 0.2, 0.3, 0.5, 2.0)),
    mistakes=(
        Mistake("output-plus-one", output_plus_one, variant="alpha 0.5",
                says="`{grad}` of ELU is y + 1 on the negative side, which holds for alpha = 1 only",
                help="alpha exp(x) is y + alpha.",
                says_ko="ELU의 `{grad}`가 음수 쪽에서 y + 1인데 이는 alpha = 1일 때만 맞다",
                help_ko="alpha exp(x)는 y + alpha이다."),
        Mistake("alpha-missing", alpha_dropped, variant="alpha 0.5",
                says="`{grad}` of ELU lacks the factor alpha on the negative side",
                help="The forward is alpha (exp(x) - 1) there, and its slope alpha exp(x).",
                says_ko="ELU의 `{grad}`에 음수 쪽의 계수 alpha가 빠져 있다",
                help_ko="그곳의 순전파는 alpha (exp(x) - 1)이고 기울기는 alpha exp(x)이다."),
        Mistake("wrong-local-derivative", output_for_slope,
                says="`{grad}` of ELU multiplies by the output alpha (exp(x) - 1) itself on the negative side",
                help="The constant -alpha has no slope: multiply by alpha exp(x), which is y + alpha.",
                says_ko="ELU의 `{grad}`가 음수 쪽에서 출력 alpha (exp(x) - 1) 자체를 곱한다",
                help_ko="상수 -alpha는 미분하면 사라지므로 alpha exp(x), 곧 y + alpha를 곱한다."),
    ),
)
# fmt: on
