"""What user code returns, as numbers or in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.running.tensors import is_tensor, to_array


class Elsewhere:
    """What user code gave in another process, where it is no plain data: a word for it, and its numbers if it has some.

    A tensor has numbers. `what` is its type then, and else all that is to be said.
    """

    def __init__(self, what: str, numbers: Array | None = None) -> None:
        self.what, self.numbers = what, numbers


def numeric(value: Any) -> Array | None:
    """`value` as an array of real numbers, or None where it is no such thing."""
    if value is None or isinstance(value, str | dict | tuple | set):
        return None
    if isinstance(value, Elsewhere):
        value = value.numbers
        if value is None:
            return None
    if is_tensor(value):
        value = to_array(value)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if array.dtype.kind == "O":
        return None
    return array.astype(np.float64) if array.dtype.kind in "iub" else array if array.dtype.kind == "f" else None


def describe(value: Any) -> str:
    """What a value is, for a sentence: `None`, `a tuple of 2`, `an object array`."""
    if value is None:
        return "None"
    if isinstance(value, Elsewhere):
        return value.what if value.numbers is None else f"a {value.what}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of dtype {value.dtype}"
    return f"a {type(value).__name__}"
