"""What the clauses of the contract share: a breach, one frozen run, and when two gradients differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.watch import handed
from gradcheck_plugin.judging.gradient import output_of
from gradcheck_plugin.model import Array, Case, Severity
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.subject import Subject

Gradients = dict[str, Array]


@dataclass(frozen=True)
class Breach:
    """One clause of the contract that a case breaks.

    `gradient` names the array where one is meant, `property` what the user's line is looked up for where that is not
    its gradient, `raised` an exception that stands on the line itself, `case` the case that shows it where it is
    another than the one that was drawn.
    """

    code: str
    severity: Severity
    gradient: str = ""
    detail: str = ""
    property: str = ""
    raised: UserCodeRaised | None = None
    case: Case | None = None


@dataclass
class Seen:
    """The first forward and backward of a case, which the other clauses compare with."""

    out: Array
    dy: Array
    first: Gradients


def backward_of(subject: Subject, case: Case, dy: Array) -> Gradients:
    """The gradients that are arrays, of a fresh forward."""
    with frozen(case.seed):
        tape, _ = output_of(subject, case)
        return arrays_of(tape.backward(handed(dy)))


def arrays_of(given: dict[str, Any]) -> Gradients:
    """Copies of those gradients that are arrays of numbers."""
    arrays = {n: numeric(g) for n, g in given.items()}
    return {n: a.copy() for n, a in arrays.items() if a is not None}


def largest(a: Array) -> float:
    return float(np.max(np.abs(a), initial=0.0))


def differ(a: Array, b: Array, floor: float = 0.0) -> bool:
    """Whether `a` is another gradient than `b`; nothing is said about other shapes and infinite numbers."""
    if a.shape != b.shape or not np.isfinite(b).all():
        return False
    return not np.isfinite(a).all() or largest(a - b) > max(1e-6 * largest(b), 1e-15, floor)


def rounding(gradients: Gradients) -> float:
    """What a gradient that is zero, such as that of the bias of a key, may be off by: rounding of the other ones."""
    return 1e-13 * max((largest(g) for g in gradients.values() if np.isfinite(g).all()), default=0.0)


def first_differing(given: Gradients, first: Gradients) -> str:
    """The name of the first gradient that is not what it was, or nothing."""
    floor = rounding(first)
    return next((n for n, g in first.items() if n in given and differ(given[n], g, floor)), "")
