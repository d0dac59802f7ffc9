"""Momentum: the parameter rolls on with a velocity v, which starts at 0.

    v <- m v - lr g        w <- w + v               the book, CS231n
    v <- m v + g           w <- w - lr v            torch, Keras: the same as long as lr stays the same
    v <- m v + (1 - m) g   w <- w - lr v            Coursera: an average, with steps 1 / (1 - m) times shorter

Options: lr; momentum, m; `form`, which of the three: "velocity", "sum" or "average".
"""

from __future__ import annotations

from typing import Any

from reference_impls.rules import STEPS, State, no_backward, over_steps, over_torch_steps
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def step(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, momentum: float = 0.9, form: str = "velocity"
) -> None:
    v = state.get("v", 0.0)
    if form == "velocity":
        state["v"] = momentum * v - lr * g
        w += state["v"]
    else:
        state["v"] = momentum * v + (g if form == "sum" else (1 - momentum) * g)
        w -= lr * state["v"]


def torch_rule(params: list[Any], lr: float, momentum: float = 0.9, form: str = "velocity") -> Any:
    import torch

    # torch's `dampening` leaves the first gradient whole; an average from 0 on is its sum with a shorter step
    return torch.optim.SGD(params, lr=lr * (1 - momentum) if form == "average" else lr, momentum=momentum)


def velocity_subtracted(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    start = w.copy()
    step(w, g, state, t, **options)
    w -= 2 * (w - start)


def velocity_not_kept(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, {}, t, **options)


def factor_on_the_velocity(w: Array, g: Array, state: State, t: int, lr: float = 0.1, momentum: float = 0.9) -> None:
    state["v"] = (1 - momentum) * state.get("v", 0.0) + momentum * g
    w -= lr * state["v"]


def rate_applied_twice(w: Array, g: Array, state: State, t: int, lr: float = 0.1, momentum: float = 0.9) -> None:
    state["v"] = momentum * state.get("v", 0.0) - lr * g
    w += lr * state["v"]


def rate_on_the_velocity(w: Array, g: Array, state: State, t: int, lr: float = 0.1, momentum: float = 0.9) -> None:
    state["v"] = lr * state.get("v", 0.0) - momentum * g
    w += state["v"]


# fmt: off
SPEC = LayerSpec(
    name="momentum", korean="모멘텀", kind="update", family="updates",
    aliases=("SGDMomentum", "MomentumSGD", "SGD with momentum", "SgdWithMomentum", "MomentumOptimizer",
             "update_parameters_with_momentum", "모멘텀"),
    forward=over_steps(step), backward=no_backward, torch_forward=over_torch_steps(torch_rule), shapes=STEPS,
    variants=(
        Variant(note="an average of the gradients, v = m v + (1 - m) g", options={"form": "average"}),
        Variant(note="the rate outside of the velocity, v = m v + g", options={"form": "sum"}),
        Variant(note="the rate outside of the velocity, and falling", options={"form": "sum", "lr_decay": 0.5}),
    ),
    mistakes=(
        Mistake("wrong-sign", forward=over_steps(velocity_subtracted),
                says="the velocity has the wrong sign, and the parameter climbs",
                help="v = m * v - lr * dw belongs with w += v, and v = m * v + dw with w -= lr * v",
                says_ko="속도의 부호가 반대라서 손실이 커지는 쪽으로 간다",
                help_ko="v = m * v - lr * dw에는 w += v가, v = m * v + dw에는 w -= lr * v가 맞는 짝이다"),
        Mistake("state-lost", forward=over_steps(velocity_not_kept),
                says="the velocity starts at 0 again in every step, so that this is plain SGD",
                help="Keep v for each parameter (self.v[key] = v, config['velocity'] = v) and set it up only once",
                says_ko="속도가 매 단계 0에서 다시 시작해서 그냥 SGD가 된다",
                help_ko="매개변수마다 v를 보관하고(self.v[key] = v, config['velocity'] = v) 초기화는 한 번만 한다"),
        Mistake("complement-swapped", forward=over_steps(factor_on_the_velocity),
                says="the factors of the average changed places: 1 - m stands at the velocity and m at the gradient",
                help="v = m * v + (1 - m) * dw: with m = 0.9 most of the old velocity stays",
                says_ko="평균의 두 계수가 바뀌어 1 - m이 속도에, m이 기울기에 곱해진다",
                help_ko="v = m * v + (1 - m) * dw로 쓴다. m = 0.9이면 이전 속도가 대부분 남는다"),
        Mistake("rate-applied-twice", forward=over_steps(rate_applied_twice),
                says="momentum multiplies by the learning rate twice, in the velocity and in the step",
                help="lr belongs into one of them: v = m * v - lr * dw; w += v",
                says_ko="속도와 갱신에서 학습률을 두 번 곱한다",
                help_ko="lr는 한 곳에만 곱한다. v = m * v - lr * dw; w += v"),
        Mistake("swapped-operands", forward=over_steps(rate_on_the_velocity),
                says="learning rate and momentum changed places",
                help="The momentum belongs to the old velocity, the rate to the gradient: v = m * v - lr * dw",
                says_ko="학습률과 모멘텀 계수가 서로 바뀌었다",
                help_ko="모멘텀은 이전 속도에, 학습률은 기울기에 곱한다. v = m * v - lr * dw"),
    ),
)
# fmt: on
