"""Multilayer perceptron: affine layers with an activation between them, softmax with loss at the end. Here three.

    h0 = x
    al = h(l-1) Wl + bl,  hl = f(al)            for l = 1, 2;    s = h2 W3 + b3,    p = softmax(s)
    L  = -1/N sum_n sum_c t_nc log p_nc + r/2 sum_l sum Wl^2
    da3 = dL (p - t) / N,   dal = da(l+1) W(l+1)^T f'(al)        dx = da1 W1^T
    dWl = h(l-1)^T dal + dL r Wl                                 dbl = sum_n dal_n

Shapes: x (N, D), t (N, C) one-hot, W1 (D, E), b1 (E,), W2 (E, F), b2 (F,), W3 (F, C), b3 (C,), L a scalar.
hidden is the activation f, reg is r; with reg_half=False the penalty is r sum W^2. Biases have no penalty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.networks.two_layer_net import ACTIVATIONS, log_softmax
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def outputs(x: Array, params: tuple[Array, ...], hidden: str) -> tuple[list[Array], Array]:
    """h0, h1, h2 and the scores."""
    h = [x]
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        h.append(ACTIVATIONS[hidden][0](h[-1] @ W + b))
    return h, h[-1] @ params[-2] + params[-1]


def forward(x: Array, t: Array, *params: Array, hidden: str = "relu", reg: float = 0.0, reg_half: bool = True) -> float:
    _, s = outputs(x, params, hidden)
    penalty = reg * sum(np.sum(W**2) for W in params[::2]) * (0.5 if reg_half else 1.0)
    return float(-np.sum(t * log_softmax(s)) / len(x) + penalty)


def back(da: Array, h: list[Array], params: tuple[Array, ...], slope: Callable[[Array], Array]) -> Grads:
    """From the gradient of the scores down to x; `slope` is f'(a) from h."""
    grads: Grads = {}
    for l in range(len(h), 0, -1):
        dh = da @ params[2 * l - 2].T
        grads |= {f"W{l}": h[l - 1].T @ da, f"b{l}": da.sum(axis=0), "x": dh}
        da = dh * slope(h[l - 1])
    return grads


def backward(
    dy: float, x: Array, t: Array, *params: Array, hidden: str = "relu", reg: float = 0.0, reg_half: bool = True
) -> Grads:
    h, s = outputs(x, params, hidden)
    grads = back(dy * (np.exp(log_softmax(s)) - t) / len(x), h, params, ACTIVATIONS[hidden][1])
    r = dy * reg * (1 if reg_half else 2)
    return grads | {f"W{l}": grads[f"W{l}"] + r * params[2 * l - 2] for l in range(1, len(h) + 1)}


def torch_forward(x: Any, t: Any, *params: Any, hidden: str = "relu", reg: float = 0.0, reg_half: bool = True) -> Any:
    import torch

    W1, b1, W2, b2, W3, b3 = params
    f = getattr(torch, hidden)
    penalty = reg * sum((W**2).sum() for W in (W1, W2, W3)) * (0.5 if reg_half else 1.0)
    return torch.nn.functional.cross_entropy(f(f(x @ W1 + b1) @ W2 + b2) @ W3 + b3, t) + penalty


def penalty_left_out(dy: float, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options | {"reg": 0.0})


def penalty_of_last_layer_left_out(dy: float, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options) | {"W3": penalty_left_out(dy, *arrays, **options)["W3"]}


def penalty_of_last_layer_only(dy: float, *arrays: Array, **options: Any) -> Grads:
    return penalty_left_out(dy, *arrays, **options) | {"W3": backward(dy, *arrays, **options)["W3"]}


def layer_index_off_by_one(dy: float, *arrays: Array, **options: Any) -> Grads:
    g = backward(dy, *arrays, **options)
    return {"x": g["x"]} | {f"{a}{l}": g[f"{a}{l % 3 + 1}"] for a in "Wb" for l in (1, 2, 3)}


def slopes_left_out(dy: float, x: Array, t: Array, *params: Array, hidden: str = "relu") -> Grads:
    h, s = outputs(x, params, hidden)
    return back(dy * (np.exp(log_softmax(s)) - t) / len(x), h, params, np.ones_like)


