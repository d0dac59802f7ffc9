"""Wrong backwards of the affine layer that confuse shapes: a single vector, or a tensor that is flattened inside.

    single vector   x (D,), dy (M,)          dW = outer(x, dy)      db = dy
    tensor          x (N, E, F), D = E F     dW = x2^T dy with x2 = x as (N, D),  dx = (dy W^T) as (N, E, F)

The functions take x as a matrix too, where a vector counts as a batch of one. The two mistakes of the tensor
variant show only when they are called with the tensor itself.
"""

from __future__ import annotations

import numpy as np

from reference_impls.spec import Array, Grads, Mistake


def rows(x: Array, D: int) -> Array:
    """x as a matrix with D columns."""
    return x.reshape(-1, D)


def forward(x: Array, W: Array, b: Array) -> Array:
    return np.asarray(rows(x, len(W)) @ W + b)


def backward(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    x2, dy = rows(x, len(W)), rows(dy, W.shape[1])
    return {"x": (dy @ W.T).reshape(x.shape), "W": x2.T @ dy, "b": dy.sum(axis=0)}


def weights_as_inner_product(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    # np.dot(x.T, dy) of two vectors with D = M; for other sizes resize stands in for that
    return backward(dy, x, W, b) | {"W": np.asarray(np.dot(x.ravel(), np.resize(dy, x.size)))}


def bias_summed_to_scalar(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"b": np.asarray(dy.sum())}


def input_gradient_left_flat(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"x": dy @ W.T}


def input_not_flattened(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": x.T @ dy}


def reshape_for_transpose(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": x.reshape(len(W), -1) @ rows(dy, W.shape[1])}


SHAPE_MISTAKES = (
    Mistake(
        "inner-product",
        weights_as_inner_product,
        variant="single vector",
        says="`{grad}` is the inner product of x and dy, a single number",
        help="For vectors .T does nothing; the weight gradient is the outer product np.outer(x, dy).",
        says_ko="`{grad}`가 x와 dy의 내적, 곧 숫자 하나이다",
        help_ko="1차원 배열에서 .T는 아무 일도 하지 않는다. 가중치 기울기는 외적 np.outer(x, dy)이다.",
    ),
    Mistake(
        "summed-to-scalar",
        bias_summed_to_scalar,
        says="`{grad}` is one number where the bias has one for each output",
        help="Sum over the batch axis only; each output keeps its own bias gradient.",
        says_ko="편향은 출력마다 하나씩인데 `{grad}`는 숫자 하나이다",
        help_ko="배치 축으로만 더하고, 편향의 기울기는 출력마다 따로 남긴다.",
    ),
    Mistake(
        "gradient-not-reshaped",
        input_gradient_left_flat,
        forward=forward,
        variant="tensor input",
        says="`{grad}` keeps the flattened shape (N, D) although x is a tensor",
        help="The layer flattened x, so its backward must undo that: reshape the gradient to x.shape.",
        says_ko="x는 텐서인데 `{grad}`가 펼친 shape (N, D)로 남아 있다",
        help_ko="순전파에서 x를 펼쳤으므로 역전파에서는 기울기를 x.shape으로 되돌려야 한다.",
    ),
    Mistake(
        "input-not-flattened",
        input_not_flattened,
        forward=forward,
        variant="tensor input",
        says="`{grad}` is computed from the tensor x and not from the flattened x",
        help="Save the (N, D) matrix in the forward and use it in x.T @ dy.",
        says_ko="`{grad}`를 펼친 x가 아니라 텐서 x로 계산했다",
        help_ko="순전파에서 (N, D) 행렬을 저장해 x.T @ dy에 쓴다.",
    ),
    Mistake(
        "reshape-for-transpose",
        reshape_for_transpose,
        says="`{grad}` uses x reshaped to (D, N), which mixes the samples of the batch",
        help="reshape reads the numbers on in order and does not swap axes; use x.T on the (N, D) matrix.",
        says_ko="`{grad}`에 (D, N)으로 reshape한 x를 써서 배치의 샘플들이 섞였다",
        help_ko="reshape은 축을 바꾸지 않고 숫자를 차례로 다시 읽을 뿐이므로 (N, D) 행렬에 x.T를 쓴다.",
    ),
)
