"""Convolutions, transposed convolutions, and the matrix of windows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_impls.spec import Array


def bordered(x: Array, pad: int) -> Array:
    """x (N, C, H, W) with a border of `pad` zeros."""
    return np.pad(1.0 * x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def cropped(x: Array, pad: int) -> Array:
    """x without its border."""
    return x[:, :, pad : x.shape[2] - pad, pad : x.shape[3] - pad]


def patches(x: Array, W: Array, stride: int) -> Array:
    """What the kernel sees of the bordered input: [n, c, p, q, i, j] is x[n, c, p * stride + i, q * stride + j]."""
    return np.lib.stride_tricks.sliding_window_view(x, W.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]


def windows(y: Array, W: Array, stride: int) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
    """Row and column of the output, and where the window of the kernel lies in the bordered input."""
    for p in range(y.shape[2]):
        for q in range(y.shape[3]):
            i, j = p * stride, q * stride
            yield p, q, (slice(None), slice(None), slice(i, i + W.shape[2]), slice(j, j + W.shape[3]))