def not_divided(dy: float, x: Array, *rest: Array, **options: Any) -> Grads:
    return backward(dy * len(x), x, *rest, **options)


# fmt: off
PENALTY = "penalty 0.05 W^2"
SPEC = LayerSpec(
    name="mlp_n_layer", korean="다층 신경망", kind="network", family="networks",
    aliases=("MultiLayerNet", "MultiLayerNetExtend", "FullyConnectedNet", "L_layer_model", "ThreeLayerNet", "MLP",
             "MultiLayerPerceptron", "DeepNeuralNetwork", "다층신경망"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, t: N C @onehot; W1: D E, b1: E, W2: E F, b2: F, W3: F C, b3: C ->", minimum={"C": 2},
    variants=(
        *(Variant(note=f"{f} hidden layers", options={"hidden": f}) for f in ("sigmoid", "tanh")),
        Variant("t: N @label(C)", "integer labels"),
        Variant("t: N @label(C)", "integer labels, sigmoid hidden layers", {"hidden": "sigmoid"}),
        Variant(note=PENALTY, options={"reg": 0.1}),
        Variant(note="penalty 0.1 W^2", options={"reg": 0.1, "reg_half": False}),
        Variant("t: N @label(C)", "integer labels, " + PENALTY, {"reg": 0.1}),
    ),
    mistakes=(
        Mistake("penalty-missing", penalty_left_out, variant=PENALTY,
                says="`{grad}` of the network lacks the term of the weight penalty that its loss has",
                help="Add reg * W to every dW (2 * reg * W when the loss has no 1/2)",
                says_ko="손실에 있는 가중치 벌점의 항이 신경망의 `{grad}`에 없다",
                help_ko="모든 dW에 reg * W를 더한다(손실에 1/2이 없으면 2 * reg * W)"),
        Mistake("penalty-of-some-layers", penalty_of_last_layer_left_out, variant=PENALTY,
                says="`{grad}` lacks the weight penalty, which the gradients of the hidden layers have",
                help="The loop over the layers has to reach the last one: add reg * W to its dW, too",
                says_ko="은닉층의 기울기에는 있는 가중치 벌점의 항이 `{grad}`에는 없다",
                help_ko="층을 도는 반복문이 마지막 층까지 가야 하므로 그 dW에도 reg * W를 더한다"),
        Mistake("penalty-of-some-layers", penalty_of_last_layer_only, variant=PENALTY,
                says="`{grad}` lacks the weight penalty, which the gradient of the last layer alone has",
                help="Add reg * W inside the loop over the hidden layers, too",
                says_ko="마지막 층의 기울기에만 가중치 벌점의 항이 있고 `{grad}`에는 없다",
                help_ko="은닉층을 도는 반복문 안에서도 reg * W를 더한다"),
        Mistake("swapped-gradients", layer_index_off_by_one,
                says="`{grad}` of the network belongs to the next layer: the index is off by one",
                help="Parameters count from 1 and range from 0: layer i of the loop is W{i + 1}",
                says_ko="신경망의 `{grad}`가 다음 층의 기울기이다: 번호가 하나 어긋났다",
                help_ko="매개변수는 1부터, range는 0부터 세므로 반복문의 i번째 층은 W{i + 1}이다"),
        Mistake("slope-missing", slopes_left_out,
                says="`{grad}` of the network lacks the slopes of the activations",
                help="Between two affine layers multiply by f'(a): the mask a > 0 for ReLU, h (1 - h) for the sigmoid",
                says_ko="신경망의 `{grad}`에 활성화 함수의 미분이 빠져 있다",
                help_ko="두 Affine 층 사이에서 f'(a)를 곱한다. ReLU는 a > 0 마스크, 시그모이드는 h (1 - h)이다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the network starts from p - t without the division by the batch size",
                help="The loss is a mean over N samples: divide p - t by N once, at the top",
                says_ko="신경망의 `{grad}`가 배치 크기로 나누지 않은 p - t에서 시작한다",
                help_ko="손실이 N개 샘플의 평균이므로 맨 위에서 p - t를 N으로 한 번 나눈다"),
    ),
)
# fmt: on
