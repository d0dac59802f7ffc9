"""Constants that people type with a few digits: 0.79788 for the square root of 2 / pi."""

from __future__ import annotations

import math
from typing import Any

FEWEST = 3  # digits that tell one constant from another
_KNOWN = (
    *(math.pi, 1 / math.pi, 2 / math.pi, math.pi / 2, math.sqrt(math.pi), 2 / math.sqrt(math.pi)),
    *(math.sqrt(2 / math.pi), math.sqrt(math.pi / 2), 1 / math.sqrt(2 * math.pi), math.sqrt(2 * math.pi)),
    *(math.sqrt(8 / math.pi), math.sqrt(math.pi / 8), math.e, 1 / math.e, math.sqrt(2), 1 / math.sqrt(2)),
    *(math.sqrt(3), 1 / math.sqrt(3), math.log(2), 1 / math.log(2), math.log(10), 1 / math.log(10)),
    *(math.log(2 * math.pi), 1.0507009873554805, 1.6732632423543772, 1.7580993408473766),  # the last three of SELU
    *(0.044715 * math.sqrt(2 / math.pi), 1.5 * 0.044715 * math.sqrt(2 / math.pi)),  # of GELU by tanh, and its slope
)


def exact(value: Any) -> float | None:
    """The constant of which `value` has the first digits, rounded or cut off; None where it is no such number."""
    if not isinstance(value, float) or not math.isfinite(value) or not value:
        return None
    size = abs(value)
    digits = len(f"{size!r}".split("e")[0].replace(".", "").strip("0"))
    if not FEWEST <= digits <= 15:
        return None
    for known in _KNOWN:
        unit = 10.0 ** (math.floor(math.log10(known)) - digits + 1)
        near = round(size / unit) in (round(known / unit), math.floor(known / unit))
        if size != known and near and abs(size - known) < unit:
            return math.copysign(known, value)
    return None
