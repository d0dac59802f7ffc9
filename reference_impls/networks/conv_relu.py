"""Convolutions with ReLU behind them, perhaps a batch normalisation between the two, perhaps max pooling at the end.

    a  = conv2d(x, W, b)                                  da -> dx, dW, db as in conv2d
    n  = (a - mean) / sqrt(var + eps)                     da = (dn - mean(dn) - n mean(n dn)) / sqrt(var + eps)
    u  = gamma n + beta                                   dn = gamma du,  dgamma = sum of du n,  dbeta = sum of du
    h  = max(u, 0)                                        du = dh where u > 0, else 0
    y  = the largest of each window of h                  dh = dy at the largest entry of its window, added up

Shapes: x (N, C, H, W), W (F, C, I, J), b, gamma, beta (F,), y (N, F, P, Q). Mean, variance (divided by the count) and
the sums run over samples, rows and columns, in training mode. Without normalisation u = a, without pooling y = h.
Stride and pad are those of the convolution; pooling has windows of `kernel`, a `pool_stride`, and no padding.
Under batch normalisation db is 0: it takes away what b has added.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.activations import relu
from reference_impls.convolution import conv2d
from reference_impls.networks.affine_relu import normalised, normalised_backward, unmasked, wrong_cache
from reference_impls.pooling import maxpool2d
from reference_impls.spec import Array, Grads, LayerSpec, Variant

PIXELS = (0, 2, 3)


def conv_relu(x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1) -> Array:
    return relu.forward(conv2d.forward(x, W, b, stride, pad))


def conv_relu_backward(
    dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, masked: bool = True
) -> Grads:
    a = conv2d.forward(x, W, b, stride, pad)
    return conv2d.backward(relu.backward(dy, a)["x"] if masked else dy, x, W, b, stride, pad)


def conv_relu_torch(x: Any, W: Any, b: Any, stride: int = 2, pad: int = 1) -> Any:
    return conv2d.torch_forward(x, W, b, stride, pad).relu()


def conv_relu_pool(
    x: Array, W: Array, b: Array, stride: int = 1, pad: int = 1, kernel: int = 2, pool_stride: int = 2
) -> Array:
    return maxpool2d.forward(conv_relu(x, W, b, stride, pad), kernel, pool_stride, 0)


def conv_relu_pool_backward(
    dy: Array, x: Array, W: Array, b: Array, stride: int = 1, pad: int = 1, kernel: int = 2, pool_stride: int = 2,
    masked: bool = True,
) -> Grads:  # fmt: skip
    h = conv_relu(x, W, b, stride, pad)
    dh = maxpool2d.backward(dy, h, kernel, pool_stride, 0)["x"]
    return conv_relu_backward(dh, x, W, b, stride, pad, masked)


def conv_relu_pool_torch(
    x: Any, W: Any, b: Any, stride: int = 1, pad: int = 1, kernel: int = 2, pool_stride: int = 2
) -> Any:
    return maxpool2d.torch_forward(conv_relu_torch(x, W, b, stride, pad), kernel, pool_stride, 0)


def conv_bn_relu(
    x: Array, W: Array, b: Array, gamma: Array, beta: Array, stride: int = 2, pad: int = 1, eps: float = 1e-5
) -> Array:
    n = normalised(conv2d.forward(x, W, b, stride, pad), PIXELS, eps)
    return relu.forward(gamma[:, None, None] * n + beta[:, None, None])


def conv_bn_relu_backward(
    dy: Array, x: Array, W: Array, b: Array, gamma: Array, beta: Array, stride: int = 2, pad: int = 1,
    eps: float = 1e-5, masked: bool = True, mask_of_a: bool = False,
) -> Grads:  # fmt: skip
    a = conv2d.forward(x, W, b, stride, pad)
    n = normalised(a, PIXELS, eps)
    u = gamma[:, None, None] * n + beta[:, None, None]
    du = relu.backward(dy, a if mask_of_a else u)["x"] if masked else dy
    da = normalised_backward(gamma[:, None, None] * du, a, PIXELS, eps)
    outer = {"b": np.zeros_like(b), "gamma": (du * n).sum(PIXELS), "beta": du.sum(PIXELS)}
    return conv2d.backward(da, x, W, b, stride, pad) | outer


def conv_bn_relu_torch(
    x: Any, W: Any, b: Any, gamma: Any, beta: Any, stride: int = 2, pad: int = 1, eps: float = 1e-5
) -> Any:
    import torch.nn.functional as F

    a = conv2d.torch_forward(x, W, b, stride, pad)
    return F.relu(F.batch_norm(a, None, None, gamma, beta, training=True, eps=eps))


def setting(stride: int, pad: int, **pool: int) -> Variant:
    note = f"stride {stride}, pad {pad}" + "".join(f", {name} {size}" for name, size in pool.items())
    return Variant("", note.replace("_", " "), {"stride": stride, "pad": pad, **pool})


# fmt: off
SPECS = (
    LayerSpec(
        name="conv_relu", korean="합성곱-ReLU 계층", family="networks",
        aliases=("Convolution_ReLU", "Conv2d_ReLU"),
        forward=conv_relu, backward=conv_relu_backward, torch_forward=conv_relu_torch,
        shapes="x: N C H W; W: F C 3 3, b: F -> N F P Q", minimum={"H": 3, "W": 3},
        variants=(setting(1, 1), setting(1, 0), setting(2, 0), Variant("b: F 1", "bias as a column")),
        mistakes=(unmasked(conv_relu_backward),),
    ),
    LayerSpec(
        name="conv_relu_pool", korean="합성곱-ReLU-풀링 계층", family="networks",
        aliases=("Conv_ReLU_Pool", "Conv_ReLU_MaxPool", "Convolution_ReLU_Pool"),
        forward=conv_relu_pool, backward=conv_relu_pool_backward, torch_forward=conv_relu_pool_torch,
        shapes="x: N C H W; W: F C 3 3, b: F -> N F P Q", minimum={"H": 3, "W": 3},
        variants=(setting(1, 1, kernel=3, pool_stride=2), setting(1, 1, kernel=2, pool_stride=1),
                  setting(2, 1, kernel=2, pool_stride=1), Variant("b: F 1", "bias as a column")),
        mistakes=(unmasked(conv_relu_pool_backward),),
    ),
    LayerSpec(
        name="conv_bn_relu", korean="합성곱-배치 정규화-ReLU 계층", family="networks", zero_gradient=True,  # of b
        aliases=("Conv_BatchNorm_ReLU", "conv_batchnorm_relu", "Conv2d_BatchNorm_ReLU"),
        forward=conv_bn_relu, backward=conv_bn_relu_backward, torch_forward=conv_bn_relu_torch,
        shapes="x: N C H W; W: F C 3 3, b: F, gamma: F, beta: F -> N F P Q", minimum={"N": 3, "H": 3, "W": 3},
        variants=(setting(1, 1), setting(1, 0), setting(2, 0)),
        mistakes=(unmasked(conv_bn_relu_backward), wrong_cache(conv_bn_relu_backward)),
    ),
)
# fmt: on
