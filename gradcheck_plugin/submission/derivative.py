"""Activations whose `backward` is a plain derivative, `f'(y)` or `f'(x)`, and not a product with the upstream gradient.

The argument of such a method is the layer's own output (or input); whoever calls it multiplies. Which of the two it
is, the numbers say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission.calls import frozen
from gradcheck_plugin.submission.roles import DERIVATIVES
from gradcheck_plugin.submission.subject import Caller, Subject, Tape
from gradcheck_plugin.submission.values import numeric

STEP = 2.0**-17


class DerivativeCaller:
    """A caller whose backward gets the output or the input, and is multiplied by the upstream gradient here."""

    def __init__(self, caller: Caller, of: str) -> None:
        self._caller = caller
        self.of = of
        self.convention = f"{caller.convention}, backward is the derivative as a function of its {of}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._caller, name)

    forward_after = None  # its backward takes no upstream gradient

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        tape = self._caller.forward(arrays)
        given = numeric(tape.output) if self.of == "output" else next(iter(arrays.values()))

        def backward(dy: Any) -> dict[str, Any]:
            found = tape.backward(None if given is None else given.copy())
            return {n: dy * np.asarray(g) for n, g in found.items()}

        return Tape(tape.output, backward)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        given = "out" if self.of == "output" else next(iter(arrays.values()))
        return self._caller.reproduce(arrays, given, gradient)


def derivative_of(subject: Subject, sizes: Mapping[str, int]) -> str:
    """ "output" or "input" where backward is the element-wise derivative as a function of that, else ""."""
    multiplied = getattr(subject.caller, "multiplied", False)  # a derivative() of the stored state, seen to already
    if len(subject.layout.entries) != 1 or not subject.caller.upstream or multiplied:
        return ""
    case = subject.sample(17, sizes)
    name, x = next(iter(case.arrays.items()))
    try:
        with frozen(case.seed):
            tape = subject.caller.forward(case.arrays)
            y = numeric(tape.output)
            if y is None or y.shape != x.shape:
                return ""
            slope = (_at(subject, name, x + STEP) - _at(subject, name, x - STEP)) / (2 * STEP)
            dy = np.random.default_rng(3).uniform(2, 3, x.shape)
            if _equal(tape.backward(dy.copy()).get(name), dy * slope):
                return ""
            for of, given in (("output", y), ("input", x)):
                found: Any = subject.caller.forward(case.arrays).backward(given.copy()).get(name)
                other: Any = subject.caller.forward(case.arrays).backward(dy.copy()).get(name)
                ignored = np.shape(found) != () and np.array_equal(found, other)  # a bug, not this convention
                if _equal(found, slope) and not ignored:
                    return of
    except Exception:
        return ""
    named = getattr(subject.caller, "backward_name", "") in DERIVATIVES
    return "input" if named else ""  # wrong as either; its name says what it is meant to be


def _at(subject: Subject, name: str, x: Array) -> Array:
    value = numeric(subject.caller.forward({name: x}).output)
    assert value is not None
    return value


def _equal(found: Any, wanted: Array) -> bool:
    value = numeric(found)
    if value is None or value.shape not in ((), wanted.shape):
        return False
    return bool(np.all(np.abs(value - wanted) <= 1e-6 * max(1.0, float(np.max(np.abs(wanted))))))
