"""Which reference a user's name stands for."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import numpy as np

from reference_impls import specs
from reference_impls.spec import RULES, LayerSpec

_NOISE = (
    "layer",
    "activation",
    "loss",
    "function",
    "func",
    "forward",
    "backward",
    "naive",
    "vectorized",
    "fast",
    "alt",
)


def normal(name: str) -> str:
    """A name without case and underscores."""
    return name.replace("_", "").lower()


def _bare(name: str) -> str:
    """A name without digits at its end: `Affine_2` is affine, unless there is a reference of that very name."""
    return re.sub(r"\d+$", "", name)


@cache
def _aliases(rule: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for spec in specs().values():
        if spec.kind == rule or not (rule or spec.rule):
            for alias in (spec.name, *spec.aliases):
                table.setdefault(normal(alias), spec.name)
    return table


def promise(name: str) -> Literal["", "weak", "firm"]:
    """How firmly a name stands for its reference: digits at its end may make another function of it, or a second one.

    A name that NumPy has stands for what it is there: `log10` is no logarithm to the base e.
    """
    name = name.rpartition(".")[2]
    if not re.search(r"[A-Za-z]\d+$", name):
        return "firm"
    return "" if hasattr(np, name.lower()) else "weak"


def spec_named(name: str, kind: str = "layer") -> LayerSpec | None:
    """The reference that a user's name stands for, with or without words such as Layer, Activation or Loss.

    A rule is looked up among those of its kind: `clip` is a layer, and also what people call the clipping of gradients.
    """
    name = name.rpartition(".")[2]  # an operation of a class: Value.mul
    key, table = normal(name), _aliases(kind if kind in RULES else "")
    for whole in (key, _bare(key)):
        if whole in table:
            return specs()[table[whole]]
    key = _bare(key)
    for noise in _NOISE:
        for bare in (key.removesuffix(noise), key.removeprefix(noise)):
            if bare != key and bare in table:
                return specs()[table[bare]]
    name = _bare(name)
    words = [w for w in re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_") if w not in _NOISE]
    return specs().get(table.get(normal("".join(words)), ""))
