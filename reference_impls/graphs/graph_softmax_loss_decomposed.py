"""Softmax-with-loss as a graph of exp, +, 1/x, *, log nodes.

    e = exp(x),  S = sum_c e,  r = 1 / S,  y = e r,  l = log y,  L = -sum t l

Backward from the last node; e feeds two nodes (S and the product), so its two gradients add up. All nodes together
give dx = dL (y - t).
Shapes: x and t (N, C), t one-hot, S and r (N, 1), L a scalar (the sum over the samples, no 1/N).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def nodes(x: Array) -> tuple[Array, Array, Array]:
    """Values of e, S and r."""
    e = np.exp(x - x.max(axis=1, keepdims=True))  # the shift cancels; it only prevents overflow
    S = e.sum(axis=1, keepdims=True)
    return e, S, 1 / S


def forward(x: Array, t: Array) -> Array:
    e, _, r = nodes(x)
    y = e * r
    return np.asarray(-(t * np.log(y)).sum())


def backward(dL: Array, x: Array, t: Array) -> Grads:
    e, S, r = nodes(x)
    y = e * r
    dl = -t * dL  # sum and product with t
    dy = dl / y  # log node
    de_product = dy * r  # product node, to e
    dr = (dy * e).sum(axis=1, keepdims=True)  # product node, to r, which every class shares
    dS = -dr / S**2  # 1/x node
    de_sum = dS * np.ones_like(e)  # sum node
    dx = (de_product + de_sum) * e  # both branches, then the exp node
    return {"x": dx}


def torch_forward(x: Any, t: Any) -> Any:
    import torch

    return -(t * torch.log_softmax(x, dim=1)).sum()


def sum_branch_not_added(dL: Array, x: Array, t: Array) -> Grads:
    e, _, r = nodes(x)
    return {"x": -t * dL / (e * r) * r * e}


def classes_not_summed(dL: Array, x: Array, t: Array) -> Grads:
    e, S, r = nodes(x)
    dy = -t * dL / (e * r)
    dr = dy * e
    return {"x": (dy * r - dr / S**2) * e}


SPEC = LayerSpec(
    name="graph_softmax_loss_decomposed",
    korean="Softmax-with-Loss 계산 그래프",
    kind="loss",
    family="graphs",
    distinctive=False,
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N C, t: N C @onehot -> ",
    minimum={"C": 2},
    variants=(Variant("x: C, t: C @onehot", "single example"),),
    mistakes=(
        Mistake(
            "gradient-missing",
            sum_branch_not_added,
            says="the gradient that returns through the sum S is not added to `{grad}`",
            help="exp(x) feeds the product and the sum, so the gradients of both branches must be added.",
            says_ko="합 S를 지나 돌아오는 기울기가 `{grad}`에 더해지지 않았다",
            help_ko="exp(x)는 곱셈 노드와 합 노드에 모두 쓰이므로 두 가지의 기울기를 더해야 한다.",
        ),
        Mistake(
            "missing-class-sum",
            classes_not_summed,
            says="the gradient of the node 1/S is not summed over the classes",
            help="All classes of a sample share one S; sum the gradient of 1/S over them before -1/S^2.",
            says_ko="1/S 노드의 기울기를 클래스에 대해 더하지 않았다",
            help_ko="한 샘플의 모든 클래스가 S 하나를 나눠 쓰므로 -1/S^2을 곱하기 전에 클래스 축으로 더한다.",
        ),
    ),
)
