"""Linear layer as Coursera's deep learning course writes it: samples in columns, and 1/m in the layer.

    Z  = W A + b
    dA = W^T dZ        dW = dZ A^T        db = sum_i dZ_i             the gradient
    dA = W^T dZ        dW = dZ A^T / m    db = sum_i dZ_i / m         the course

Shapes: A (D, m), W (M, D), b (M, 1), Z (M, m), one sample a column. The cost of the course is a mean, but dZ is there
the derivative of one sample's loss: the 1/m comes in with the parameters, and dA keeps the scale of dZ. So the
formulas of the course are no gradient of Z = W A + b; they are right in a network whose last layer has no 1/m.
The backward here is the gradient. That of the course is the convention `averaged_parameters`, which fails nothing as
long as it is kept throughout: both parameters have the 1/m, once, and dA has none.
"""

from __future__ import annotations

from typing import Any

from reference_impls.spec import Array, Grads, LayerSpec, Mistake


def forward(A: Array, W: Array, b: Array) -> Array:
    return W @ A + b


def backward(dZ: Array, A: Array, W: Array, b: Array) -> Grads:
    return {"A": W.T @ dZ, "W": dZ @ A.T, "b": dZ.sum(axis=1, keepdims=True)}


def torch_forward(A: Any, W: Any, b: Any) -> Any:
    import torch

    return torch.addmm(b, W, A)


def averaged_parameters(dZ: Array, A: Array, W: Array, b: Array) -> Grads:
    m = A.shape[1]
    return {"A": W.T @ dZ, "W": dZ @ A.T / m, "b": dZ.sum(axis=1, keepdims=True) / m}


def averaged_twice(dZ: Array, A: Array, W: Array, b: Array) -> Grads:
    m = A.shape[1]
    return {"A": W.T @ dZ, "W": dZ @ A.T / m**2, "b": dZ.sum(axis=1, keepdims=True) / m**2}


def input_averaged_too(dZ: Array, A: Array, W: Array, b: Array) -> Grads:
    return averaged_parameters(dZ, A, W, b) | {"A": W.T @ dZ / A.shape[1]}


def summed_over_outputs(dZ: Array, A: Array, W: Array, b: Array) -> Grads:
    return averaged_parameters(dZ, A, W, b) | {"b": dZ.sum(axis=0, keepdims=True) / A.shape[1]}


# fmt: off
SPEC = LayerSpec(
    name="linear_coursera", korean="Coursera 선형 계층 (열 벡터 규약)", family="linear",
    aliases=("LinearColumns", "CourseraLinear"), distinctive=False,  # its forward is that of affine
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="A: D N; W: M D, b: M 1 -> M N",
    mistakes=(
        Mistake("batch-average", averaged_parameters, convention=True),
        Mistake("averaged-twice", averaged_twice,
                says="`{grad}` is divided by m twice",
                help="The 1/m of the cost belongs in one place: in dW and db, or in the last layer's dZ, not in both.",
                says_ko="`{grad}`를 m으로 두 번 나눈다",
                help_ko="비용의 1/m은 한 곳에만 둔다: dW와 db, 아니면 마지막 층의 dZ 중 하나이다."),
        Mistake("input-averaged", input_averaged_too,
                says="`{grad}` is divided by m like the gradients of the parameters",
                help="dA goes on to the layer below, which divides by m again: dA_prev = W.T @ dZ, without 1/m.",
                says_ko="`{grad}`까지 파라미터의 기울기처럼 m으로 나누었다",
                help_ko="dA는 m으로 다시 나누는 아래 층으로 가므로 1/m 없이 dA_prev = W.T @ dZ이다."),
        Mistake("wrong-axis", summed_over_outputs,
                says="`{grad}` is summed over the outputs, axis 0, and the samples are the columns",
                help="Each output keeps its own bias: np.sum(dZ, axis=1, keepdims=True).",
                says_ko="샘플은 열인데 `{grad}`를 0번 축, 곧 출력에 대해 더했다",
                help_ko="출력마다 편향이 따로 있으므로 np.sum(dZ, axis=1, keepdims=True)이다."),
    ),
)
# fmt: on
