"""Subjects whose penalties show: with strengths of ours, and with those of the author."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.conventions.base import Caller
from gradcheck_plugin.model import Case, Unbindable
from gradcheck_plugin.objects.strengths import FAINT, VISIBLE, Strength
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.subject import Subject


def settings(bound: Subject, sizes: Mapping[str, int]) -> Iterator[Subject]:
    """The subject with strengths that show, and with those of its author, where the ones it has are others."""
    case = bound.sample(7, sizes)
    found = strengths_of(bound.caller, case)
    shown = {s: VISIBLE for s in found if s.now < FAINT}
    own = {s: s.own for s in found if s.own != s.now and s.own}
    for values in (own, shown):
        if not values:
            continue
        note = ", ".join(dict.fromkeys(f"{s.name} = {v:g}" for s, v in values.items()))
        variant = replace(bound.variant, note=note)
        subject = replace(bound, caller=bound.caller.weighted(values), variant=variant, matches=False)
        if _runs(subject, case):
            yield replace(subject, further=(), settings=())


def strengths_of(caller: Caller, case: Case) -> list[Strength]:
    """The strengths of what a caller runs; none where it cannot give it others."""
    try:
        with frozen(case.seed):
            return caller.strengths(case.arrays)
    except (Unbindable, UserCodeRaised):
        return []


def numbers_of(caller: Caller) -> dict[str, float]:
    """The numbers that an object is made with or that its forward is given, the author's defaults among them."""
    given, driven = dict(caller.settings), caller.objects
    if driven is not None and driven.built.instance is None:
        given = {**arguments(driven.built.cls.__init__, method=True).defaults, **given}
    return {n: v for n, v in given.items() if isinstance(v, float)}


def _runs(subject: Subject, case: Case) -> bool:
    """Whether an object runs with other strengths: what raises then is a call that nobody meant."""
    try:
        with frozen(case.seed):
            tape = subject.caller.forward(case.arrays)
            tape.backward(1.0)
        out = numeric(tape.output)
    except (Unbindable, UserCodeRaised):
        return False
    return out is not None and bool(np.isfinite(out).all())
