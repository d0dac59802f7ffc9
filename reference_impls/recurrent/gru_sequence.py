"""A GRU over time: the same cell at every step (backpropagation through time).

    h_t = cell(x_t, h_{t-1})        for t = 1 ... T, from h_0
    from the last step to the first:
        dx_t, dh_{t-1}, and shares of dWx, dWh, db, dbh = the cell's backward of (dhs_t + dh_t)
    where dh_t is what step t + 1 gave back, and dh_T = 0. Parameters add up over the steps; dh0 is the last dh.

Shapes: x (N, T, D), h0 (N, H), hs (N, T, H) with every h_t, Wx (D, 3H), Wh (H, 3H), b (3H,), torch's second bias bh.
The formulas are those of the two cells: `reset` says whether the reset gate acts "before" or "after" the matrix
product, `gates` is the order of the blocks of columns, z_keeps whether z is the share of the old state. Deep Learning
from Scratch 2 has "before", "zrn", False; torch "after", "rzn", True; Keras "after", "zrn", True.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference_impls.recurrent import gru_cell as after
from reference_impls.recurrent import gru_cell_reset_before as before
from reference_impls.recurrent import join, reordered
from reference_impls.recurrent.rnn_sequence import collected
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def apart(Wx: Any, Wh: Any, b: Any, bh: Any, gates: str) -> list[Any]:
    """The twelve arrays of the cell with the reset after the product: the blocks r, z, n of each."""
    Wx, Wh, b, bh = ([reordered(a, gates, k) for k in "rzn"] for a in (Wx, Wh, b, bh))
    return [*(W.T for W in Wx), *Wh, *b, *bh]


def together(g: Grads, gates: str) -> Grads:
    """The gradients of those twelve, side by side again."""
    Wx, Wh, b, bh = ({k: g[f"{a}{k}{s}"] for k in "rzn"} for a in "Wb" for s in "xh")
    Wx = {k: W.T for k, W in Wx.items()}
    return {"x": g["x"], "h": g["h"], **{n: join(a, gates) for n, a in zip(NAMES, (Wx, Wh, b, bh), strict=True)}}


NAMES = ("Wx", "Wh", "b", "bh")


def forward(
    x: Array, h0: Array, Wx: Array, Wh: Array, b: Array, bh: Array,
    *, reset: str = "before", gates: str = "zrn", z_keeps: bool = False,
) -> Array:  # fmt: skip
    h, hs = h0, []
    for t in range(x.shape[1]):
        if reset == "before":
            h = before.forward(x[:, t], h, Wx, Wh, b + bh, gates=gates, z_keeps=z_keeps)
        else:
            h = after.forward(x[:, t], h, *apart(Wx, Wh, b, bh, gates), in_out=True, mirrored=not z_keeps)
        hs.append(h)
    return np.stack(hs, axis=1)


def backward(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return collected(steps(dy, *arrays, **options))


def steps(
    dhs: Array, x: Array, h0: Array, Wx: Array, Wh: Array, b: Array, bh: Array,
    *, reset: str = "before", gates: str = "zrn", z_keeps: bool = False, carried: bool = True,
) -> Iterator[Grads]:  # fmt: skip
    """The gradients of one step after another, from the last to the first."""
    hs = forward(x, h0, Wx, Wh, b, bh, reset=reset, gates=gates, z_keeps=z_keeps)
    dh = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        d, xt, h = dhs[:, t] + dh, x[:, t], hs[:, t - 1] if t else h0
        if reset == "before":
            step = before.backward(d, xt, h, Wx, Wh, b + bh, gates=gates, z_keeps=z_keeps)
            step["bh"] = step["b"]
        else:
            parts = apart(Wx, Wh, b, bh, gates)
            step = together(after.backward(d, xt, h, *parts, in_out=True, mirrored=not z_keeps), gates)
        dh = step["h"] if carried else 0 * dh
        yield step


def torch_forward(
    x: Any,
    h0: Any,
    Wx: Any,
    Wh: Any,
    b: Any,
    bh: Any,
    *,
    reset: str = "before",
    gates: str = "zrn",
    z_keeps: bool = False,
) -> Any:
    import torch

    if reset == "after" and z_keeps:
        Wx, Wh, b, bh = (reordered(a, gates, "rzn") for a in (Wx, Wh, b, bh))
        return torch.gru(x, h0[None], (Wx.T, Wh.T, b, bh), True, 1, 0.0, False, False, True)[0]
    h, hs = h0, []
    for t in range(x.shape[1]):
        h = before.torch_forward(x[:, t], h, Wx, Wh, b + bh, gates=gates, z_keeps=z_keeps)
        hs.append(h)
    return torch.stack(hs, 1)


def state_gradient_not_carried(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return collected(steps(dy, *arrays, carried=False, **options))


def parameters_of_the_first_step_only(dy: Array, *arrays: Array, **options: Any) -> Grads:
    *_, last = steps(dy, *arrays, **options)
    return backward(dy, *arrays, **options) | {n: last[n] for n in NAMES}


def state_gradient_of_the_last_step(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options) | {"h0": next(steps(dy, *arrays, **options))["h"]}


# fmt: off
TORCH, KERAS = ({"reset": "after", "gates": order, "z_keeps": True} for order in ("rzn", "zrn"))
SPEC = LayerSpec(
    name="gru_sequence", korean="시간축 GRU (TimeGRU)", family="recurrent", aliases=("GRU", "TimeGRU"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N T D, h0: N 2; Wx: D 6, Wh: 2 6, b: 6, bh: 6 -> N T 2",  # H = 2, 3H = 6
    variants=(
        Variant("", "reset after the product, gates in the order r, z, n (torch)", TORCH),
        Variant("Wx: 6 D, Wh: 6 2", "weights stored (out, in), reset after the product (torch)", TORCH),
        Variant("", "reset after the product, gates in the order z, r, n (Keras)", KERAS),
        Variant("", "z is the share of the old state", {"z_keeps": True}),
        Variant("", "gates in the order r, z, n", {"gates": "rzn"}),
        Variant("x: T N D -> T N 2", "time first"),
    ),
    mistakes=(
        Mistake("state-gradient-dropped", state_gradient_not_carried,
                says="`{grad}` of the GRU lacks what comes back through time: dh of the next step is not added",
                help="h_t goes up to the output and on to step t + 1: hand dhs[:, t] + dh to the backward of the step.",
                says_ko="다음 시각의 dh를 더하지 않아 GRU의 `{grad}`에 시간을 거슬러 오는 기울기가 빠져 있다",
                help_ko="h_t는 출력과 다음 시각 두 곳으로 가므로 각 시각의 backward에 dhs[:, t] + dh를 넘긴다."),
        Mistake("steps-overwritten", parameters_of_the_first_step_only,
                says="`{grad}` of the GRU is that of one step: every step overwrites it, = for +=",
                help="All steps share the parameters, so their gradients add up: start at zero and use +=.",
                says_ko="GRU의 `{grad}`가 한 시각의 것이다: +=가 아니라 =로 시각마다 덮어쓴다",
                help_ko="모든 시각이 매개변수를 함께 쓰므로 0에서 시작해 +=로 더한다."),
        Mistake("initial-state-gradient-of-last-step", state_gradient_of_the_last_step,
                says="`{grad}` of the GRU is what the last step gives back, and h0 goes into the first one",
                help="The backward visits the first step last: h0 gets the dh that is left after the loop.",
                says_ko="h0은 첫 시각에 들어가는데 GRU의 `{grad}`는 마지막 시각이 돌려준 dh이다",
                help_ko="역전파는 첫 시각을 마지막에 지나므로 반복이 끝난 뒤에 남은 dh가 h0의 기울기이다."),
    ),
)
# fmt: on
