"""One step of a recurrent network.

    a   = x Wx + h Wh + b + bh                                    h' = tanh(a)
    da  = dh' (1 - h'^2)
    dx  = da Wx^T      dWx = x^T da      db = dbh = sum_n da_n
    dh  = da Wh^T      dWh = h^T da

Shapes: x (N, D), the state before h (N, H), the state after h' (N, H), Wx (D, H), Wh (H, H), b (H,).
torch has a second bias bh (H,); a cell with one bias is that with bh = 0. With out_in=True Wh is stored (out, in).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.recurrent import of_sum
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def total(x: Array, h: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, out_in: bool = False) -> Array:
    return np.asarray(x @ Wx + h @ (Wh.T if out_in else Wh) + b + bh)


def forward(x: Array, h: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, out_in: bool = False) -> Array:
    return np.tanh(total(x, h, Wx, Wh, b, bh, out_in=out_in))


def backward(
    dy: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, out_in: bool = False
) -> Grads:
    return through(dy * (1 - forward(x, h, Wx, Wh, b, bh, out_in=out_in) ** 2), x, h, Wx, Wh, out_in)


def through(da: Array, x: Array, h: Array, Wx: Array, Wh: Array, out_in: bool) -> Grads:
    """The gradients of all arrays from that of the sum a."""
    g = of_sum(da, x, h, Wx, Wh.T if out_in else Wh)
    return g | {"Wh": g["Wh"].T.copy() if out_in else g["Wh"], "bh": g["b"].copy()}


def torch_forward(x: Any, h: Any, Wx: Any, Wh: Any, b: Any, bh: Any, *, out_in: bool = False) -> Any:
    import torch

    return torch.rnn_tanh_cell(x, h, Wx.T, Wh if out_in else Wh.T, b, bh)


def slope_at_the_state_before(
    dy: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, out_in: bool = False
) -> Grads:
    return through(dy * (1 - h**2), x, h, Wx, Wh, out_in)


def slope_at_the_sum(
    dy: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, out_in: bool = False
) -> Grads:
    return through(dy * (1 - total(x, h, Wx, Wh, b, bh, out_in=out_in) ** 2), x, h, Wx, Wh, out_in)


def slope_left_out(
    dy: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, out_in: bool = False
) -> Grads:
    return through(dy, x, h, Wx, Wh, out_in)


def bias_not_summed(dy: Array, *arrays: Array, **options: Any) -> Grads:
    da = dy * (1 - forward(*arrays, **options) ** 2)
    return backward(dy, *arrays, **options) | {"b": da, "bh": da.copy()}


def state_after_in_weights(dy: Array, x: Array, h: Array, *params: Array, **options: Any) -> Grads:
    h_next = forward(x, h, *params, **options)
    da = dy * (1 - h_next**2)
    dWh = da.T @ h_next if options.get("out_in") else h_next.T @ da
    return backward(dy, x, h, *params, **options) | {"Wh": dWh}


# fmt: off
SPEC = LayerSpec(
    name="rnn_cell", korean="순환 신경망 셀 (RNN)", family="recurrent",
    aliases=("rnn_step", "SimpleRNNCell", "VanillaRNNCell", "ElmanCell"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, h: N H; Wx: D H, Wh: H H, b: H, bh: H -> N H",
    variants=(
        Variant("Wx: H D", "weights stored (out, in)", {"out_in": True}),
        Variant("x: D, h: H -> H", "one sample", incidental=True),
        Variant("x: D, h: H; Wx: H D -> H", "one sample, weights stored (out, in)", {"out_in": True}, incidental=True),
        Variant("x: D N, h: H N; Wx: H D, b: H 1, bh: H 1 -> H N", "samples in columns", {"out_in": True}),
    ),
    mistakes=(
        Mistake("slope-at-the-state-before", slope_at_the_state_before,
                says="`{grad}` of the RNN cell takes the slope of tanh at the state before the step: 1 - h_prev**2",
                help="tanh made the state after the step, and its slope is told by that output: 1 - h_next**2.",
                says_ko="RNN 셀의 `{grad}`가 tanh의 기울기를 이전 상태에서 구한다: 1 - h_prev**2",
                help_ko="tanh의 출력은 다음 상태이므로 기울기도 그것으로 구한다: 1 - h_next**2."),
        Mistake("local-derivative-at-input", slope_at_the_sum,
                says="`{grad}` of the RNN cell takes 1 - t**2 of the sum t that goes into tanh",
                help="1 - y**2 is the slope of tanh in terms of its output: use h_next = tanh(t).",
                says_ko="RNN 셀의 `{grad}`가 tanh에 들어가는 합 t로 1 - t**2를 계산한다",
                help_ko="1 - y**2는 tanh의 출력으로 쓴 도함수이므로 h_next = tanh(t)를 쓴다."),
        Mistake("slope-left-out", slope_left_out,
                says="`{grad}` of the RNN cell lacks the slope of tanh",
                help="Multiply the upstream gradient by 1 - h_next**2 before anything else.",
                says_ko="RNN 셀의 `{grad}`에 tanh의 도함수가 빠져 있다",
                help_ko="무엇보다 먼저 상류 기울기에 1 - h_next**2를 곱한다."),
        Mistake("missing-batch-sum", bias_not_summed,
                says="`{grad}` of the RNN cell is not summed over the batch",
                help="Every sample uses the same bias, so its gradient adds up over the batch: da.sum(axis=0).",
                says_ko="RNN 셀의 `{grad}`를 배치에 대해 더하지 않았다",
                help_ko="모든 샘플이 같은 편향을 쓰므로 배치 축으로 더한다: da.sum(axis=0)."),
        Mistake("state-after-for-before", state_after_in_weights,
                says="`{grad}` of the RNN cell is computed with the state after the step",
                help="Wh was multiplied by the state before the step: dWh = h_prev.T @ da.",
                says_ko="RNN 셀의 `{grad}`를 다음 상태로 계산했다",
                help_ko="Wh와 곱해진 것은 이전 상태이다: dWh = h_prev.T @ da."),
    ),
)
# fmt: on
