"""Temporal affine layer: one affine layer for every time step of every sequence.

    y  = x W + b
    dx = dy W^T        dW = sum over n and t of x_nt^T dy_nt        db = sum over n and t of dy_nt

Shapes: x (N, T, D), W (D, M), b (M,), y (N, T, M). All time steps share the weights, so dW and db add up over the
batch and over time: lay the N T steps under each other, and this is the affine layer.
"""

from __future__ import annotations

from typing import Any

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, W: Array, b: Array) -> Array:
    return x @ W + b


def backward(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    rows, drows = x.reshape(-1, x.shape[2]), dy.reshape(-1, dy.shape[2])  # (N T, D) and (N T, M)
    return {"x": dy @ W.T, "W": rows.T @ drows, "b": drows.sum(axis=0)}


def torch_forward(x: Any, W: Any, b: Any) -> Any:
    import torch

    return torch.nn.functional.linear(x, W.T, b)


def bias_summed_over_batch_only(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"b": dy.sum(axis=0)}


def bias_summed_over_time_only(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"b": dy.sum(axis=1)}


def rows_in_another_order(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": x.transpose(1, 0, 2).reshape(-1, len(W)).T @ dy.reshape(-1, len(b))}


def last_step_only(dy: Array, x: Array, W: Array, b: Array) -> Grads:
    return backward(dy, x, W, b) | {"W": x[:, -1].T @ dy[:, -1]}


# fmt: off
SPEC = LayerSpec(
    name="temporal_affine", korean="시계열 Affine 계층", family="linear",
    aliases=("TimeAffine", "TemporalFC", "TemporalLinear", "TimeDistributedDense", "TimeDistributedLinear"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N T D; W: D M, b: M -> N T M",
    variants=(
        Variant("W: M D", "weights stored (out, in)"),
        Variant("b: 1 M", "bias as a row"),
        Variant("x: T N D -> T N M", "time first"),
    ),
    mistakes=(
        *(Mistake("missing-time-sum" if axis == "batch" else "missing-batch-sum", wrong,
                  says=f"`{{grad}}` is summed over the {axis} only, and every time step of every sequence has the bias",
                  help="Sum over both axes: dy.sum(axis=(0, 1)).",
                  says_ko=f"모든 시퀀스의 모든 시각이 편향을 함께 쓰는데 `{{grad}}`를 {axis_ko} 축으로만 더했다",
                  help_ko="두 축으로 모두 더한다: dy.sum(axis=(0, 1)).")
          for wrong, axis, axis_ko in ((bias_summed_over_batch_only, "batch", "배치"),
                                       (bias_summed_over_time_only, "time", "시간"))),
        Mistake("rows-mixed", rows_in_another_order,
                says="`{grad}` pairs the rows of x in the order (T, N) with those of dy in the order (N, T)",
                help="Reshape both in one order, without a transpose: x.reshape(N * T, D).T @ dy.reshape(N * T, M).",
                says_ko="`{grad}`에서 (T, N) 차례로 놓은 x의 행과 (N, T) 차례로 놓은 dy의 행이 짝지어졌다",
                help_ko="전치하지 말고 같은 차례로 펼친다: x.reshape(N * T, D).T @ dy.reshape(N * T, M)."),
        Mistake("overwritten-over-time", last_step_only,
                says="`{grad}` is that of the last time step: the loop over time overwrites it, = for +=",
                help="The weights are shared over time: start from zeros and add every step with +=.",
                says_ko="`{grad}`가 마지막 시각의 것뿐이다: 시간 루프가 += 대신 =로 덮어쓴다",
                help_ko="모든 시각이 가중치를 함께 쓰므로 0에서 시작해 시각마다 +=로 더한다."),
    ),
)
# fmt: on
