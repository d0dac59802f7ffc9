"""Strengths of weight penalties: arguments and attributes that are called `reg`, `weight_decay`, `lambd` and so on.

A penalty whose strength is zero cannot be seen. So what has such a strength is judged with one that shows, too, and
with its author's own. In layers they stay as they are: a layer's penalty is in a loss that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gradcheck_plugin.author.signature import Signature

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
