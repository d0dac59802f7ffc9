"""Which objects of a file are backprop code, and which reference their names stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from gradcheck_plugin.model import NotDriven
from gradcheck_plugin.submission.conventions import Candidate, conventions
from gradcheck_plugin.submission.left_over import left_over
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
LOOKED_FOR = (
    "classes with forward(x) and backward(dout), function pairs foo_forward/foo_backward, functions that return "
    "(loss, gradient), networks with loss(x, t) and gradient(x, t), update rules with update(params, grads) or step(), "
    "clips, schedules and initialisers, the operations of an autograd engine"
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


@dataclass(frozen=True)
class Recognised:
    """Every object of a file: those to bind, those that are refused, and those without a gradient of their own."""

    candidates: list[Candidate]
    refused: list[NotDriven]
    passed_over: list[NotDriven]


def recognised(defined: Mapping[str, Any]) -> Recognised:
    """What the objects of a file are, in the order of its lines."""
    found: dict[str, Candidate] = {}
    used: set[str] = set()
    broken: list[NotDriven] = []
    for convention in conventions():
        try:
            for candidate in convention.discover(defined):
                if candidate.name not in found and candidate.name not in used:
                    found[candidate.name] = candidate
                    used |= {candidate.name, *candidate.consumed}
        except Exception as exc:  # a fault of ours in one convention hides nothing that the others find
            kind = convention.__name__.rpartition(".")[2]
            reason = f"looking for it failed inside the checker: {type(exc).__name__}: {exc}"
            broken.append(NotDriven(f"({kind})", reason, code="internal"))
    refused, passed_over = left_over(defined, used, found)
    by_line = sorted(found.values(), key=lambda c: c.line)
    return Recognised(by_line, [*broken, *refused], passed_over)
