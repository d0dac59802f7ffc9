"""Layers that bring numbers to mean 0 and variance 1, or vectors to one length."""

from __future__ import annotations

import numpy as np

from reference_impls.spec import Array


def own_eps(squares: Array, scale: Array, eps: float, outside: bool = False) -> float:
    """The eps of a layer that divides by `scale` where the mean square is `squares`; `eps` where none fits them all.

    scale^2 = squares + eps, or scale = sqrt(squares) + eps where it is `outside` the root.
    """
    seen = scale - np.sqrt(squares) if outside else scale**2 - squares
    middle = float(np.median(seen))
    if not np.median(np.abs(seen - middle)) <= 0.01 * abs(middle) + 1e-13:
        return eps
    return max(0.0, float(f"{middle:.1e}")) if abs(middle) > 1e-13 else 0.0
