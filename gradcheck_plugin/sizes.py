"""The sizes of axes with which wrong code shows."""

from __future__ import annotations

from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec

GENERIC = {"N": 4, "D": 3, "M": 5, "C": 3, "H": 6, "E": 2, "F": 3, "O": 2, "I": 3, "T": 5, "V": 7}


def generic_sizes(layout: Layout, spec: LayerSpec | None, base: Layout | None, shift: int = 0) -> dict[str, int]:
    """Distinct sizes above one for every axis, so that no transpose or wrong axis can hide."""
    sizes: dict[str, int] = {}
    for name in layout.dims(base):
        size = GENERIC.get(name, 3) + shift
        while size in sizes.values():
            size += 1
        sizes[name] = max(size, (spec.minimum.get(name, 1) if spec else 1))
    return sizes
