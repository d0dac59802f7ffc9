"""Products of stacked matrices, with leading axes that broadcast.

    z  = x y                 for each matrix of the stack
    dx = dz y^T              dy = x^T dz

Shapes: x (B, N, K), y (B, K, M), z (B, N, M). ^T swaps the last two axes only. An operand that every matrix of the
stack shares gets the sum of its gradients over the stack.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.ops import unbroadcast
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def transposed(a: Array) -> Array:
    return a.swapaxes(-1, -2)


def forward(x: Array, y: Array) -> Array:
    return np.asarray(x @ y)


def backward(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": unbroadcast(dz @ transposed(y), x.shape), "y": unbroadcast(transposed(x) @ dz, y.shape)}


def torch_forward(x: Any, y: Any) -> Any:
    return x @ y


def shared_operand_not_summed(dz: Array, x: Array, y: Array) -> Grads:
    return {"x": dz @ transposed(y), "y": transposed(x) @ dz}


def shared_operand_averaged(dz: Array, x: Array, y: Array) -> Grads:
    stack = len(dz)
    return {
        n: g / (1 if len(a) == stack else stack) for (n, g), a in zip(backward(dz, x, y).items(), (x, y), strict=True)
    }


def reshaped_for_transposed(dz: Array, x: Array, y: Array) -> Grads:
    flipped = [a.reshape(a.shape[0], a.shape[2], a.shape[1]) for a in (x, y)]
    return {"x": unbroadcast(dz @ flipped[1], x.shape), "y": unbroadcast(flipped[0] @ dz, y.shape)}


# fmt: off
SPEC = LayerSpec(
    name="batched_matmul", korean="배치 행렬곱", family="ops", aliases=("bmm", "BatchMatMul", "BatchDot", "BatchedDot"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: B N K, y: B K M -> B N M",
    variants=(
        Variant("y: K M", "second matrix shared by the stack", incidental=True),
        Variant("x: N K", "first matrix shared by the stack", incidental=True),
        Variant("x: (E F) N K, y: (E F) K M -> (E F) N M", "two leading axes"),
        Variant("y: B M K", "second matrices stored (M, K), as keys are"),
        Variant("x: N K, y: K -> N", "matrix times vector"),
        Variant("x: K, y: K M -> M", "vector times matrix"),
    ),
    mistakes=(
        Mistake("not-unbroadcast", shared_operand_not_summed, variant="second matrix shared by the stack",
                says="`{grad}` has the leading axes of the product although its operand is one matrix for all",
                help="Every matrix of the stack uses the shared one: add its gradient up over the leading axes.",
                says_ko="피연산자는 모두가 함께 쓰는 행렬 하나인데 `{grad}`에 곱의 앞쪽 축이 남아 있다",
                help_ko="쌓인 행렬마다 함께 쓰는 행렬이 쓰이므로 기울기를 앞쪽 축 방향으로 더한다."),
        Mistake("batch-mean-for-sum", shared_operand_averaged, variant="second matrix shared by the stack",
                says="`{grad}` of the shared matrix is averaged over the stack where it should be summed",
                help="Each product adds its own share to the gradient, so use sum and not mean.",
                says_ko="함께 쓰는 행렬의 `{grad}`를 앞쪽 축에 대해 합하지 않고 평균했다",
                help_ko="곱마다 기울기가 더해지므로 mean이 아니라 sum을 쓴다."),
        Mistake("reshape-for-transpose", reshaped_for_transposed,
                says="`{grad}` of the batched product uses a reshaped factor, which is not its transpose",
                help="reshape reads the numbers on in order; swap the last two axes with swapaxes(-1, -2).",
                says_ko="배치 행렬곱의 `{grad}`에 전치가 아니라 reshape한 배열을 썼다",
                help_ko="reshape은 숫자를 차례로 다시 읽을 뿐이므로 swapaxes(-1, -2)로 마지막 두 축을 바꾼다."),
    ),
)
# fmt: on
