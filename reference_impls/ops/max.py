"""Maximum over an axis.

    y  = max_d x[n, d]
    dx = dy[n] at the largest entry of row n, 0 elsewhere

Shapes: x (N, D), y (N,). Where entries of a row tie any split of dy[n] among them is a subgradient; the first gets
it all, as from argmax.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant


def forward(x: Array) -> Array:
    return np.asarray(x.max(axis=1))


def backward(dy: Array, x: Array) -> Grads:
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), x.argmax(axis=1)] = dy
    return {"x": dx}


def torch_forward(x: Any) -> Any:
    return x.max(dim=1).values


def tie(rng: np.random.Generator, x: Array) -> Kink | None:
    """The largest entry of a row and another one of the same size."""
    if x.shape[1] < 2:
        return None
    n = int(rng.integers(len(x)))
    first, second = sorted(int(d) for d in rng.choice(x.shape[1], size=2, replace=False))
    moved = x.copy()
    moved[n, [first, second]] = x[n].max()
    moved[n] -= np.where(np.isin(np.arange(x.shape[1]), (first, second)), 0.0, 1.0)
    return Kink("a tie for the maximum", {"x": moved}, (("x", (n, first)), ("x", (n, second))))


def every_entry_gets_it(dy: Array, x: Array) -> Grads:
    return {"x": np.repeat(dy[:, None], x.shape[1], axis=1)}


def spread_evenly(dy: Array, x: Array) -> Grads:
    return {"x": np.repeat(dy[:, None], x.shape[1], axis=1) / x.shape[1]}


def mask_with_tolerance(dy: Array, x: Array) -> Grads:
    return {"x": dy[:, None] * np.isclose(x, x.max(axis=1, keepdims=True), atol=0.2)}


def gradient_scaled_by_maximum(dy: Array, x: Array) -> Grads:
    y = x.max(axis=1, keepdims=True)
    return {"x": dy[:, None] * np.where(x == y, x, 0.0)}


# fmt: off
SPEC = LayerSpec(
    name="max", korean="최댓값", family="ops", aliases=("amax", "reduce_max", "max_reduce"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> N", kinks=(tie,),
    variants=(
        Variant("-> N 1", "the axis is kept with size 1"),
        Variant("x: D N", "maximum down the columns"),
        Variant("x: D -> ", "one vector"),
    ),
    mistakes=(
        Mistake("gradient-to-all", every_entry_gets_it,
                says="`{grad}` of the maximum gives the upstream gradient to every entry",
                help="Only the largest entry moves the output: route the gradient to it, 0 elsewhere.",
                says_ko="최댓값의 `{grad}`가 모든 원소에 상류 기울기를 준다",
                help_ko="출력을 움직이는 것은 가장 큰 원소뿐이므로 그 자리에만 기울기를 보내고 나머지는 0이다."),
        Mistake("mean-for-max", spread_evenly,
                says="`{grad}` of the maximum is that of a mean: every entry gets an equal share",
                help="Only the largest entry moves the output: it gets the whole upstream gradient.",
                says_ko="최댓값의 `{grad}`가 평균의 기울기이다: 모든 원소가 같은 몫을 받는다",
                help_ko="출력을 움직이는 것은 가장 큰 원소뿐이므로 그 원소가 상류 기울기를 모두 받는다."),
        Mistake("mask-with-tolerance", mask_with_tolerance,
                says="`{grad}` of the maximum goes to every entry that is close to it",
                help="An entry that is nearly the largest does not move the output: compare exactly, or use argmax.",
                says_ko="최댓값의 `{grad}`가 최댓값에 가까운 모든 원소로 간다",
                help_ko="거의 최대인 원소는 출력을 움직이지 않으므로 정확히 비교하거나 argmax를 쓴다."),
        Mistake("scaled-by-value", gradient_scaled_by_maximum,
                says="`{grad}` of the maximum is multiplied by the maximum itself",
                help="The slope at the largest entry is 1: the mask is made of ones, not of the values.",
                says_ko="최댓값의 `{grad}`에 최댓값 자체가 곱해졌다",
                help_ko="가장 큰 원소에서의 기울기는 1이므로 마스크는 값이 아니라 1로 만든다."),
    ),
)
# fmt: on
