"""Strengths of weight penalties: arguments and attributes that are called `reg`, `weight_decay`, `lambd` and so on.

A penalty whose strength is zero cannot be seen. So what has such a strength is judged with one that shows, too, and
with its author's own. In layers they stay as they are: a layer's penalty is in a loss that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gradcheck_plugin.model import Case
from gradcheck_plugin.submission.calls import Unbindable, UserCodeRaised, frozen
from gradcheck_plugin.submission.signature import Signature, arguments
from gradcheck_plugin.submission.subject import Subject
from gradcheck_plugin.submission.tensors import TensorCaller
from gradcheck_plugin.submission.values import numeric

VISIBLE, FAINT = 0.7, 1e-3  # the strength that is given, and one below which a penalty may go unseen
_WHAT = r"(strength|coef\w*|param\w*|lambda|lam|rate|const\w*|factor|weight|value|term|amount|l[12]|alpha)"
_NAME = re.compile(
    rf"_*((l[12]_?)?reg(ulari[sz](ation|er))?(_?{_WHAT})?|(kernel|weights?)_?reg(ulari[sz]er)?(_?l[12])?|"
    rf"lam|lamb|lambda_?|lambd|lamda|lmbda|lmd|lambda_(reg|l[12])|(reg|l[12])_?lambda|l[12](_?{_WHAT})?|"
    rf"(weight_?)?decay_?(lambda|coef\w*|strength)|weight_?decay|wd|(l[12]_?)?penalty(_?{_WHAT})?|ridge)_*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Strength:
    """One strength: what it is in the way of calling that was found, what its author gives it, and where it goes in."""

    name: str
    now: float
    own: float
    place: Literal["call", "constructor", "attribute"] = "call"


def is_strength(name: str, value: Any) -> bool:
    """Whether a number of this name is the strength of a penalty: `l1 = 64` is a size, and a flag is no number."""
    if _NAME.fullmatch(name) is None or isinstance(value, bool):
        return False
    return isinstance(value, float) or (isinstance(value, int) and value in (0, 1))


def of_arguments(signature: Signature, given: Mapping[str, Any], first: int = 0) -> list[Strength]:
    """The strengths among the arguments of a function, from the place `first` on; `given` is what they get."""
    found = []
    for name in signature.names[first:]:
        own = signature.defaults.get(name, given.get(name))
        now = given.get(name, own)
        if is_strength(name, own) and is_strength(name, now):
            found.append(Strength(name, float(now), float(own)))
    return found


def of_attributes(obj: Any) -> list[Strength]:
    """The strengths that an object keeps."""
    held = vars(obj) if hasattr(obj, "__dict__") else {}
    return [Strength(n, float(v), float(v), "attribute") for n, v in held.items() if is_strength(n, v)]


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
