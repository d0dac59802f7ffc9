"""Squared error.

    L  = k sum (y - t)^2
    dy = dL 2 k (y - t)        dt = -dy

Shapes: y (N, D) or (N,), t like y, L a scalar. The reduction decides k:
mean 1/(N D), sum 1, batch 1/N, and half of each with "half-" in front ("half-sum" is the sum of squared errors).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def weight(y: Any, reduction: str) -> float:
    """The k of the formula."""
    half = 0.5 if reduction.startswith("half-") else 1.0
    count = {"mean": int(np.prod(y.shape)), "sum": 1, "batch": len(y)}[reduction.removeprefix("half-")]
    return half / count


def forward(y: Array, t: Array, reduction: str = "mean") -> float:
    return float(weight(y, reduction) * np.sum((y - t) ** 2))


def backward(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    d = dy * 2 * weight(y, reduction) * (y - t)
    return {"y": d, "t": -d}


def torch_forward(y: Any, t: Any, reduction: str = "mean") -> Any:
    import torch.nn.functional as F

    return weight(y, reduction) * F.mse_loss(y, t, reduction="sum")


def scaled(k: float, dy: float, y: Array, t: Array, reduction: str) -> Grads:
    return {name: k * d for name, d in backward(dy, y, t, reduction).items()}


def two_dropped(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return scaled(0.5, dy, y, t, reduction)


def two_kept_beside_the_half(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return scaled(2.0, dy, y, t, reduction)


def divided_by_samples_only(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, y, t, "batch")


def not_divided(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, y, t, "sum")


def divided_in_backward_only(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return scaled(1 / len(y), dy, y, t, reduction)


def gradient_of_the_mean(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(dy, y, t, "mean")  # what torch's mse_loss gives, whatever this forward is


def t_minus_y(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return scaled(-1.0, dy, y, t, reduction)


def upstream_ignored(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    return backward(1.0, y, t, reduction)


def column_minus_vector(y: Array, t: Array, reduction: str = "mean") -> float:
    y, t = np.broadcast_arrays(y, t.reshape(-1))
    return forward(y, t, reduction)


def column_minus_vector_backward(dy: float, y: Array, t: Array, reduction: str = "mean") -> Grads:
    y, t = np.broadcast_arrays(y, t.reshape(-1))
    return backward(dy, y, t, reduction)


# fmt: off
SPEC = LayerSpec(
    name="mse", korean="평균 제곱 오차", kind="loss", family="regression",
    aliases=("MSE", "MSELoss", "MeanSquaredError", "mean_square_error", "sum_squared_error", "sum_of_squared_errors",
             "SquaredError", "SSE", "sse_half", "평균제곱오차", "오차제곱합"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="y: N D, t: N D ->",
    variants=(
        Variant(note="half of the sum", options={"reduction": "half-sum"}),
        Variant(note="plain sum", options={"reduction": "sum"}),
        Variant(note="sum over features, mean over samples", options={"reduction": "batch"}),
        Variant(note="half of the sum over features, mean over samples", options={"reduction": "half-batch"}),
        Variant(note="half of the mean", options={"reduction": "half-mean"}),
        Variant("y: N, t: N", "vectors", incidental=True),
        Variant("y: N 1, t: N", "a column of predictions, a vector of targets"),
    ),
    mistakes=(
        Mistake("factor-half", two_dropped,
                says="`{grad}` of the squared error lacks the factor 2",
                help="The square brings down a 2, and this forward has no 1/2 to cancel it: multiply by 2",
                says_ko="제곱 오차의 `{grad}`에 2가 빠져 있다",
                help_ko="제곱을 미분하면 2가 나오고 순전파에 1/2이 없으니 2를 곱한다"),
        Mistake("factor-two", two_kept_beside_the_half, variant="half of the sum",
                says="`{grad}` of the squared error is twice too large",
                help="The 1/2 of this forward cancels the 2 of the square: what is left is y - t",
                says_ko="제곱 오차의 `{grad}`가 두 배로 크다",
                help_ko="순전파의 1/2이 제곱의 2를 없애므로 y - t만 남는다"),
        Mistake("wrong-mean-size", divided_by_samples_only,
                says="`{grad}` of the squared error is divided by the samples, its forward by all the elements",
                help="Divide by y.size when the forward is a mean over every element",
                says_ko="제곱 오차의 `{grad}`는 샘플 수로, 순전파는 전체 원소 수로 나눈다",
                help_ko="순전파가 모든 원소의 평균이면 역전파도 y.size로 나눈다"),
        Mistake("missing-batch-mean", not_divided,
                says="`{grad}` of the mean squared error is not divided by the count",
                help="The forward is a mean, so each element has a share of 1/n in it: divide by n",
                says_ko="평균 제곱 오차의 `{grad}`를 개수로 나누지 않았다",
                help_ko="순전파가 평균이므로 역전파도 개수로 나눈다"),
        Mistake("extra-batch-mean", divided_in_backward_only, variant="half of the sum",
                says="`{grad}` of the summed squared error is divided by the batch size, its forward is not",
                help="Divide in both passes or in neither: a sum has no 1/N",
                says_ko="순전파는 합인데 제곱 오차의 `{grad}`만 배치 크기로 나눈다",
                help_ko="양쪽 모두 나누거나 모두 나누지 않는다"),
        Mistake("another-reduction", gradient_of_the_mean, variant="half of the sum",
                says="`{grad}` is that of the mean over all elements, as in torch's mse_loss; the forward is not",
                help="Differentiate the loss that is there: half of the sum gives y - t, the mean 2 (y - t) / y.size",
                says_ko="순전파는 평균이 아닌데 `{grad}`는 torch의 mse_loss처럼 모든 원소의 평균에 대한 기울기이다",
                help_ko="순전파에 쓴 손실을 미분한다: 제곱합의 절반이면 y - t, 평균이면 2 (y - t) / y.size이다"),
        Mistake("wrong-sign", t_minus_y),
        Mistake("upstream-ignored", upstream_ignored,
                says="`{grad}` of the squared error ignores the upstream gradient",
                help="A loss may be scaled or added to another one: multiply by dout",
                says_ko="제곱 오차의 `{grad}`가 상류 기울기를 무시한다",
                help_ko="손실도 다른 식의 일부일 수 있으니 dout을 곱한다"),
        Mistake("broadcast-to-matrix", column_minus_vector_backward, forward=column_minus_vector,
                variant="a column of predictions, a vector of targets",
                says="a column (N, 1) minus a vector (N,) became an (N, N) matrix in the squared error",
                help="Bring both to one shape first, for example t.reshape(y.shape)",
                says_ko="(N, 1) 열에서 (N,) 벡터를 빼서 (N, N) 행렬이 되었다",
                help_ko="먼저 t.reshape(y.shape)로 모양을 맞춘다"),
    ),
)
# fmt: on
