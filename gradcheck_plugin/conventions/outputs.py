"""Forwards with several outputs: joined into one vector for the judge, and its upstream gradient taken apart again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.running.values import numeric

Split = Callable[[Any], list[Any]]


def join(outputs: Any, count: int) -> tuple[Any, Split]:
    """The first `count` outputs as one, and what makes of its upstream gradient one for each of them.

    Raises Unbindable where there are fewer arrays than upstream gradients.
    """
    if count <= 1:
        first = outputs[0] if isinstance(outputs, tuple) and outputs else outputs
        return first, lambda dy: [dy]
    arrays = [numeric(o) for o in outputs[:count]] if isinstance(outputs, Sequence) else []
    known = [a for a in arrays if a is not None]
    if len(known) != count:
        raise Unbindable(f"backward wants {count} upstream gradients, forward returned {len(known)} arrays")
    ends = np.cumsum([a.size for a in known])[:-1]

    def split(dy: Array) -> list[Any]:
        return [part.reshape(a.shape).copy() for part, a in zip(np.split(dy, ends), known, strict=True)]

    return np.concatenate([a.ravel() for a in known]), split
