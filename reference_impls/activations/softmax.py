"""Softmax over the classes of each sample.

    y_i  = exp(x_i) / sum_j exp(x_j)
    dx_i = y_i (dy_i - sum_j dy_j y_j)

Shapes: x and y (N, D), one sample a row. Every output depends on every input of its row, so the Jacobian is full.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))  # the shift cancels; it only prevents overflow
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def backward(dy: Array, x: Array) -> Grads:
    y = forward(x)
    return {"x": y * (dy - (dy * y).sum(axis=1, keepdims=True))}


def torch_forward(x: Any) -> Any:
    import torch

    return torch.nn.functional.softmax(x, dim=1)


def diagonal_only(dy: Array, x: Array) -> Grads:
    y = forward(x)
    return {"x": dy * y * (1 - y)}


def summed_over_samples(dy: Array, x: Array) -> Grads:
    y = forward(x)
    return {"x": y * (dy - (dy * y).sum(axis=0, keepdims=True))}


def summed_over_everything(dy: Array, x: Array) -> Grads:
    y = forward(x)
    return {"x": y * (dy - (dy * y).sum())}


def keepdims_missing(dy: Array, x: Array) -> Grads:
    y = forward(x)
    # NumPy lays the row sums along the columns when N = D; for other sizes resize stands in for that
    return {"x": y * (dy - np.resize((dy * y).sum(axis=1), x.shape[1]))}


def upstream_taken_as_fused(dy: Array, x: Array) -> Grads:
    return {"x": dy.copy()}


SPEC = LayerSpec(
    name="softmax",
    korean="소프트맥스",
    family="activations",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D -> N D",
    minimum={"D": 2},
    variants=(
        Variant("x: D N -> D N", "samples in columns"),
        Variant("x: D -> D", "single vector", incidental=True),
    ),
    mistakes=(
        Mistake(
            "diagonal-only",
            diagonal_only,
            says="`{grad}` of softmax has only the diagonal y (1 - y) of the Jacobian",
            help="Each input changes every output of its row; subtract the row sum: dx = y * (dy - sum(dy * y)).",
            says_ko="소프트맥스의 `{grad}`에 야코비안의 대각 성분 y (1 - y)만 있다",
            help_ko="입력 하나가 그 행의 모든 출력을 바꾸므로 행의 합을 빼야 한다: dx = y * (dy - sum(dy * y)).",
        ),
        Mistake(
            "wrong-axis",
            summed_over_samples,
            says="the sum in the softmax backward runs over the samples and not over the classes",
            help="Softmax normalises each sample by itself; sum dy * y along the same axis as the forward.",
            says_ko="소프트맥스 역전파의 합이 클래스 축이 아니라 샘플 축으로 계산되었다",
            help_ko="소프트맥스는 샘플마다 따로 정규화하므로 순전파와 같은 축으로 dy * y를 더한다.",
        ),
        Mistake(
            "whole-batch-sum",
            summed_over_everything,
            says="the sum in the softmax backward runs over the whole batch",
            help="A bare sum() mixes the samples; sum dy * y over the classes of each row, with keepdims=True.",
            says_ko="소프트맥스 역전파의 합이 배치 전체에 대해 계산되었다",
            help_ko="축 없는 sum()은 샘플들을 섞으므로 행마다 클래스 축으로 더하고 keepdims=True를 준다.",
        ),
        Mistake(
            "keepdims-missing",
            keepdims_missing,
            says="the row sums in the softmax backward are laid along the columns",
            help="sum(axis=1) drops the axis and NumPy then broadcasts along rows; write sum(axis=1, keepdims=True).",
            says_ko="소프트맥스 역전파에서 행의 합이 열 방향으로 놓였다",
            help_ko="sum(axis=1)은 축을 없애서 브로드캐스트 방향이 바뀌므로 sum(axis=1, keepdims=True)로 쓴다.",
        ),
        Mistake(
            "fused-gradient",
            upstream_taken_as_fused,
            convention=True,
            says="softmax passes dy on unchanged, which is right only behind a loss that has already returned y - t",
            help="Check it together with its loss; a separate softmax applies its own Jacobian.",
            says_ko="소프트맥스가 dy를 그대로 보내므로 손실이 이미 y - t를 돌려준 경우에만 맞다",
            help_ko="손실과 함께 검사한다. 따로 둔 소프트맥스는 자기 야코비안을 적용한다.",
        ),
    ),
)
