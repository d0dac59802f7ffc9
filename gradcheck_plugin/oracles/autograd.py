"""PyTorch autograd of a reference's torch forward, in float64. torch is imported only when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from reference_impls.spec import LayerSpec


@cache
def ready() -> bool:
    """Import torch now, before any time limit runs; False where it cannot be imported."""
    try:
        import torch
    except ImportError:
        return False
    return hasattr(torch, "autograd")


def gradients(spec: LayerSpec, arrays: Mapping[str, Array], dy: Array, options: Mapping[str, Any]) -> dict[str, Array]:
    """The gradients of `spec.torch_forward` for the arrays of its base layout; zero where torch sees no path."""
    import torch

    tensors = {}
    for entry in spec.layout.entries:
        value = np.asarray(arrays[entry.name])
        real = value.dtype.kind == "f"
        tensors[entry.name] = torch.tensor(value.astype(np.float64) if real else value)
        if entry.differentiable and real:
            tensors[entry.name].requires_grad_()
    with torch.enable_grad():
        out = spec.torch_forward(*tensors.values(), **options)
        if spec.layout.outputs:
            out = torch.cat([o.reshape(-1) for o in out])
        wanted = {n: t for n, t in tensors.items() if t.requires_grad}
        if not out.requires_grad:
            return {n: np.zeros(tuple(t.shape)) for n, t in wanted.items()}
        upstream = torch.tensor(np.broadcast_to(dy, tuple(out.shape)).astype(np.float64))
        weighted = (out * upstream).sum()  # of a number: with `grad_outputs` torch imports sympy, which takes long
        found = torch.autograd.grad(weighted, list(wanted.values()), allow_unused=True)
    return {
        n: np.zeros(tuple(t.shape)) if g is None else g.numpy() for (n, t), g in zip(wanted.items(), found, strict=True)
    }
