"""One step of a long short-term memory (LSTM).

    a   = x Wx + h Wh + b + bh = [a_i, a_f, a_g, a_o]
    i   = sigmoid(a_i)     f = sigmoid(a_f)     g = tanh(a_g)     o = sigmoid(a_o)
    c'  = f c + i g        h' = o tanh(c')
    ds  = dc' + dh' o (1 - tanh(c')^2)                             the whole gradient of c': two paths
    da_i = ds g i (1 - i)     da_f = ds c f (1 - f)     da_g = ds i (1 - g^2)     da_o = dh' tanh(c') o (1 - o)
    dx = da Wx^T     dh = da Wh^T     dc = ds f     dWx = x^T da     dWh = h^T da     db = dbh = sum_n da_n

Shapes: x (N, D), h, c, h', c' (N, H), Wx (D, 4H), Wh (H, 4H), b (4H,). The option `gates` is the order of the blocks of
columns: "ifgo" torch and Keras, "ifog" CS231n, "fgio" Deep Learning from Scratch 2, "iofg" ONNX, "fiog" dezero.
torch has a second bias bh (4H,); a cell with one bias is that with bh = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.recurrent import join, of_sum, reordered, sigmoid, split
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Parts = dict[str, Array]


def activated(x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, gates: str) -> Parts:
    """The gates i, f, o, the candidate g, and the new cell state c."""
    a = split(x @ Wx + h @ Wh + b + bh, gates)
    y = {"i": sigmoid(a["i"]), "f": sigmoid(a["f"]), "g": np.tanh(a["g"]), "o": sigmoid(a["o"])}
    return y | {"c": y["f"] * c + y["i"] * y["g"]}


def forward(
    x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, gates: str = "ifgo"
) -> tuple[Array, Array]:
    y = activated(x, h, c, Wx, Wh, b, bh, gates=gates)
    return y["o"] * np.tanh(y["c"]), y["c"]


def backward(dy: tuple[Array, Array], *arrays: Array, gates: str = "ifgo") -> Grads:
    y = activated(*arrays, gates=gates)
    return through(*parts(dy, arrays[2], y, np.tanh(y["c"])), y, arrays, gates)


def parts(dy: tuple[Array, Array], c: Array, y: Parts, tanh_c: Array) -> tuple[Parts, Array]:
    """The gradients of the four parts of a, and ds."""
    dh, dc = dy
    ds = dc + dh * y["o"] * (1 - tanh_c**2)
    da_i, da_f = ds * y["g"] * y["i"] * (1 - y["i"]), ds * c * y["f"] * (1 - y["f"])
    da_g, da_o = ds * y["i"] * (1 - y["g"] ** 2), dh * tanh_c * y["o"] * (1 - y["o"])
    return {"i": da_i, "f": da_f, "g": da_g, "o": da_o}, ds


def through(da: Parts, ds: Array, y: Parts, arrays: tuple[Array, ...], gates: str) -> Grads:
    """The gradients of all arrays from those of the four parts of a, and ds."""
    x, h, _, Wx, Wh, _, _ = arrays
    g = of_sum(join(da, gates), x, h, Wx, Wh)
    return g | {"c": ds * y["f"], "bh": g["b"].copy()}


def torch_forward(x: Any, h: Any, c: Any, Wx: Any, Wh: Any, b: Any, bh: Any, *, gates: str = "ifgo") -> Any:
    import torch

    Wx, Wh, b, bh = (reordered(p, gates, "ifgo") for p in (Wx, Wh, b, bh))
    return torch.lstm_cell(x, (h, c), Wx.T, Wh.T, b, bh)


def cell_gradient_dropped(dy: tuple[Array, Array], *arrays: Array, **options: Any) -> Grads:
    return backward((dy[0], 0 * dy[1]), *arrays, **options)


def forget_gate_left_out(dy: tuple[Array, Array], *arrays: Array, gates: str = "ifgo") -> Grads:
    y = activated(*arrays, gates=gates)
    _, ds = parts(dy, arrays[2], y, np.tanh(y["c"]))
    return backward(dy, *arrays, gates=gates) | {"c": ds}


def tanh_of_the_cell_before(dy: tuple[Array, Array], *arrays: Array, gates: str = "ifgo") -> Grads:
    y = activated(*arrays, gates=gates)
    return through(*parts(dy, arrays[2], y, np.tanh(arrays[2])), y, arrays, gates)


def gates_in_another_order(dy: tuple[Array, Array], *arrays: Array, gates: str = "ifgo") -> Grads:
    y = activated(*arrays, gates=gates)
    return through(*parts(dy, arrays[2], y, np.tanh(y["c"])), y, arrays, gates[:2] + gates[:1:-1])


def slope_missing(gate: str) -> Any:
    def slope_of_gate_missing(dy: tuple[Array, Array], *arrays: Array, gates: str = "ifgo") -> Grads:
        y = activated(*arrays, gates=gates)
        da, ds = parts(dy, arrays[2], y, np.tanh(y["c"]))
        return through(da | {gate: da[gate] / (y[gate] * (1 - y[gate]))}, ds, y, arrays, gates)

    return slope_of_gate_missing


def bias_gradient_of_one_gate(dy: tuple[Array, Array], *arrays: Array, gates: str = "ifgo") -> Grads:
    g = backward(dy, *arrays, gates=gates)
    return g | {n: np.tile(np.split(g[n], 4)[0], 4) for n in ("b", "bh")}


GATES = {"i": ("input", "입력"), "f": ("forget", "망각"), "o": ("output", "출력")}
ORDERS = {"ifog": "CS231n", "fgio": "Deep Learning from Scratch 2", "iofg": "ONNX", "fiog": "dezero"}

# fmt: off
SPEC = LayerSpec(
    name="lstm_cell", korean="LSTM 계층(한 단계)", family="recurrent", aliases=("lstm_step",),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, h: N 2, c: N 2; Wx: D 8, Wh: 2 8, b: 8, bh: 8 -> h: N 2, c: N 2",  # H = 2, 4H = 8
    variants=(
        *(Variant("", f"gates in the order {', '.join(o)} ({who})", {"gates": o}) for o, who in ORDERS.items()),
        Variant("Wx: 8 D, Wh: 8 2", "weights stored (out, in)"),
    ),
    mistakes=(
        Mistake("cell-gradient-dropped", cell_gradient_dropped,
                says="`{grad}` of the LSTM ignores the gradient that comes in for the cell state",
                help="c' goes to h' and to the next step: ds = dc_next + dh_next * o * (1 - tanh(c_next)**2).",
                says_ko="LSTM의 `{grad}`가 셀 상태로 들어오는 기울기를 무시한다",
                help_ko="c'은 h'과 다음 시각으로 가므로 ds = dc_next + dh_next * o * (1 - tanh(c_next)**2)이다."),
        Mistake("forget-gate-left-out", forget_gate_left_out,
                says="`{grad}` of the LSTM is not multiplied by the forget gate",
                help="c' = f * c + i * g, so the cell state before the step gets ds * f.",
                says_ko="LSTM의 `{grad}`에 망각 게이트를 곱하지 않았다",
                help_ko="c' = f * c + i * g이므로 이전 셀 상태의 기울기는 ds * f이다."),
        Mistake("tanh-of-the-cell-before", tanh_of_the_cell_before,
                says="`{grad}` of the LSTM takes tanh of the cell state before the step",
                help="The output is o * tanh(c_next): use the new cell state in the backward, too.",
                says_ko="LSTM의 `{grad}`가 이전 셀 상태의 tanh를 쓴다",
                help_ko="출력이 o * tanh(c_next)이므로 역전파에서도 새 셀 상태를 쓴다."),
        Mistake("gate-order", gates_in_another_order,
                says="the last two blocks of `{grad}` of the LSTM changed places: gates joined in another order",
                help="Stack da in the order in which the forward cuts a into its gates.",
                says_ko="LSTM의 `{grad}`에서 마지막 두 블록이 뒤바뀌었다: 게이트를 다른 순서로 이어 붙였다",
                help_ko="순전파에서 a를 게이트로 나눈 순서 그대로 da를 이어 붙인다."),
        *(Mistake("gate-slope-missing", slope_missing(gate),
                  says=f"`{{grad}}` of the LSTM lacks the slope of the sigmoid of its {name} gate {gate}",
                  help=f"Multiply the gradient of the gate by {gate} * (1 - {gate}) before it goes on.",
                  says_ko=f"LSTM의 `{{grad}}`에 {korean} 게이트 {gate}의 시그모이드 도함수가 빠져 있다",
                  help_ko=f"게이트의 기울기에 {gate} * (1 - {gate})를 곱한 다음에 전달한다.")
          for gate, (name, korean) in GATES.items()),
        Mistake("one-gate-for-all", bias_gradient_of_one_gate,
                says="`{grad}` of the LSTM repeats the bias gradient of its first gate for all four",
                help="Each gate has a bias of its own: sum the whole da over the batch, da.sum(axis=0).",
                says_ko="LSTM의 `{grad}`가 첫 게이트의 편향 기울기를 네 게이트에 되풀이한다",
                help_ko="게이트마다 편향이 따로 있으므로 da 전체를 배치 축으로 더한다: da.sum(axis=0)."),
    ),
)
# fmt: on
