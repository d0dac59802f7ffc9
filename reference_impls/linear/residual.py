"""Residual connection around an affine layer with an activation f.

    y  = x + h               h = f(a), a = x W + b
    da = dy f'(a)
    dx = dy + da W^T         dW = x^T da         db = sum_n da_n

Shapes: x, y, h (N, D), W (D, D), b (D,); `hidden` is f. The path forks at x, and gradients of a fork add up: dx has
the term dy of the shortcut beside that of the layer. For whatever layer f stands here, dx = dy + f.backward(dy).
"""

from __future__ import annotations

from typing import Any

from reference_impls.networks.two_layer_net import ACTIVATIONS  # f(a), and f'(a) from h
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, W: Array, b: Array, hidden: str = "tanh") -> Array:
    return x + ACTIVATIONS[hidden][0](x @ W + b)


def backward(dy: Array, x: Array, W: Array, b: Array, hidden: str = "tanh") -> Grads:
    f, slope = ACTIVATIONS[hidden]
    da = dy * slope(f(x @ W + b))
    return {"x": dy + da @ W.T, "W": x.T @ da, "b": da.sum(axis=0)}


def torch_forward(x: Any, W: Any, b: Any, hidden: str = "tanh") -> Any:
    import torch

    return x + getattr(torch, hidden)(x @ W + b)


def shortcut_dropped(dy: Array, x: Array, W: Array, b: Array, hidden: str = "tanh") -> Grads:
    g = backward(dy, x, W, b, hidden)
    return g | {"x": g["x"] - dy}


def layer_dropped(dy: Array, x: Array, W: Array, b: Array, hidden: str = "tanh") -> Grads:
    return backward(dy, x, W, b, hidden) | {"x": dy.copy()}


def upstream_overwritten(dy: Array, x: Array, W: Array, b: Array, hidden: str = "tanh") -> Grads:
    f, slope = ACTIVATIONS[hidden]
    dy *= slope(f(x @ W + b))  # the layer works in place, and then its dx is added to what is left
    return {"x": dy + dy @ W.T, "W": x.T @ dy, "b": dy.sum(axis=0)}


# fmt: off
SPEC = LayerSpec(
    name="residual", korean="잔차 연결", family="linear", aliases=("ResidualConnection", "SkipConnection"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D; W: D D, b: D -> N D",
    variants=(
        *(Variant(note=f"{f} in the layer", options={"hidden": f}) for f in ("relu", "sigmoid")),
        Variant("b: 1 D", "bias as a row"),
    ),
    mistakes=(
        Mistake("shortcut-missing", shortcut_dropped,
                says="`{grad}` of the residual connection lacks the gradient of the shortcut",
                help="x goes to the output directly, too: dx = dy + f.backward(dy).",
                says_ko="잔차 연결의 `{grad}`에 지름길의 기울기가 빠져 있다",
                help_ko="x는 출력에 바로 더해지기도 하므로 dx = dy + f.backward(dy)이다."),
        Mistake("layer-missing", layer_dropped,
                says="`{grad}` of the residual connection has only the shortcut and nothing of the layer",
                help="x goes through the layer, too: dx = dy + f.backward(dy).",
                says_ko="잔차 연결의 `{grad}`에 지름길만 있고 층을 거친 기울기가 없다",
                help_ko="x는 층을 거치기도 하므로 dx = dy + f.backward(dy)이다."),
        Mistake("mutates-upstream", upstream_overwritten,
                says="the layer in the residual connection writes into dy before the shortcut adds it",
                help="The shortcut needs dy as it came: let f.backward make a new array, da = dy * slope.",
                says_ko="잔차 연결 안의 층이 지름길에서 더할 dy를 먼저 덮어쓴다",
                help_ko="지름길에는 원래의 dy가 필요하므로 f.backward에서 da = dy * slope처럼 새 배열을 만든다."),
    ),
)
# fmt: on
