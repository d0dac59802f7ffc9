"""Activations whose `backward` is a plain derivative, `f'(y)` or `f'(x)`, and not a product with the upstream gradient.

The argument of such a method is the layer's own output (or input); whoever calls it multiplies. That it is one of these
its author says, by a name or a call; of which of the two it is a function, the numbers may say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck_plugin.author.evidence import Of
from gradcheck_plugin.conventions.base import Caller, Tape, Wrapped
from gradcheck_plugin.model import Array, Case
from gradcheck_plugin.oracles.equal import DIGITS, equal
from gradcheck_plugin.oracles.numerical import secant
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.subject import Subject

SCALES = (1.0, 1.0, 4.0)  # of the inputs of the cases: far out some functions bend that are straight near zero


class DerivativeCaller(Wrapped):
    """A caller whose backward gets the output or the input, and is multiplied by the upstream gradient here."""

    def __init__(self, caller: Caller, of: Of) -> None:
        super().__init__(caller)
        self.of = of

    @property
    def convention(self) -> str:
        return f"{self.wrapped.convention}, backward is the derivative as a function of its {self.of}"

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        tape = self.wrapped.forward(arrays)
        given = numeric(tape.output) if self.of == "output" else next(iter(arrays.values()))

        def backward(dy: Any) -> dict[str, Any]:
            found = tape.backward(None if given is None else given.copy())
            return {n: dy * np.asarray(g) for n, g in found.items()}

        return Tape(tape.output, backward)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        given = "out" if self.of == "output" else next(iter(arrays.values()))
        return self.wrapped.reproduce(arrays, given, gradient)


@dataclass(frozen=True)
class Fit:
    """As a function of what a backward is the derivative, by its numbers; `ordinary` where it is a right backward.

    `pure` are those of which it is a function, and of nothing that its forward has kept.
    """

    of: tuple[Of, ...] = ()
    pure: tuple[Of, ...] = ()
    ordinary: bool = True


def read(subject: Subject, sizes: Mapping[str, int]) -> Subject:
    """The subject, called as a plain derivative where its author says that it is one.

    Where only the numbers say so, it stays what it is, and knows of what it would be the derivative.
    """
    caller = subject.caller
    if len(subject.layout.entries) != 1 or not caller.upstream or caller.multiplied:
        return subject
    written = caller.written
    fit = _fit(subject, sizes)
    if fit.ordinary or not (fit.of or (written and written.named)):
        return subject
    said = written.said() if written else ()
    likely = written.likely if written else ()
    known = fit.of if written and written.named else fit.pure
    found = sorted((of for of in known if of in said), key=lambda of: (of not in likely, of))
    if written and written.named and not found:  # wrong as either; its name says what it is meant to be
        found = [(said if len(said) == 1 else likely or ("input",))[0]]
    if found:
        return replace(subject, caller=DerivativeCaller(subject.caller, found[0]))
    name = written.argument if written else "dout"
    return replace(subject, would_be=_would_be(name, fit.of[0])) if fit.of else subject


def _would_be(argument: str, of: Of) -> str:
    return f"it would be right if `{argument}` were the layer's {of}: it is the derivative as a function of that"


def _fit(subject: Subject, sizes: Mapping[str, int]) -> Fit:
    """What holds in every case; one that raises tells nothing, and the first has to tell."""
    cases = (_scaled(subject.sample(17 + k, sizes), scale) for k, scale in enumerate(SCALES))
    first = _fit_in(subject, next(cases))
    if first is None or first.ordinary:
        return Fit()
    fits = [first, *(fit for case in cases if (fit := _fit_in(subject, case)) is not None)]
    of = tuple(o for o in first.of if all(o in fit.of for fit in fits))
    return Fit(of, tuple(o for o in of if all(o in fit.pure for fit in fits)), ordinary=False)


def _scaled(case: Case, scale: float) -> Case:
    return replace(case, arrays={n: scale * a if a.dtype.kind == "f" else a for n, a in case.arrays.items()})


def _fit_in(subject: Subject, case: Case) -> Fit | None:
    name, x = next(iter(case.arrays.items()))
    try:
        with frozen(case.seed):
            tape = subject.caller.forward(case.arrays)
            y = numeric(tape.output)
            if y is None or y.shape != x.shape:
                return None
            slope = secant(partial(_at, subject, name), x, np.ones_like(x))
            dy = np.random.default_rng(3).uniform(2, 3, x.shape)
            if _equal(tape.backward(dy.copy()).get(name), dy * slope):
                return Fit()
            of, pure = [], []
            given: dict[Of, Array] = {"output": y, "input": x}
            for what, value in given.items():
                found: Any = subject.caller.forward(case.arrays).backward(value.copy()).get(name)
                other: Any = subject.caller.forward(case.arrays).backward(dy.copy()).get(name)
                ignored = np.shape(found) != () and np.array_equal(found, other)  # a bug, not this convention
                if _equal(found, slope) and not ignored:
                    of.append(what)
                    elsewhere = subject.caller.forward({name: 0.75 * np.flip(x)})
                    pure += [what] if _equal(elsewhere.backward(value.copy()).get(name), slope) else []
            return Fit(tuple(of), tuple(pure), ordinary=False)
    except Exception:
        return None


def _at(subject: Subject, name: str, x: Array) -> Array:
    value = numeric(subject.caller.forward({name: x}).output)
    assert value is not None
    return value


def _equal(found: Any, wanted: Array) -> bool:
    value = numeric(found)
    if value is None or value.shape not in ((), wanted.shape):
        return False
    return equal(np.broadcast_to(value, wanted.shape), wanted, DIGITS, least=1.0)
