"""Weights of classes that a loss is made with: as many numbers as there are classes, and data, not parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.author.written import tree_of
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.objects.state import same
from reference_impls.shapes import Entry, Layout


def entries(candidate: Candidate, layout: Layout, family: Mapping[str, str]) -> list[Entry]:
    """The arguments of a loss's constructor that its forward takes at the labels, or that are called weights.

    They have the axis of the classes, the last of the prediction; those that a loss of this family trains have not.
    """
    cls = candidate.objects.get("class")
    axis = layout.inputs[0].dims[-1:] if layout.inputs else ()
    if candidate.kind != "loss" or cls is None or not axis or len(layout.inputs) < 2:
        return []
    kept = _kept(cls)
    looked_up = _looked_up(getattr(cls, candidate.objects["forward"]), candidate.inputs[-1])
    names = arguments(cls.__init__, method=True).required
    chosen = [n for n in names if kept.get(n, n) in looked_up or (same(n, "W") and n.lower() not in family)]
    return [Entry(n, (axis,), "positive") for n in chosen]


def _kept(cls: Any) -> dict[str, str]:
    """The attribute that keeps each argument of a constructor."""
    found: dict[str, str] = {}
    init = tree_of(cls.__init__)
    for node in ast.walk(init) if init is not None else ():
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Attribute):
            found |= {n.id: target.attr for n in ast.walk(node.value) if isinstance(n, ast.Name)}
    return found


def _looked_up(forward: Any, labels: str) -> set[str]:
    """The attributes that a forward takes at its labels: `self.weights[t]`."""
    tree = tree_of(forward)
    found = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            names = {n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name)}
            names |= {n.attr for n in ast.walk(node.slice) if isinstance(n, ast.Attribute)}
            found |= {node.value.attr} if labels in names else set()
    return found
