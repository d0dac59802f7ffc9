"""SiLU and Swish.

    silu    y = x s        s = sigmoid(x)           swish_beta   y = x s        s = sigmoid(beta x)
            dx = dy * (s + x s (1 - s))                          dx = dy * (s + beta x s (1 - s))
                                                                 dbeta = sum dy x^2 s (1 - s)

Shapes: x and y agree, beta is one learnable number for all of them, so its gradient is a sum over every entry. SiLU is
Swish with beta = 1; a Swish whose beta is a constant, such as the 1.702 of a quick GELU, is silu with that option.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.activations.sigmoid import forward as sigmoid
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def silu(x: Array, beta: float = 1.0) -> Array:
    return x * sigmoid(beta * x)


def silu_backward(dy: Array, x: Array, beta: float = 1.0) -> Grads:
    s = sigmoid(beta * x)
    return {"x": dy * (s + beta * x * s * (1 - s))}


def silu_torch(x: Any, beta: float = 1.0) -> Any:
    import torch

    return torch.nn.functional.silu(beta * x) / beta


def swish_beta(x: Array, beta: Array) -> Array:
    return x * sigmoid(beta * x)


def swish_beta_backward(dy: Array, x: Array, beta: Array) -> Grads:
    s = sigmoid(beta * x)
    return {"x": dy * (s + beta * x * s * (1 - s)), "beta": np.sum(dy * x**2 * s * (1 - s))}


def swish_beta_torch(x: Any, beta: Any) -> Any:
    import torch

    return x * torch.sigmoid(beta * x)


def second_term_dropped(dy: Array, x: Array, beta: float = 1.0) -> Grads:
    return {"x": dy * sigmoid(beta * x)}


def derivative_of_sigmoid(dy: Array, x: Array, beta: float = 1.0) -> Grads:
    y = silu(x, beta)
    return {"x": dy * y * (1 - y)}


def inner_beta_dropped(dy: Array, x: Array, beta: Array) -> Grads:
    s = sigmoid(beta * x)
    return swish_beta_backward(dy, x, beta) | {"x": dy * (s + x * s * (1 - s))}


def beta_not_summed(dy: Array, x: Array, beta: Array) -> Grads:
    s = sigmoid(beta * x)
    return swish_beta_backward(dy, x, beta) | {"beta": dy * x**2 * s * (1 - s)}


def outer_x_dropped(dy: Array, x: Array, beta: Array) -> Grads:
    s = sigmoid(beta * x)
    return swish_beta_backward(dy, x, beta) | {"beta": np.sum(dy * x * s * (1 - s))}


# fmt: off
SPECS = (
    LayerSpec(
        name="silu", korean="스위시", family="activations",
        aliases=("SigmoidLinearUnit", "SigmoidWeightedLinearUnit"),
        forward=silu, backward=silu_backward, torch_forward=silu_torch,
        shapes="x: N D -> N D",
        variants=tuple(Variant(note=f"beta {b}", options={"beta": b}) for b in (0.5, 1.5, 1.702, 2.0)),
        mistakes=(
            Mistake("product-rule", second_term_dropped,
                    says="`{grad}` of SiLU has only the first term of the product rule",
                    help="x stands in front of the sigmoid and inside it: the slope is s + x s (1 - s).",
                    says_ko="SiLU의 `{grad}`에 곱의 미분법의 첫째 항만 있다",
                    help_ko="x는 시그모이드의 앞에도 안에도 있으므로 기울기는 s + x s (1 - s)이다."),
            Mistake("wrong-local-derivative", derivative_of_sigmoid,
                    says="`{grad}` of SiLU uses y (1 - y) with its own output, which is the rule of the sigmoid",
                    help="With s = sigmoid(x) the slope of x s is s + x s (1 - s), or y + s (1 - y).",
                    says_ko="SiLU의 `{grad}`에 자기 출력으로 y (1 - y)를 썼는데 이는 시그모이드의 규칙이다",
                    help_ko="s = sigmoid(x)일 때 x s의 기울기는 s + x s (1 - s), 곧 y + s (1 - y)이다."),
        ),
    ),
    LayerSpec(
        name="swish_beta", korean="베타를 학습하는 스위시", family="activations",
        aliases=("Swish", "LearnableSwish", "TrainableSwish", "ParametricSwish"),
        forward=swish_beta, backward=swish_beta_backward, torch_forward=swish_beta_torch,
        shapes="x: N D; beta:  -> N D",
        variants=(Variant("beta: 1", "beta as an array of one"),),
        mistakes=(
            Mistake("inner-factor-missing", inner_beta_dropped,
                    says="the second term of `{grad}` of Swish lacks the factor beta",
                    help="The chain rule brings beta out of sigmoid(beta x): s + beta x s (1 - s).",
                    says_ko="Swish의 `{grad}`의 둘째 항에 계수 beta가 빠져 있다",
                    help_ko="연쇄법칙으로 sigmoid(beta x)의 beta가 밖으로 나온다: s + beta x s (1 - s)."),
            Mistake("not-summed", beta_not_summed,
                    says="`{grad}` of Swish is not summed over the entries of the input",
                    help="One beta is shared by all entries, so its gradient is the sum over them, a single number.",
                    says_ko="Swish의 `{grad}`를 입력의 모든 원소에 대해 더하지 않았다",
                    help_ko="모든 원소가 beta 하나를 함께 쓰므로 그 기울기는 모두 더한 숫자 하나이다."),
            Mistake("outer-factor-missing", outer_x_dropped,
                    says="`{grad}` of Swish has x once where it needs x^2",
                    help="One x stands in front of the sigmoid, the other comes from its inside: x**2 * s * (1 - s).",
                    says_ko="Swish의 `{grad}`에 x^2이 아니라 x가 한 번만 있다",
                    help_ko="x 하나는 시그모이드의 앞에서, 하나는 안에서 나온다: x**2 * s * (1 - s)."),
        ),
    ),
)
# fmt: on
