"""L1 regularisation, and elastic net: L1 and L2 together.

    reg_l1   L  = reg sum |W|          reg_elastic_net   L  = l1 sum |W| + l2 sum W^2
             dW = dL reg sign(W)                         dW = dL (l1 sign(W) + 2 l2 W)

Shapes: W (D, M) or any other, L a scalar. With half=True the square has a factor 1/2 in front, and its gradient is
l2 W. At W = 0 any value between -reg and reg times dL is a subgradient; 0 is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def lasso(W: Array, reg: float = 0.1) -> float:
    return float(reg * np.sum(np.abs(W)))


def lasso_backward(dy: float, W: Array, reg: float = 0.1) -> Grads:
    return {"W": dy * reg * np.sign(W)}


def lasso_torch(W: Any, reg: float = 0.1) -> Any:
    return reg * W.abs().sum()


def elastic_net(W: Array, l1: float = 0.1, l2: float = 0.2, half: bool = False) -> float:
    return float(l1 * np.sum(np.abs(W)) + (0.5 if half else 1.0) * l2 * np.sum(W**2))


def elastic_net_backward(dy: float, W: Array, l1: float = 0.1, l2: float = 0.2, half: bool = False) -> Grads:
    return {"W": dy * (l1 * np.sign(W) + (1.0 if half else 2.0) * l2 * W)}


def elastic_net_torch(W: Any, l1: float = 0.1, l2: float = 0.2, half: bool = False) -> Any:
    return l1 * W.abs().sum() + (0.5 if half else 1.0) * l2 * (W**2).sum()


def absolute_value_for_sign(dy: float, W: Array, reg: float = 0.1) -> Grads:
    return {"W": dy * reg * np.abs(W)}


def sign_dropped(dy: float, W: Array, reg: float = 0.1) -> Grads:
    return {"W": np.full(W.shape, dy * reg)}


def gradient_of_l2(dy: float, W: Array, reg: float = 0.1) -> Grads:
    return {"W": dy * reg * W}


def square_left_out(dy: float, W: Array, l1: float = 0.1, l2: float = 0.2, half: bool = False) -> Grads:
    return elastic_net_backward(dy, W, l1, 0.0)


def absolute_value_left_out(dy: float, W: Array, l1: float = 0.1, l2: float = 0.2, half: bool = False) -> Grads:
    return elastic_net_backward(dy, W, 0.0, l2, half)


def two_dropped(dy: float, W: Array, l1: float = 0.1, l2: float = 0.2, half: bool = False) -> Grads:
    return elastic_net_backward(dy, W, l1, l2, half=True)


def spec(name: str, korean: str, aliases: tuple[str, ...], *functions: Any, **more: Any) -> LayerSpec:
    forward, backward, torch_forward, *mistakes = functions
    vector = Variant("W: D", "a vector of weights")
    return LayerSpec(
        name=name, korean=korean, kind="loss", family="regularisers", aliases=aliases,
        forward=forward, backward=backward, torch_forward=torch_forward,
        shapes="W: D M ->", kinks=(0.0,), variants=(vector, *more.get("variants", ())), mistakes=tuple(mistakes),
    )  # fmt: skip


# fmt: off
SPECS = (
    spec("reg_l1", "L1 정칙화", ("l1_regularization", "l1_regularizer", "l1_penalty", "lasso_penalty"),
         lasso, lasso_backward, lasso_torch,
         Mistake("absolute-value-for-sign", absolute_value_for_sign,
                 says="`{grad}` of the L1 penalty is |W| where it should be the sign of W",
                 help="The slope of |w| is 1 or -1, whatever the size of w: reg * np.sign(W).",
                 says_ko="L1 벌점의 `{grad}`에 W의 부호가 아니라 |W|를 썼다",
                 help_ko="|w|의 기울기는 w의 크기와 상관없이 1이나 -1이다: reg * np.sign(W)."),
         Mistake("sign-missing", sign_dropped,
                 says="`{grad}` of the L1 penalty is the strength everywhere and lacks the sign of W",
                 help="Negative weights are pushed up to 0 and not further down: reg * np.sign(W).",
                 says_ko="L1 벌점의 `{grad}`가 어디서나 세기 그대로이고 W의 부호가 빠져 있다",
                 help_ko="음수 가중치는 0 쪽으로 올라가야 하므로 reg * np.sign(W)이다."),
         Mistake("wrong-local-derivative", gradient_of_l2,
                 says="`{grad}` of the L1 penalty is reg * W, which is the gradient of the L2 penalty",
                 help="|W| has the slope sign(W); only W^2 / 2 has the slope W.",
                 says_ko="L1 벌점의 `{grad}`에 L2 벌점의 기울기인 reg * W를 썼다",
                 help_ko="|W|의 기울기는 sign(W)이고, 기울기가 W인 것은 W^2 / 2이다.")),
    spec("reg_elastic_net", "엘라스틱 넷 정칙화", ("elastic_net", "elastic_net_penalty", "elastic_net_regularization"),
         elastic_net, elastic_net_backward, elastic_net_torch,
         Mistake("gradient-missing", square_left_out,
                 says="`{grad}` of the elastic net lacks the gradient of its square term",
                 help="Both penalties add up in the loss, and so do their gradients: l1 * sign(W) + 2 * l2 * W.",
                 says_ko="엘라스틱 넷의 `{grad}`에 제곱 항의 기울기가 빠져 있다",
                 help_ko="손실에서 두 벌점을 더하므로 기울기도 더한다: l1 * sign(W) + 2 * l2 * W."),
         Mistake("gradient-missing", absolute_value_left_out,
                 says="`{grad}` of the elastic net lacks the gradient of its absolute values",
                 help="Both penalties add up in the loss, and so do their gradients: l1 * sign(W) + 2 * l2 * W.",
                 says_ko="엘라스틱 넷의 `{grad}`에 절댓값 항의 기울기가 빠져 있다",
                 help_ko="손실에서 두 벌점을 더하므로 기울기도 더한다: l1 * sign(W) + 2 * l2 * W."),
         Mistake("factor-half", two_dropped,
                 says="the square term in `{grad}` of the elastic net lacks the factor 2",
                 help="The loss has l2 * W^2 with no 1/2, so its slope is 2 * l2 * W.",
                 says_ko="엘라스틱 넷의 `{grad}`의 제곱 항에 2가 빠져 있다",
                 help_ko="손실의 l2 * W^2에는 1/2이 없으므로 기울기는 2 * l2 * W이다."),
         variants=(Variant(note="half of the square", options={"half": True}),)),
)
# fmt: on
