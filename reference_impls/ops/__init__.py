"""Nodes of a computational graph: arithmetic on arrays that may broadcast."""

import numpy as np

from reference_impls.spec import Array


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """`gradient` summed over every axis along which an operand of this shape was repeated; always a new array."""
    padded = (1,) * (gradient.ndim - len(shape)) + shape
    repeated = tuple(axis for axis, size in enumerate(padded) if size == 1)
    return np.asarray(gradient.sum(axis=repeated)).reshape(shape)
