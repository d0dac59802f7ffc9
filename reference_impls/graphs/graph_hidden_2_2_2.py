"""Two-layer network for one example, by hand: 2 inputs, 2 hidden units, 2 outputs in the exercise.

    h = sigmoid(x W1 + b1)        y = sigmoid(h W2 + b2)        E = 1/2 sum (y - t)^2
    d2 = (y - t) y (1 - y)        dW2 = h d2^T                  db2 = d2
    d1 = (W2 d2) h (1 - h)        dW1 = x d1^T                  db1 = d1

Shapes: x (I,), W1 (I, H), b1 (H,), W2 (H, O), b2 (O,), t (O,), E a scalar. d1 needs the W2 of the forward, so update
the weights only after all gradients are known. `dE` is the upstream gradient, 1 when E is the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.activations.sigmoid import forward as sigmoid
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Array:
    h = sigmoid(x @ W1 + b1)
    y = sigmoid(h @ W2 + b2)
    return np.asarray(0.5 * ((y - t) ** 2).sum())


def backward(dE: Array, x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Grads:
    h = sigmoid(x @ W1 + b1)
    y = sigmoid(h @ W2 + b2)
    dy = dE * (y - t)  # squared error
    d2 = dy * y * (1 - y)  # output sigmoid
    dh = W2 @ d2  # every output sends its share back
    d1 = dh * h * (1 - h)  # hidden sigmoid
    params = {"W1": np.outer(x, d1), "b1": d1, "W2": np.outer(h, d2), "b2": d2}
    return {"x": W1 @ d1, "t": -dy} | params


def torch_forward(x: Any, t: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    import torch

    y = torch.sigmoid(torch.sigmoid(x @ W1 + b1) @ W2 + b2)
    return 0.5 * torch.nn.functional.mse_loss(y, t, reduction="sum")


def with_hidden_gradient(dh: Array, right: Grads, x: Array, W1: Array, b1: Array) -> Grads:
    """The gradients when dh arrives at the hidden layer; those of the output layer stay right."""
    h = sigmoid(x @ W1 + b1)
    d1 = dh * h * (1 - h)
    return right | {"x": W1 @ d1, "W1": np.outer(x, d1), "b1": d1}


def output_weights_updated_first(dE: Array, x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Grads:
    right = backward(dE, x, t, W1, b1, W2, b2)
    updated = W2 - 0.5 * right["W2"]
    return with_hidden_gradient(updated @ right["b2"], right, x, W1, b1)


def one_output_only(dE: Array, x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Grads:
    right = backward(dE, x, t, W1, b1, W2, b2)
    return with_hidden_gradient(W2[:, 0] * right["b2"][0], right, x, W1, b1)


SPEC = LayerSpec(
    name="graph_hidden_2_2_2",
    korean="2-2-2 신경망",
    kind="network",
    family="graphs",
    distinctive=False,
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: I, t: O; W1: I H, b1: H, W2: H O, b2: O -> ",
    minimum={"O": 2},
    variants=(Variant("W1: H I, W2: O H", "weights stored (out, in)"),),
    mistakes=(
        Mistake(
            "updated-weights-used",
            output_weights_updated_first,
            any_scale=True,
            says="the hidden gradient is sent back through output weights that are already updated",
            help="Compute every gradient with the weights of the forward, then update W1 and W2.",
            says_ko="이미 갱신한 출력층 가중치로 은닉층 기울기를 계산했다",
            help_ko="순전파에 쓴 가중치로 모든 기울기를 구한 다음 W1과 W2를 갱신한다.",
        ),
        Mistake(
            "gradient-missing",
            one_output_only,
            says="the hidden gradient contains the error of one output only",
            help="A hidden unit feeds every output, so add the errors of y_out1 and y_out2: dh = W2 @ d2.",
            says_ko="은닉층 기울기에 출력 하나의 오차만 들어 있다",
            help_ko="은닉 노드는 모든 출력에 이어지므로 y_out1과 y_out2의 오차를 더한다: dh = W2 @ d2.",
        ),
    ),
)
