"""Which objects of a file are backprop code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradcheck_plugin.binding.left_over import left_over
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.conventions.order import conventions
from gradcheck_plugin.model import NotDriven

LOOKED_FOR = (
    "classes with forward(x) and backward(dout), function pairs foo_forward/foo_backward, functions that return "
    "(loss, gradient), networks with loss(x, t) and gradient(x, t), update rules with update(params, grads) or step(), "
    "clips, schedules and initialisers, the operations of an autograd engine"
)


@dataclass(frozen=True)
class Recognised:
    """Every object of a file: those to bind, those that are refused, and those without a gradient of their own."""

    candidates: list[Candidate]
    refused: list[NotDriven]
    passed_over: list[NotDriven]


def recognised(defined: Mapping[str, Any]) -> Recognised:
    """What the objects of a file are, in the order of its lines."""
    found: dict[str, Candidate] = {}
    pairs: list[Candidate] = []  # of functions that have the name of a class beside them
    used: set[str] = set()
    broken: list[NotDriven] = []
    for convention in conventions():
        try:
            for candidate in convention.discover(defined):
                other = found.get(candidate.name)
                new = other is not None and used.isdisjoint({*candidate.consumed} - {candidate.name})
                if other is not None and new and _is_pair(candidate, defined) != _is_pair(other, defined):
                    pairs.append(candidate if _is_pair(candidate, defined) else other)
                    found[candidate.name] = other if pairs[-1] is candidate else candidate
                    used |= {*candidate.consumed}
                elif candidate.name not in found and candidate.name not in used:
                    found[candidate.name] = candidate
                    used |= {candidate.name, *candidate.consumed}
        except Exception as exc:  # a fault of ours in one convention hides nothing that the others find
            kind = convention.__name__.rpartition(".")[2]
            reason = f"looking for it failed inside the checker: {type(exc).__name__}: {exc}"
            broken.append(NotDriven(f"({kind})", reason, code="internal"))
    found |= {pair.function: replace(pair, name=pair.function) for pair in pairs}
    refused, passed_over = left_over(defined, used, found)
    by_line = sorted(found.values(), key=lambda c: c.line)
    return Recognised(by_line, [*broken, *refused], passed_over)


def _is_pair(candidate: Candidate, defined: Mapping[str, Any]) -> bool:
    """Whether a candidate is made of functions of the file that are called otherwise: `ReLU_forward` for `ReLU`."""
    own = [defined.get(name) for name in candidate.consumed]
    return bool(own) and candidate.name not in candidate.consumed and all(map(inspect.isfunction, own))
