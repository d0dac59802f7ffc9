"""Subjects whose penalties show: with strengths of ours, and with those of the author."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.conventions.tensor_caller import TensorCaller
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
        subject = replace(bound, caller=weighted(bound.caller, values), variant=variant, matches=False)
        if _runs(subject, case):
            yield replace(subject, further=(), settings=())


def strengths_of(caller: Any, case: Case) -> list[Strength]:
    """The strengths of what a caller runs; none where it cannot give it others."""
    inner = _within(caller)
    if not hasattr(type(inner), "weighted"):
        return []
    try:
        with frozen(case.seed):
            found: list[Strength] = inner.strengths(case.arrays)
    except (Unbindable, UserCodeRaised):
        return []
    return found


def weighted(caller: Any, values: Mapping[Strength, float]) -> Any:
    """The same caller with other strengths."""
    other = _within(caller).weighted(values)
    return TensorCaller(other) if isinstance(caller, TensorCaller) else other


def _within(caller: Any) -> Any:
    return getattr(caller, "_caller", None) if isinstance(caller, TensorCaller) else caller


def numbers_of(caller: Any) -> dict[str, float]:
    """The numbers that an object is made with or that its forward is given, the author's defaults among them."""
    given = dict(getattr(caller, "settings", {}))
    built = getattr(caller, "built", None)
    if built is not None and built.instance is None:
        given = {**arguments(built.cls.__init__, method=True).defaults, **given}
    return {n: v for n, v in given.items() if isinstance(v, float)}


def with_setting(caller: Any, name: str, value: float) -> Any:
    """The same caller with another value of one number that it gives the user's code; None where it gives none."""
    if "_caller" in vars(caller):
        inner = with_setting(caller._caller, name, value)
        outer: Any = object.__new__(type(caller))
        vars(outer).update(vars(caller) | {"_caller": inner})
        return None if inner is None else outer
    built = vars(caller).get("built")
    if built is not None:
        return replace(caller, built=replace(built, plan=built.plan | {name: ("value", value)}, warming={}))
    for place in ("settings", "extra"):
        given = vars(caller).get(place)
        if isinstance(given, dict) and name in given:
            return replace(caller, **{place: {**given, name: value}})
    return None


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
