"""Losses: arrays in, one number out."""

from typing import Any

import numpy as np


def share(y: Any, reduction: str) -> float:
    """The k of a loss k sum l: "mean" is 1 / number of elements, "batch" 1 / N (features add up), "sum" 1."""
    return 1 / {"mean": int(np.prod(y.shape)), "batch": len(y), "sum": 1}[reduction]
