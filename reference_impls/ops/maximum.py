"""Maximum and minimum of two arrays.

    z  = max(x, y)                     z  = min(x, y)
    dx = dz where x wins               dy = dz where y wins

Shapes: x, y and z agree, or one operand is repeated along the axes that it lacks. Where x = y any split of dz between
the two is a subgradient; half each is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.ops import unbroadcast
from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant


def routed(dz: Array, x: Array, y: Array, share: Array) -> Grads:
    """`share` of the gradient to x, and what is left to y."""
    return {"x": unbroadcast(dz * share, x.shape), "y": unbroadcast(dz * (1 - share), y.shape)}


def maximum(x: Array, y: Array) -> Array:
    return np.maximum(x, y)


def maximum_backward(dz: Array, x: Array, y: Array) -> Grads:
    return routed(dz, x, y, np.where(x == y, 0.5, x > y))


def maximum_torch(x: Any, y: Any) -> Any:
    import torch

    return torch.maximum(x, y)


def minimum(x: Array, y: Array) -> Array:
    return np.minimum(x, y)


def minimum_backward(dz: Array, x: Array, y: Array) -> Grads:
    return routed(dz, x, y, np.where(x == y, 0.5, x < y))


def minimum_torch(x: Any, y: Any) -> Any:
    import torch

    return torch.minimum(x, y)


def tie(rng: np.random.Generator, x: Array, y: Array) -> Kink:
    index = tuple(int(rng.integers(size)) for size in x.shape)
    other = tuple(i if size > 1 else 0 for i, size in zip(index, y.shape, strict=True))
    moved = x.copy()
    moved[index] = y[other]
    return Kink("x = y", {"x": moved}, (("x", index), ("y", other)))


def both_get_it(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz * 1.0, x.shape), "y": unbroadcast(dz * 1.0, y.shape)}


def winner_of_x_for_both(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz * (x > y), x.shape), "y": unbroadcast(dz * (x > y), y.shape)}


def maximum_reversed(dz: Array, x: Array, y: Array) -> Grads:
    return minimum_backward(dz, x, y)


def minimum_reversed(dz: Array, x: Array, y: Array) -> Grads:
    return maximum_backward(dz, x, y)


def maximum_not_summed(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz * (x >= y), "y": dz * (x < y)}


def minimum_not_summed(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz * (x <= y), "y": dz * (x > y)}


REPEATED = Variant("y: D", "second operand repeated over the batch", incidental=True)


def spec(name: str, korean: str, wins: str, *functions: Any) -> LayerSpec:
    forward, backward, torch_forward, reversed_, not_summed = functions
    # fmt: off
    return LayerSpec(
        name=name, aliases=(f"elementwise_{name}",), korean=korean, family="ops",
        forward=forward, backward=backward, torch_forward=torch_forward,
        shapes="x: N D, y: N D -> N D", kinks=(tie,),
        variants=(Variant("x: , y: -> ", "scalar node"), Variant("x: D, y: D -> D", "vectors"), REPEATED),
        mistakes=(
            Mistake("gradient-to-all", both_get_it,
                    says=f"{name} passes the whole upstream gradient to both of its operands",
                    help=f"Only the {wins} operand moves the output: mask the gradient with a comparison.",
                    says_ko=f"{name}이 두 피연산자 모두에 상류 기울기를 그대로 보낸다",
                    help_ko="출력을 움직이는 것은 뽑힌 쪽뿐이므로 비교로 만든 마스크를 곱한다."),
            Mistake("mask-inverted", reversed_,
                    says=f"`{{grad}}` of {name} goes to the operand that loses: the comparison is reversed",
                    help=f"The gradient belongs to the {wins} operand of each pair.",
                    says_ko=f"{name}의 `{{grad}}`가 뽑히지 않은 쪽으로 간다: 비교가 뒤집혔다",
                    help_ko="기울기는 짝마다 뽑힌 쪽의 것이다."),
            Mistake("mask-reused", winner_of_x_for_both,
                    says=f"{name} uses one mask for the gradients of both operands",
                    help="Where x wins y gets nothing: the second mask is the opposite of the first.",
                    says_ko=f"{name}이 두 피연산자의 기울기에 같은 마스크를 쓴다",
                    help_ko="x가 뽑힌 곳에서 y는 아무것도 받지 않으므로 둘째 마스크는 첫째의 반대이다."),
            Mistake("not-unbroadcast", not_summed, variant=REPEATED.note,
                    says="`{grad}` has the shape of the output and not the shape of its operand",
                    help="An operand that is repeated over the batch has the sum of its gradients over the rows.",
                    says_ko="`{grad}`의 shape이 피연산자가 아니라 출력의 shape이다",
                    help_ko="배치 방향으로 반복된 피연산자의 기울기는 행 방향으로 더한다."),
        ),
    )
    # fmt: on


SPECS = (
    spec("maximum", "두 값의 최댓값", "larger", maximum, maximum_backward, maximum_torch,
         maximum_reversed, maximum_not_summed),
    spec("minimum", "두 값의 최솟값", "smaller", minimum, minimum_backward, minimum_torch,
         minimum_reversed, minimum_not_summed),
)  # fmt: skip
