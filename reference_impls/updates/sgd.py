"""Stochastic gradient descent, the plain rule.

    w <- w - lr g          g = dL/dw

Options: lr, the learning rate. The rule works in place, w -= lr g: the layer and the list of parameters hold that very
array. With w = w - lr g somebody has to put the new array where the old one was.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import STEPS, State, no_backward, over_steps, over_torch_steps
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def step(w: Array, g: Array, state: State, t: int, lr: float = 0.1) -> None:
    w -= lr * g


def torch_rule(params: list[Any], lr: float) -> Any:
    import torch

    return torch.optim.SGD(params, lr=lr)


def uphill(w: Array, g: Array, state: State, t: int, lr: float = 0.1) -> None:
    w += lr * g


def rate_applied_twice(w: Array, g: Array, state: State, t: int, lr: float = 0.1) -> None:
    w -= lr * (lr * g)


def without_rate(w: Array, g: Array, state: State, t: int, lr: float = 0.1) -> None:
    w -= g


def time_read_as_factor(w: Array, g: Array, state: State, t: int, lr: float = 0.1) -> None:
    w *= t  # w(t + 1) = w(t) - lr g, read as w times t
    w -= lr * g


def rebound(w: Array, g: Array, state: State, t: int, lr: float = 0.1) -> Array:
    return w - lr * g  # params[key] = params[key] - lr * g: the layer still holds the old array


def update_lost(w: Array, g: Array, state: State, t: int, lr: float = 0.1) -> None:
    w = w - lr * g  # only the name w changes: nobody gets the new array


def broadcast_over_the_batch(w: Array, g: Array, state: State, t: int, lr: float = 0.1) -> Array:
    each = np.stack([g / 2, g / 2])  # a gradient a sample, of two samples, that was never summed
    return np.asarray(w - lr * each)


# fmt: off
SPEC = LayerSpec(
    name="sgd", korean="경사하강법", kind="update", family="updates",
    aliases=("SGD", "GradientDescent", "StochasticGradientDescent", "update_parameters_with_gd", "update_parameters",
             "Optimizer_SGD", "VanillaSGD", "경사하강법"),
    forward=over_steps(step), backward=no_backward, torch_forward=over_torch_steps(torch_rule), shapes=STEPS,
    variants=(
        Variant(note="another learning rate", options={"lr": 0.01}),
        Variant(note="a rate that falls", options={"lr_decay": 0.5}),
    ),
    mistakes=(
        Mistake("wrong-sign", forward=over_steps(uphill),
                says="SGD adds the gradient to the parameter and climbs",
                help="The gradient points uphill: subtract it, w -= lr * dw",
                says_ko="SGD가 기울기를 더해서 손실이 커지는 쪽으로 간다",
                help_ko="기울기는 커지는 방향이므로 w -= lr * dw로 뺀다"),
        Mistake("rate-applied-twice", forward=over_steps(rate_applied_twice),
                says="SGD multiplies the gradient by the learning rate twice",
                help="Scale in one place only: the gradient stays as backward gave it, the rule multiplies by lr",
                says_ko="SGD가 기울기에 학습률을 두 번 곱한다",
                help_ko="기울기는 그대로 두고 갱신할 때 한 번만 lr를 곱한다"),
        Mistake("missing-factor", forward=over_steps(without_rate),
                says="SGD subtracts the whole gradient, without the learning rate",
                help="The step is lr * dw; without lr it is mostly far too long",
                says_ko="SGD가 학습률 없이 기울기를 그대로 뺀다",
                help_ko="갱신량은 lr * dw이고, lr가 없으면 대개 너무 크다"),
        Mistake("time-as-factor", forward=over_steps(time_read_as_factor),
                says="SGD multiplies the parameter by the number of the step",
                help="In w(t + 1) = w(t) - lr * dw the t in brackets only counts the steps: w -= lr * dw",
                says_ko="SGD가 매개변수에 단계 번호 t를 곱한다",
                help_ko="w(t + 1) = w(t) - lr * dw에서 괄호 안의 t는 단계를 세는 번호일 뿐이므로 w -= lr * dw로 쓴다"),
        Mistake("not-in-place", forward=over_steps(rebound),
                says="SGD computes the new parameter as a new array, and the caller's array does not change",
                help="w = w - lr * dw only rebinds the name; write w -= lr * dw, or put the result back into the dict",
                says_ko="SGD가 새 배열을 만들어서 호출한 쪽의 매개변수는 바뀌지 않는다",
                help_ko="w = w - lr * dw는 이름만 바꾸므로 w -= lr * dw로 쓰거나 결과를 딕셔너리에 다시 넣는다"),
        Mistake("update-lost", forward=over_steps(update_lost),
                says="the parameters do not change at all: the new array is bound to a name that nobody reads",
                help="In a loop, p = p - lr * g only rebinds p; write p -= lr * g",
                says_ko="새 배열이 아무도 읽지 않는 이름에 묶여서 매개변수가 전혀 바뀌지 않는다",
                help_ko="반복문 안에서 p = p - lr * g는 이름 p만 바꾸므로 p -= lr * g로 쓴다"),
        Mistake("not-unbroadcast", forward=over_steps(broadcast_over_the_batch),
                says="SGD lets the parameter grow a batch axis: b = b - db broadcasts a db that was not summed",
                help="Sum db over the batch in backward; b -= lr * db would have raised an error instead of growing b",
                says_ko="합하지 않은 db 때문에 b = b - db가 브로드캐스트되어 매개변수에 배치 축이 생긴다",
                help_ko="역전파에서 db를 배치에 대해 더한다. b -= lr * db였다면 오류로 드러났을 것이다"),
    ),
)
# fmt: on
