"""The parameters of an object that no reference knows: by value, not by name.

A parameter is an array that an object holds before it runs, that no forward rewrites, and on which the output depends:
all that is measured. It is trained where backward leaves a gradient of it, or where the author says so: it is kept
among the parameters, or drawn at random under the name of a weight. What nobody trains, such as the mean of a data set,
a fixed kernel or a mask, is a constant: it keeps the author's values and has no gradient.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.author.written import left_in_self
from gradcheck_plugin.binding.guess import parameter_entries
from gradcheck_plugin.binding.missing import untrained
from gradcheck_plugin.judging.gradient import depends
from gradcheck_plugin.model import Array, Case, Unbindable
from gradcheck_plugin.objects import state, told
from gradcheck_plugin.objects.built import DrivesObjects, shown
from gradcheck_plugin.objects.pasted import returned_names
from gradcheck_plugin.oracles.equal import CLOSE
from gradcheck_plugin.oracles.numerical import secant
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout

_MOST = 40  # arrays that are looked at


@dataclasses.dataclass(frozen=True)
class Survey:
    """The layout with the parameters that an object trains, and why some of them are left open."""

    layout: Layout
    open: Mapping[str, str]
    constants: tuple[str, ...] = ()


def beyond(subject: Subject) -> tuple[str, ...]:
    """The names of what an object trains besides the parameters of the reference that it is taken for."""
    found = survey(subject)
    known = {e.name for e in subject.layout.params}
    return tuple(e.name for e in found.layout.params if e.name not in known) if found else ()


def survey(subject: Subject) -> Survey | None:
    """What the object of a bound subject trains; None where it holds nothing, or cannot be looked at."""
    inner = subject.caller.objects
    if inner is None:
        return None
    try:
        return _survey(subject, inner)
    except (UserCodeRaised, Unbindable, TypeError, ValueError, KeyError):
        return None


def _survey(subject: Subject, inner: DrivesObjects) -> Survey | None:
    layout, case = subject.layout, _case(subject)
    kept = _kept(subject, inner, case)
    single = _numbers(subject, inner, case)
    kept |= single
    known = {inner.paths[n]: n for n in inner.paths}
    new = {p: a for p, a in kept.items() if p not in known}
    entries = parameter_entries(list(new.items()))
    whole = dataclasses.replace(layout, params=(*layout.params, *entries))
    if subject.spec is not None and not new:
        return None
    if len({e.name for e in whole.entries}) != len(whole.entries) or not whole.params:
        return None
    own = {n: _authors(inner, case, p) for n, p in inner.paths.items() if n not in inner.built.given}
    own |= {e.name: a for e, a in zip(entries, new.values(), strict=True)}
    plain = {n for n, a in own.items() if not np.ptp(a)}
    own = {n: a if a.any() else 0.3 * case.rng(42).standard_normal(a.shape) for n, a in own.items()}  # 0 hides factors
    full = dataclasses.replace(subject, caller=subject.caller.with_layout(whole), layout=whole)
    first = dataclasses.replace(case, arrays={**case.arrays, **own})
    numbers = {e.name for e, p in zip(entries, new, strict=True) if p in single}
    found = _Found(full, first, plain, {e.name for e in layout.params}, numbers)
    trained = [e for e in whole.params if found.trained(e.name)]
    chosen = [e for e in layout.params if e in trained or e.name in inner.built.given]
    chosen += [e for e in entries if e in trained]
    left = tuple(e.name for e in whole.params if e not in chosen and e.name not in numbers and found.uses(e.name))
    layout = dataclasses.replace(layout, params=tuple(chosen))
    if any(e in entries for e in chosen):  # the object has sizes of its own now
        layout = layout.pinned({n: s for n, s in case.sizes.items() if n != "N"})
    return Survey(layout, found.open, left)


class _Found:
    """What a backward leaves of the arrays that an object holds, and what that says about them."""

    def __init__(self, subject: Subject, case: Case, plain: set[str], known: set[str], numbers: set[str]) -> None:
        self.subject, self.case, self.plain, self.known, self.numbers = subject, case, plain, known, numbers
        self.used: dict[str, bool] = {}
        assert subject.caller.objects is not None
        self.inner = subject.caller.objects
        self.open: dict[str, str] = {}
        with frozen(case.seed):
            tape = subject.caller.forward(case.arrays)
            out = numeric(tape.output)
            assert out is not None
            self.dy = case.rng(1).standard_normal(out.shape) if subject.caller.upstream else np.ones(out.shape)
            self.gradients = tape.backward(self.dy.copy() if self.dy.ndim else float(self.dy))
        self.told = self.inner.told or told.Told()
        self.some = any(self.given(e.name) for e in subject.layout.params)

    def given(self, name: str) -> bool:
        return self.gradients.get(name) is not None

    def uses(self, name: str) -> bool:
        """Whether the output depends on a held array."""
        if name not in self.used:
            self.used[name] = depends(self.subject, name, self.case)
        return self.used[name]

    def trained(self, name: str) -> bool:
        """Whether a held array has a gradient, or the author says that it should have one."""
        if name in self.known and self.given(name) and name not in self.told.guessed:
            return True
        if not self.uses(name):
            return False
        if name in self.numbers:  # chosen for the gradient that backward gives
            return True
        path = self.inner.paths[name]
        if self.given(name) and name not in self.told.guessed:
            return True
        if self.given(name) and self._right(name):
            return True
        if not self.given(name) and self._announced(path):
            return True
        if not self.given(name) and not state.may_be_parameter(path):
            return False
        drawn = self._drawn(name, path)
        if self.given(name):  # only its shape says that this may be its gradient
            if not drawn:
                at = state.whole_label(self.told.paths[name])
                self.open[name] = f"`{at}` may be the gradient of `{state.label(path)}`, and is not"
            return True
        if name in self.inner.built.given or (name in self.told.unclear and drawn):
            return True
        if not self.some and untrained(self.inner.built.cls):
            return False
        plain = self.some and name in self.plain  # zeros or ones, as what is trained may start
        listed = any(str(key) in state.OWNERS for _, key in path)
        named = state.is_weight(path) and (self.some or state.label(path)[:1] not in "BbKk")
        return (listed and (self.some or drawn)) or (named and (drawn or plain))

    def _announced(self, path: state.Path) -> bool:
        """Whether an object has a place for the gradient of an array that is empty still: `self.dalpha = None`."""
        held = getattr(_built(self.inner, self.case), "__dict__", {})
        return any(value is None and state.is_gradient_of(n, path) for n, value in held.items())

    def _drawn(self, name: str, path: state.Path) -> bool:
        """Whether an array differs from one object to the next: it is drawn at random, as weights are."""
        if name in self.inner.built.given:
            return True
        values: list[Any] = []
        for seed in (1, 2):
            with frozen(seed):
                values.append(self.inner.built.fresh(self.case.arrays, path))
        return values[0] is not None and not np.array_equal(values[0], values[1])

    def _right(self, name: str) -> bool:
        """Whether a gradient agrees with the slope of the forward along one direction."""
        g, x = numeric(self.gradients[name]), self.case.arrays[name]
        if g is None or g.shape != x.shape:
            return False
        u = self.case.rng(41).standard_normal(x.shape)

        def output(moved: Array) -> Array:
            with frozen(self.case.seed):
                return np.asarray(numeric(self.subject.caller.forward({**self.case.arrays, name: moved}).output))

        slope = float(np.vdot(self.dy, secant(output, x, u)))
        return abs(slope - float(np.vdot(g, u))) <= CLOSE * float(np.linalg.norm(g * u))


def _kept(subject: Subject, inner: DrivesObjects, case: Case) -> dict[state.Path, Array]:
    """The arrays that an object holds before it runs and that the forward of two inputs leaves as they are."""
    other = dict(case.arrays)
    sizes = {**case.sizes, "N": case.sizes["N"] + 1} if "N" in case.sizes else case.sizes
    rng = np.random.default_rng(3)
    other |= {e.name: e.sample(sizes, rng) for e in subject.layout.inputs}
    before = told.snapshot(_built(inner, case))
    for arrays in (case.arrays, other):
        seen: list[Any] = []
        with shown(seen.append), frozen(case.seed):
            subject.caller.forward(arrays)
        after = told.snapshot(seen[-1])
        before = {p: a for p, a in before.items() if p in after and np.array_equal(a, after[p], equal_nan=True)}
    whole = [(p, a) for p, a in before.items() if a.size and a.ndim]
    return dict(whole[:_MOST])


def _numbers(subject: Subject, inner: DrivesObjects, case: Case) -> dict[state.Path, Array]:
    """The single numbers that an object holds before it runs, and of which its backward gives a gradient by name.

    What nobody gives a gradient of, such as a slope, a rate or an epsilon, is a setting. A number that gets an array
    for a gradient, whatever the size of the batch, is where such an array starts: `self.b = 0.0` for a bias.
    """
    before = dict(state.numbers(_built(inner, case)))
    before = {p: a for p, a in before.items() if p not in inner.paths.values() and state.may_be_parameter(p)}
    if not before:
        return {}
    backward = subject.caller.code().backward
    returned = returned_names(backward) if backward is not None else ()
    obj, after = _run(subject, case, before)
    taken = {state.gradient_path(obj, p) for p in inner.paths.values()}
    taken |= {state.gradient_path(obj, p) for p, a in state.leaves(obj) if a.ndim and state.is_weight(p)}
    left = {p: at for p in before if (at := state.gradient_path(obj, p)) is not None and at not in taken}
    named = {p for p in before if any(state.is_gradient_of(n, p) for n in (*returned, *_no_numbers(obj, backward)))}
    found = {p: a for p, a in before.items() if (p in left or p in named) and _is_still(after[p], a)}
    shapes = {p: _shape_at(obj, left[p]) for p in found if p in left}
    if "N" in case.sizes and any(shapes.values()):
        larger = subject.sample(case.seed, {**case.sizes, "N": case.sizes["N"] + 1})
        other, _ = _run(subject, larger, before)
        shapes = {p: s if _shape_at(other, left[p]) == s else () for p, s in shapes.items()}
    return {p: np.full(shapes.get(p, ()), a) for p, a in found.items()}


def _no_numbers(obj: Any, backward: Any) -> list[str]:
    """What a backward has left that is neither a number nor an array: `self.dbeta = (dout * x).sum`, not called."""
    held = getattr(obj, "__dict__", {})
    left = [n for n in left_in_self(backward) if held.get(n) is not None] if backward is not None else []
    return [n for n in left if numeric(held[n]) is None]


def _shape_at(obj: Any, path: state.Path) -> tuple[int, ...]:
    array = state.array_at(obj, path)
    return () if array is None else array.shape


def _run(subject: Subject, case: Case, numbers: Iterable[state.Path]) -> tuple[Any, dict[state.Path, Any]]:
    """An object that has run forward and backward, and what it had at the places of `numbers` in between."""
    seen: list[Any] = []
    with shown(seen.append), frozen(case.seed):
        tape = subject.caller.forward(case.arrays)
        after = {p: state.array_at(seen[-1], p) for p in numbers}
        shape = np.shape(tape.output)
        dy = case.rng(1).standard_normal(shape) if subject.caller.upstream else np.ones(shape)
        with contextlib.suppress(UserCodeRaised, Unbindable):
            tape.backward(dy if dy.ndim else float(dy))
    return seen[-1], after


def _is_still(after: Array | None, before: Array) -> bool:
    return after is not None and np.array_equal(after, before, equal_nan=True)


def _authors(inner: DrivesObjects, case: Case, path: state.Path) -> Array:
    """What the author has put at a place; where a first forward makes it, what is there then."""
    with frozen(case.seed):
        value: Array | None = inner.built.fresh(case.arrays, path)
    value = state.array_at(_built(inner, case), path) if value is None else value
    if value is None:
        raise Unbindable(f"nothing is at {state.whole_label(path)}")
    return value


def _case(subject: Subject) -> Case:
    base = subject.spec.layout if subject.spec else None
    return subject.sample(29, generic_sizes(subject.layout, subject.spec, base))


def _built(inner: DrivesObjects, case: Case) -> Any:
    with frozen(case.seed):
        return inner.build(case.arrays)
