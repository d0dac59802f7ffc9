"""When two arrays are equal: five shares of the largest entry, each with its name.

What is equal bit by bit is asked with `np.array_equal`; how a gradient is judged is in `judge.py`.
"""

from __future__ import annotations

import numpy as np

from gradcheck_plugin.model import Array

ROUNDING = 1e-10  # two ways of computing one thing in float64
EXACT = 1e-9  # a gradient, and that of an oracle that takes no differences
DIGITS = 1e-6  # a constant that is typed with six digits, an eps in another place
CLOSE = 1e-5  # which reference a forward is, float32 inside included
ALIKE = 1e-3  # one formula, whatever its eps
LEAST = 1e-3  # an array that is smaller is compared as if its largest entry were this


def equal(a: Array, b: Array, share: float = CLOSE, *, least: float = LEAST, nan: bool = False) -> bool:
    """Whether no entry of `a` is further from that of `b` than a share of the largest entry of `b`.

    Infinities are equal to themselves, as -inf under a mask is; NaN is, too, where `nan` says so.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b) if nan else np.zeros(a.shape, bool)):
        return False
    if not np.isfinite(a).all():
        if not np.array_equal(np.isinf(a), np.isinf(b)):
            return False
        a, b = (np.where(np.isinf(v), np.sign(v), np.where(np.isnan(v), 0.0, v)) for v in (a, b))
    largest = float(np.max(np.abs(b), initial=0.0))
    return bool(np.all(np.abs(a - b) <= share * max(largest, least)))
