"""Numbers for people: short, never cut off without saying so."""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST = 24
DIGITS, MOST = 4, 17
_PLAIN: Any = {
    **{"edgeitems": 3, "floatmode": "maxprec", "nanstr": "nan", "infstr": "inf", "sign": "-", "formatter": None},
    "legacy": False,
}


def short(value: Any, digits: int = DIGITS) -> str:
    """A number or array on one line: `[[1. 0.5] [2. 0.]]`; a large one is described by its shape and size."""
    if value is None:
        return "None"
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return " ".join(str(value).split())
    if array.ndim == 0:
        return f"{array.item():.{digits + 2}g}"
    if array.size > LARGEST:
        largest = float(np.max(np.abs(array)))
        return f"array of shape {array.shape}, largest entry {largest:.{digits}g}"
    with np.printoptions(**_PLAIN):  # whatever the code under check has set
        text = np.array2string(array, precision=digits, suppress_small=False, max_line_width=10_000, threshold=10_000)
    return " ".join(text.split()).replace("[ ", "[").replace(" ]", "]")


def telling(one: Any, other: Any) -> int:
    """How many digits show that two numbers or arrays differ, where they do."""
    same = one is None or other is None or np.array_equal(np.asarray(one), np.asarray(other))
    for digits in () if same else range(DIGITS, MOST):
        if short(one, digits) != short(other, digits):
            return digits
    return DIGITS


def shape(value: Any) -> str:
    """`(2,1)`; a scalar is `()`."""
    return "(" + ",".join(map(str, np.shape(value))) + ("," if np.ndim(value) == 1 else "") + ")"
