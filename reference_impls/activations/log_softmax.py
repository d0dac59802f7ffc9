"""Log softmax over the classes of each sample.

    y_i  = x_i - log sum_j exp(x_j)
    dx_i = dy_i - p_i sum_j dy_j            with p = softmax(x) = exp(y)

Shapes: x and y (N, D), one sample a row. The largest entry of a row is taken out of its sum, which changes nothing
but keeps exp from overflowing; log(softmax(x)) would be -inf where a probability rounds to 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array) -> Array:
    x = x - x.max(axis=1, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=1, keepdims=True)))


def backward(dy: Array, x: Array) -> Grads:
    p = np.exp(forward(x))
    return {"x": dy - p * dy.sum(axis=1, keepdims=True)}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.nn.functional.log_softmax(x, dim=1)


def upstream_taken_to_sum_to_one(dy: Array, x: Array) -> Grads:
    return {"x": dy - np.exp(forward(x))}


def upstream_taken_as_minus_onehot(dy: Array, x: Array) -> Grads:
    return {"x": dy + np.exp(forward(x))}


def not_normalised(dy: Array, x: Array) -> Grads:
    return {"x": dy - np.exp(x) * dy.sum(axis=1, keepdims=True)}


def diagonal_only(dy: Array, x: Array) -> Grads:
    return {"x": dy * (1 - np.exp(forward(x)))}


def summed_over_samples(dy: Array, x: Array) -> Grads:
    return {"x": dy - np.exp(forward(x)) * dy.sum(axis=0, keepdims=True)}


# fmt: off
SPEC = LayerSpec(
    name="log_softmax", korean="로그 소프트맥스", family="activations",
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N D", minimum={"D": 2},
    variants=(
        Variant("x: D N -> D N", "samples in columns"),
        Variant("x: D -> D", "single vector", incidental=True),
    ),
    mistakes=(
        Mistake("upstream-sum-missing", upstream_taken_to_sum_to_one,
                says="log softmax subtracts softmax(x) alone, as if every row of dy summed to one",
                help="Multiply it by the row sums: dx = dy - softmax(x) * dy.sum(axis=1, keepdims=True).",
                says_ko="로그 소프트맥스가 dy의 행마다 합이 1인 것처럼 softmax(x)만 뺀다",
                help_ko="행의 합을 곱한다: dx = dy - softmax(x) * dy.sum(axis=1, keepdims=True)."),
        Mistake("upstream-added", upstream_taken_as_minus_onehot,
                says="log softmax adds softmax(x) to dy, which is right only where dy is minus a one-hot row",
                help="The loss may scale or weight its samples: dx = dy - softmax(x) * (the sum of each row of dy).",
                says_ko="로그 소프트맥스가 dy에 softmax(x)를 더하는데 이는 dy가 -(원-핫)일 때만 맞다",
                help_ko="손실이 샘플마다 배율을 줄 수 있다: dx = dy - softmax(x) * (dy의 각 행의 합)."),
        Mistake("not-normalised", not_normalised,
                says="`{grad}` of log softmax uses exp(x) where it needs softmax(x)",
                help="Divide by the sum of the row: exp of the output, np.exp(y), is the softmax.",
                says_ko="로그 소프트맥스의 `{grad}`에 softmax(x) 대신 exp(x)를 썼다",
                help_ko="행의 합으로 나눈다. 출력의 지수 np.exp(y)가 바로 소프트맥스이다."),
        Mistake("diagonal-only", diagonal_only,
                says="`{grad}` of log softmax has only the diagonal 1 - p of the Jacobian",
                help="Each input moves every output of its row: dx = dy - p * (the sum of the row of dy).",
                says_ko="로그 소프트맥스의 `{grad}`에 야코비안의 대각 성분 1 - p만 있다",
                help_ko="입력 하나가 그 행의 모든 출력을 움직인다: dx = dy - p * (dy의 행의 합)."),
        Mistake("wrong-axis", summed_over_samples,
                says="log softmax sums dy over the samples and not over the classes",
                help="Each sample is normalised by itself: sum dy along the axis of the classes.",
                says_ko="로그 소프트맥스가 dy를 클래스 축이 아니라 샘플 축으로 더한다",
                help_ko="샘플마다 따로 정규화하므로 클래스 축으로 dy를 더한다."),
    ),
)
# fmt: on
