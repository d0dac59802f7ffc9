"""A bidirectional LSTM: one reads the sequence from the left, one from the right, and their outputs stand side by side.

    hs  = [ lstm(x; Wx1, Wh1, b1), reverse( lstm(reverse(x); Wx2, Wh2, b2) ) ]
    [dhs1, dhs2] = dhs                                                      the two halves of the columns
    dx  = dx1 + reverse(dx2)
        dx1, dWx1, dWh1, db1 = backward of the first LSTM for dhs1
        dx2, dWx2, dWh2, db2 = backward of the second for reverse(dhs2), which like its input is reversed in time

Shapes: x (N, T, D), hs (N, T, 2H), Wx (D, 4H), Wh (H, 4H), b (4H,); both start from zero states. The option `gates` is
the order of the blocks of columns of the LSTM, see its cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.recurrent import lstm_sequence as lstm
from reference_impls.recurrent import reordered
from reference_impls.recurrent.lstm_cell import ORDERS
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def reverse(x: Array) -> Array:
    return x[:, ::-1]


def with_zeros(x: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, ...]:
    """The arrays of an LSTM that starts from zero states, and has one bias."""
    zero = np.zeros((len(x), len(Wh)))
    return x, zero, zero, Wx, Wh, b, np.zeros_like(b)


def forward(
    x: Array, Wx1: Array, Wh1: Array, b1: Array, Wx2: Array, Wh2: Array, b2: Array, *, gates: str = "fgio"
) -> Array:
    first = lstm.forward(*with_zeros(x, Wx1, Wh1, b1), gates=gates)
    second = lstm.forward(*with_zeros(reverse(x), Wx2, Wh2, b2), gates=gates)
    return np.concatenate([first, reverse(second)], axis=2)


def backward(
    dy: Array, x: Array, Wx1: Array, Wh1: Array, b1: Array, Wx2: Array, Wh2: Array, b2: Array, *, gates: str = "fgio"
) -> Grads:
    dhs1, dhs2 = np.split(dy, 2, axis=2)
    g1 = lstm.backward(dhs1, *with_zeros(x, Wx1, Wh1, b1), gates=gates)
    g2 = lstm.backward(reverse(dhs2), *with_zeros(reverse(x), Wx2, Wh2, b2), gates=gates)
    return {"x": g1["x"] + reverse(g2["x"])} | {
        f"{n}{k}": g[n] for k, g in ((1, g1), (2, g2)) for n in ("Wx", "Wh", "b")
    }


def torch_forward(x: Any, Wx1: Any, Wh1: Any, b1: Any, Wx2: Any, Wh2: Any, b2: Any, *, gates: str = "fgio") -> Any:
    import torch

    both = ([reordered(p, gates, "ifgo") for p in ps] for ps in ((Wx1, Wh1, b1), (Wx2, Wh2, b2)))
    flat = [p for Wx, Wh, b in both for p in (Wx.T, Wh.T, b, torch.zeros_like(b))]
    zero = x.new_zeros(2, len(x), len(Wh1))
    return torch.lstm(x, (zero, zero), flat, True, 1, 0.0, False, True, True)[0]


def second_upstream_not_reversed(dy: Array, *arrays: Array, **options: Any) -> Grads:
    dhs1, dhs2 = np.split(dy, 2, axis=2)
    return backward(np.concatenate([dhs1, reverse(dhs2)], axis=2), *arrays, **options)


def second_input_gradient_not_reversed(dy: Array, *arrays: Array, **options: Any) -> Grads:
    dx1, both = first_input_gradient_only(dy, *arrays, **options)["x"], backward(dy, *arrays, **options)
    return both | {"x": dx1 + reverse(both["x"] - dx1)}


def nothing_reversed(dy: Array, *arrays: Array, **options: Any) -> Grads:
    dhs1, dhs2 = np.split(dy, 2, axis=2)
    return second_input_gradient_not_reversed(np.concatenate([dhs1, reverse(dhs2)], axis=2), *arrays, **options)


def first_input_gradient_only(dy: Array, *arrays: Array, **options: Any) -> Grads:
    only = np.concatenate([np.split(dy, 2, axis=2)[0], 0 * np.split(dy, 2, axis=2)[1]], axis=2)
    return backward(dy, *arrays, **options) | {"x": backward(only, *arrays, **options)["x"]}


def second_input_gradient_only(dy: Array, *arrays: Array, **options: Any) -> Grads:
    g, first = backward(dy, *arrays, **options), first_input_gradient_only(dy, *arrays, **options)
    return g | {"x": g["x"] - first["x"]}


def halves_swapped(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(np.concatenate(np.split(dy, 2, axis=2)[::-1], axis=2), *arrays, **options)


# fmt: off
SPEC = LayerSpec(
    name="bidirectional", korean="양방향 LSTM (TimeBiLSTM)", family="recurrent",
    aliases=("TimeBiLSTM", "BiLSTM", "BidirectionalLSTM", "TimeBidirectionalLSTM"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N T D; Wx1: D 8, Wh1: 2 8, b1: 8, Wx2: D 8, Wh2: 2 8, b2: 8 -> N T 4",  # H = 2, 4H = 8, 2H = 4
    variants=(
        Variant("", "gates in the order i, f, g, o (torch, Keras)", {"gates": "ifgo"}),
        *(Variant("", f"gates in the order {', '.join(o)} ({who})", {"gates": o})
          for o, who in ORDERS.items() if o != "fgio"),
        Variant("x: T N D -> T N 4", "time first"),
    ),
    mistakes=(
        *(Mistake("direction-not-reversed", wrong,
                  says=f"`{{grad}}` of the bidirectional LSTM runs through time the wrong way: {what} is not reversed",
                  help="The second LSTM lives in reversed time: reverse its dhs going in, and its dx coming out.",
                  says_ko=f"양방향 LSTM의 `{{grad}}`가 시간을 거꾸로 지난다: {korean} 뒤집지 않았다",
                  help_ko="둘째 LSTM의 시간은 거꾸로이므로 들어가는 dhs와 나오는 dx를 모두 뒤집는다.")
          for wrong, what, korean in (
              (second_upstream_not_reversed, "the upstream gradient of the second LSTM", "둘째 LSTM의 상류 기울기를"),
              (second_input_gradient_not_reversed, "the dx of the second LSTM", "둘째 LSTM의 dx를"),
              (nothing_reversed, "neither the dhs nor the dx of the second LSTM", "둘째 LSTM의 dhs도 dx도"))),
        *(Mistake("direction-dropped", wrong,
                  says=f"`{{grad}}` of the bidirectional LSTM is that of the {which} direction alone",
                  help="x goes into both LSTMs, so their gradients add up: dx = dx1 + reverse(dx2).",
                  says_ko=f"양방향 LSTM의 `{{grad}}`가 {korean} 방향의 것뿐이다",
                  help_ko="x는 두 LSTM에 모두 들어가므로 기울기를 더한다: dx = dx1 + reverse(dx2).")
          for wrong, which, korean in ((first_input_gradient_only, "first", "첫째"),
                                       (second_input_gradient_only, "second", "둘째"))),
        Mistake("halves-swapped", halves_swapped,
                says="`{grad}` of the bidirectional LSTM belongs to the other direction: the halves of dhs are swapped",
                help="The first H columns are the output of the first LSTM: dhs[:, :, :H] goes back into it.",
                says_ko="양방향 LSTM의 `{grad}`가 다른 방향의 것이다: dhs의 두 절반이 뒤바뀌었다",
                help_ko="앞의 H개 열이 첫째 LSTM의 출력이므로 dhs[:, :, :H]가 그리로 돌아간다."),
    ),
)
# fmt: on
