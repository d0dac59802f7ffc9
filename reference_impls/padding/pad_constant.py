"""Constant padding of images.

    y  = x with a border of `value` around its rows and columns
    dx = dy without the border

Shapes: x (N, C, H, W), y (N, C, P, Q). `pad` is the width of the border, or ((top, bottom), (left, right)).
The border does not depend on x, so what dy has there is dropped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Sides = tuple[tuple[int, int], tuple[int, int]]
Pad = int | Sides


def sides(pad: Pad) -> Sides:
    return ((pad, pad), (pad, pad)) if isinstance(pad, int) else pad


def forward(x: Array, pad: Pad = 1, value: float = 0.0) -> Array:
    return np.pad(1.0 * x, ((0, 0), (0, 0), *sides(pad)), constant_values=value)  # an integer x would cut the value


def inside(dy: Array, x: Array, top: int, left: int) -> Grads:
    return {"x": dy[:, :, top : top + x.shape[2], left : left + x.shape[3]].copy()}


def backward(dy: Array, x: Array, pad: Pad = 1, value: float = 0.0) -> Grads:
    (top, _), (left, _) = sides(pad)
    return inside(dy, x, top, left)


def torch_forward(x: Any, pad: Pad = 1, value: float = 0.0) -> Any:
    import torch

    rows, columns = sides(pad)
    return torch.nn.functional.pad(x, (*columns, *rows), value=value)  # the last axis comes first


def border_kept(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": dy.copy()}


def cut_to_minus_pad(dy: Array, x: Array, pad: Pad = 1, value: float = 0.0) -> Grads:
    (top, bottom), (left, right) = sides(pad)
    return {"x": dy[:, :, top:-bottom, left:-right].copy()}


def rows_and_columns_swapped(dy: Array, x: Array, pad: Pad = 1, value: float = 0.0) -> Grads:
    (top, _), (left, _) = sides(pad)
    return inside(dy, x, left, top)


def sides_swapped(dy: Array, x: Array, pad: Pad = 1, value: float = 0.0) -> Grads:
    (_, bottom), (_, right) = sides(pad)
    return inside(dy, x, bottom, right)


UNEVEN = Variant(note="1 above, 2 below, 0 left, 3 right", options={"pad": ((1, 2), (0, 3))})

# fmt: off
SPEC = LayerSpec(
    name="pad_constant", korean="제로 패딩", family="padding",
    aliases=("pad", "zero_pad", "ZeroPad1d", "ZeroPad2d", "ZeroPadding", "ZeroPadding1D", "ZeroPadding2D",
             "ConstantPad1d", "ConstantPad2d", "constant_pad"),
    distinctive=False, forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C H W -> N C P Q",
    variants=(
        Variant("x: N H W C -> N P Q C", "channels last"),
        Variant(note="no border", options={"pad": 0}),
        Variant(note="two wide", options={"pad": 2}),
        UNEVEN,
        Variant("x: N C W -> N C Q", "sequences, one on either side", {"pad": ((0, 0), (1, 1))}),
        Variant("x: N C W -> N C Q", "sequences, two in front", {"pad": ((0, 0), (2, 0))}),
        Variant(note="filled with 0.5", options={"value": 0.5}),
    ),
    mistakes=(
        Mistake("border-kept", border_kept,
                says="`{grad}` of the padding still has the border",
                help="Cut the border off: dy[:, :, p:-p, p:-p] for a width p above 0.",
                says_ko="패딩의 `{grad}`에 테두리가 그대로 남아 있다",
                help_ko="테두리를 잘라 낸다: 폭 p가 0보다 크면 dy[:, :, p:-p, p:-p]."),
        Mistake("cut-to-nothing", cut_to_minus_pad, variant="no border",
                says="`{grad}` of the padding is empty where the border is 0 wide: dy[p:-p] is dy[0:0]",
                help="Count from the start: dy[p : p + H], which is right for p = 0 as well.",
                says_ko="테두리 폭이 0이면 dy[p:-p]가 dy[0:0]이 되어 패딩의 `{grad}`가 비어 버린다",
                help_ko="앞에서부터 세어 dy[p : p + H]로 쓰면 p = 0일 때도 맞다."),
        Mistake("rows-and-columns-swapped", rows_and_columns_swapped, variant=UNEVEN.note,
                says="`{grad}` of the padding is cut with the widths of rows and columns swapped",
                help="torch's pad lists the last axis first, np.pad the first: (left, right, top, bottom) in torch.",
                says_ko="패딩의 `{grad}`를 자를 때 행과 열의 폭이 서로 바뀌었다",
                help_ko="torch의 pad는 마지막 축부터 (왼쪽, 오른쪽, 위, 아래), np.pad는 첫 축부터 적는다."),
        Mistake("sides-swapped", sides_swapped, variant=UNEVEN.note,
                says="`{grad}` of the padding starts after the width of the other side of the border",
                help="What was padded in front is what the cut starts with: dy[front : front + size].",
                says_ko="패딩의 `{grad}`를 반대쪽 테두리의 폭만큼 건너뛰고 자르기 시작한다",
                help_ko="앞에 덧댄 폭에서 자르기 시작한다: dy[front : front + size]."),
    ),
)
# fmt: on
