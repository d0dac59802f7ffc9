"""Nesterov momentum: the gradient is taken where the velocity leads to, and not where the parameter is.

    v' = m v - lr g(w + m v)        w' = w + v'

The code only has the gradient at one point, so it keeps the point ahead, W = w + m v, and calls that its parameter:

    v' = m v - lr g(W)              W' = W + m v' - lr g = W + m^2 v - (1 + m) lr g = W - m v + (1 + m) v'

All three lines are in use (Keras and torch the first, with v = -lr buf; the book the second; CS231n the third).
Options: lr; momentum, m.
"""

from __future__ import annotations

from typing import Any

from reference_impls.rules import STEPS, State, no_backward, over_steps, over_torch_steps
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def step(w: Array, g: Array, state: State, t: int, lr: float = 0.1, momentum: float = 0.9) -> None:
    v = state.get("v", 0.0)
    state["v"] = momentum * v - lr * g
    w += momentum * state["v"] - lr * g


def torch_rule(params: list[Any], lr: float, momentum: float = 0.9) -> Any:
    import torch

    return torch.optim.SGD(params, lr=lr, momentum=momentum, nesterov=True)


def used_after_update(w: Array, g: Array, state: State, t: int, lr: float = 0.1, momentum: float = 0.9) -> None:
    v = state["v"] = momentum * state.get("v", 0.0) - lr * g
    w += momentum * momentum * v - (1 + momentum) * lr * g  # the formula wants v as it was before the line above


def never_looks_ahead(w: Array, g: Array, state: State, t: int, lr: float = 0.1, momentum: float = 0.9) -> None:
    state["v"] = momentum * state.get("v", 0.0) - lr * g
    w += state["v"]  # right only where g is the gradient at w + m v


def velocity_not_kept(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, {}, t, **options)


# fmt: off
SPEC = LayerSpec(
    name="nesterov", korean="네스테로프 가속 경사", kind="update", family="updates",
    aliases=("NAG", "NesterovMomentum", "NesterovSGD", "nesterov_momentum", "sgd_nesterov", "SGD with nesterov",
             "NesterovAcceleratedGradient", "네스테로프"),
    forward=over_steps(step), backward=no_backward, torch_forward=over_torch_steps(torch_rule), shapes=STEPS,
    variants=(Variant(note="less momentum", options={"momentum": 0.5}),),
    mistakes=(
        Mistake("used-after-update", forward=over_steps(used_after_update),
                says="the velocity is updated first, and the formula with m * m * v needs the old one",
                help="Move the parameter before the velocity: w += m * m * v - (1 + m) * lr * dw; v = m * v - lr * dw",
                says_ko="속도를 먼저 갱신했는데, m * m * v가 든 식에는 이전 속도가 필요하다",
                help_ko="속도보다 매개변수를 먼저 옮긴다. w += m * m * v - (1 + m) * lr * dw; v = m * v - lr * dw"),
        Mistake("no-look-ahead", forward=over_steps(never_looks_ahead),
                says="this is plain momentum, w += v, although the gradient is not that of the point ahead",
                help="w += m * v - lr * dw after the update of v; in -m * v_prev + (1 + m) * v, v_prev must be a copy",
                says_ko="앞선 지점의 기울기가 아닌데 w += v로 갱신해서 보통 모멘텀이 된다",
                help_ko="v를 갱신한 뒤 w += m * v - lr * dw로 쓴다. v_prev가 든 식에서는 v_prev가 복사본이어야 한다"),
        Mistake("state-lost", forward=over_steps(velocity_not_kept),
                says="the velocity starts at 0 again in every step",
                help="Keep v for each parameter between the steps, and set it up only once",
                says_ko="속도가 매 단계 0에서 다시 시작한다",
                help_ko="매개변수마다 v를 단계 사이에 보관하고 초기화는 한 번만 한다"),
    ),
)
# fmt: on
