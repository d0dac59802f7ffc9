"""AMSGrad: Adam that divides by the largest v so far, so that a rate never rises again.

    m <- b1 m + (1 - b1) g      v <- b2 v + (1 - b2) g^2      u <- max(u, v)
    w <- w - lr / (1 - b1^t) m / (sqrt(u / (1 - b2^t)) + eps)

m, v and u start at 0, t = 1 in the first step. Options: lr; beta1; beta2 (usually 0.999; with 0.5 a few steps show what
the maximum does); eps; `correct`: the corrections 1 - b^t are made before the maximum is taken ("before"), behind it as
torch does ("after"), or not at all as in the paper ("never").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.rules import STEPS, State, no_backward, over_steps, over_torch_steps
from reference_impls.spec import Array, LayerSpec, Mistake, Variant


def step(
    w: Array, g: Array, state: State, t: int, lr: float = 0.1, beta1: float = 0.9, beta2: float = 0.5,
    eps: float = 1e-8, correct: str = "after",
) -> None:  # fmt: skip
    c1, c2 = (1.0, 1.0) if correct == "never" else (1 - beta1**t, 1 - beta2**t)
    m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g**2
    if correct == "before":
        v, c2 = v / c2, 1.0
    u = state["u"] = np.maximum(state.get("u", 0.0), v)
    w -= lr * m / c1 / (np.sqrt(u / c2) + eps)


def torch_rule(
    params: list[Any], lr: float, beta1: float = 0.9, beta2: float = 0.5, eps: float = 1e-8, correct: str = "after"
) -> Any:
    import torch

    rule = torch.optim.Adam(params, lr=lr, betas=(beta1, beta2), eps=eps, amsgrad=True)
    return rule if correct == "after" else None


def maximum_not_kept(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    state.pop("u", None)  # the maximum of 0 and v: this is Adam
    step(w, g, state, t, **options)


def maximum_averaged_on(w: Array, g: Array, state: State, t: int, **options: Any) -> None:
    step(w, g, state, t, **options)
    state["v"] = state["u"]  # v itself is replaced by the maximum


# fmt: off
SPEC = LayerSpec(
    name="amsgrad", korean="AMSGrad", kind="update", family="updates",
    aliases=("AMSGradOptimizer", "AdamAMSGrad", "Adam with amsgrad"),
    forward=over_steps(step), backward=no_backward, torch_forward=over_torch_steps(torch_rule), shapes=STEPS,
    variants=(
        Variant(note="the maximum of the corrected averages", options={"correct": "before"}),
        Variant(note="no bias correction", options={"correct": "never"}),
        Variant(note="long averages", options={"beta2": 0.999}),
    ),
    mistakes=(
        Mistake("maximum-not-kept", forward=over_steps(maximum_not_kept),
                says="the largest v so far is not kept, so that this is Adam",
                help="v_max = np.maximum(v_max, v) for each parameter, kept between the steps, and divide by its root",
                says_ko="지금까지 가장 큰 v를 보관하지 않아서 그냥 Adam이 된다",
                help_ko="매개변수마다 v_max = np.maximum(v_max, v)를 보관하고 그 제곱근으로 나눈다"),
        Mistake("maximum-averaged-on", forward=over_steps(maximum_averaged_on),
                says="the maximum is written back into v, and the average goes on from there",
                help="Keep v and its maximum apart: v goes on as in Adam",
                says_ko="최댓값을 v에 다시 써서 평균이 그 값에서 이어진다",
                help_ko="v와 최댓값을 따로 둔다. v는 Adam과 똑같이 이어진다"),
    ),
)
# fmt: on
