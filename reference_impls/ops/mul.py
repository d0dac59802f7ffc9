"""Multiply node.

    z  = x * y
    dx = dz * y        dy = dz * x

Shapes: x, y and z agree, or one operand is repeated along the axes that it lacks. Each operand gets the upstream
gradient times the other operand.
"""

from __future__ import annotations

from typing import Any

from reference_impls.ops import unbroadcast
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, y: Array) -> Array:
    return x * y


def backward(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz * y, x.shape), "y": unbroadcast(dz * x, y.shape)}


def torch_forward(x: Any, y: Any) -> Any:
    return x * y


def operands_not_swapped(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz * x, x.shape), "y": unbroadcast(dz * y, y.shape)}


def repeated_operand_not_summed(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz * y, "y": dz * x}


def product_written_over_x(dz: Array, x: Array, y: Array) -> Grads:
    x *= y  # what a forward with `x *= y` leaves in the saved operand
    return backward(dz, x, y)


SPEC = LayerSpec(
    name="mul",
    aliases=("EWiseMul", "Multiply"),
    korean="곱셈 노드",
    family="ops",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D, y: N D -> N D",
    variants=(
        Variant("x: , y: -> ", "scalar node"),
        Variant("x: D, y: D -> D", "vectors"),
        Variant("y: D", "second operand repeated over the batch", incidental=True),
    ),
    mistakes=(
        Mistake(
            "swapped-operands",
            operands_not_swapped,
            says="`{grad}` is the upstream gradient times its own operand, not times the other one",
            help="The derivative of x * y by x is y, so the multiply node must swap its operands in the backward.",
            says_ko="`{grad}`가 상류 기울기에 상대 피연산자가 아니라 자기 자신을 곱한 값이다",
            help_ko="x * y를 x로 미분하면 y이므로 곱셈 노드의 역전파는 두 입력을 서로 바꿔 곱해야 한다.",
        ),
        Mistake(
            "not-unbroadcast",
            repeated_operand_not_summed,
            variant="second operand repeated over the batch",
            says="`{grad}` has the shape of the product and not the shape of its operand",
            help="An operand that is repeated over the batch scales every row, so add its gradient up over the rows.",
            says_ko="`{grad}`의 shape이 피연산자가 아니라 곱셈 결과의 shape이다",
            help_ko="배치 방향으로 반복된 피연산자는 모든 행에 곱해지므로 기울기를 행 방향으로 더해야 한다.",
        ),
        Mistake(
            "mutates-input",
            product_written_over_x,
            says="the multiply node overwrites an operand with the product, and the backward reads it afterwards",
            help="The backward needs both operands as they were; write `z = x * y` in place of `x *= y`.",
            says_ko="곱셈 노드가 피연산자를 곱한 값으로 덮어쓰고, 역전파가 그 값을 다시 읽는다",
            help_ko="역전파에는 원래 피연산자가 필요하므로 `x *= y` 대신 `z = x * y`로 쓴다.",
        ),
    ),
)
