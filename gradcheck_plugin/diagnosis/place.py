"""The place of wrong entries in one phrase, where they are exactly a structure: a row, a border, a channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck_plugin.model import Array

EVERYWHERE = "everywhere"
_NOUNS = {"N": ("sample", "samples"), "T": ("time step", "time steps")}
_DEEP = {"C": ("channel", "channels"), "F": ("filter", "filters")}  # in arrays of three axes or more


def describe(wrong: Array, dims: Sequence[str]) -> str:
    """The phrase for a mask of wrong entries; empty where they are no structure, or the mask says it all.

    `dims` are the names of the axes, which tell samples and channels from rows. One entry among several axes is no
    structure: its index says more.
    """
    if not wrong.any() or wrong.size == 1:
        return ""
    if wrong.all():
        return EVERYWHERE
    long = [axis for axis, size in enumerate(wrong.shape) if size > 1]
    if wrong.sum() == 1 and len(long) > 1:
        return ""
    for axis in long:
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        if np.array_equal(wrong.any(axis=others), wrong.all(axis=others)):
            return _along(np.flatnonzero(wrong.any(axis=others)), wrong.shape, dims, axis)
    return next((f"only {phrase}" for phrase, mask in _areas(wrong.shape, dims) if np.array_equal(mask, wrong)), "")


def halves(shape: tuple[int, ...], dims: Sequence[str]) -> Iterator[Array]:
    """Masks that part an array the way mistakes do: first, last, every second of an axis, border, diagonal."""
    for axis, size in enumerate(shape):
        for indices in (slice(0, 1), slice(size - 1, size), slice(0, size, 2)):
            mask = np.zeros(shape, dtype=bool)
            mask[(slice(None),) * axis + (indices,)] = True
            yield mask
    seen = [mask for phrase, mask in _areas(shape, dims) if not phrase.startswith(("the interior", "off", "below"))]
    yield from seen


def _along(indices: Array, shape: tuple[int, ...], dims: Sequence[str], axis: int) -> str:
    """The phrase for whole slices of one axis; empty where their indices follow no rule."""
    one, many, of = _noun(shape, dims, axis)
    size, first, last = shape[axis], int(indices[0]), int(indices[-1])
    if len(indices) == 1:
        number = "the first" if first == 0 else "the last" if first == size - 1 else ""
        return f"only {number} {one}{of}" if number else f"only {one} {first}{of}"
    if len(indices) == last - first + 1:
        if last == size - 1:
            return f"only {many} after the first{of}" if first == 1 else f"only {many} from {first} on{of}"
        return (
            f"only {many} before the last{of}"
            if last == size - 2 and first == 0
            else (f"only {many} {first} to {last}{of}")
        )
    if np.array_equal(indices, np.arange(first, size, 2)) and first < 2:
        return f"every second entry of axis {axis}, from {first} on"
    return ""


def _noun(shape: tuple[int, ...], dims: Sequence[str], axis: int) -> tuple[str, str, str]:
    """What one slice of an axis is called, several of them, and `of axis 2` where the name alone does not say it."""
    name = dims[axis] if len(dims) == len(shape) else ""
    if name in _NOUNS:
        return (*_NOUNS[name], "")
    if len(shape) == 1:
        return "entry", "entries", ""
    if len(shape) == 2:
        return (("row", "rows"), ("column", "columns"))[axis] + ("",)
    return (*_DEEP[name], "") if name in _DEEP else ("index", "indices", f" of axis {axis}")


def _areas(shape: tuple[int, ...], dims: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """Border and interior of an image, and the parts that the diagonal of a matrix makes."""
    axes = _image(shape, dims)
    if axes:
        mask = np.zeros(shape, dtype=bool)
        for axis in axes:
            mask[(slice(None),) * axis + ([0, -1],)] = True
        noun = "window" if "F" in dims else "image"
        yield f"the border of the {noun}", mask
        yield f"the interior of the {noun}", ~mask
    if len(shape) >= 2 and shape[-1] > 1 and shape[-2] > 1:
        row, column = np.arange(shape[-2])[:, None], np.arange(shape[-1])
        for phrase, part in (
            ("the diagonal", row == column),
            ("off the diagonal", row != column),
            ("above the diagonal", row < column),
            ("below the diagonal", row > column),
        ):
            yield phrase, np.broadcast_to(part, shape)


def _image(shape: tuple[int, ...], dims: Sequence[str]) -> tuple[int, ...]:
    """The two axes of an image: H and W, or what is left of three and more axes beside samples and channels."""
    if len(dims) != len(shape) or len(shape) < 2:
        return ()
    if "H" in dims and "W" in dims:
        left = [dims.index("H"), dims.index("W")]
    elif "C" in dims or all(name.isdigit() for name in dims):
        left = [axis for axis, name in enumerate(dims) if name not in ("N", "C", "F", "T")]
    else:
        return ()
    return tuple(left) if len(left) == 2 and all(shape[axis] > 2 for axis in left) else ()
