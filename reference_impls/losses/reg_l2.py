"""L2 regularisation (weight decay penalty).

    L  = k sum W^2
    dW = dL 2 k W

Shapes: W (D, M) or any other, L a scalar. With the strength `reg` k is reg / 2, or reg itself with half=False; some
divide it by the number m of samples, too. The gradient is then reg W, 2 reg W, or reg W / m: it decays the weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def weight(reg: float, half: bool, m: int) -> float:
    """The k of the formula."""
    return (0.5 if half else 1.0) * reg / m


def forward(W: Array, reg: float = 0.1, half: bool = True, m: int = 1) -> float:
    return float(weight(reg, half, m) * np.sum(W**2))


def backward(dy: float, W: Array, reg: float = 0.1, half: bool = True, m: int = 1) -> Grads:
    return {"W": dy * 2 * weight(reg, half, m) * W}


def torch_forward(W: Any, reg: float = 0.1, half: bool = True, m: int = 1) -> Any:
    return weight(reg, half, m) * (W**2).sum()


def two_kept_beside_the_half(dy: float, W: Array, reg: float = 0.1, half: bool = True, m: int = 1) -> Grads:
    return {"W": dy * 2 * reg * W / m}


def two_dropped(dy: float, W: Array, reg: float = 0.1, half: bool = True, m: int = 1) -> Grads:
    return {"W": dy * reg * W / m}


def not_divided(dy: float, W: Array, reg: float = 0.1, half: bool = True, m: int = 1) -> Grads:
    return backward(dy, W, reg, half)


def strength_dropped(dy: float, W: Array, reg: float = 0.1, half: bool = True, m: int = 1) -> Grads:
    return backward(dy, W, 1.0, half, m)


# fmt: off
SPEC = LayerSpec(
    name="reg_l2", korean="L2 정칙화", kind="loss", family="regularisers",
    aliases=("l2_regularization", "l2_regularizer", "l2_penalty", "weight_decay_penalty", "ridge_penalty"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="W: D M ->",
    variants=(
        Variant(note="reg W^2 without the half", options={"half": False}),
        Variant(note="half, divided by 3 samples", options={"m": 3}),
        Variant(note="without the half, divided by 3 samples", options={"half": False, "m": 3}),
        Variant("W: D", "a vector of weights"),
    ),
    mistakes=(
        Mistake("factor-two", two_kept_beside_the_half,
                says="`{grad}` of the L2 penalty is twice too large",
                help="The 1/2 of this penalty cancels the 2 of the square: what is left is reg * W.",
                says_ko="L2 벌점의 `{grad}`가 두 배로 크다",
                help_ko="이 벌점의 1/2이 제곱의 2를 없애므로 reg * W만 남는다."),
        Mistake("factor-half", two_dropped, variant="reg W^2 without the half",
                says="`{grad}` of the L2 penalty lacks the factor 2",
                help="The square brings down a 2, and this penalty has no 1/2 to cancel it: 2 * reg * W.",
                says_ko="L2 벌점의 `{grad}`에 2가 빠져 있다",
                help_ko="제곱을 미분하면 2가 나오고 이 벌점에는 1/2이 없으므로 2 * reg * W이다."),
        Mistake("missing-batch-mean", not_divided, variant="half, divided by 3 samples",
                says="`{grad}` of the L2 penalty is not divided by m as the penalty is",
                help="Divide both by the number of samples, or neither: reg / m * W.",
                says_ko="L2 벌점은 m으로 나누는데 그 `{grad}`는 나누지 않았다",
                help_ko="둘 다 샘플 수로 나누거나 둘 다 나누지 않는다: reg / m * W."),
        Mistake("strength-missing", strength_dropped,
                says="`{grad}` of the L2 penalty lacks the strength reg",
                help="The strength stands before the sum of squares, and so before its gradient: reg * W.",
                says_ko="L2 벌점의 `{grad}`에 세기 reg가 빠져 있다",
                help_ko="세기는 제곱합 앞에 곱해지므로 기울기에도 곱한다: reg * W."),
    ),
)
# fmt: on
