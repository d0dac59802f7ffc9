"""What a backward returned, made flat: `(dx, (dW, db))`, `(dx, {"W": dW})`, and an input's gradient step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Entry


def flat(returned: Any, entry: Entry, shape: tuple[int, ...]) -> Any:
    """The results as one tuple or dictionary; `entry` is the first input, and `shape` the one that it has."""
    name, steps_at = entry.name, entry.dims.index("T") if "T" in entry.dims else 1
    if not isinstance(returned, tuple | list):
        return returned
    if isinstance(returned, list) and (whole := stacked(returned, shape, steps_at)) is not None:
        return whole
    boxes = [part for part in returned if isinstance(part, dict)]
    others = [part for part in returned if not isinstance(part, dict)]
    if boxes and len(others) == 1:
        return {key: value for box in ({name: _one(others[0], shape, steps_at)}, *boxes) for key, value in box.items()}
    parts: list[Any] = []
    for place, part in enumerate(returned):
        steps = stacked(part, shape, steps_at) if place == 0 and isinstance(part, list) else None
        nested = isinstance(part, tuple | list) and all(p is None or numeric(p) is not None for p in part)
        parts += [steps] if steps is not None else part if nested else [part]
    return tuple(parts) if isinstance(returned, tuple) else parts


def _one(part: Any, shape: tuple[int, ...], steps_at: int) -> Any:
    steps = stacked(part, shape, steps_at) if isinstance(part, list) else None
    return part if steps is None else steps


def stacked(parts: Sequence[Any], shape: tuple[int, ...], steps_at: int) -> Array | None:
    """Arrays of one shape as the array of `shape` that they are the slices of; None where they are not that.

    Of axes of the same length the one of the steps is meant, which is `steps_at`; then the last.
    """
    arrays = [numeric(p) for p in parts]
    known = [a for a in arrays if a is not None]
    if not known or len(known) < len(arrays) or len({a.shape for a in known}) > 1:
        return None
    one = known[0].shape
    axes = [a for a, size in enumerate(shape) if size == len(known) and (*shape[:a], *shape[a + 1 :]) == one]
    return np.stack(known, axis=steps_at if steps_at in axes else axes[-1]) if axes else None
