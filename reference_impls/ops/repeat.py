"""Copies of an array along its axes: entry by entry (repeat), or as a whole (tile).

    repeat:  y = a a b b c c                 dx = sum of dy over each run of copies
    tile:    y = a b c a b c                 dx = sum of dy over the whole copies

Shapes: x (N, T, D). repeat makes `n` copies along `axis`, (N, 3 T, D) by default; tile makes reps[k] copies along the
k-th axis, (2 N, T, 3 D) by default. More reps than axes are new axes in front.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Reps = tuple[int, ...]


def repeat(x: Array, n: int = 3, axis: int = 1) -> Array:
    return np.repeat(x, n, axis=axis)


def runs(dy: Array, n: int, axis: int) -> Array:
    """dy with an axis of its own, behind `axis`, for the n copies of an entry."""
    axis %= dy.ndim
    return dy.reshape(*dy.shape[:axis], -1, n, *dy.shape[axis + 1 :])


def repeat_backward(dy: Array, x: Array, n: int = 3, axis: int = 1) -> Grads:
    return {"x": runs(dy, n, axis).sum(axis=axis % x.ndim + 1)}


def repeat_torch(x: Any, n: int = 3, axis: int = 1) -> Any:
    return x.repeat_interleave(n, dim=axis)


def tile(x: Array, reps: Reps = (2, 1, 3)) -> Array:
    return np.tile(x, reps)


def copies(dy: Array, x: Array, reps: Reps) -> Array:
    """dy with an axis of its own, in front of each axis of x, for the copies along it."""
    padded = (1,) * (len(reps) - x.ndim) + x.shape
    return dy.reshape([size for pair in zip(reps, padded, strict=True) for size in pair])


def tile_backward(dy: Array, x: Array, reps: Reps = (2, 1, 3)) -> Grads:
    summed = copies(dy, x, reps).sum(axis=tuple(range(0, 2 * len(reps), 2)))
    return {"x": summed.reshape(x.shape)}


def tile_torch(x: Any, reps: Reps = (2, 1, 3)) -> Any:
    return x.tile(reps)


def repeat_taken_for_tile(dy: Array, x: Array, n: int = 3, axis: int = 1) -> Grads:
    axis %= x.ndim
    return {"x": dy.reshape(*x.shape[:axis], n, *x.shape[axis:]).sum(axis=axis)}


def first_copy_of_each_run(dy: Array, x: Array, n: int = 3, axis: int = 1) -> Grads:
    return {"x": np.take(runs(dy, n, axis), 0, axis=axis % x.ndim + 1)}


def tile_taken_for_repeat(dy: Array, x: Array, reps: Reps = (2, 1, 3)) -> Grads:
    padded = (1,) * (len(reps) - x.ndim) + x.shape
    apart = dy.reshape([size for pair in zip(padded, reps, strict=True) for size in pair])
    return {"x": apart.sum(axis=tuple(range(1, 2 * len(reps), 2))).reshape(x.shape)}


def first_copy_of_the_whole(dy: Array, x: Array, reps: Reps = (2, 1, 3)) -> Grads:
    dx = copies(dy, x, reps)
    for axis in range(len(reps)):
        dx = np.take(dx, 0, axis=axis)
    return {"x": dx.reshape(x.shape)}


def mistakes(name: str, taken: Any, first: Any, other: str, pattern: str, mend: str) -> tuple[Mistake, ...]:
    # fmt: off
    return (
        Mistake(f"{other}-for-{name}", taken,
                says=f"`{{grad}}` sums the copies as if {other} had made them, and the forward is {name}",
                help=f"{name} gives {pattern}: {mend}.",
                says_ko=f"순전파는 {name}인데 `{{grad}}`는 {other}이 만든 사본처럼 더한다",
                help_ko=f"{name}의 결과는 {pattern} 순서이다: {mend}."),
        Mistake("copies-not-summed", first,
                says=f"`{{grad}}` of {name} is taken from the first copy and not summed over the copies",
                help="Every copy passes its gradient back: sum over all of them.",
                says_ko=f"{name}의 `{{grad}}`를 사본에 대해 더하지 않고 첫 사본에서만 가져왔다",
                help_ko="모든 사본이 기울기를 돌려보내므로 사본 전체에 대해 더한다."),
    )
    # fmt: on


# fmt: off
SPECS = (
    LayerSpec(
        name="repeat", korean="반복", family="ops", aliases=("repeat_interleave", "RepeatVector"), distinctive=False,
        forward=repeat, backward=repeat_backward, torch_forward=repeat_torch,
        shapes="x: N T D -> N P D",
        variants=(
            Variant("x: N D", "a vector for every step of a sequence"),
            Variant(note="samples repeated", options={"axis": 0}),
            Variant(note="features repeated twice", options={"axis": -1, "n": 2}),
        ),
        mistakes=mistakes("repeat", repeat_taken_for_tile, first_copy_of_each_run, "tile", "a a b b",
                          "dy.reshape(size, n).sum(axis=1)"),
    ),
    LayerSpec(
        name="tile", korean="타일", family="ops", distinctive=False,
        forward=tile, backward=tile_backward, torch_forward=tile_torch,
        shapes="x: N T D -> P T Q",
        variants=(
            Variant(note="along the middle axis", options={"reps": (1, 3, 1)}),
            Variant(note="a new axis in front", options={"reps": (2, 1, 1, 1)}),
        ),
        mistakes=mistakes("tile", tile_taken_for_repeat, first_copy_of_the_whole, "repeat", "a b a b",
                          "dy.reshape(n, size).sum(axis=0)"),
    ),
)
# fmt: on
