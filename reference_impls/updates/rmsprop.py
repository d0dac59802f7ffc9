"""RMSProp: the step is divided by the root of a moving average of the squared gradients.

    h <- d h + (1 - d) g^2           w <- w - lr g / (sqrt(h) + eps)

Options: lr; decay, d (0.99 in the book, CS231n and torch, 0.9 in Keras and nnfs); eps; `inside`: eps stands in the
root, sqrt(h + eps), as in TensorFlow; `centered`: h - a^2 in the place of h, a the moving average of the gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import STEPS, State, no_backward, over_steps, over_torch_steps
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def step(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, decay: float = 0.9, eps: float = 1e-7,
    inside: bool = False, centered: bool = False,
) -> None:  # fmt: skip
    h = state["h"] = decay * state.get("h", 0.0) + (1 - decay) * g**2
    if centered:
        state["a"] = decay * state.get("a", 0.0) + (1 - decay) * g
        h = h - state["a"] ** 2
    w -= lr * g / (np.sqrt(h + eps) if inside else np.sqrt(h) + eps)


def torch_rule(
    params: list[Any], lr: float, decay: float = 0.9, eps: float = 1e-7, inside: bool = False, centered: bool = False
) -> Any:
    import torch

    return None if inside else torch.optim.RMSprop(params, lr=lr, alpha=decay, eps=eps, centered=centered)


def complement_dropped(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, decay: float = 0.9, eps: float = 1e-7
) -> None:
    h = state["h"] = decay * state.get("h", 0.0) + g**2
    w -= lr * g / (np.sqrt(h) + eps)


def complement_swapped(w: Array, g: Array, state: State, t: int, decay: float = 0.9, **options: Any) -> None:
    step(w, g, state, t, decay=1 - decay, **options)


def never_decays(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, decay: float = 0.9, eps: float = 1e-7
) -> None:
    h = state["h"] = state.get("h", 0.0) + (1 - decay) * g**2
    w -= lr * g / (np.sqrt(h) + eps)


def not_kept(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, {}, t, **options)


def root_forgotten(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, decay: float = 0.9, eps: float = 1e-7
) -> None:
    h = state["h"] = decay * state.get("h", 0.0) + (1 - decay) * g**2
    w -= lr * g / (h + eps)


def without_eps(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, state, t, **options | {"eps": 0.0})


# fmt: off
SPEC = LayerSpec(
    name="rmsprop", korean="RMSProp", kind="update", family="updates",
    aliases=("RMSprop", "RMSPropOptimizer", "Optimizer_RMSprop", "update_parameters_with_rmsprop", "rms_prop"),
    forward=over_steps(step), backward=no_backward, torch_forward=over_torch_steps(torch_rule), shapes=STEPS,
    variants=(
        Variant(note="eps inside the root", options={"inside": True}),
        Variant(note="centred", options={"centered": True}),
        Variant(note="decay 0.99, eps 1e-8", options={"decay": 0.99, "eps": 1e-8}),
        Variant(note="a rate that falls", options={"lr_decay": 0.5}),
    ),
    mistakes=(
        Mistake("complement-missing", forward=over_steps(complement_dropped),
                says="the factor 1 - d of the squared gradient is missing, so h is a sum and no average",
                help="h = d * h + (1 - d) * dw ** 2",
                says_ko="기울기 제곱에 곱할 1 - d가 빠져서 h가 평균이 아니라 합이 된다",
                help_ko="h = d * h + (1 - d) * dw ** 2로 쓴다"),
        Mistake("complement-swapped", forward=over_steps(complement_swapped),
                says="the factors of the average changed places: 1 - d stands at h and d at the squared gradient",
                help="h = d * h + (1 - d) * dw ** 2: with d = 0.9 most of the old h stays",
                says_ko="평균의 두 계수가 바뀌어 1 - d가 h에, d가 기울기 제곱에 곱해진다",
                help_ko="h = d * h + (1 - d) * dw ** 2로 쓴다. d = 0.9이면 이전 h가 대부분 남는다"),
        Mistake("decay-missing", forward=over_steps(never_decays),
                says="h is never multiplied by d, and only grows",
                help="h *= d before (1 - d) * dw ** 2 is added",
                says_ko="h에 d를 곱하지 않아서 h가 커지기만 한다",
                help_ko="(1 - d) * dw ** 2를 더하기 전에 h *= d로 줄인다"),
        Mistake("state-lost", forward=over_steps(not_kept),
                says="h starts at 0 again in every step",
                help="Keep h for each parameter (self.h[key], config['cache']) and set it up only once",
                says_ko="h가 매 단계 0에서 다시 시작한다",
                help_ko="매개변수마다 h를 보관하고(self.h[key], config['cache']) 초기화는 한 번만 한다"),
        Mistake("root-missing", forward=over_steps(root_forgotten),
                says="the step is divided by h itself, without the square root",
                help="Divide by np.sqrt(h) + eps",
                says_ko="제곱근 없이 h로 나눈다",
                help_ko="np.sqrt(h) + eps로 나눈다"),
        Mistake("eps-missing", forward=over_steps(without_eps),
                says="0 / 0 gives NaN where a gradient is 0: there is no eps in the denominator",
                help="Divide by np.sqrt(h) + eps; behind a dead ReLU gradients are exactly 0",
                says_ko="분모에 eps가 없어서 기울기가 0인 곳이 0 / 0, 곧 NaN이 된다",
                help_ko="np.sqrt(h) + eps로 나눈다. 죽은 ReLU 뒤에서는 기울기가 정확히 0이다"),
    ),
)
# fmt: on
