"""Faults that images show which are not square, and no others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from gradcheck_plugin.model import Case, Unbindable
from gradcheck_plugin.running.calls import UserCodeRaised
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Entry, Layout

SIDES = (6, 7, 8)


def squares(subject: Subject, layout: Layout) -> Iterator[tuple[Case, Layout]]:
    """Cases whose images are square, where the first input is one."""
    dims = layout.inputs[0].dims if layout.inputs else ()
    if "7" in dims and "9" in dims:
        layout, named = _of_one_side(layout), False
    else:
        named = "H" in dims and "W" in dims
        if not named:
            return
    sizes = generic_sizes(layout, subject.spec, subject.spec.layout if subject.spec else None)
    for seed, side in enumerate(SIDES):
        yield subject.sample(seed, {**sizes, **({"H": side, "W": side} if named else {})}, layout=layout), layout


def _of_one_side(layout: Layout) -> Layout:
    def square(entry: Entry) -> Entry:
        return dataclasses.replace(entry, axes=tuple(("7",) if axis == ("9",) else axis for axis in entry.axes))

    return dataclasses.replace(layout, inputs=tuple(map(square, layout.inputs)))


def only_square(subject: Subject, layout: Layout, right: Callable[[Case, Layout], bool]) -> bool:
    """Whether what is wrong in some case is right wherever images are square."""
    try:
        found = [right(case, where) for case, where in squares(subject, layout)]
    except (UserCodeRaised, Unbindable, TypeError, ValueError):
        return False
    return bool(found) and all(found)
