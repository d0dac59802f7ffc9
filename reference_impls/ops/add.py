"""Add node.

    z  = x + y
    dx = dz        dy = dz

Shapes: x, y and z agree, or one operand is repeated along the axes that it lacks. The upstream gradient passes
unchanged; an operand that was repeated gets the sum over its copies.
"""

from __future__ import annotations

from typing import Any

from reference_impls.ops import unbroadcast
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, y: Array) -> Array:
    return x + y


def backward(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz, x.shape), "y": unbroadcast(dz, y.shape)}


def torch_forward(x: Any, y: Any) -> Any:
    return x + y


def repeated_operand_not_summed(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz * 1.0, "y": dz * 1.0}


def repeated_operand_averaged(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz, x.shape) * (x.size / dz.size), "y": unbroadcast(dz, y.shape) * (y.size / dz.size)}


def last_use_only(dz: Array, x: Array, y: Array) -> Grads:
    # one variable is used in every row, and each use overwrites the gradient of the one before
    return {"x": dz[-len(x) :].copy(), "y": dz[-len(y) :].copy()}


def one_array_for_both(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz, "y": dz}


SPEC = LayerSpec(
    name="add",
    aliases=("EWiseAdd",),
    korean="덧셈 노드",
    family="ops",
    distinctive=False,
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
            "not-unbroadcast",
            repeated_operand_not_summed,
            variant="second operand repeated over the batch",
            says="`{grad}` has the shape of the sum and not the shape of its operand",
            help="An operand that is repeated over the batch feeds every row, so add its gradient up over the rows.",
            says_ko="`{grad}`의 shape이 피연산자가 아니라 덧셈 결과의 shape이다",
            help_ko="배치 방향으로 반복된 피연산자는 모든 행에 쓰이므로 기울기를 행 방향으로 더해야 한다.",
        ),
        Mistake(
            "batch-mean-for-sum",
            repeated_operand_averaged,
            variant="second operand repeated over the batch",
            says="`{grad}` is averaged over the repeated rows where it should be summed",
            help="Each copy of the operand adds its own share to the gradient, so use sum and not mean.",
            says_ko="`{grad}`를 반복된 행에 대해 합하지 않고 평균했다",
            help_ko="반복된 사본마다 기울기가 더해지므로 mean이 아니라 sum을 쓴다.",
        ),
        Mistake(
            "overwritten-not-added",
            last_use_only,
            variant="second operand repeated over the batch",
            says="`{grad}` is that of the last use of its operand; the earlier uses are overwritten",
            help="A variable that is used several times, as in x + x, gets the sum of its gradients: `+=`, not `=`.",
            says_ko="`{grad}`에 마지막으로 쓰인 곳의 기울기만 남고 앞의 것은 덮어써졌다",
            help_ko="x + x처럼 여러 번 쓰인 변수의 기울기는 `=`로 덮어쓰지 않고 `+=`로 모두 더한다.",
        ),
        Mistake(
            "aliased-gradients",
            one_array_for_both,
            says="the gradients of both operands of the add node are one and the same array",
            help="A later in-place change of one gradient would change the other too; return a copy for each operand.",
            says_ko="덧셈 노드의 두 피연산자 기울기가 같은 배열 객체이다",
            help_ko="한쪽을 제자리에서 바꾸면 다른 쪽도 바뀌므로 피연산자마다 복사본을 돌려준다.",
        ),
    ),
)
