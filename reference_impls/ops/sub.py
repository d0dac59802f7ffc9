"""Subtract node and negation.

    z  = x - y                 y  = -x
    dx = dz    dy = -dz        dx = -dy

Shapes: x, y and z agree, or one operand is repeated along the axes that it lacks; an operand that was repeated gets
the sum over its copies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.ops import unbroadcast
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def sub(x: Array, y: Array) -> Array:
    return x - y


def sub_backward(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz, x.shape), "y": unbroadcast(-dz, y.shape)}


def sub_torch(x: Any, y: Any) -> Any:
    return x - y


def minus_forgotten(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz, x.shape), "y": unbroadcast(dz, y.shape)}


def rule_of_reversed_difference(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(-dz, x.shape), "y": unbroadcast(dz, y.shape)}


def repeated_operand_not_summed(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz * 1.0, "y": -dz}


def neg(x: Array) -> Array:
    return np.negative(x)


def neg_backward(dy: Array, x: Array) -> Grads:
    return {"x": -dy}


def neg_torch(x: Any) -> Any:
    return -x


def sign_dropped(dy: Array, x: Array) -> Grads:
    return {"x": dy * 1.0}


def upstream_negated_in_place(dy: Array, x: Array) -> Grads:
    dy *= -1
    return {"x": dy}


# fmt: off
SUB = LayerSpec(
    name="sub", korean="뺄셈 노드", family="ops", distinctive=False,
    aliases=("Subtract", "Subtraction", "Minus", "EWiseSub", "뺄셈"),
    forward=sub, backward=sub_backward, torch_forward=sub_torch,
    shapes="x: N D, y: N D -> N D",
    variants=(
        Variant("x: , y: -> ", "scalar node"),
        Variant("x: D, y: D -> D", "vectors"),
        Variant("y: D", "second operand repeated over the batch", incidental=True),
        Variant("x: D", "first operand repeated over the batch", incidental=True),
    ),
    mistakes=(
        Mistake("wrong-sign", minus_forgotten,
                says="`{grad}` of the subtract node lacks the minus",
                help="z = x - y falls as y grows, so the second operand gets -dz.",
                says_ko="뺄셈 노드의 `{grad}`에 음수 부호가 빠졌다",
                help_ko="y가 커지면 z = x - y는 작아지므로 둘째 피연산자의 기울기는 -dz이다."),
        Mistake("reversed-difference", rule_of_reversed_difference,
                says="`{grad}` belongs to the reversed difference: both operands have the other one's sign",
                help="For x - y it is dz and -dz, for y - x (as in __rsub__) -dz and dz.",
                says_ko="`{grad}`가 순서를 바꾼 뺄셈의 기울기이다: 두 피연산자의 부호가 뒤바뀌었다",
                help_ko="x - y이면 dz와 -dz이고, (__rsub__처럼) y - x이면 -dz와 dz이다."),
        Mistake("not-unbroadcast", repeated_operand_not_summed, variant="second operand repeated over the batch",
                says="`{grad}` has the shape of the difference and not the shape of its operand",
                help="An operand that is repeated over the batch is in every row: add its gradient up over the rows.",
                says_ko="`{grad}`의 shape이 피연산자가 아니라 뺄셈 결과의 shape이다",
                help_ko="배치 방향으로 반복된 피연산자는 모든 행에 쓰이므로 기울기를 행 방향으로 더한다."),
    ),
)
NEG = LayerSpec(
    name="neg", korean="부호 반전", family="ops", distinctive=False, aliases=("Negate", "Negative", "Negation"),
    forward=neg, backward=neg_backward, torch_forward=neg_torch,
    shapes="x: N D -> N D",
    variants=(Variant("x: ->", "scalar node"),),
    mistakes=(
        Mistake("wrong-sign", sign_dropped,
                says="`{grad}` of the negation is dy itself, without the minus",
                help="The derivative of -x is -1: return -dy.",
                says_ko="부호 반전의 `{grad}`가 음수 부호 없이 dy 그대로이다",
                help_ko="-x의 도함수는 -1이므로 -dy를 돌려준다."),
        Mistake("mutates-upstream", upstream_negated_in_place,
                says="the negation turns the caller's dy around in place and returns that array",
                help="Another branch of the graph may still need dy; -dy is a new array, `dy *= -1` is the old one.",
                says_ko="부호 반전의 역전파가 호출한 쪽의 dy를 제자리에서 뒤집어 돌려준다",
                help_ko="그래프의 다른 가지가 dy를 쓸 수 있다. -dy는 새 배열이지만 `dy *= -1`은 원래 배열이다."),
    ),
)
# fmt: on
SPECS = (SUB, NEG)
