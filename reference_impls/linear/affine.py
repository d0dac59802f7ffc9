"""Affine (fully connected) layer.

    y  = x W + b
    dx = dy W^T        dW = x^T dy        db = sum_n dy_n

Shapes: x (N, D), W (D, M), b (M,), y (N, M). The bias is shared by every sample, so db adds up over the batch.
A tensor input is flattened to (N, D) first, and dx takes the tensor's shape again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, W: Array, b: Array) -> Array:
    return x @ W + b


def backward(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return {"x": dy @ W.T, "W": x.T @ dy, "b": dy.sum(axis=0)}


def torch_forward(x: Any, W: Any, b: Any) -> Any:
    import torch

    return torch.nn.functional.linear(x, W.T, b)


def bias_not_summed(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"b": dy.copy()}


def bias_averaged(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"b": dy.mean(axis=0)}


def bias_summed_to_scalar(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"b": np.asarray(dy.sum())}


def weights_transposed(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": dy.T @ x}


def weights_divided_by_batch(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": x.T @ dy / len(x)}


def weights_as_inner_product(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    # np.dot(x.T, dy) of two vectors with D = M; for other sizes resize stands in for that
    return backward(dy, x, W, b) | {"W": np.asarray(np.dot(x.ravel(), np.resize(dy, x.size)))}


def reshape_for_transpose(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": x.reshape(len(W), -1) @ dy}


def flattening_forward(x: Array, W: Array, b: Array) -> Array:
    return forward(x.reshape(len(x), -1), W, b)


def input_gradient_left_flat(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x.reshape(len(x), -1), W, b)


def input_not_flattened(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return {"x": (dy @ W.T).reshape(x.shape), "W": x.T @ dy, "b": dy.sum(axis=0)}


def input_of_another_call() -> Callable[..., Grads]:
    saved: dict[tuple[int, ...], Array] = {}

    def wrong(dy: Array, x: Array, W: Array, b: Array) -> Grads:
        return backward(dy, saved.setdefault(x.shape, x), W, b)

    return wrong


def weights_never_reset() -> Callable[..., Grads]:
    total: dict[tuple[int, ...], Array] = {}

    def wrong(dy: Array, x: Array, W: Array, b: Array) -> Grads:
        total[W.shape] = total.get(W.shape, 0) + x.T @ dy
        return backward(dy, x, W, b) | {"W": total[W.shape].copy()}

    return wrong


# fmt: off
SPEC = LayerSpec(
    name="affine", korean="Affine 계층", family="linear", aliases=("Linear", "Dense", "FullyConnected", "FC", "Gemm"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D; W: D M, b: M -> N M",
    variants=(
        Variant("x: N (E F)", "tensor input"),
        Variant("x: D -> M", "single vector", incidental=True),
        Variant("W: M D", "weights stored (out, in)"),
        Variant("b: 1 M", "bias as a row"),
        Variant("W: M D, b: 1 M", "weights stored (out, in), bias as a row"),
        Variant("W: M D, b: M 1", "weights stored (out, in), bias as a column"),
        Variant("x: D N; W: M D, b: M 1 -> M N", "samples in columns"),
    ),
    mistakes=(
        Mistake("missing-batch-sum", bias_not_summed,
                says="`{grad}` is not summed over the batch",
                help="Every sample uses the same bias, so its gradient adds up over the batch axis: dy.sum(axis=0).",
                says_ko="`{grad}`를 배치에 대해 더하지 않았다",
                help_ko="모든 샘플이 같은 편향을 쓰므로 배치 축으로 더해야 한다: dy.sum(axis=0)."),
        Mistake("transposed", weights_transposed),
        Mistake("extra-batch-mean", weights_divided_by_batch),
        Mistake("stale-state", input_of_another_call, stateful=True),
        Mistake("accumulates", weights_never_reset, stateful=True),
        Mistake("batch-mean-for-sum", bias_averaged,
                says="`{grad}` is averaged over the batch where it should be summed",
                help="The loss has divided by N already if it is a mean; the affine layer adds: dy.sum(axis=0).",
                says_ko="`{grad}`를 배치에 대해 합하지 않고 평균했다",
                help_ko="평균 손실이라면 N으로 이미 나누었으므로 Affine은 더하기만 한다: dy.sum(axis=0)."),
        Mistake("summed-to-scalar", bias_summed_to_scalar,
                says="`{grad}` is one number where the bias has one for each output",
                help="Sum over the batch axis only; each output keeps its own bias gradient.",
                says_ko="편향은 출력마다 하나씩인데 `{grad}`는 숫자 하나이다",
                help_ko="배치 축으로만 더하고, 편향의 기울기는 출력마다 따로 남긴다."),
        Mistake("inner-product", weights_as_inner_product, variant="single vector",
                says="`{grad}` is the inner product of x and dy, a single number",
                help="For vectors .T does nothing; the weight gradient is the outer product np.outer(x, dy).",
                says_ko="`{grad}`가 x와 dy의 내적, 곧 숫자 하나이다",
                help_ko="1차원 배열에서 .T는 아무 일도 하지 않는다. 가중치 기울기는 외적 np.outer(x, dy)이다."),
        Mistake("gradient-not-reshaped", input_gradient_left_flat, forward=flattening_forward, variant="tensor input",
                says="`{grad}` keeps the flattened shape (N, D) although x is a tensor",
                help="The layer flattened x, so its backward must undo that: reshape the gradient to x.shape.",
                says_ko="x는 텐서인데 `{grad}`가 펼친 shape (N, D)로 남아 있다",
                help_ko="순전파에서 x를 펼쳤으므로 역전파에서는 기울기를 x.shape으로 되돌려야 한다."),
        Mistake("input-not-flattened", input_not_flattened, forward=flattening_forward, variant="tensor input",
                says="`{grad}` is computed from the tensor x and not from the flattened x",
                help="Save the (N, D) matrix in the forward and use it in x.T @ dy.",
                says_ko="`{grad}`를 펼친 x가 아니라 텐서 x로 계산했다",
                help_ko="순전파에서 (N, D) 행렬을 저장해 x.T @ dy에 쓴다."),
        Mistake("reshape-for-transpose", reshape_for_transpose,
                says="`{grad}` uses x reshaped to (D, N), which mixes the samples of the batch",
                help="reshape reads the numbers on in order and does not swap axes; use x.T on the (N, D) matrix.",
                says_ko="`{grad}`에 (D, N)으로 reshape한 x를 써서 배치의 샘플들이 섞였다",
                help_ko="reshape은 축을 바꾸지 않고 숫자를 차례로 다시 읽을 뿐이므로 (N, D) 행렬에 x.T를 쓴다."),
    ),
)
# fmt: on
