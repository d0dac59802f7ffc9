"""The layouts in which people reduce an axis.

In the base layout the reduced axis stays with size 1, so the upstream gradient broadcasts against x as it is. Most
code drops that axis and has to put it back.
"""

from __future__ import annotations

from typing import Any

from reference_impls.spec import Variant

Axis = int | None

LAYOUT = "x: N D -> Y Z"
VARIANTS = (
    Variant("-> Y", "over the rows"),
    Variant("-> Z", "down the columns", {"axis": 0}),
    Variant("->", "over every entry", {"axis": None}),
    Variant("-> 1", "over every entry, as an array of one number", {"axis": None}),
    Variant(note="down the columns, the axis is kept with size 1", options={"axis": 0}),
    Variant(note="over every entry, the axes are kept with size 1", options={"axis": None}),
    Variant("x: D ->", "one vector", {"axis": None}),
    Variant("x: N (E F) -> Y", "over the last two axes of a tensor"),
    Variant("x: (E F) D -> Z", "over the first two axes of a tensor", {"axis": 0}),
)


def along_each_axis(note: str, **options: Any) -> tuple[Variant, ...]:
    """Another setting of a reduction, over the rows, down the columns and over everything, axes dropped and kept."""
    where = ((1, "over the rows", "-> Y"), (0, "down the columns", "-> Z"), (None, "over every entry", "->"))
    dropped = [Variant(out, f"{note}, {text}", {**options, "axis": axis}) for axis, text, out in where]
    kept = [
        Variant(note=f"{note}, {text}, kept with size 1", options={**options, "axis": axis}) for axis, text, _ in where
    ]
    return (*dropped, *kept)
