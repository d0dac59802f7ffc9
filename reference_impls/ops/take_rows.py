"""Rows by their numbers, where a number may occur several times.

    y[t]  = x[i[t]]
    dx[n] = sum of dy[t] over all t with i[t] = n

Shapes: x (N, D), i (T,) integers below N, y (T, D). A row that nobody takes has gradient 0; i has none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, i: Array) -> Array:
    return np.asarray(x[i])


def backward(dy: Array, x: Array, i: Array) -> Grads:
    dx = np.zeros(x.shape, dy.dtype)
    np.add.at(dx, i, dy)
    return {"x": dx}


def torch_forward(x: Any, i: Any) -> Any:
    return x.index_select(0, i)


def repeats_overwritten(dy: Array, x: Array, i: Array) -> Grads:
    dx = np.zeros(x.shape, dy.dtype)
    dx[i] = dy
    return {"x": dx}


def repeats_added_once(dy: Array, x: Array, i: Array) -> Grads:
    dx = np.zeros(x.shape, dy.dtype)
    dx[i] += dy  # reads every dx[i] before it writes the first
    return {"x": dx}


def repeats_averaged(dy: Array, x: Array, i: Array) -> Grads:
    count = np.bincount(i, minlength=len(x)).clip(1)
    return {"x": backward(dy, x, i)["x"] / count[:, None]}


# fmt: off
SPEC = LayerSpec(
    name="take_rows", korean="정수 인덱싱", family="ops", aliases=("take", "index_select"), distinctive=False,
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, i: T @label(N) -> T D",
    variants=(
        Variant("x: D N, i: T @label(N) -> D T", "columns"),
        Variant("i: (E F) @label(N) -> (E F) D", "a table of numbers"),
        Variant("x: N -> T", "entries of a vector"),
    ),
    mistakes=(
        *(Mistake("repeats-lost", wrong,
                  says="`{grad}` keeps only the last gradient of a row that is taken several times",
                  help="dx[i] += dy writes each place once, like dx[i] = dy; use np.add.at(dx, i, dy).",
                  says_ko="여러 번 뽑힌 행의 `{grad}`에 마지막 기울기만 남는다",
                  help_ko="dx[i] += dy도 dx[i] = dy처럼 같은 자리에 한 번만 쓰므로 np.add.at(dx, i, dy)를 쓴다.")
          for wrong in (repeats_overwritten, repeats_added_once)),
        Mistake("mean-for-sum", repeats_averaged,
                says="`{grad}` of a row that is taken several times is the mean of its gradients and not their sum",
                help="Every use of the row adds its gradient: do not divide by how often it is taken.",
                says_ko="여러 번 뽑힌 행의 `{grad}`가 기울기의 합이 아니라 평균이다",
                help_ko="행이 쓰일 때마다 기울기가 더해지므로 뽑힌 횟수로 나누지 않는다."),
    ),
)
# fmt: on
