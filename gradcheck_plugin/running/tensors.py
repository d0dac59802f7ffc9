"""User code that works on torch tensors: arrays are handed over as tensors, and come back as arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array


def is_tensor(value: Any) -> bool:
    """Whether a value is a torch tensor, without importing torch."""
    return type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach")


def to_tensor(value: Any) -> Any:
    """An array as a float64 or int64 tensor of its own memory; anything else as it is."""
    import torch

    return torch.tensor(value) if isinstance(value, np.ndarray | float) else value


def to_array(value: Any) -> Array:
    """A tensor as an array that shares its memory where it can."""
    return np.asarray(value.detach().cpu().numpy())


@contextlib.contextmanager
def double(dtype: Any = None) -> Iterator[None]:
    """New tensors are float64 for the length of the block: `torch.ones(n)` must not meet float64 inputs as float32.

    `dtype` is another type than that for new tensors.
    """
    import torch

    kept = torch.get_default_dtype()
    torch.set_default_dtype(dtype or torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(kept)
