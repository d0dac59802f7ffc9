"""Linear layer without a bias: a product with a weight matrix.

    y  = x W
    dx = dy W^T        dW = x^T dy

Shapes: x (N, D), W (D, M), y (N, M). The shapes allow only one order of the factors: (N, M) (M, D) is that of x.
"""

from __future__ import annotations

from typing import Any

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, W: Array) -> Array:
    return x @ W


def backward(dy: Array, x: Array, W: Array) -> Grads:
    return {"x": dy @ W.T, "W": x.T @ dy}


def torch_forward(x: Any, W: Any) -> Any:
    import torch

    return torch.nn.functional.linear(x, W.T)


def weights_transposed(dy: Array, x: Array, W: Array) -> Grads:
    return backward(dy, x, W) | {"W": dy.T @ x}


def weights_divided_by_batch(dy: Array, x: Array, W: Array) -> Grads:
    return backward(dy, x, W) | {"W": x.T @ dy / len(x)}


# fmt: off
SPEC = LayerSpec(
    name="linear_no_bias", korean="편향 없는 선형 계층", family="linear",
    aliases=("LinearWithoutBias", "AffineNoBias", "BiasFreeLinear", "DenseNoBias", "MatMulLayer"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D; W: D M -> N M",
    variants=(
        Variant("x: N (E F)", "tensor input"),
        Variant("x: D -> M", "single vector", incidental=True),
        Variant("W: M D", "weights stored (out, in)"),
        Variant("x: D N; W: M D -> M N", "samples in columns"),
    ),
    mistakes=(
        Mistake("transposed", weights_transposed,
                says="`{grad}` of the product is transposed: it is dy^T x and has the shape (M, D)",
                help="Swap the factors: x.T @ dy has the shape (D, M) of W.",
                says_ko="곱의 `{grad}`가 전치되었다: dy^T x라서 shape이 (M, D)이다",
                help_ko="두 인수를 바꾸면 x.T @ dy의 shape이 W와 같은 (D, M)이 된다."),
        Mistake("extra-batch-mean", weights_divided_by_batch),
    ),
)
# fmt: on
