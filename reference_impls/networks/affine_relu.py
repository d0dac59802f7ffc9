"""Affine layers with ReLU behind them, and perhaps a normalisation between the two.

    a  = x W + b                                          da -> dx, dW, db as in the affine layer
    n  = (a - mean) / sqrt(var + eps)                     da = (dn - mean(dn) - n mean(n dn)) / sqrt(var + eps)
    u  = gamma n + beta                                   dn = gamma du,  dgamma = sum_n du n,  dbeta = sum_n du
    y  = max(u, 0)                                        du = dy where u > 0, else 0

Shapes: x (N, D), W (D, M), b, gamma, beta (M,), y (N, M). Batch normalisation takes mean and variance (divided by the
count) of each column, that is over the batch, in training mode; layer normalisation of each row. Without either u = a.
Under batch normalisation db is 0: it takes away what b has added.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.activations import relu
from reference_impls.linear import affine
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Axes = int | tuple[int, ...]


def normalised(a: Array, axes: Axes, eps: float) -> Array:
    return np.asarray((a - a.mean(axes, keepdims=True)) / np.sqrt(a.var(axes, keepdims=True) + eps))


def normalised_backward(dn: Array, a: Array, axes: Axes, eps: float) -> Array:
    n = normalised(a, axes, eps)
    centred = dn - dn.mean(axes, keepdims=True) - n * (n * dn).mean(axes, keepdims=True)
    return np.asarray(centred / np.sqrt(a.var(axes, keepdims=True) + eps))


def affine_relu(x: Array, W: Array, b: Array) -> Array:
    return relu.forward(affine.forward(x, W, b))


def affine_relu_backward(dy: Array, x: Array, W: Array, b: Array, masked: bool = True) -> Grads:
    a = affine.forward(x, W, b)
    return affine.backward(relu.backward(dy, a)["x"] if masked else dy, x, W, b)


def affine_relu_torch(x: Any, W: Any, b: Any) -> Any:
    import torch

    return torch.relu(x @ W + b)


def norm_relu(axes: Axes, x: Array, W: Array, b: Array, gamma: Array, beta: Array, *, eps: float) -> Array:
    return relu.forward(gamma * normalised(affine.forward(x, W, b), axes, eps) + beta)


def norm_relu_backward(
    axes: Axes, dy: Array, x: Array, W: Array, b: Array, gamma: Array, beta: Array,
    *, eps: float, masked: bool = True, mask_of_a: bool = False,
) -> Grads:  # fmt: skip
    a = affine.forward(x, W, b)
    n = normalised(a, axes, eps)
    du = relu.backward(dy, a if mask_of_a else gamma * n + beta)["x"] if masked else dy
    da = normalised_backward(gamma * du, a, axes, eps)
    return affine.backward(da, x, W, b) | {"gamma": (du * n).sum(axis=0), "beta": du.sum(axis=0)}


def bn(x: Array, W: Array, b: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> Array:
    return norm_relu(0, x, W, b, gamma, beta, eps=eps)


def bn_backward(dy: Array, *arrays: Array, eps: float = 1e-5, **mistakes: Any) -> Grads:
    return norm_relu_backward(0, dy, *arrays, eps=eps, **mistakes) | {"b": np.zeros_like(arrays[2])}


def bn_torch(x: Any, W: Any, b: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    import torch.nn.functional as F

    return F.relu(F.batch_norm(x @ W + b, None, None, gamma, beta, training=True, eps=eps))


def ln(x: Array, W: Array, b: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> Array:
    return norm_relu(1, x, W, b, gamma, beta, eps=eps)


def ln_backward(dy: Array, *arrays: Array, eps: float = 1e-5, **mistakes: Any) -> Grads:
    return norm_relu_backward(1, dy, *arrays, eps=eps, **mistakes)


def ln_torch(x: Any, W: Any, b: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    import torch.nn.functional as F

    return F.relu(F.layer_norm(x @ W + b, gamma.shape, gamma, beta, eps))


def unmasked(backward: Callable[..., Grads]) -> Mistake:
    def mask_missing(dy: Array, *arrays: Array, **options: Any) -> Grads:
        return backward(dy, *arrays, masked=False, **options)

    return Mistake(
        "mask-missing", mask_missing,
        says="`{grad}` goes round the ReLU: the mask of the activation is missing",
        help="Backward runs through every layer in reverse: first dy * (u > 0), then the layer before the ReLU.",
        says_ko="`{grad}`가 ReLU를 건너뛴다: 활성화 함수의 마스크가 빠졌다",
        help_ko="역전파는 모든 층을 거꾸로 지난다: 먼저 dy * (u > 0), 그다음에 ReLU 앞의 층이다.",
    )  # fmt: skip


def wrong_cache(backward: Callable[..., Grads]) -> Mistake:
    def mask_of_another_layer(dy: Array, *arrays: Array, **options: Any) -> Grads:
        return backward(dy, *arrays, mask_of_a=True, **options)

    return Mistake(
        "mask-of-another-layer", mask_of_another_layer,
        says="the ReLU in front of `{grad}` takes its mask from the layer before the normalisation",
        help="Unpack the caches in the order in which they were packed: the ReLU's holds its own input.",
        says_ko="`{grad}` 앞의 ReLU가 정규화 앞 층의 값으로 마스크를 만든다",
        help_ko="캐시는 넣은 순서대로 꺼낸다. ReLU의 캐시는 ReLU 자신의 입력이다.",
    )  # fmt: skip


# fmt: off
NORM = "x: N D; W: D M, b: M, gamma: M, beta: M -> N M"
TENSOR, OUT_IN = Variant("x: N (E F)", "tensor input"), Variant("W: M D", "weights stored (out, in)")
ROWS = Variant("b: 1 M, gamma: 1 M, beta: 1 M", "parameters as rows")
SPECS = (
    LayerSpec(
        name="affine_relu", korean="Affine-ReLU 계층", family="networks",
        aliases=("Linear_ReLU", "fc_relu", "dense_relu", "linear_activation"),
        forward=affine_relu, backward=affine_relu_backward, torch_forward=affine_relu_torch,
        shapes="x: N D; W: D M, b: M -> N M",
        variants=(TENSOR, OUT_IN, Variant("b: 1 M", "bias as a row"),
                  Variant("x: D N; W: M D, b: M 1 -> M N", "samples in columns")),
        mistakes=(unmasked(affine_relu_backward),),
    ),
    LayerSpec(
        name="affine_bn_relu", korean="Affine-배치 정규화-ReLU 계층", family="networks", zero_gradient=True,  # of b
        aliases=("affine_batchnorm_relu", "Linear_BatchNorm_ReLU", "fc_bn_relu"),
        forward=bn, backward=bn_backward, torch_forward=bn_torch,
        shapes=NORM, minimum={"N": 3}, variants=(TENSOR, OUT_IN, ROWS),
        mistakes=(unmasked(bn_backward), wrong_cache(bn_backward)),
    ),
    LayerSpec(
        name="affine_ln_relu", korean="Affine-층 정규화-ReLU 계층", family="networks",
        aliases=("affine_layernorm_relu", "Linear_LayerNorm_ReLU", "fc_ln_relu"),
        forward=ln, backward=ln_backward, torch_forward=ln_torch,
        shapes=NORM, minimum={"M": 3}, variants=(TENSOR, OUT_IN, ROWS),
        mistakes=(unmasked(ln_backward), wrong_cache(ln_backward)),
    ),
)
# fmt: on
