"""Maximum and minimum over an axis.

    y  = max_d x[n, d]                                   y  = min_d x[n, d]
    dx = dy[n] at the largest entry of row n, else 0     dx = dy[n] at the smallest entry of row n, else 0

Shapes: x (N, D), y (N,). Where entries of a row tie any split of dy[n] among them is a subgradient; the first gets
it all, as from argmax.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant


def forward(x: Array) -> Array:
    return np.asarray(x.max(axis=1))


def backward(dy: Array, x: Array) -> Grads:
    return at(x.argmax(axis=1), dy, x)


def torch_forward(x: Any) -> Any:
    return x.max(dim=1).values


def min_forward(x: Array) -> Array:
    return np.asarray(x.min(axis=1))


def min_backward(dy: Array, x: Array) -> Grads:
    return at(x.argmin(axis=1), dy, x)


def min_torch(x: Any) -> Any:
    return x.min(dim=1).values


def at(winner: Array, dy: Array, x: Array) -> Grads:
    """`dy` in the column `winner` of each row, 0 elsewhere."""
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), winner] = dy
    return {"x": dx}


def tie(rng: np.random.Generator, x: Array, sign: int = 1) -> Kink | None:
    """The largest entry of a row and another one of the same size; with sign=-1 the smallest."""
    if x.shape[1] < 2:
        return None
    n = int(rng.integers(len(x)))
    first, second = sorted(int(d) for d in rng.choice(x.shape[1], size=2, replace=False))
    moved = sign * x
    moved[n, [first, second]] = moved[n].max()
    moved[n] -= np.where(np.isin(np.arange(x.shape[1]), (first, second)), 0.0, 1.0)
    says = "a tie for the maximum" if sign > 0 else "a tie for the minimum"
    return Kink(says, {"x": sign * moved}, (("x", (n, first)), ("x", (n, second))))


def tie_for_the_minimum(rng: np.random.Generator, x: Array) -> Kink | None:
    return tie(rng, x, -1)


def every_entry_gets_it(dy: Array, x: Array) -> Grads:
    return {"x": np.repeat(dy[:, None], x.shape[1], axis=1)}


def spread_evenly(dy: Array, x: Array) -> Grads:
    return {"x": np.repeat(dy[:, None], x.shape[1], axis=1) / x.shape[1]}


def spec(name: str, korean: str, word: str, ko: str, arg: str, *functions: Callable[..., Any]) -> LayerSpec:
    forward, backward, torch_forward, the_other, tie = functions

    def mask_with_tolerance(dy: Array, x: Array) -> Grads:
        return {"x": dy[:, None] * np.isclose(x, forward(x)[:, None], atol=0.2)}

    def gradient_scaled_by_value(dy: Array, x: Array) -> Grads:
        return {"x": dy[:, None] * np.where(x == forward(x)[:, None], x, 0.0)}

    def winner_of_the_other(dy: Array, x: Array) -> Grads:
        return dict(the_other(dy, x))

    # fmt: off
    return LayerSpec(
        name=name, korean=korean, family="ops", aliases=(f"a{name}", f"reduce_{name}", f"{name}_reduce"),
        forward=forward, backward=backward, torch_forward=torch_forward,
        shapes="x: N D -> N", kinks=(tie,),
        variants=(
            Variant("-> N 1", "the axis is kept with size 1"),
            Variant("x: D N", f"{name}imum down the columns"),
            Variant("x: D -> ", "one vector"),
        ),
        mistakes=(
            Mistake("gradient-to-all", every_entry_gets_it,
                    says=f"`{{grad}}` of the {name}imum gives the upstream gradient to every entry",
                    help=f"Only the {word} entry moves the output: route the gradient to it, 0 elsewhere.",
                    says_ko=f"{korean}의 `{{grad}}`가 모든 원소에 상류 기울기를 준다",
                    help_ko=f"출력을 움직이는 것은 {ko} 원소뿐이므로 그 자리에만 기울기를 보내고 나머지는 0이다."),
            Mistake("mean-for-max", spread_evenly,
                    says=f"`{{grad}}` of the {name}imum is that of a mean: every entry gets an equal share",
                    help=f"Only the {word} entry moves the output: it gets the whole upstream gradient.",
                    says_ko=f"{korean}의 `{{grad}}`가 평균의 기울기이다: 모든 원소가 같은 몫을 받는다",
                    help_ko=f"출력을 움직이는 것은 {ko} 원소뿐이므로 그 원소가 상류 기울기를 모두 받는다."),
            Mistake("mask-with-tolerance", mask_with_tolerance,
                    says=f"`{{grad}}` of the {name}imum goes to every entry that is close to it",
                    help=f"An entry that is nearly the {word} does not move the output: compare exactly, or use {arg}.",
                    says_ko=f"{korean}의 `{{grad}}`가 {korean}에 가까운 모든 원소로 간다",
                    help_ko=f"거의 {korean}인 원소는 출력을 움직이지 않으므로 정확히 비교하거나 {arg} 함수를 쓴다."),
            Mistake("scaled-by-value", gradient_scaled_by_value,
                    says=f"`{{grad}}` of the {name}imum is multiplied by the {name}imum itself",
                    help=f"The slope at the {word} entry is 1: the mask is made of ones, not of the values.",
                    says_ko=f"{korean}의 `{{grad}}`에 {korean} 자체가 곱해졌다",
                    help_ko=f"{ko} 원소에서의 기울기는 1이므로 마스크는 값이 아니라 1로 만든다."),
            Mistake("mask-inverted", winner_of_the_other,
                    says=f"`{{grad}}` of the {name}imum goes to the entry at the other end of the row",
                    help=f"The gradient belongs to the {word} entry: look it up with {arg}.",
                    says_ko=f"{korean}의 `{{grad}}`가 반대쪽 끝의 원소로 간다",
                    help_ko=f"기울기는 {ko} 원소의 것이므로 {arg} 함수로 그 자리를 찾는다."),
        ),
    )
    # fmt: on


SPECS = (
    spec("max", "최댓값", "largest", "가장 큰", "argmax", forward, backward, torch_forward, min_backward, tie),
    spec("min", "최솟값", "smallest", "가장 작은", "argmin", min_forward, min_backward, min_torch, backward,
         tie_for_the_minimum),
)  # fmt: skip
