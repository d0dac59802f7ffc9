"""A recurrent network over time: the same cell at every step (backpropagation through time).

    h_t = tanh(x_t Wx + h_{t-1} Wh + b + bh)        for t = 1 ... T, from h_0
    from the last step to the first:
        dx_t, dh_{t-1}, and shares of dWx, dWh, db, dbh = the cell's backward of (dhs_t + dh_t)
    where dh_t is what step t + 1 gave back, and dh_T = 0. Parameters add up over the steps; dh0 is the last dh.

Shapes: x (N, T, D), h0 (N, H), hs (N, T, H) with every h_t, Wx (D, H), Wh (H, H), b (H,); see the cell for bh, out_in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from reference_impls.recurrent import rnn_cell as cell
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, out_in: bool = False) -> Array:
    h, hs = h0, []
    for t in range(x.shape[1]):
        h = cell.forward(x[:, t], h, Wx, Wh, b, bh, out_in=out_in)
        hs.append(h)
    return np.stack(hs, axis=1)


def backward(
    dy: Array, x: Array, h0: Array, Wx: Array, Wh: Array, b: Array, bh: Array, *, out_in: bool = False
) -> Grads:
    return collected(steps(dy, x, h0, Wx, Wh, b, bh, out_in=out_in))


def steps(
    dhs: Array, x: Array, h0: Array, *params: Array,
    dh: Any = 0.0, carried: bool = True, order: Iterable[int] | None = None, **options: Any,
) -> Iterator[Grads]:  # fmt: skip
    """The gradients of one step after another, from the last to the first."""
    hs = forward(x, h0, *params, **options)
    for t in reversed(range(x.shape[1])) if order is None else order:
        before = hs[:, t - 1] if t else h0
        step = cell.backward(dhs[:, t] + dh, x[:, t], before, *params, **options)
        dh = step["h"] if carried else 0.0
        yield step


def collected(given: Iterable[Grads]) -> Grads:
    """dx of every step, dh of the first, and the sum over the steps of everything else."""
    found = list(given)
    shared = {n: sum((step[n] for step in found), np.zeros_like(found[0][n])) for n in ("Wx", "Wh", "b", "bh")}
    return {"x": np.stack([step["x"] for step in found[::-1]], axis=1), "h0": found[-1]["h"], **shared}


def torch_forward(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any, bh: Any, *, out_in: bool = False) -> Any:
    import torch

    params = Wx.T, Wh if out_in else Wh.T, b, bh
    return torch.rnn_tanh(x, h0[None], params, True, 1, 0.0, False, False, True)[0]


def state_gradient_not_carried(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return collected(steps(dy, *arrays, carried=False, **options))


def parameters_of_the_first_step_only(dy: Array, *arrays: Array, **options: Any) -> Grads:
    *_, last = steps(dy, *arrays, **options)
    return backward(dy, *arrays, **options) | {n: last[n] for n in ("Wx", "Wh", "b", "bh")}


def state_gradient_of_the_last_step(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, **options) | {"h0": next(steps(dy, *arrays, **options))["h"]}


def time_not_reversed(dy: Array, x: Array, *arrays: Array, **options: Any) -> Grads:
    g = collected(steps(dy, x, *arrays, order=range(x.shape[1]), **options))
    return g | {"x": np.ascontiguousarray(g["x"][:, ::-1])}


def state_gradient_of_the_batch_before() -> Callable[..., Grads]:
    kept: dict[tuple[int, ...], Array] = {}

    def wrong(dy: Array, x: Array, h0: Array, *params: Array, **options: Any) -> Grads:
        g = collected(steps(dy, x, h0, *params, dh=kept.get(x.shape, 0.0), **options))
        kept[x.shape] = g["h0"].copy()
        return g

    return wrong


# fmt: off
SPEC = LayerSpec(
    name="rnn_sequence", korean="시간축 RNN (TimeRNN, BPTT)", family="recurrent",
    aliases=("RNN", "TimeRNN", "VanillaRNN", "SimpleRNN"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N T D, h0: N H; Wx: D H, Wh: H H, b: H, bh: H -> N T H",
    variants=(
        Variant("x: T N D -> T N H", "time first"),
        Variant("Wx: H D", "weights stored (out, in)", {"out_in": True}),
        Variant("x: T N D; Wx: H D -> T N H", "time first, weights stored (out, in)", {"out_in": True}),
        Variant("x: D N T, h0: H N; Wx: H D, b: H 1, bh: H 1 -> H N T", "samples in columns", {"out_in": True}),
    ),
    mistakes=(
        Mistake("state-gradient-dropped", state_gradient_not_carried,
                says="`{grad}` of the RNN lacks what comes back through time: dh of the next step is not added",
                help="h_t goes up to the output and on to step t + 1: hand dhs[:, t] + dh to the backward of the step.",
                says_ko="다음 시각의 dh를 더하지 않아 RNN의 `{grad}`에 시간을 거슬러 오는 기울기가 빠져 있다",
                help_ko="h_t는 출력과 다음 시각 두 곳으로 가므로 각 시각의 backward에 dhs[:, t] + dh를 넘긴다."),
        Mistake("steps-overwritten", parameters_of_the_first_step_only,
                says="`{grad}` of the RNN is that of one step: every step overwrites it, = for +=",
                help="All steps share the parameters, so their gradients add up: start at zero and use +=.",
                says_ko="RNN의 `{grad}`가 한 시각의 것이다: +=가 아니라 =로 시각마다 덮어쓴다",
                help_ko="모든 시각이 매개변수를 함께 쓰므로 0에서 시작해 +=로 더한다."),
        Mistake("initial-state-gradient-of-last-step", state_gradient_of_the_last_step,
                says="`{grad}` of the RNN is what the last step gives back, and h0 goes into the first one",
                help="The backward visits the first step last: h0 gets the dh that is left after the loop.",
                says_ko="h0은 첫 시각에 들어가는데 RNN의 `{grad}`는 마지막 시각이 돌려준 dh이다",
                help_ko="역전파는 첫 시각을 마지막에 지나므로 반복이 끝난 뒤에 남은 dh가 h0의 기울기이다."),
        Mistake("time-not-reversed", time_not_reversed,
                says="`{grad}` of the RNN is wrong: its backward runs through time from the first step to the last",
                help="dh flows from step t + 1 to step t: loop over reversed(range(T)).",
                says_ko="RNN의 역전파가 첫 시각부터 마지막 시각으로 진행해서 `{grad}`가 틀린다",
                help_ko="dh는 시각 t + 1에서 t로 흐르므로 reversed(range(T))로 반복한다."),
        Mistake("stale-state", state_gradient_of_the_batch_before, stateful=True,
                says="the backward of the RNN starts with the dh that an earlier backward has left",
                help="A state may be carried from batch to batch, its gradient not: start every backward with dh = 0.",
                says_ko="RNN의 역전파가 앞선 역전파가 남긴 dh에서 시작한다",
                help_ko="상태는 배치 사이에 이어져도 기울기는 이어지지 않으므로 매번 dh = 0에서 시작한다."),
    ),
)
# fmt: on
