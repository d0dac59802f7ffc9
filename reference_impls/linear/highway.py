"""Highway layer: a gate decides how much passes through the layer, and how much around it.

    y  = t h + (1 - t) x             h = f(a), a = x W + b         t = sigmoid(c), c = x Wt + bt
    da = dy t f'(a)                  dW  = x^T da                  db  = sum_n da_n
    dc = dy (h - x) t (1 - t)        dWt = x^T dc                  dbt = sum_n dc_n
    dx = dy (1 - t) + da W^T + dc Wt^T

Shapes: x, y, h, t (N, D), W and Wt (D, D), b and bt (D,); `hidden` is f. x goes three ways, so dx has three terms.
With carry=True the gate opens the way around: t = 1 - sigmoid(c) = sigmoid(-c), and dc changes its sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.activations.sigmoid import forward as sigmoid
from reference_impls.networks.two_layer_net import ACTIVATIONS  # f(a), and f'(a) from h
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def gate(x: Array, Wt: Array, bt: Array, carry: bool = False) -> tuple[Array, Array]:
    """t, and its slope dt/dc."""
    sign = -1 if carry else 1
    t = sigmoid(sign * (x @ Wt + bt))
    return t, sign * t * (1 - t)


def forward(x: Array, W: Array, b: Array, Wt: Array, bt: Array, *, hidden: str = "relu", carry: bool = False) -> Array:
    h, (t, _) = ACTIVATIONS[hidden][0](x @ W + b), gate(x, Wt, bt, carry)
    return np.asarray(t * h + (1 - t) * x)


def backward(
    dy: Array, x: Array, W: Array, b: Array, Wt: Array, bt: Array, *, hidden: str = "relu", carry: bool = False
) -> Grads:
    f, slope = ACTIVATIONS[hidden]
    h, (t, dt) = f(x @ W + b), gate(x, Wt, bt, carry)
    da, dc = dy * t * slope(h), dy * (h - x) * dt
    dx = dy * (1 - t) + da @ W.T + dc @ Wt.T
    return {"x": dx, "W": x.T @ da, "b": da.sum(axis=0), "Wt": x.T @ dc, "bt": dc.sum(axis=0)}


def torch_forward(x: Any, W: Any, b: Any, Wt: Any, bt: Any, *, hidden: str = "relu", carry: bool = False) -> Any:
    import torch

    h, t = getattr(torch, hidden)(x @ W + b), torch.sigmoid(x @ Wt + bt)
    return torch.lerp(h, x, t) if carry else torch.lerp(x, h, t)


def carry_dropped(
    dy: Array, x: Array, W: Array, b: Array, Wt: Array, bt: Array, *, hidden: str = "relu", carry: bool = False
) -> Grads:
    g, (t, _) = backward(dy, x, W, b, Wt, bt, hidden=hidden, carry=carry), gate(x, Wt, bt, carry)
    return g | {"x": g["x"] - dy * (1 - t)}


def with_other_gate(dy_gate: Array, g: Grads, x: Array, Wt: Array) -> Grads:
    """The gradients g with `dy_gate` added to dc."""
    return g | {"x": g["x"] + dy_gate @ Wt.T, "Wt": g["Wt"] + x.T @ dy_gate, "bt": g["bt"] + dy_gate.sum(axis=0)}


def gate_of_the_layer_only(
    dy: Array, x: Array, W: Array, b: Array, Wt: Array, bt: Array, *, hidden: str = "relu", carry: bool = False
) -> Grads:
    g, (_, dt) = backward(dy, x, W, b, Wt, bt, hidden=hidden, carry=carry), gate(x, Wt, bt, carry)
    return with_other_gate(dy * x * dt, g, x, Wt)  # dc = dy * h * dt


def gate_slope_dropped(
    dy: Array, x: Array, W: Array, b: Array, Wt: Array, bt: Array, *, hidden: str = "relu", carry: bool = False
) -> Grads:
    h, (_, dt) = ACTIVATIONS[hidden][0](x @ W + b), gate(x, Wt, bt, carry)
    g = backward(dy, x, W, b, Wt, bt, hidden=hidden, carry=carry)
    return with_other_gate(dy * (h - x) * (1 - dt), g, x, Wt)  # dc = dy * (h - x)


# fmt: off
SPEC = LayerSpec(
    name="highway", korean="하이웨이 계층", family="linear", aliases=("HighwayNetwork", "HighwayConnection"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D; W: D D, b: D, Wt: D D, bt: D -> N D",
    variants=(
        *(Variant(note=f"{f} in the layer", options={"hidden": f}) for f in ("tanh", "sigmoid")),
        *(Variant(note=f"{f} in the layer, the gate opens the way around", options={"hidden": f, "carry": True})
          for f in ("relu", "tanh")),
        Variant("b: 1 D, bt: 1 D", "biases as rows"),
    ),
    mistakes=(
        Mistake("shortcut-missing", carry_dropped,
                says="`{grad}` of the highway layer lacks the gradient of what passes around the layer",
                help="x enters the output as (1 - t) x, too: add dy * (1 - t).",
                says_ko="하이웨이 계층의 `{grad}`에 층을 돌아가는 길의 기울기가 빠져 있다",
                help_ko="x는 (1 - t) x로 출력에 바로 들어가기도 하므로 dy * (1 - t)를 더한다."),
        Mistake("gate-of-one-way", gate_of_the_layer_only,
                says="`{grad}` of the highway layer sees the gate t in t h alone, and t stands in (1 - t) x, too",
                help="As it opens the way through the layer it closes the other: the gradient of t is dy * (h - x).",
                says_ko="게이트 t는 (1 - t) x에도 있는데 하이웨이 계층의 `{grad}`는 t h의 t만 미분했다",
                help_ko="게이트는 한 길을 열면서 다른 길을 닫으므로 t의 기울기는 dy * (h - x)이다."),
        Mistake("gate-slope-missing", gate_slope_dropped,
                says="`{grad}` of the highway layer lacks the slope t (1 - t) of the gate",
                help="The gate is a sigmoid: dc = dy * (h - x) * t * (1 - t).",
                says_ko="하이웨이 계층의 `{grad}`에 게이트의 기울기 t (1 - t)가 빠져 있다",
                help_ko="게이트는 시그모이드이므로 dc = dy * (h - x) * t * (1 - t)이다."),
    ),
)
# fmt: on
