"""Two-layer network: affine, activation, affine, softmax with loss.

    a  = x W1 + b1,  h = f(a),  s = h W2 + b2,  p = softmax(s)
    L  = -1/N sum_n sum_c t_nc log p_nc + r/2 (sum W1^2 + sum W2^2)
    ds = dL (p - t) / N     dW2 = h^T ds + dL r W2     db2 = sum_n ds_n     dh = ds W2^T
    da = dh f'(a)           dW1 = x^T da + dL r W1     db1 = sum_n da_n     dx = da W1^T

Shapes: x (N, D), t (N, C) one-hot, W1 (D, H), b1 (H,), W2 (H, C), b2 (C,), L a scalar.
hidden is the activation f, reg is r; with reg_half=False the penalty is r sum W^2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {  # f(a), and f'(a) from h
    "relu": (lambda a: np.maximum(a, 0), lambda h: np.asarray(h > 0, dtype=float)),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda h: h * (1 - h)),
    "tanh": (np.tanh, lambda h: 1 - h**2),
}


def log_softmax(s: Array) -> Array:
    s = s - s.max(axis=1, keepdims=True)
    return np.asarray(s - np.log(np.exp(s).sum(axis=1, keepdims=True)))


def forward(
    x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array,
    *, hidden: str = "relu", reg: float = 0.0, reg_half: bool = True,
) -> float:  # fmt: skip
    h = ACTIVATIONS[hidden][0](x @ W1 + b1)
    penalty = reg * (np.sum(W1**2) + np.sum(W2**2)) * (0.5 if reg_half else 1.0)
    return float(-np.sum(t * log_softmax(h @ W2 + b2)) / len(x) + penalty)


def backward(
    dy: float, x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array,
    *, hidden: str = "relu", reg: float = 0.0, reg_half: bool = True,
) -> Grads:  # fmt: skip
    f, slope = ACTIVATIONS[hidden]
    r = dy * reg * (1 if reg_half else 2)
    h = f(x @ W1 + b1)
    ds = dy * (np.exp(log_softmax(h @ W2 + b2)) - t) / len(x)
    da = ds @ W2.T * slope(h)
    dW1, dW2 = x.T @ da + r * W1, h.T @ ds + r * W2
    return {"x": da @ W1.T, "W1": dW1, "b1": da.sum(axis=0), "W2": dW2, "b2": ds.sum(axis=0)}


def torch_forward(
    x: Any, t: Any, W1: Any, b1: Any, W2: Any, b2: Any,
    *, hidden: str = "relu", reg: float = 0.0, reg_half: bool = True,
) -> Any:  # fmt: skip
    import torch

    h = getattr(torch, hidden)(x @ W1 + b1)
    penalty = reg * ((W1**2).sum() + (W2**2).sum()) * (0.5 if reg_half else 1.0)
    return torch.nn.functional.cross_entropy(h @ W2 + b2, t) + penalty


def keys_swapped(dy: float, *arrays: Array, **options: Any) -> Grads:
    g = backward(dy, *arrays, **options)
    return {"x": g["x"], "W1": g["W2"], "b1": g["b2"], "W2": g["W1"], "b2": g["b1"]}


def first_forward_kept() -> Callable[..., Grads]:
    kept: list[Array] = []

    def wrong(dy: float, *arrays: Array, **options: Any) -> Grads:
        kept.extend(a.copy() for a in arrays[len(kept) :])  # the layers remember one forward and no later one
        return backward(dy, *kept, **options)

    return wrong


def buffers_overwritten() -> Callable[..., Grads]:
    buffers: Grads = {}

    def wrong(dy: float, *arrays: Array, **options: Any) -> Grads:
        for name, g in backward(dy, *arrays, **options).items():
            held = buffers.setdefault(name, g)
            buffers[name] = held if held.shape == g.shape else g
            buffers[name][...] = g  # whoever holds the gradients of the call before sees them change
        return dict(buffers)

    return wrong


def penalty_left_out(dy: float, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options | {"reg": 0.0})


def updated_output_weights(
    dy: float, x: Array, t: Array, W1: Array, b1: Array, W2: Array, b2: Array, *, hidden: str = "relu", **options: Any
) -> Grads:
    f, slope = ACTIVATIONS[hidden]
    g = backward(dy, x, t, W1, b1, W2, b2, hidden=hidden, **options)
    h = f(x @ W1 + b1)
    ds = dy * (np.exp(log_softmax(h @ W2 + b2)) - t) / len(x)
    off = ds @ (-0.1 * g["W2"]).T * slope(h)  # added to da by W2 - 0.1 dW2
    return g | {"x": g["x"] + off @ W1.T, "W1": g["W1"] + x.T @ off, "b1": g["b1"] + off.sum(axis=0)}


# fmt: off
SPEC = LayerSpec(
    name="two_layer_net", korean="2층 신경망", kind="network", family="networks",
    aliases=("TwoLayerNet", "TwoLayerNetwork", "two_layer_model", "TwoLayerNN", "TwoLayerMLP"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, t: N C @onehot; W1: D H, b1: H, W2: H C, b2: C ->", minimum={"C": 2},
    variants=(
        *(Variant(note=f"{f} hidden layer", options={"hidden": f}) for f in ("sigmoid", "tanh")),
        Variant("t: N @label(C)", "integer labels"),
        Variant("t: N @label(C)", "integer labels, sigmoid hidden layer", {"hidden": "sigmoid"}),
        Variant(note="penalty 0.05 W^2", options={"reg": 0.1}),
        Variant(note="penalty 0.1 W^2", options={"reg": 0.1, "reg_half": False}),
    ),
    mistakes=(
        Mistake("swapped-gradients", keys_swapped,
                says="`{grad}` of the two-layer net belongs to the other affine layer",
                help="grads['W1'] and grads['b1'] come from the first affine layer, 'W2' and 'b2' from the second",
                says_ko="2층 신경망의 `{grad}`가 다른 Affine 층의 기울기이다",
                help_ko="grads['W1'], ['b1']은 첫째 Affine 층에서, ['W2'], ['b2']는 둘째 층에서 가져온다"),
        Mistake("stale-state", first_forward_kept, stateful=True,
                says="the gradients of the two-layer net come from an earlier forward",
                help="Run the forward on this batch first: self.loss(x, t) refreshes what the layers keep",
                says_ko="2층 신경망의 기울기가 이전 순전파의 값으로 계산된다",
                help_ko="먼저 self.loss(x, t)로 이 배치의 순전파를 하여 층이 저장한 값을 새로 만든다"),
        Mistake("aliased-gradients", buffers_overwritten, stateful=True,
                says="the next call of the two-layer net overwrites the gradients that the last one returned",
                help="Return fresh arrays, or copies of the layers' dW and db",
                says_ko="2층 신경망을 다시 호출하면 앞서 돌려준 기울기가 덮어써진다",
                help_ko="새 배열이나 층의 dW, db의 복사본을 돌려준다"),
        Mistake("gradient-missing", penalty_left_out, variant="penalty 0.05 W^2",
                says="`{grad}` of the two-layer net lacks the term of the weight penalty that its loss has",
                help="Add reg * W to dW1 and dW2 (2 * reg * W when the loss has no 1/2)",
                says_ko="손실에 있는 가중치 벌점의 항이 2층 신경망의 `{grad}`에 없다",
                help_ko="dW1과 dW2에 reg * W를 더한다(손실에 1/2이 없으면 2 * reg * W)"),
        Mistake("updated-weights-used", updated_output_weights, any_scale=True,
                says="`{grad}` of the two-layer net is computed with output weights that were updated already",
                help="Compute every gradient from the old weights first, then update them all",
                says_ko="2층 신경망의 `{grad}`가 이미 갱신된 출력층 가중치로 계산된다",
                help_ko="모든 기울기를 이전 가중치로 계산한 다음에 한꺼번에 갱신한다"),
    ),
)
# fmt: on
