"""The network of the XOR problem: two inputs, a few hidden units, one output.

    a  = x W1 + b1,  h = f(a),  z = h W2 + b2,  y = 1 / (1 + exp(-z))
    squared error    L = k sum_n (y_n - t_n)^2                                   dz = dL 2 k (y - t) y (1 - y)
    cross-entropy    L = -k sum_n (t_n log y_n + (1 - t_n) log(1 - y_n))         dz = dL k (y - t)
    dW2 = h^T dz     db2 = sum_n dz_n     dh = dz W2^T
    dW1 = x^T da     db1 = sum_n da_n     da = dh f'(a)     dx = da W1^T

Shapes: x (N, 2), t (N, 1) of 0 and 1, W1 (2, H), b1 (H,), W2 (H, 1), b2 (1,), L a scalar. XOR has N = 4 points, H = 2.
hidden is the activation f, loss "squared" or "cross-entropy"; reduction decides k: mean 1/N, sum 1, half-mean and
half-sum half of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.networks.adaline import weight
from reference_impls.networks.two_layer_net import ACTIVATIONS
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(
    x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array,
    *, hidden: str = "sigmoid", loss: str = "squared", reduction: str = "half-sum",
) -> float:  # fmt: skip
    z = ACTIVATIONS[hidden][0](x @ W1 + b1) @ W2 + b2
    if loss == "squared":
        each = (1 / (1 + np.exp(-z)) - t) ** 2
    else:
        each = t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z)  # logaddexp(0, -z) = -log y
    return float(weight(x, reduction) * np.sum(each))


def backward(
    dy: float, x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array,
    *, hidden: str = "sigmoid", loss: str = "squared", reduction: str = "half-sum",
) -> Grads:  # fmt: skip
    f, slope = ACTIVATIONS[hidden]
    h = f(x @ W1 + b1)
    y = 1 / (1 + np.exp(-(h @ W2 + b2)))
    dz = dy * weight(x, reduction) * (y - t) * (2 * y * (1 - y) if loss == "squared" else 1.0)
    da = dz @ W2.T * slope(h)
    return {"x": da @ W1.T, "W1": x.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}


def torch_forward(
    x: Any, t: Any, W1: Any, b1: Any, W2: Any, b2: Any,
    *, hidden: str = "sigmoid", loss: str = "squared", reduction: str = "half-sum",
) -> Any:  # fmt: skip
    import torch
    import torch.nn.functional as F

    z = getattr(torch, hidden)(x @ W1 + b1) @ W2 + b2
    if loss == "squared":
        return weight(x, reduction) * F.mse_loss(torch.sigmoid(z), t, reduction="sum")
    return weight(x, reduction) * F.binary_cross_entropy_with_logits(z, t, reduction="sum")


def hidden_bias_not_summed(dy: float, x: Array, *arrays: Array, **options: Any) -> Grads:
    each = [backward(dy, x[n : n + 1], arrays[0][n : n + 1], *arrays[1:], **options)["b1"] for n in range(len(x))]
    return backward(dy, x, *arrays, **options) | {"b1": np.stack(each)}


def slope_of_hidden_left_out(
    dy: float, x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array, **options: Any
) -> Grads:
    g = backward(dy, x, t, W1, b1, W2, b2, **options)
    h = ACTIVATIONS["sigmoid"][0](x @ W1 + b1)
    y = 1 / (1 + np.exp(-(h @ W2 + b2)))
    da = dy * (y - t) * y * (1 - y) @ W2.T
    return g | {"x": da @ W1.T, "W1": x.T @ da, "b1": da.sum(axis=0)}


def slope_of_output_left_out(dy: float, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options | {"loss": "cross-entropy", "reduction": "sum"})


def slope_of_output_left_in(dy: float, *arrays: Array, **options: Any) -> Grads:
    return backward(dy / 2, *arrays, **options | {"loss": "squared"})


def t_minus_y(dy: float, *arrays: Array, **options: Any) -> Grads:
    return backward(-dy, *arrays, **options)


# fmt: off
CROSS_ENTROPY = {"loss": "cross-entropy", "reduction": "mean"}
SPEC = LayerSpec(
    name="xor_mlp", korean="XOR 신경망", kind="network", family="networks",
    aliases=("XOR", "XORNet", "XORNetwork", "XORModel", "xor_network", "XorGateNet"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N 2, t: N 1 @binary; W1: 2 H, b1: H, W2: H 1, b2: 1 ->",
    variants=(
        *(Variant(note=f"squared error, {r}", options={"reduction": r}) for r in ("mean", "half-mean", "sum")),
        Variant(note="cross-entropy, mean", options=CROSS_ENTROPY),
        Variant(note="cross-entropy, sum", options=CROSS_ENTROPY | {"reduction": "sum"}),
        Variant(note="tanh hidden layer, half of the sum", options={"hidden": "tanh"}),
        Variant(note="tanh hidden layer, mean", options={"hidden": "tanh", "reduction": "mean"}),
        Variant(note="tanh hidden layer, cross-entropy, mean", options=CROSS_ENTROPY | {"hidden": "tanh"}),
        Variant("t: N @binary; W2: H, b2: ", "vectors of outputs and output weights"),
        Variant("b1: 1 H, b2: 1 1", "biases as rows"),
    ),
    mistakes=(
        Mistake("missing-batch-sum", hidden_bias_not_summed,
                says="`{grad}` of the XOR network is not summed over the points",
                help="One bias serves all four points: db1 = da.sum(axis=0)",
                says_ko="XOR 신경망의 `{grad}`를 네 점에 대해 더하지 않았다",
                help_ko="편향 하나를 네 점이 함께 쓰므로 db1 = da.sum(axis=0)이다"),
        Mistake("slope-missing", slope_of_hidden_left_out,
                says="`{grad}` of the XOR network lacks the slope of the hidden sigmoid",
                help="Behind W2 comes the activation: da = dh * h * (1 - h)",
                says_ko="XOR 신경망의 `{grad}`에 은닉층 시그모이드의 미분이 빠져 있다",
                help_ko="W2 다음에 활성화 함수를 지나므로 da = dh * h * (1 - h)이다"),
        Mistake("fused-gradient", slope_of_output_left_out,
                says="`{grad}` of the XOR network starts from y - t, without the slope of the output sigmoid",
                help="y - t alone belongs to the cross-entropy; squared error has dz = (y - t) * y * (1 - y)",
                says_ko="XOR 신경망의 `{grad}`가 출력 시그모이드의 미분 없이 y - t에서 시작한다",
                help_ko="y - t만 쓰는 것은 교차 엔트로피이고, 제곱 오차에서는 dz = (y - t) * y * (1 - y)이다"),
        Mistake("derivative-applied-twice", slope_of_output_left_in, variant="cross-entropy, mean",
                says="`{grad}` of the XOR network has y (1 - y) left in",
                help="The slope of the sigmoid cancels against the one of the cross-entropy: dz = y - t",
                says_ko="XOR 신경망의 `{grad}`에 y (1 - y)가 남아 있다",
                help_ko="시그모이드의 미분은 교차 엔트로피의 미분과 약분되어 dz = y - t이다"),
        Mistake("wrong-sign", t_minus_y,
                says="`{grad}` of the XOR network has the wrong sign",
                help="dz starts from y - t; with t - y the update must add instead of subtract",
                says_ko="XOR 신경망의 `{grad}` 부호가 반대이다",
                help_ko="dz는 y - t에서 시작하며, t - y로 두면 갱신할 때 빼지 말고 더해야 한다"),
    ),
)
# fmt: on
