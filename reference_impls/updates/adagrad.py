"""AdaGrad: every parameter has a rate of its own, which falls with the gradients that it has seen.

    h <- h + g^2           w <- w - lr g / (sqrt(h) + eps)

Options: lr; eps, which keeps a parameter whose gradients were all 0 from 0 / 0 (1e-7 in the book, 1e-8 in many
courses, 1e-10 in torch); `inside`: eps stands in the root, sqrt(h + eps); `every_step`: it is added to h in every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import STEPS, State, no_backward, over_steps, over_torch_steps
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def step(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, eps: float = 1e-7,
    inside: bool = False, every_step: bool = False,
) -> None:  # fmt: skip
    h = state["h"] = state.get("h", 0.0) + g**2 + (eps if every_step else 0.0)
    outside = 0.0 if inside or every_step else eps
    w -= lr * g / (np.sqrt(h + (eps if inside else 0.0)) + outside)


def torch_rule(params: list[Any], lr: float, eps: float = 1e-7, **form: bool) -> Any:
    import torch

    return None if form else torch.optim.Adagrad(params, lr=lr, eps=eps)


def not_accumulated(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, {}, t, **options)


def root_forgotten(w: Array, g: Array, state: State, t: int, lr: float = 0.1, eps: float = 1e-7) -> None:
    h = state["h"] = state.get("h", 0.0) + g**2
    w -= lr * g / (h + eps)


def gradient_not_squared(w: Array, g: Array, state: State, t: int, lr: float = 0.1, eps: float = 1e-7) -> None:
    h = state["h"] = state.get("h", 0.0) + g
    w -= lr * g / (np.sqrt(h) + eps)


def without_eps(w: Array, g: Array, state: State, t: int, lr: float = 0.1, eps: float = 1e-7) -> None:
    h = state["h"] = state.get("h", 0.0) + g**2
    w -= lr * g / np.sqrt(h)


def multiplied(w: Array, g: Array, state: State, t: int, lr: float = 0.1, eps: float = 1e-7) -> None:
    h = state["h"] = state.get("h", 0.0) + g**2
    w -= lr * g * (np.sqrt(h) + eps)


# fmt: off
SPEC = LayerSpec(
    name="adagrad", korean="에이다그라드", kind="update", family="updates",
    aliases=("AdaGrad", "AdagradOptimizer", "Optimizer_Adagrad", "update_parameters_with_adagrad", "아다그라드"),
    forward=over_steps(step), backward=no_backward, torch_forward=over_torch_steps(torch_rule), shapes=STEPS,
    variants=(
        Variant(note="eps inside the root", options={"inside": True}),
        Variant(note="eps added to h in every step", options={"every_step": True}),
        Variant(note="eps 1e-10", options={"eps": 1e-10}),
        Variant(note="a rate that falls", options={"lr_decay": 0.5}),
    ),
    mistakes=(
        Mistake("state-lost", forward=over_steps(not_accumulated),
                says="the squares are not added up: h is the square of the last gradient only",
                help="h += dw * dw, with an h for each parameter that is set up only once",
                says_ko="제곱이 누적되지 않아서 h가 마지막 기울기의 제곱일 뿐이다",
                help_ko="매개변수마다 한 번만 초기화한 h에 h += dw * dw로 더한다"),
        Mistake("root-missing", forward=over_steps(root_forgotten),
                says="the step is divided by the sum of squares itself, without the square root",
                help="Divide by np.sqrt(h) + eps",
                says_ko="제곱근 없이 제곱의 합으로 나눈다",
                help_ko="np.sqrt(h) + eps로 나눈다"),
        Mistake("square-missing", forward=over_steps(gradient_not_squared),
                says="the gradients are added up without being squared, so the root of a negative sum gives NaN",
                help="h += dw * dw",
                says_ko="기울기를 제곱하지 않고 더해서, 합이 음수이면 제곱근이 NaN이 된다",
                help_ko="h += dw * dw로 쓴다"),
        Mistake("eps-missing", forward=over_steps(without_eps),
                says="0 / 0 gives NaN where a gradient is 0: there is no eps in the denominator",
                help="Divide by np.sqrt(h) + 1e-7; behind a dead ReLU gradients are exactly 0",
                says_ko="분모에 eps가 없어서 기울기가 0인 곳이 0 / 0, 곧 NaN이 된다",
                help_ko="np.sqrt(h) + 1e-7로 나눈다. 죽은 ReLU 뒤에서는 기울기가 정확히 0이다"),
        Mistake("multiplied-not-divided", forward=over_steps(multiplied),
                says="the step is multiplied by the root of h where it has to be divided by it",
                help="lr * dw / (np.sqrt(h) + eps): parameters that have moved much move less",
                says_ko="h의 제곱근으로 나누어야 할 곳에서 곱한다",
                help_ko="lr * dw / (np.sqrt(h) + eps)로 쓴다. 많이 움직인 매개변수는 덜 움직여야 한다"),
    ),
)
# fmt: on
