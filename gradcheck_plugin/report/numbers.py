"""Numbers for people: short, never cut off without saying so."""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST = 24


def short(value: Any) -> str:
    """A number or array on one line: `[[1. 0.5] [2. 0.]]`; a large one is described by its shape and size."""
    if value is None:
        return "None"
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return " ".join(str(value).split())
    if array.ndim == 0:
        return f"{array.item():.6g}"
    if array.size > LARGEST:
        largest = float(np.max(np.abs(array)))
        return f"array of shape {array.shape}, largest entry {largest:.4g}"
    text = np.array2string(array, precision=4, suppress_small=False, max_line_width=10_000, threshold=10_000)
    return " ".join(text.split()).replace("[ ", "[").replace(" ]", "]")


def shape(value: Any) -> str:
    """`(2,1)`; a scalar is `()`."""
    return "(" + ",".join(map(str, np.shape(value))) + ("," if np.ndim(value) == 1 else "") + ")"
