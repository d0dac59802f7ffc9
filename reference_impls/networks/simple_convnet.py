"""Simple convolutional network: convolution, ReLU, max pooling, affine, ReLU, affine, softmax with loss.

    h = the 2 x 2 pools of max(conv2d(x, W1, b1), 0)           one row a sample, channels first: h.reshape(N, F P Q)
    L = two-layer net of h with W2, b2, W3, b3 + r/2 sum W1^2   (see two_layer_net, which has the softmax and the loss)
    dh, dW2, db2, dW3, db3 as in the two-layer net;  dx, dW1, db1 as in conv_relu_pool for dh in the shape of the pools
    dW1 += dL r W1

Shapes: x (N, C', H, W), t (N, C) one-hot, W1 (F, C', I, J), b1 (F,), W2 (F P Q, H), b2 (H,), W3 (H, C), b3 (C,), L a
scalar. The convolution has stride 1; with pad 1 and kernels of 3 it leaves the size of the image. reg is r.
"""

from __future__ import annotations

from typing import Any

from reference_impls.networks import two_layer_net
from reference_impls.networks.conv_relu import conv_relu_pool, conv_relu_pool_backward, conv_relu_pool_torch
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, t: Array, W1: Array, b1: Array, *rest: Array, pad: int = 1, reg: float = 0.0) -> float:
    h = conv_relu_pool(x, W1, b1, 1, pad)
    return two_layer_net.forward(h.reshape(len(h), -1), t, *rest, reg=reg) + float(reg / 2 * (W1**2).sum())


def backward(
    dy: float, x: Array, t: Array, W1: Array, b1: Array, *rest: Array,
    pad: int = 1, reg: float = 0.0, channels_last: bool = False,
) -> Grads:  # fmt: skip
    h = conv_relu_pool(x, W1, b1, 1, pad)
    net = two_layer_net.backward(dy, h.reshape(len(h), -1), t, *rest, reg=reg)
    dh = net["x"].reshape(h.shape)
    if channels_last:
        dh = net["x"].reshape(len(h), *h.shape[2:], h.shape[1]).transpose(0, 3, 1, 2)
    conv = conv_relu_pool_backward(dh, x, W1, b1, 1, pad)
    first = {"x": conv["x"], "W1": conv["W"] + dy * reg * W1, "b1": conv["b"]}
    return first | {"W2": net["W1"], "b2": net["b1"], "W3": net["W2"], "b3": net["b2"]}


def torch_forward(x: Any, t: Any, W1: Any, b1: Any, *rest: Any, pad: int = 1, reg: float = 0.0) -> Any:
    h = conv_relu_pool_torch(x, W1, b1, 1, pad).flatten(1)
    return two_layer_net.torch_forward(h, t, *rest, reg=reg) + reg / 2 * (W1**2).sum()


def flattened_in_another_order(dy: float, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, channels_last=True, **options)


def keys_swapped(dy: float, *arrays: Array, **options: Any) -> Grads:
    g = backward(dy, *arrays, **options)
    return g | {"W2": g["W3"], "b2": g["b3"], "W3": g["W2"], "b3": g["b2"]}


# fmt: off
SPEC = LayerSpec(
    name="simple_convnet", korean="단순 합성곱 신경망", kind="network", family="networks",
    aliases=("SimpleConvNet", "ThreeLayerConvNet", "SimpleCNN", "SimpleConvolutionalNetwork"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N 2 6 6, t: N C @onehot; W1: 3 2 3 3, b1: 3, W2: 27 H, b2: H, W3: H C, b3: C ->", minimum={"C": 2},
    variants=(
        Variant("t: N @label(C)", "integer labels"),
        Variant("t: N @label(C)", "integer labels, penalty 0.05 W^2", {"reg": 0.1}),
        Variant("b1: 3 1, b2: 1 H, b3: 1 C", "biases with two axes"),
    ),
    mistakes=(
        Mistake("flattened-in-another-order", flattened_in_another_order,
                says="`{grad}`: the gradient of the affine layer is given the image's shape in another order of axes",
                help="Undo what the forward did: it flattened (N, F, P, Q), so reshape to that, channels first.",
                says_ko="`{grad}`: Affine 층의 기울기를 이미지 모양으로 되돌릴 때 축의 순서가 순전파와 다르다",
                help_ko="순전파가 (N, F, P, Q)를 펼쳤으므로 채널이 먼저인 (N, F, P, Q)로 되돌린다."),
        Mistake("swapped-gradients", keys_swapped,
                says="`{grad}` of the network belongs to another affine layer",
                help="Take grads['W2'], ['b2'] from the affine layer behind the pooling, 'W3', 'b3' from the last.",
                says_ko="신경망의 `{grad}`가 다른 Affine 층의 기울기이다",
                help_ko="grads['W2'], ['b2']는 풀링 뒤의 Affine 층에서, 'W3', 'b3'는 마지막 층에서 가져온다."),
    ),
)
# fmt: on
