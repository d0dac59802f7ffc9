"""Reshape.

    y  = the entries of x, read row by row, in another shape
    dx = the entries of dy, read row by row, in the shape of x

Shapes: x any, y as many entries. `shape` makes the shape of y out of that of x; -1 is what is left over.
The default flattens each sample, (N, C, D) to (N, C D). No entry moves in memory, so none is reordered on the way back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Shape = tuple[int, ...]


def flat(shape: Shape) -> Shape:
    return shape[0], -1


def forward(x: Array, shape: Callable[[Shape], Shape] = flat) -> Array:
    return x.reshape(shape(x.shape)).copy()


def backward(dy: Array, x: Array, shape: Callable[[Shape], Shape] = flat) -> Grads:
    return {"x": dy.reshape(x.shape).copy()}


def torch_forward(x: Any, shape: Callable[[Shape], Shape] = flat) -> Any:
    return x.reshape(shape(tuple(x.shape)))


def left_flat(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": dy.copy()}


def read_column_by_column(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": dy.reshape(x.shape, order="F")}


def batch_merged(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": np.moveaxis(dy, 0, -1).reshape(x.shape)}


def transposed(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": np.swapaxes(dy, -1, -2).reshape(x.shape)}


# fmt: off
SPEC = LayerSpec(
    name="reshape", korean="형상 변환", family="ops", aliases=("Flatten", "View", "Unflatten", "Ravel"),
    distinctive=False, forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C D -> N F",
    variants=(
        Variant("x: N C (H W)", "images flattened"),
        Variant(note="one vector of everything", options={"shape": lambda s: (-1,)}),
        Variant(note="all axes but the last become one", options={"shape": lambda s: (-1, s[-1])}),
        Variant(note="last two sizes swapped", options={"shape": lambda s: (*s[:-2], s[-1], s[-2])}),
        Variant(note="sizes in reverse order", options={"shape": lambda s: s[::-1]}),
        Variant(note="shape kept", options={"shape": lambda s: s}),
    ),
    mistakes=(
        Mistake("gradient-not-reshaped", left_flat,
                says="`{grad}` of the reshape keeps the shape of the output",
                help="Save the shape of x in the forward and reshape the gradient to it: dy.reshape(x_shape).",
                says_ko="reshape의 `{grad}`가 출력의 shape 그대로이다",
                help_ko="순전파에서 x의 shape을 저장하고 기울기를 그 shape으로 되돌린다: dy.reshape(x_shape)."),
        Mistake("read-by-columns", read_column_by_column,
                says="`{grad}` of the reshape is read column by column (order='F'), the forward row by row",
                help="Use the same order both ways; NumPy's default, order='C', reads row by row.",
                says_ko="reshape의 순전파는 행 순서인데 `{grad}`는 열 순서(order='F')로 읽는다",
                help_ko="양쪽에서 같은 순서를 쓴다. NumPy의 기본값 order='C'는 행 순서로 읽는다."),
        Mistake("samples-mixed", batch_merged,
                says="`{grad}` of the reshape mixes the samples: the batch axis is read last and not first",
                help="The batch axis stays in front both ways: dy.reshape(x.shape), without a transpose.",
                says_ko="reshape의 `{grad}`에서 배치 축을 맨 뒤로 읽어 샘플들이 섞였다",
                help_ko="배치 축은 양쪽 모두 맨 앞에 있으므로 전치 없이 dy.reshape(x.shape)을 쓴다."),
        Mistake("transpose-for-reshape", transposed, variant="last two sizes swapped",
                says="`{grad}` of the reshape swaps two axes, and the forward moves no entry",
                help="A reshape only reads the entries on in order: undo it with reshape, not with transpose.",
                says_ko="reshape의 순전파는 원소를 옮기지 않는데 `{grad}`는 두 축을 맞바꾼다",
                help_ko="reshape은 원소를 차례대로 다시 읽을 뿐이므로 transpose가 아니라 reshape으로 되돌린다."),
    ),
)
# fmt: on
