"""Deep convolutional network: blocks of two convolutions with ReLU and one max pooling, then a two-layer net.

    x1 = max(conv2d(x, W1, b1), 0)        x2 = the 2 x 2 pools of max(conv2d(x1, W2, b2), 0)
    x3 = max(conv2d(x2, W3, b3), 0)       x4 = the 2 x 2 pools of max(conv2d(x3, W4, b4), 0)
    L  = two-layer net of x4 with W5, b5, W6, b6: affine, ReLU, affine, softmax with loss
    dx4, dW5, db5, dW6, db6 as in the two-layer net, then back through the blocks: dx_(k-1), dWk, dbk from dx_k

Shapes: x (N, C', H, W), t (N, C) one-hot, W1 ... W4 (F, C', 3, 3), b1 ... b4 (F,), W5 (F P Q, H), b5 (H,), W6 (H, C),
b6 (C,), L a scalar. The convolutions have stride 1 and pad 1. There is no dropout here.
"""

from __future__ import annotations

from typing import Any

from reference_impls.networks import two_layer_net
from reference_impls.networks.conv_relu import (
    conv_relu,
    conv_relu_backward,
    conv_relu_pool,
    conv_relu_pool_backward,
    conv_relu_pool_torch,
    conv_relu_torch,
)
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

CONVOLUTIONS = 4


def images(x: Array, params: tuple[Array, ...]) -> list[Array]:
    """x and the outputs x1 ... x4 of the convolutions, every other one pooled."""
    found = [x]
    for k in range(CONVOLUTIONS):
        layer = conv_relu_pool if k % 2 else conv_relu
        found.append(layer(found[-1], params[2 * k], params[2 * k + 1], 1, 1))
    return found


def forward(x: Array, t: Array, *params: Array) -> float:
    last = images(x, params)[-1]
    return two_layer_net.forward(last.reshape(len(x), -1), t, *params[2 * CONVOLUTIONS :])


def backward(dy: float, x: Array, t: Array, *params: Array) -> Grads:
    found = images(x, params)
    net = two_layer_net.backward(dy, found[-1].reshape(len(x), -1), t, *params[2 * CONVOLUTIONS :])
    grads = {"W5": net["W1"], "b5": net["b1"], "W6": net["W2"], "b6": net["b2"]}
    dx = net["x"].reshape(found[-1].shape)
    for k in reversed(range(CONVOLUTIONS)):
        layer_backward = conv_relu_pool_backward if k % 2 else conv_relu_backward
        conv = layer_backward(dx, found[k], params[2 * k], params[2 * k + 1], 1, 1)
        dx, grads[f"W{k + 1}"], grads[f"b{k + 1}"] = conv["x"], conv["W"], conv["b"]
    return grads | {"x": dx}


def torch_forward(x: Any, t: Any, *params: Any) -> Any:
    for k in range(CONVOLUTIONS):
        layer = conv_relu_pool_torch if k % 2 else conv_relu_torch
        x = layer(x, params[2 * k], params[2 * k + 1], 1, 1)
    return two_layer_net.torch_forward(x.flatten(1), t, *params[2 * CONVOLUTIONS :])


def keys_swapped(dy: float, *arrays: Array) -> Grads:
    g = backward(dy, *arrays)
    return g | {"W1": g["W2"], "W2": g["W1"]}


# fmt: off
SPEC = LayerSpec(
    name="deep_convnet", korean="심층 합성곱 신경망", kind="network", family="networks",
    aliases=("DeepConvNet", "DeepCNN"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N 2 4 4, t: N C @onehot; W1: 2 2 3 3, b1: 2, W2: 2 2 3 3, b2: 2, W3: 2 2 3 3, b3: 2, "
           "W4: 2 2 3 3, b4: 2, W5: 2 H, b5: H, W6: H C, b6: C ->", minimum={"C": 2},
    variants=(Variant("t: N @label(C)", "integer labels"),),
    mistakes=(
        Mistake("swapped-gradients", keys_swapped,
                says="`{grad}` of the network belongs to another convolution",
                help="Layers between the convolutions have no weights: count the convolutions, not the layers.",
                says_ko="신경망의 `{grad}`가 다른 합성곱 층의 기울기이다",
                help_ko="합성곱 사이의 층에는 가중치가 없다. 층이 아니라 합성곱의 순서로 번호를 매긴다."),
    ),
)
# fmt: on
