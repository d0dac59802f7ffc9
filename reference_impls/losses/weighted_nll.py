"""Negative log-likelihood with a weight for each class.

    L  = -k sum_n w[t_n] x[n, t_n]
    dx = -dL k w[t_n] at [n, t_n], zero elsewhere

Shapes: x (log-probabilities) (N, C), t (N,) integers below C, w (C,) above 0, L a scalar. Labels and weights are
constants and have no gradient. The reduction decides k: mean 1 / sum_n w[t_n], batch 1/N, sum 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.losses.nll import scale
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, t: Array, w: Array, reduction: str = "mean") -> float:
    return float(-scale(w[t], reduction) * np.sum(w[t] * x[np.arange(len(x)), t]))


def backward(dy: float, x: Array, t: Array, w: Array, reduction: str = "mean") -> Grads:
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), t] = -dy * scale(w[t], reduction) * w[t]
    return {"x": dx}


def torch_forward(x: Any, t: Any, w: Any, reduction: str = "mean") -> Any:
    import torch.nn.functional as F

    w = w.detach()
    return scale(w[t], reduction) * F.nll_loss(x, t, w, reduction="sum")


def divided_by_samples(dy: float, x: Array, t: Array, w: Array, reduction: str = "mean") -> Grads:
    return backward(dy, x, t, w, "batch")


def weights_left_out(dy: float, x: Array, t: Array, w: Array, reduction: str = "mean") -> Grads:
    return backward(dy, x, t, np.ones_like(w), reduction)


def weights_of_the_columns(dy: float, x: Array, t: Array, w: Array, reduction: str = "mean") -> Grads:
    return {"x": backward(dy, x, t, w, reduction)["x"] * w}


# fmt: off
SPEC = LayerSpec(
    name="weighted_nll", korean="가중 음의 로그 가능도", kind="loss", family="classification",
    aliases=("WeightedNLLLoss", "weighted_negative_log_likelihood"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C, t: N @label(C), w: C @positive ->", minimum={"C": 2},
    variants=(
        Variant(note="mean over the samples", options={"reduction": "batch"}),
        Variant(note="sum over the samples", options={"reduction": "sum"}),
        Variant("x: C N", "samples in columns"),
        Variant("x: (E F) C, t: (E F) @label(C)", "sequences of samples"),
    ),
    mistakes=(
        Mistake("wrong-mean-size", divided_by_samples,
                says="`{grad}` of the weighted log-likelihood is divided by N, its forward by the sum of the weights",
                help="Divide by the sum of w[t] over the samples, as the forward does",
                says_ko="가중 로그 가능도의 순전파는 가중치의 합으로 나누는데 `{grad}`는 N으로 나눈다",
                help_ko="순전파와 같이 샘플마다 w[t]를 더한 값으로 나눈다"),
        Mistake("weights-missing", weights_left_out,
                says="`{grad}` of the weighted log-likelihood has no class weights, its forward has",
                help="Each row carries the weight of its label: multiply by w[t]",
                says_ko="순전파에 있는 클래스 가중치가 가중 로그 가능도의 `{grad}`에 없다",
                help_ko="각 행에는 레이블의 가중치가 붙으므로 w[t]를 곱한다"),
        Mistake("weights-twice", weights_of_the_columns,
                says="`{grad}` of the weighted log-likelihood has each weight twice, for the row and for the class",
                help="The only entry of a row that is not 0 has the weight w[t] once",
                says_ko="가중 로그 가능도의 `{grad}`에 가중치가 행과 열에서 두 번 곱해졌다",
                help_ko="각 행에서 0이 아닌 하나의 값에 w[t]를 한 번만 곱한다"),
    ),
)
# fmt: on
