"""Indexing with fixed slices and numbers.

    y  = x[index]
    dx = 0, and dy added at x[index]; an entry that was taken several times gets the sum

Shapes: x (N, D), y whatever the index leaves: the rows 2, 0, 2, 1, 2 by default, a list with repeats.
`index` is what stands between the brackets: numbers, slices, lists, `...`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

REPEATING = [2, 0, 2, 1, 2]


def forward(x: Array, index: Any = REPEATING) -> Array:
    return np.array(x[index])


def backward(dy: Array, x: Array, index: Any = REPEATING) -> Grads:
    dx = np.zeros(x.shape, dy.dtype)
    np.add.at(dx, index, dy)
    return {"x": dx}


def torch_forward(x: Any, index: Any = REPEATING) -> Any:
    import torch

    places = np.arange(x.numel()).reshape(tuple(x.shape))[index]  # torch knows no negative steps
    return torch.take(x, torch.tensor(np.array(places)))


def left_as_cut(dy: Array, x: Array, index: Any = REPEATING) -> Grads:
    return {"x": dy.copy()}


def repeats_overwritten(dy: Array, x: Array, index: Any = REPEATING) -> Grads:
    dx = np.zeros(x.shape, dy.dtype)
    dx[index] += dy
    return {"x": dx}


def not_turned_round_again(dy: Array, x: Array, index: Any = REPEATING) -> Grads:
    dx = np.zeros(x.shape, dy.dtype)
    dx[index] = dy[::-1]
    return {"x": dx}


def negative_numbers_not_found(dy: Array, x: Array, index: Any = REPEATING) -> Grads:
    hit = np.equal.outer(np.arange(len(x)), index)  # one-hot rows, which no negative number has
    return {"x": hit @ dy}


# fmt: off
SPEC = LayerSpec(
    name="get_item", korean="슬라이싱", family="ops", aliases=("Slice", "Slicing"), distinctive=False,
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D -> P Q", minimum={"N": 3},
    variants=(
        Variant(note="every second row and column", options={"index": (slice(1, None, 2), slice(None, None, 2))}),
        Variant(note="every second row from the end", options={"index": slice(None, None, -2)}),
        Variant(note="rows counted from the end", options={"index": [0, -1, -2, -1]}),
        Variant(note="the first row", options={"index": 0}),
        Variant(note="the last column", options={"index": (..., -1)}),
        Variant(note="without the first row and the last column", options={"index": (slice(1, None), slice(None, -1))}),
    ),
    mistakes=(
        Mistake("left-as-cut", left_as_cut,
                says="`{grad}` of the slice has the shape of the slice and not that of x",
                help="What was cut away has gradient 0: dx = np.zeros_like(x); dx[index] = dy.",
                says_ko="슬라이싱의 `{grad}`가 x의 shape이 아니라 잘라 낸 조각의 shape이다",
                help_ko="잘려 나간 곳의 기울기는 0이다: dx = np.zeros_like(x); dx[index] = dy."),
        Mistake("step-not-reversed", not_turned_round_again, variant="every second row from the end",
                says="`{grad}` of a slice with a negative step has its rows in the wrong order",
                help="Write dy through the same slice, dx[index] = dy; it turns the rows round by itself.",
                says_ko="간격이 음수인 슬라이스의 `{grad}`에서 행의 순서가 뒤바뀌었다",
                help_ko="같은 슬라이스로 dx[index] = dy를 쓰면 행의 순서가 저절로 되돌아온다."),
        Mistake("repeats-lost", repeats_overwritten,
                says="`{grad}` keeps only one of the gradients of a row that the index takes several times",
                help="dx[index] += dy writes each place once; use np.add.at(dx, index, dy).",
                says_ko="인덱스에 여러 번 나오는 행의 `{grad}`에 기울기가 하나만 남는다",
                help_ko="dx[index] += dy는 같은 자리에 한 번만 쓰므로 np.add.at(dx, index, dy)를 쓴다."),
        Mistake("negative-index", negative_numbers_not_found, variant="rows counted from the end",
                says="`{grad}` is zero in the rows that the index counts from the end",
                help="-1 is the last row: take the index modulo len(x) before comparing, or use np.add.at.",
                says_ko="인덱스가 끝에서부터 센 행의 `{grad}`가 0이다",
                help_ko="-1은 마지막 행이다. 비교하기 전에 len(x)로 나눈 나머지를 쓰거나 np.add.at을 쓴다."),
    ),
)
# fmt: on
