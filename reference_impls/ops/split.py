"""An array taken apart.

    split:    a, b, c = pieces of x along its last axis        dx = [da, db, dc] joined again
    unstack:  a, b, c = x[0], x[1], x[2]                       dx = (da, db, dc) stacked again

Shapes: split x (N, 6) into (N, 2), (N, 1) and (N, 3); unstack x (3, N, D) into three (N, D). A piece that nobody uses
has an upstream gradient of zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

SIZES = (2, 1, 3)
Pieces = tuple[Array, ...]


def split(x: Array) -> Pieces:
    return tuple(piece.copy() for piece in np.split(x, np.cumsum(SIZES)[:-1], axis=-1))


def split_backward(dy: Pieces, x: Array) -> Grads:
    return {"x": np.concatenate(dy, axis=-1)}


def split_torch(x: Any) -> Any:
    return x.split(SIZES, dim=-1)


def unstack(x: Array) -> Pieces:
    return tuple(row.copy() for row in x)


def unstack_backward(dy: Pieces, x: Array) -> Grads:
    return {"x": np.stack(dy, axis=0)}


def unstack_torch(x: Any) -> Any:
    return x.unbind(0)


def unused_piece_left_out(dy: Pieces, x: Array) -> Grads:
    return {"x": np.concatenate(dy[:2], axis=-1)}


def pieces_in_another_order(dy: Pieces, x: Array) -> Grads:
    a, b, c = dy
    return {"x": np.concatenate([a, c, b], axis=-1)}


def unused_row_left_out(dy: Pieces, x: Array) -> Grads:
    return {"x": np.stack(dy[:2], axis=0)}


def joined_along_another_axis(dy: Pieces, x: Array) -> Grads:
    return {"x": np.stack(dy, axis=-1).reshape(x.shape)}


# fmt: off
SPECS = (
    LayerSpec(
        name="split", korean="분할", family="ops", aliases=("chunk",), distinctive=False,
        forward=split, backward=split_backward, torch_forward=split_torch,
        shapes="x: N 6 -> a: N 2, b: N 1, c: N 3",
        variants=(
            Variant("x: (B T) 6 -> a: B T 2, b: B T 1, c: B T 3", "features of a sequence"),
            Variant("x: 6 -> a: 2, b: 1, c: 3", "a vector"),
        ),
        mistakes=(
            Mistake("unused-output-left-out", unused_piece_left_out,
                    says="`{grad}` of the split leaves out the last piece and is too narrow",
                    help="A piece that nobody uses still has its place in x: join zeros for it.",
                    says_ko="분할의 `{grad}`에 마지막 조각이 빠져서 폭이 모자란다",
                    help_ko="쓰이지 않는 조각도 x에 자리가 있으므로 그 자리에 0을 이어 붙인다."),
            Mistake("pieces-swapped", pieces_in_another_order,
                    says="`{grad}` of the split joins its pieces in another order than the forward cuts them",
                    help="Join them as they were cut, [da, db, dc]; write the order of LSTM gates down in one place.",
                    says_ko="분할의 `{grad}`가 조각들을 순전파와 다른 순서로 이어 붙인다",
                    help_ko="자른 순서대로 [da, db, dc]로 잇는다. LSTM의 게이트라면 순서를 한 곳에 적어 둔다."),
        ),
    ),
    LayerSpec(
        name="unstack", korean="나누기", family="ops", aliases=("unbind", "split"), distinctive=False,
        forward=unstack, backward=unstack_backward, torch_forward=unstack_torch,
        shapes="x: 3 N D -> a: N D, b: N D, c: N D",
        variants=(
            Variant("x: N 3 D", "the middle axis"),
            Variant("x: N D 3", "the last axis"),
            Variant("x: 3 D -> a: D, b: D, c: D", "rows of a matrix"),
        ),
        mistakes=(
            Mistake("unused-output-left-out", unused_row_left_out,
                    says="`{grad}` of unstack leaves out the last output",
                    help="An output that nobody uses still has its place in x: stack zeros for it.",
                    says_ko="unstack의 `{grad}`에 마지막 출력이 빠져 있다",
                    help_ko="쓰이지 않는 출력도 x에 자리가 있으므로 그 자리에 0을 쌓는다."),
            Mistake("wrong-axis", joined_along_another_axis,
                    says="`{grad}` of unstack is stacked along another axis than the forward takes apart",
                    help="Stack along the axis of the forward: np.stack(dys, axis=axis).",
                    says_ko="unstack의 `{grad}`를 순전파에서 나눈 축이 아닌 다른 축으로 쌓았다",
                    help_ko="순전파와 같은 축으로 쌓는다: np.stack(dys, axis=axis)."),
        ),
    ),
)
# fmt: on
