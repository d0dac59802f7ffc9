"""Recurrent layers: one step of a cell, and the loop over time."""

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads


def sigmoid(a: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-a)))


def split(a: Array, gates: str) -> dict[str, Array]:
    """The blocks of columns by the letters of their gates: "ifgo" names four of them."""
    return dict(zip(gates, np.split(a, len(gates), axis=-1), strict=True))


def join(parts: dict[str, Array], gates: str) -> Array:
    """The blocks side by side, in the order of the letters."""
    return np.concatenate([parts[gate] for gate in gates], axis=-1)


def reordered(a: Any, gates: str, order: str) -> Any:
    """The columns of `a`, which are in the order `gates`, in another order; for arrays and tensors."""
    size = a.shape[-1] // len(gates)
    return a[..., [gates.index(gate) * size + j for gate in order for j in range(size)]]


def of_sum(da: Array, x: Array, h: Array, Wx: Array, Wh: Array) -> Grads:
    """The gradients of the arrays in a = x Wx + h Wh + b."""
    return {"x": da @ Wx.T, "h": da @ Wh.T, "Wx": x.T @ da, "Wh": h.T @ da, "b": da.sum(axis=0)}
