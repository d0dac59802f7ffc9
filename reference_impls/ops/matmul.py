"""Product of two matrices.

    C  = A B
    dA = dC B^T        dB = A^T dC

Shapes: A (N, K), B (K, M), C (N, M). The shapes leave no other way to multiply, as long as N, K and M differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(A: Array, B: Array) -> Array:
    return np.asarray(A @ B)


def backward(dC: Array, A: Array, B: Array) -> Grads:
    return {"A": dC @ B.T, "B": A.T @ dC}


def torch_forward(A: Any, B: Any) -> Any:
    return A @ B


def product_transposed(dC: Array, A: Array, B: Array) -> Grads:
    return backward(dC, A, B) | {"B": dC.T @ A}


def first_product_transposed(dC: Array, A: Array, B: Array) -> Grads:
    return backward(dC, A, B) | {"A": B @ dC.T}


def reshaped_for_transposed(dC: Array, A: Array, B: Array) -> Grads:
    return {"A": dC @ B.reshape(B.shape[::-1]), "B": A.reshape(A.shape[::-1]) @ dC}


def divided_by_rows(dC: Array, A: Array, B: Array) -> Grads:
    return backward(dC, A, B) | {"B": A.T @ dC / len(A)}


# fmt: off
SPEC = LayerSpec(
    name="matmul", korean="행렬곱(MatMul) 노드", family="ops",
    aliases=("MatrixMultiply", "MatrixProduct", "mm", "행렬곱"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="A: N K, B: K M -> N M",
    variants=(
        Variant("B: M K", "second matrix stored (M, K): A @ B.T"),
        Variant("A: K N", "first matrix stored (K, N): A.T @ B"),
        Variant("A: N K, B: K -> N", "matrix times vector", incidental=True),
        Variant("A: K, B: K M -> M", "vector times matrix", incidental=True),
    ),
    mistakes=(
        *(Mistake("transposed", wrong,
                  says="`{grad}` of the matrix product is transposed: its factors are in the wrong order",
                  help="Let the shapes decide: dA = dC @ B.T is (N, K), dB = A.T @ dC is (K, M).",
                  says_ko="행렬곱의 `{grad}`가 전치되어 있다: 곱하는 순서가 뒤바뀌었다",
                  help_ko="shape을 맞춰 본다: dA = dC @ B.T는 (N, K), dB = A.T @ dC는 (K, M)이다.")
          for wrong in (product_transposed, first_product_transposed)),
        Mistake("reshape-for-transpose", reshaped_for_transposed,
                says="`{grad}` of the matrix product uses a factor that is not transposed, as it is or reshaped",
                help="dA = dC @ B.T and dB = A.T @ dC; reshape reads the numbers on in order and swaps no axes.",
                says_ko="행렬곱의 `{grad}`에 전치하지 않은 행렬을 그대로 또는 reshape해서 썼다",
                help_ko="dA = dC @ B.T, dB = A.T @ dC이다. reshape은 축을 바꾸지 않고 숫자를 차례로 다시 읽을 뿐이다."),
        Mistake("extra-batch-mean", divided_by_rows,
                says="`{grad}` of the matrix product is divided by the number of rows",
                help="The product takes no mean, so its backward does not divide: dB = A.T @ dC.",
                says_ko="행렬곱의 `{grad}`를 행의 수로 나누었다",
                help_ko="행렬곱에는 평균이 없으므로 역전파에서도 나누지 않는다: dB = A.T @ dC."),
    ),
)
# fmt: on
