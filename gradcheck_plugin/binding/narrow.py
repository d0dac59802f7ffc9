"""Readings with an axis of length 1, in which a sum over the axis and a single row of it are the same."""

from __future__ import annotations

from gradcheck_plugin.binding.author_shapes import asks_for_ranks, said
from gradcheck_plugin.conventions.base import Candidate
from reference_impls.shapes import Layout


def doubts(candidate: Candidate, taken: Layout, other: Layout | None) -> dict[str, str]:
    """The doubt about a backward that is right with an axis of length 1 and not in another reading of its forward.

    None where the author says that the axis has length 1, or how many axes there are and the other reading has not as
    many, or where the parameters that the object holds have such an axis of their own.
    """
    name = candidate.inputs[0] if candidate.inputs else ""
    if candidate.kind == "layer" and other is not None and _is_same_but_for_sides(taken, other):
        sides = " and ".join(d for d in other.inputs[0].dims if d.isdigit())
        return {"": f"its backward raises for sides of {sides}, which its forward takes"}
    if candidate.kind != "layer" or other is None or not taken.inputs or not other.inputs or taken.params:
        return {}
    mine, wider = taken.inputs[0].dims, other.inputs[0].dims
    fewer = len(mine) < len(wider) and asks_for_ranks(candidate)  # it is written for more than one number of axes
    if not fewer and ("1" not in mine or "1" in wider):
        return {}
    known = said(candidate)
    if "1" in known.axes.get(name, ()) or known.ranks.get(name, len(wider)) != len(wider):
        return {}
    shapes = [f"({', '.join(dims)}{',' if len(dims) == 1 else ''})" for dims in (mine, wider)]
    return {"": f"right for `{name}` of shape {shapes[0]}, not for {shapes[1]}; the forward takes both"}


def beside_a_reference(candidate: Candidate, taken: Layout, other: Layout) -> dict[str, str]:
    """The doubt about a reading of one column, or row, where the forward is a reference for many of them.

    The backward raises there. None where the author says that the axis has length 1.
    """
    if not taken.inputs or not other.inputs:
        return {}
    name, mine, wider = candidate.inputs[0], taken.inputs[0].dims, other.inputs[0].dims
    single = len(mine) == len(wider) and any(a == "1" and not b.isdigit() for a, b in zip(mine, wider, strict=True))
    if not single or "1" in said(candidate).axes.get(name, ()):
        return {}
    own = ", ".join("1" if a == "1" else b for a, b in zip(mine, wider, strict=True))
    return {"": f"right for `{name}` of shape ({own}), not for ({', '.join(wider)}); the forward takes both"}


def is_same_but_for_rows(taken: Layout, other: Layout) -> bool:
    """Whether two layouts of one reference differ in an axis of length 1 in front of the input only."""
    if not taken.inputs or not other.inputs or [e.name for e in taken.entries] != [e.name for e in other.entries]:
        return False
    mine = taken.inputs[0].dims
    return mine[:1] == ("1",) and mine[1:] == other.inputs[0].dims and taken.inputs[1:] == other.inputs[1:]


def _is_same_but_for_sides(taken: Layout, other: Layout) -> bool:
    """Whether two layouts differ in the lengths of sides that were made up, and in nothing else."""
    if taken.params or other.params or len(taken.inputs) != 1 or len(other.inputs) != 1:
        return False
    mine, theirs = taken.inputs[0].dims, other.inputs[0].dims
    pairs = list(zip(mine, theirs, strict=False))
    return (
        len(mine) == len(theirs)
        and mine != theirs
        and all(a == b or ((a + b).isdigit() and "1" not in (a, b)) for a, b in pairs)
    )
