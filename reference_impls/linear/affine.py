"""Affine (fully connected) layer.

    y  = x W + b
    dx = dy W^T        dW = x^T dy        db = sum_n dy_n

Shapes: x (N, D), W (D, M), b (M,), y (N, M). The bias is shared by every sample, so db adds up over the batch.
A tensor input is flattened to (N, D) first, and dx takes the tensor's shape again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls.linear.affine_shapes import SHAPE_MISTAKES
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, W: Array, b: Array) -> Array:
    return x @ W + b


def backward(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return {"x": dy @ W.T, "W": x.T @ dy, "b": dy.sum(axis=0)}


def torch_forward(x: Any, W: Any, b: Any) -> Any:
    import torch

    return torch.nn.functional.linear(x, W.T, b)


def bias_not_summed(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"b": dy.copy()}


def bias_averaged(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"b": dy.mean(axis=0)}


def weights_transposed(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": dy.T @ x}


def weights_divided_by_batch(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": x.T @ dy / len(x)}


def input_of_another_call() -> Callable[..., Grads]:
    saved: dict[tuple[int, ...], Array] = {}

    def wrong(dy: Array, x: Array, W: Array, b: Array) -> Grads:
        x = saved.setdefault(x.shape, x)
        return backward(dy, x, W, b)

    return wrong


def weights_never_reset() -> Callable[..., Grads]:
    total: dict[tuple[int, ...], Array] = {}

    def wrong(dy: Array, x: Array, W: Array, b: Array) -> Grads:
        total[W.shape] = total.get(W.shape, 0) + x.T @ dy
        return backward(dy, x, W, b) | {"W": total[W.shape].copy()}

    return wrong


SPEC = LayerSpec(
    name="affine",
    aliases=("Linear", "Dense", "FullyConnected", "FC", "Gemm"),
    korean="Affine 계층",
    family="linear",
    forward=forward,
    backward=backward,
    torch_forward=torch_forward,
    shapes="x: N D; W: D M, b: M -> N M",
    variants=(
        Variant("x: N (E F)", "tensor input"),
        Variant("x: D -> M", "single vector", incidental=True),
        Variant("W: M D", "weights stored (out, in)"),
        Variant("b: 1 M", "bias as a row"),
        Variant("W: M D, b: M 1", "weights stored (out, in), bias as a column"),
        Variant("x: D N; W: M D, b: M 1 -> M N", "samples in columns"),
    ),
    mistakes=(
        Mistake(
            "missing-batch-sum",
            bias_not_summed,
            says="`{grad}` is not summed over the batch",
            help="Every sample uses the same bias, so its gradient adds up over the batch axis: dy.sum(axis=0).",
            says_ko="`{grad}`를 배치에 대해 더하지 않았다",
            help_ko="모든 샘플이 같은 편향을 쓰므로 배치 축으로 더해야 한다: dy.sum(axis=0).",
        ),
        Mistake(
            "batch-mean-for-sum",
            bias_averaged,
            says="`{grad}` is averaged over the batch where it should be summed",
            help="The loss has divided by N already if it is a mean; the affine layer adds: dy.sum(axis=0).",
            says_ko="`{grad}`를 배치에 대해 합하지 않고 평균했다",
            help_ko="평균 손실이라면 N으로 나누는 일은 이미 손실이 했으므로 Affine은 더하기만 한다: dy.sum(axis=0).",
        ),
        Mistake(
            "transposed",
            weights_transposed,
            says="`{grad}` is the transpose of the weight gradient",
            help="The gradient has the shape of W: x.T @ dy for y = x @ W, and dy.T @ x only for weights (out, in).",
            says_ko="`{grad}`가 가중치 기울기의 전치이다",
            help_ko="기울기의 shape은 W와 같다. y = x @ W이면 x.T @ dy이고, dy.T @ x는 (out, in) 가중치일 때만 맞다.",
        ),
        Mistake(
            "extra-batch-mean",
            weights_divided_by_batch,
            says="`{grad}` is divided by the batch size although the forward has no mean",
            help="1/N belongs to a mean loss and arrives inside dy; the affine layer must not divide again.",
            says_ko="순전파에는 평균이 없는데 `{grad}`를 배치 크기로 나누었다",
            help_ko="1/N은 평균 손실의 몫이며 dy에 이미 들어 있으므로 Affine에서 다시 나누지 않는다.",
        ),
        Mistake(
            "stale-state",
            input_of_another_call,
            stateful=True,
            says="`{grad}` is computed from the x of another call",
            help="Each backward needs the x of its own forward; keep a copy that nothing overwrites.",
            says_ko="`{grad}`를 다른 호출의 x로 계산했다",
            help_ko="역전파에는 짝이 되는 순전파의 x가 필요하므로 덮어써지지 않는 복사본을 저장한다.",
        ),
        Mistake(
            "accumulates",
            weights_never_reset,
            stateful=True,
            says="`{grad}` still contains the gradient of earlier backward calls",
            help="Assign the weight gradient with `=`, or set it to zero before each backward.",
            says_ko="`{grad}`에 이전 역전파의 기울기가 남아 있다",
            help_ko="가중치 기울기는 `+=`가 아니라 `=`로 넣거나, 역전파 전에 0으로 되돌린다.",
        ),
        *SHAPE_MISTAKES,
    ),
)
