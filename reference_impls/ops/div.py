"""Divide node.

    z  = x / y
    dx = dz / y        dy = -dz * x / y^2

Shapes: x, y and z agree, or one operand is repeated along the axes that it lacks; an operand that was repeated gets
the sum over its copies. y = 0 is excluded.
"""

from __future__ import annotations

from typing import Any

from reference_impls.ops import unbroadcast
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, y: Array) -> Array:
    return x / y


def backward(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz / y, x.shape), "y": unbroadcast(-dz * x / y**2, y.shape)}


def torch_forward(x: Any, y: Any) -> Any:
    return x / y


def minus_dropped(dz: Array, x: Array, y: Array) -> Grads:
    return backward(dz, x, y) | {"y": unbroadcast(dz * x / y**2, y.shape)}


def denominator_not_squared(dz: Array, x: Array, y: Array) -> Grads:
    return backward(dz, x, y) | {"y": unbroadcast(-dz * x / y, y.shape)}


def numerator_left_out(dz: Array, x: Array, y: Array) -> Grads:
    return backward(dz, x, y) | {"y": unbroadcast(-dz / y**2, y.shape)}


def repeated_operand_not_summed(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz / y, "y": -dz * x / y**2}


# fmt: off
SPEC = LayerSpec(
    name="div", korean="나눗셈 노드", family="ops", aliases=("Divide", "Division", "EWiseDiv", "TrueDiv", "나눗셈"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, y: N D @positive -> N D",
    variants=(
        Variant("x: , y: @positive -> ", "scalar node"),
        Variant("x: D, y: D @positive -> D", "vectors"),
        Variant("y: D @positive", "second operand repeated over the batch", incidental=True),
        Variant("x: D", "first operand repeated over the batch", incidental=True),
    ),
    mistakes=(
        Mistake("wrong-sign", minus_dropped,
                says="`{grad}` of the divide node lacks the minus of -x / y^2",
                help="z = x / y falls as a positive y grows: the denominator gets -dz * x / y**2.",
                says_ko="나눗셈 노드의 `{grad}`에 -x / y^2의 음수 부호가 빠졌다",
                help_ko="y가 커지면 z = x / y의 크기는 작아지므로 분모의 기울기는 -dz * x / y**2이다."),
        Mistake("denominator-not-squared", denominator_not_squared,
                says="`{grad}` of the divide node divides by y, not by its square",
                help="The derivative of x / y by y is -x / y^2.",
                says_ko="나눗셈 노드의 `{grad}`를 y의 제곱이 아니라 y로 나누었다",
                help_ko="x / y를 y로 미분하면 -x / y^2이다."),
        Mistake("numerator-missing", numerator_left_out,
                says="`{grad}` of the divide node is -dz / y^2: the numerator x is left out",
                help="1 / y has the derivative -1 / y^2, and x / y has x times that.",
                says_ko="나눗셈 노드의 `{grad}`가 -dz / y^2이다: 분자 x가 빠졌다",
                help_ko="1 / y의 도함수가 -1 / y^2이므로 x / y의 도함수는 거기에 x를 곱한 것이다."),
        Mistake("not-unbroadcast", repeated_operand_not_summed, variant="second operand repeated over the batch",
                says="`{grad}` has the shape of the quotient and not the shape of its operand",
                help="An operand that is repeated over the batch is in every row: add its gradient up over the rows.",
                says_ko="`{grad}`의 shape이 피연산자가 아니라 나눗셈 결과의 shape이다",
                help_ko="배치 방향으로 반복된 피연산자는 모든 행에 쓰이므로 기울기를 행 방향으로 더한다."),
    ),
)
# fmt: on
