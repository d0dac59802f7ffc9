"""An LSTM over time: the same cell at every step (backpropagation through time).

    h_t, c_t = cell(x_t, h_{t-1}, c_{t-1})        for t = 1 ... T, from h_0 and c_0
    from the last step to the first:
        dx_t, dh_{t-1}, dc_{t-1}, and shares of dWx, dWh, db, dbh = the cell's backward of (dhs_t + dh_t, dc_t)
    where dh_t and dc_t are what step t + 1 gave back, and dh_T = dc_T = 0. Only h goes out, so dc_t comes from the next
    step alone. Parameters add up over the steps; dh0 and dc0 are the last dh and dc.

Shapes: x (N, T, D), h0, c0 (N, H), hs (N, T, H) with every h_t, Wx (D, 4H), Wh (H, 4H), b (4H,); see the cell for bh
and the order `gates`. CS231n and Deep Learning from Scratch 2 start from c_0 = 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from reference_impls.recurrent import lstm_cell as cell
from reference_impls.recurrent import reordered
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def states(x: Array, h0: Array, c0: Array, *params: Array, gates: str) -> list[tuple[Array, Array]]:
    """(h_0, c_0), (h_1, c_1), ... (h_T, c_T)."""
    found = [(h0, c0)]
    for t in range(x.shape[1]):
        found.append(cell.forward(x[:, t], *found[t], *params, gates=gates))
    return found


def forward(x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, gates: str = "ifgo") -> Array:
    return np.stack([h for h, _ in states(x, h0, c0, Wx, Wh, b, bh, gates=gates)[1:]], axis=1)


def backward(
    dy: Array, x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, gates: str = "ifgo"
) -> Grads:
    return collected(steps(dy, x, h0, c0, Wx, Wh, b, bh, gates=gates))


def steps(
    dhs: Array, x: Array, h0: Array, c0: Array, *params: Array, gates: str = "ifgo", carried: str = "hc"
) -> Iterator[Grads]:
    """The gradients of one step after another, from the last to the first."""
    before = states(x, h0, c0, *params, gates=gates)
    dh, dc = np.zeros_like(h0), np.zeros_like(c0)
    for t in reversed(range(x.shape[1])):
        step = cell.backward((dhs[:, t] + dh, dc), x[:, t], *before[t], *params, gates=gates)
        dh, dc = (step[n] if n in carried else 0 * step[n] for n in "hc")
        yield step


def collected(given: Iterable[Grads]) -> Grads:
    """dx of every step, dh and dc of the first, and the sum over the steps of everything else."""
    found = list(given)
    shared = {n: sum((step[n] for step in found), np.zeros_like(found[0][n])) for n in ("Wx", "Wh", "b", "bh")}
    dx = np.stack([step["x"] for step in found[::-1]], axis=1)
    return {"x": dx, "h0": found[-1]["h"], "c0": found[-1]["c"], **shared}


def torch_forward(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, bh: Any, *, gates: str = "ifgo") -> Any:
    import torch

    Wx, Wh, b, bh = (reordered(p, gates, "ifgo") for p in (Wx, Wh, b, bh))
    return torch.lstm(x, (h0[None], c0[None]), (Wx.T, Wh.T, b, bh), True, 1, 0.0, False, False, True)[0]


def cell_gradient_not_carried(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return collected(steps(dy, *arrays, carried="h", **options))


def state_gradient_not_carried(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return collected(steps(dy, *arrays, carried="c", **options))


def nothing_carried(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return collected(steps(dy, *arrays, carried="", **options))


def parameters_of_the_first_step_only(dy: Array, *arrays: Array, **options: Any) -> Grads:
    *_, last = steps(dy, *arrays, **options)
    return backward(dy, *arrays, **options) | {n: last[n] for n in ("Wx", "Wh", "b", "bh")}


def swapped(dy: Array, *arrays: Array, **options: Any) -> Grads:
    g = backward(dy, *arrays, **options)
    return g | {"h0": g["c0"], "c0": g["h0"]}


# fmt: off
SPEC = LayerSpec(
    name="lstm_sequence", korean="시간축 LSTM (TimeLSTM)", family="recurrent", aliases=("LSTM", "TimeLSTM"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N T D, h0: N 2, c0: N 2; Wx: D 8, Wh: 2 8, b: 8, bh: 8 -> N T 2",  # H = 2, 4H = 8
    variants=(
        *(Variant("", f"gates in the order {', '.join(o)} ({who})", {"gates": o}) for o, who in cell.ORDERS.items()),
        Variant("x: T N D -> T N 2", "time first"),
        Variant("Wx: 8 D, Wh: 8 2", "weights stored (out, in)"),
        Variant("x: T N D; Wx: 8 D, Wh: 8 2 -> T N 2", "time first, weights stored (out, in)"),
    ),
    mistakes=(
        Mistake("cell-gradient-dropped", cell_gradient_not_carried,
                says="`{grad}` of the LSTM lacks what comes back through the cell states: dc is not carried over time",
                help="Hand the dc_prev of step t + 1 to step t, beside dh_prev.",
                says_ko="dc를 시간을 거슬러 넘기지 않아 LSTM의 `{grad}`에 셀 상태로 돌아오는 기울기가 빠져 있다",
                help_ko="시각 t + 1의 dc_prev를 dh_prev와 함께 시각 t에 넘긴다."),
        Mistake("state-gradient-dropped", state_gradient_not_carried,
                says="`{grad}` of the LSTM lacks what comes back through time: dh of the next step is not added",
                help="h_t goes up to the output and on to step t + 1: hand dhs[:, t] + dh to the backward of the step.",
                says_ko="다음 시각의 dh를 더하지 않아 LSTM의 `{grad}`에 시간을 거슬러 오는 기울기가 빠져 있다",
                help_ko="h_t는 출력과 다음 시각 두 곳으로 가므로 각 시각의 backward에 dhs[:, t] + dh를 넘긴다."),
        Mistake("loop-state-not-updated", nothing_carried,
                says="`{grad}` of the LSTM takes every step for the last: dh_next and dc_next stay 0 in the loop",
                help="Set dh_next, dc_next = dh_prev, dc_prev at the end of every step.",
                says_ko="반복에서 dh_next와 dc_next가 0에 머물러 LSTM의 `{grad}`가 모든 시각을 마지막 시각처럼 다룬다",
                help_ko="매 시각의 끝에 dh_next, dc_next = dh_prev, dc_prev로 갱신한다."),
        Mistake("steps-overwritten", parameters_of_the_first_step_only,
                says="`{grad}` of the LSTM is that of one step: every step overwrites it, = for +=",
                help="All steps share the parameters, so their gradients add up: start at zero and use +=.",
                says_ko="LSTM의 `{grad}`가 한 시각의 것이다: +=가 아니라 =로 시각마다 덮어쓴다",
                help_ko="모든 시각이 매개변수를 함께 쓰므로 0에서 시작해 +=로 더한다."),
        Mistake("swapped-gradients", swapped,
                says="`{grad}` of the LSTM is the gradient of the other initial state: dh0 and dc0 changed places",
                help="The backward of a step returns dx, dh_prev, dc_prev: unpack them in this order.",
                says_ko="LSTM의 `{grad}`가 다른 초기 상태의 기울기이다: dh0과 dc0이 뒤바뀌었다",
                help_ko="한 시각의 backward는 dx, dh_prev, dc_prev를 돌려주므로 이 순서로 받는다."),
    ),
)
# fmt: on
