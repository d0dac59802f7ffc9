"""Log-sum-exp over an axis.

    y[n]     = log sum_d exp(x[n, d])  =  m + log sum_d exp(x[n, d] - m)        m = max_d x[n, d]
    dx[n, d] = dy[n] softmax(x)[n, d]  =  dy[n] exp(x[n, d] - y[n])

Shapes: x (N, D), y (N, 1) for axis=1, (1, D) for axis=0, (1, 1) for axis=None. The shift by m only prevents overflow:
it cancels in y, and so it has no share in the gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.axes import LAYOUT, VARIANTS, Axis
from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(x: Array, axis: Axis = 1) -> Array:
    m = x.max(axis=axis, keepdims=True)
    return np.asarray(m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True)))


def backward(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return {"x": dy * np.exp(x - forward(x, axis))}


def torch_forward(x: Any, axis: Axis = 1) -> Any:
    return x.logsumexp(dim=(0, 1) if axis is None else axis, keepdim=True)


def shift_counted_twice(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    largest = x == x.max(axis=axis, keepdims=True)
    return {"x": backward(dy, x, axis)["x"] + dy * largest}


def not_normalised(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return {"x": dy * np.exp(x)}


def softmax_of_everything(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return {"x": dy * np.exp(x) / np.exp(x).sum()}


def shifted_and_not_normalised(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return {"x": dy * np.exp(x - x.max(axis=axis, keepdims=True))}


# fmt: off
SPEC = LayerSpec(
    name="logsumexp", korean="로그합지수", family="ops", aliases=("log_sum_exp", "ReduceLogSumExp", "LSE"),
    forward=forward, backward=backward, torch_forward=torch_forward, shapes=LAYOUT, variants=VARIANTS,
    mistakes=(
        Mistake("shift-counted-twice", shift_counted_twice,
                says="`{grad}` of logsumexp has dy once more at the largest entry: the shift by the maximum is counted",
                help="The shift cancels in the forward: the gradient is the softmax times dy and nothing else.",
                says_ko="logsumexp의 `{grad}`에서 가장 큰 원소에 dy가 한 번 더 더해졌다: 최댓값 이동까지 미분했다",
                help_ko="최댓값 이동은 순전파에서 상쇄되므로 기울기는 소프트맥스에 dy를 곱한 것뿐이다."),
        *(Mistake("not-normalised", wrong,
                  says="`{grad}` of logsumexp is dy times an exponential: the logarithm's 1 / sum is missing",
                  help="log(S) has the derivative 1 / S: divide the exponentials by their sum, which is the softmax.",
                  says_ko="logsumexp의 `{grad}`가 dy에 지수만 곱한 것이다: 로그의 도함수 1 / 합이 빠졌다",
                  help_ko="log(S)의 도함수는 1 / S이므로 지수를 그 합으로 나눈다. 그러면 소프트맥스가 된다.")
          for wrong in (not_normalised, shifted_and_not_normalised)),
        Mistake("whole-batch-sum", softmax_of_everything,
                says="`{grad}` of logsumexp divides by the sum over all rows, not over its own",
                help="Each output has a softmax of its own: sum along the reduced axis with keepdims=True.",
                says_ko="logsumexp의 `{grad}`를 자기 행이 아니라 모든 행의 합으로 나누었다",
                help_ko="출력마다 소프트맥스가 따로 있으므로 줄어든 축 방향으로만 keepdims=True로 더한다."),
    ),
)
# fmt: on
