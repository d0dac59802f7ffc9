"""Sum and mean over an axis.

    y[n]     = sum_d x[n, d]         y[n]     = 1/D sum_d x[n, d]
    dx[n, d] = dy[n]                 dx[n, d] = dy[n] / D

Shapes: x (N, D), y (N, 1) for axis=1, (1, D) for axis=0, (1, 1) for axis=None, which reduces every entry. Each entry
along the axis receives the same gradient. Where dy has lost the axis it has to be put back before it is broadcast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.axes import LAYOUT, VARIANTS, Axis
from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def sum(x: Array, axis: Axis = 1) -> Array:
    return np.asarray(x.sum(axis=axis, keepdims=True))


def sum_backward(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return {"x": dy * np.ones_like(x)}


def sum_torch(x: Any, axis: Axis = 1) -> Any:
    return x.sum(dim=axis, keepdim=True)


def mean(x: Array, axis: Axis = 1) -> Array:
    return np.asarray(x.mean(axis=axis, keepdims=True))


def mean_backward(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    n = x.size // dy.size
    return {"x": dy * np.ones_like(x) / n}


def mean_torch(x: Any, axis: Axis = 1) -> Any:
    return x.mean(dim=axis, keepdim=True)


def axis_taken_for_none(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return {"x": np.full_like(x, dy.sum())}


def down_the_columns(x: Array, axis: Axis = 0) -> Array:
    return np.asarray(x.sum(axis=0))


def repeated_entry_by_entry(dy: Array, x: Array, axis: Axis = 0) -> Grads:
    return {"x": np.repeat(dy, len(x)).reshape(x.shape)}  # d0 d0 d0 d1 d1 d1 ..., where d0 d1 d0 d1 ... is meant


def gradient_of_the_mean(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return mean_backward(dy, x, axis)


def not_divided(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return sum_backward(dy, x, axis)


def divided_by_every_entry(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return {"x": dy * np.ones_like(x) / x.size}


def divided_by_the_other_axis(dy: Array, x: Array, axis: Axis = 1) -> Grads:
    return {"x": dy * np.ones_like(x) / dy.size}


# fmt: off
SUM = LayerSpec(
    name="sum", korean="합(SUM) 노드", family="ops", distinctive=False, aliases=("Summation", "ReduceSum"),
    forward=sum, backward=sum_backward, torch_forward=sum_torch, shapes=LAYOUT, variants=VARIANTS,
    mistakes=(
        Mistake("axis-ignored", axis_taken_for_none,
                says="`{grad}` gives every entry the sum of the whole upstream gradient, as if there were one output",
                help="Each output has an upstream gradient of its own: put the axis back and broadcast, do not add up.",
                says_ko="출력이 하나뿐인 것처럼 `{grad}`의 모든 원소에 상류 기울기 전체의 합을 준다",
                help_ko="출력마다 상류 기울기가 따로 있으므로 더하지 말고 축을 되살려 브로드캐스트한다."),
        Mistake("wrong-axis", repeated_entry_by_entry, forward=down_the_columns, variant="down the columns",
                says="`{grad}` lays the upstream gradient out along the wrong axis: repeat for tile",
                help="Each column gets one gradient: dy times np.ones_like(x), or np.repeat of dy[None] along axis 0.",
                says_ko="`{grad}`에 상류 기울기를 다른 축 방향으로 늘어놓았다: tile 대신 repeat을 썼다",
                help_ko="열마다 기울기가 하나이므로 dy * np.ones_like(x)나 dy[None]을 축 0으로 repeat한 것을 쓴다."),
        Mistake("mean-for-sum", gradient_of_the_mean,
                says="`{grad}` of the sum is divided by the number of entries summed: that is the mean's gradient",
                help="Every entry goes into the sum with weight 1: it gets dy undivided.",
                says_ko="합의 `{grad}`를 더한 원소의 수로 나누었다: 그것은 평균의 기울기이다",
                help_ko="모든 원소가 가중치 1로 합에 들어가므로 dy를 나누지 않고 준다."),
    ),
)
MEAN = LayerSpec(
    name="mean", korean="평균", family="ops", distinctive=False, aliases=("Average", "ReduceMean"),
    forward=mean, backward=mean_backward, torch_forward=mean_torch, shapes=LAYOUT, variants=VARIANTS,
    mistakes=(
        Mistake("missing-mean-size", not_divided,
                says="`{grad}` of the mean is not divided by the number of entries averaged",
                help="Each of the n entries has a share of 1/n in the mean: divide dy by n.",
                says_ko="평균의 `{grad}`를 평균한 원소의 수로 나누지 않았다",
                help_ko="원소 n개가 각각 1/n씩 평균에 들어가므로 dy를 n으로 나눈다."),
        Mistake("wrong-mean-size", divided_by_every_entry,
                says="`{grad}` of the mean is divided by x.size, although only one axis was averaged",
                help="Divide by the length of the reduced axis, x.shape[axis].",
                says_ko="축 하나만 평균했는데 평균의 `{grad}`를 x.size로 나누었다",
                help_ko="줄어든 축의 길이 x.shape[axis]로 나눈다."),
        Mistake("wrong-mean-size", divided_by_the_other_axis,
                says="`{grad}` of the mean is divided by the number of means, not by the entries that each averages",
                help="Divide by the length of the axis that was averaged, not of the one that is left.",
                says_ko="평균의 `{grad}`를 평균마다의 원소 수가 아니라 평균의 개수로 나누었다",
                help_ko="남은 축이 아니라 평균한 축의 길이로 나눈다."),
    ),
)
# fmt: on
SPECS = (SUM, MEAN)
