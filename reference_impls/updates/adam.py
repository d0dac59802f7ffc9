"""Adam: a moving average m of the gradients, divided by the root of a moving average v of their squares.

    m <- b1 m + (1 - b1) g           m^ = m / (1 - b1^t)
    v <- b2 v + (1 - b2) g^2         v^ = v / (1 - b2^t)           w <- w - lr m^ / (sqrt(v^) + eps)

m and v start at 0; the division by 1 - b^t undoes that, so that the first step is lr long. t = 1 in the first step, and
is one for all tensors. Options: lr; beta1; beta2; eps; `eps_shrinks`: the book divides m by sqrt(v) + eps and corrects
the rate, lr sqrt(1 - b2^t) / (1 - b1^t), which is eps / sqrt(1 - b2^t) in the paper's formula; `inside`: eps in the
root, sqrt(v^ + eps); `first`: the t of the first step (2 in CS231n up to 2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import STEPS, State, no_backward, over_steps, over_torch_steps
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def step(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, beta1: float = 0.9, beta2: float = 0.999,
    eps: float = 1e-8, eps_shrinks: bool = False, inside: bool = False, first: int = 1,
) -> None:  # fmt: skip
    t += first - 1
    m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g**2
    m, v = m / (1 - beta1**t), v / (1 - beta2**t)
    if eps_shrinks:
        eps /= np.sqrt(1 - beta2**t)
    w -= lr * m / (np.sqrt(v + eps) if inside else np.sqrt(v) + eps)


def torch_rule(
    params: list[Any], lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
    eps_shrinks: bool = False, inside: bool = False, first: int = 1,
) -> Any:  # fmt: skip
    import torch

    def shrink(rule: Any, *_: Any) -> None:
        t = float(rule.state[params[0]].get("step", 0)) + 1
        rule.param_groups[0]["eps"] = float(eps / (1 - beta2**t) ** 0.5)

    rule = torch.optim.Adam(params, lr=lr, betas=(beta1, beta2), eps=eps)
    if eps_shrinks:
        rule.register_step_pre_hook(shrink)
    for p in params * (first - 1):
        p.grad = torch.zeros_like(p)
        rule.step()  # with gradients of 0 only the time goes on
        p.grad = None
    return None if inside else rule


def uncorrected(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, state, 10**9, **options)


def counted_late(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, state, t - 1, **options)  # t = 0 in the first step: 0 / 0


def corrected_as_in_the_first_step(w: Array, g: Array, state: State, t: int, lr: float = 0.1, beta1: float = 0.9,
                                   beta2: float = 0.999, eps: float = 1e-8) -> None:  # fmt: skip
    m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g**2
    w -= lr * m / (1 - beta1) / (np.sqrt(v / (1 - beta2)) + eps)


def one_buffer(w: Array, g: Array, state: State, t: int, lr: float = 0.1, beta1: float = 0.9, beta2: float = 0.999,
               eps: float = 1e-8) -> None:  # fmt: skip
    m = v = state.setdefault("m", np.zeros_like(w))  # m = v = np.zeros_like(w): one array with two names
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    w -= lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)


def betas_swapped(w: Array, g: Array, state: State, t: int, beta1: float = 0.9, beta2: float = 0.999,
                  **options: Any) -> None:  # fmt: skip
    step(w, g, state, t, beta1=beta2, beta2=beta1, **options)


def not_kept(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, {}, t, **options)


def without_eps(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, state, t, **options | {"eps": 0.0})


# fmt: off
SPEC = LayerSpec(
    name="adam", korean="Adam", kind="update", family="updates",
    aliases=("AdamOptimizer", "Optimizer_Adam", "update_parameters_with_adam", "Adam with weight decay", "아담"),
    forward=over_steps(step), backward=no_backward, torch_forward=over_torch_steps(torch_rule), shapes=STEPS,
    variants=(
        Variant(note="the correction in the rate, lr_t", options={"eps_shrinks": True}),
        Variant(note="eps inside the root", options={"inside": True}),
        Variant(note="t counted from 2", options={"first": 2}),
        Variant(note="eps 1e-7, other averages", options={"eps": 1e-7, "beta1": 0.8, "beta2": 0.99}),
        Variant(note="an L2 penalty in the gradient", options={"l2": 0.1}),
        Variant(note="a rate that falls", options={"lr_decay": 0.5}),
    ),
    mistakes=(
        Mistake("bias-correction-missing", forward=over_steps(uncorrected),
                says="m and v start at 0 and are not corrected for that",
                help="Divide m by 1 - beta1 ** t and v by 1 - beta2 ** t",
                says_ko="m과 v가 0에서 시작하는데 그만큼의 편향 보정이 없다",
                help_ko="m을 1 - beta1 ** t로, v를 1 - beta2 ** t로 나눈다"),
        Mistake("counted-late", forward=over_steps(counted_late),
                says="t is still 0 in the first step, and 0 / 0 makes every parameter NaN",
                help="Count before the correction: t += 1 at the beginning of the step",
                says_ko="첫 단계에서 t가 아직 0이라 0 / 0이 되어 모든 매개변수가 NaN이 된다",
                help_ko="보정하기 전에 센다. 단계의 맨 앞에서 t += 1을 한다"),
        Mistake("counted-per-tensor", forward=over_steps(step, clock="tensors"),
                says="t is counted once for every tensor: the second one is corrected as if it were a step further",
                help="Count once a step, outside of the loop over the parameters",
                says_ko="t를 텐서마다 세어서 두 번째 텐서는 한 단계 뒤처럼 보정된다",
                help_ko="매개변수 반복문 바깥에서 단계마다 한 번만 센다"),
        Mistake("correction-constant", forward=over_steps(corrected_as_in_the_first_step),
                says="the correction does not change with t: m / (1 - beta1) is right in the first step only",
                help="m / (1 - beta1 ** t) and v / (1 - beta2 ** t), with t counted on",
                says_ko="보정이 t에 따라 변하지 않는다. m / (1 - beta1)은 첫 단계에서만 옳다",
                help_ko="t를 세면서 m / (1 - beta1 ** t)와 v / (1 - beta2 ** t)로 나눈다"),
        Mistake("shared-buffer", forward=over_steps(one_buffer),
                says="m and v are one array: what is added to v changes m, too",
                help="Make two arrays; m = v = np.zeros_like(w) gives one array two names",
                says_ko="m과 v가 같은 배열이라 v에 더한 값이 m도 바꾼다",
                help_ko="배열을 따로 만든다. m = v = np.zeros_like(w)는 한 배열에 두 이름을 붙일 뿐이다"),
        Mistake("swapped-operands", forward=over_steps(betas_swapped),
                says="beta1 and beta2 changed places",
                help="beta1 = 0.9 belongs to m, the average of the gradients, beta2 = 0.999 to their squares",
                says_ko="beta1과 beta2가 서로 바뀌었다",
                help_ko="beta1 = 0.9는 기울기의 평균 m에, beta2 = 0.999는 기울기 제곱의 평균 v에 쓴다"),
        Mistake("state-lost", forward=over_steps(not_kept),
                says="m and v start at 0 again in every step",
                help="Keep m and v for each parameter between the steps, and set them up only once",
                says_ko="m과 v가 매 단계 0에서 다시 시작한다",
                help_ko="매개변수마다 m과 v를 단계 사이에 보관하고 초기화는 한 번만 한다"),
        Mistake("eps-missing", forward=over_steps(without_eps),
                says="0 / 0 gives NaN where every gradient was 0: there is no eps in the denominator",
                help="Divide by np.sqrt(v) + eps; behind a dead ReLU gradients are exactly 0",
                says_ko="분모에 eps가 없어서 기울기가 계속 0인 곳이 0 / 0, 곧 NaN이 된다",
                help_ko="np.sqrt(v) + eps로 나눈다. 죽은 ReLU 뒤에서는 기울기가 정확히 0이다"),
    ),
)
# fmt: on
