"""Whether the gradients of a generated object are right: its own code against the exact gradient of the reference.

The checker under test has no part in it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks.whole_way.kernels import Kernel
from benchmarks.whole_way.written import Arrays, Made, copies
from reference_impls.shapes import OUTPUT
from reference_impls.spec import Mistake

CLOSE = 1e-7  # relative; apart from that two gradients are the same
APART = 1e-4  # and above that they are not
FAR = 3  # the seed of a case whose numbers are four times as large: beyond the 6 of a ReLU6
SIZES = (3, 4, 5, 6, 7, 8, 9, 10)


class Case:
    """Arrays of a variant, the same in the base layout, and an upstream gradient."""

    def __init__(self, kernel: Kernel, seed: int) -> None:
        layout, base, spec = kernel.layout, kernel.spec.layout, kernel.spec
        rng = np.random.default_rng(seed)
        dims = layout.dims(base)
        sizes = {d: max(s + seed % 2, spec.minimum.get(d, 1)) for d, s in zip(dims, SIZES, strict=False)}
        self.sizes = layout.complete(sizes, base)
        self.arrays = {e.name: e.sample(self.sizes, rng) for e in layout.entries}
        if seed == FAR and layout.entries[0].domain == "real":
            self.arrays[layout.entries[0].name] = 4 * self.arrays[layout.entries[0].name]
        self.base = {e.name: layout.to_base(e.name, self.arrays[e.name], base, self.sizes) for e in layout.entries}
        self.missing = [e for e in base.entries if e.name not in self.base]
        for entry in self.missing:
            value = 1.0 if entry.name in ("gamma", "var") else 0.0
            self.base[entry.name] = np.full(entry.shape(self.sizes), value)
        self.kernel, self.rng = kernel, rng

    def reference(self, mistake: Mistake | None = None) -> tuple[list[Any], list[Any], dict[str, Any]]:
        """Outputs, upstream gradients for them, and the exact gradients, all in the layout of the variant."""
        kernel, layout, base = self.kernel, self.kernel.layout, self.kernel.spec.layout
        spec, options = kernel.spec, dict(kernel.variant.options)
        arrays = [self.base[e.name].copy() for e in base.entries]
        out = spec.output(*arrays, **options)
        dy = self.rng.standard_normal(np.shape(out))
        grads = spec.gradients(dy, *(a.copy() for a in arrays), **options)
        found = {n: layout.from_base(n, np.asarray(g), base, self.sizes) for n, g in grads.items()
                 if n in {e.name for e in layout.entries}}  # fmt: skip
        if layout.outputs:
            shapes = [e.shape(self.sizes) for e in layout.outputs]
            cuts = np.cumsum([int(np.prod(s)) for s in shapes])[:-1]
            outs, ups = ([p.reshape(s) for p, s in zip(np.split(v, cuts), shapes, strict=True)] for v in (out, dy))
            return outs, ups, found
        move = [layout.from_base(OUTPUT, np.asarray(v), base, self.sizes) for v in (out, dy)]
        return [move[0]], [move[1]], found


def run(made: Made, space: Mapping[str, Any], arrays: Arrays, dy: list[Any], seed: int = 0) -> tuple[list[Any], Any]:
    """What the object's own code gives; a string where it raises."""
    np.random.seed(seed)
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return made.drive(space, copies(arrays), [np.array(d) for d in dy])
        except Exception as exc:
            return [], f"{type(exc).__name__}: {exc}"


def difference(found: Any, expected: Any) -> float:
    """How far apart two gradients are, relative to the larger; infinite where one is missing or has another size."""
    if found is None or isinstance(found, str):
        return float("inf")
    try:
        found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    except (TypeError, ValueError):
        return float("inf")
    if found.size != expected.size:
        return float("inf")
    found = found.reshape(expected.shape) if found.shape != expected.shape else found
    if not np.isfinite(found).all():
        return float("inf")
    scale = max(np.abs(expected).max(initial=0.0), np.abs(found).max(initial=0.0), 1e-12)
    return float(np.abs(found - expected).max(initial=0.0) / scale)


def numerical(made: Made, space: Mapping[str, Any], arrays: Arrays, dy: list[Any]) -> dict[str, Any]:
    """Central differences of the object's own forward, with the same draws every time."""
    found = {}
    for name in made.gradients:
        at = np.array(arrays[name], dtype=float)
        grad = np.zeros_like(at)
        for i in np.ndindex(at.shape):
            sides = []
            for step in (1e-6, -1e-6):
                moved = at.copy()
                moved[i] += step
                out, _ = run(made, space, {**arrays, name: moved}, dy)
                sides.append(sum(float(np.sum(np.asarray(o) * d)) for o, d in zip(out, dy, strict=False)))
            grad[i] = (sides[0] - sides[1]) / 2e-6
        found[name] = grad
    return found


def verdict(kernel: Kernel, made: Made, space: Mapping[str, Any], seeds: tuple[int, ...] = (1, 2)) -> tuple[str, str]:
    """ "right", "wrong" or "unclear", and why. A forward that is not the reference's is "other"."""
    worst = 0.0
    seeds = (*seeds, FAR) if len(kernel.layout.entries) == 1 and FAR not in seeds else seeds
    say = ""
    for seed in seeds:
        case = Case(kernel, seed)
        outs, dy, expected = case.reference()
        if not made.upstream:
            dy = [np.ones_like(d) for d in dy]
            expected = _at_one(case)
        got, grads = run(made, space, case.arrays, dy)
        drawn = "mask" in {e.name for e in case.missing}
        if isinstance(grads, str):
            if _for_other_arrays(kernel, made, space, seeds):
                return "unclear", "it is right for arrays of another layout, the only ones that its forward takes"
            if kernel.spec.family == "ops" and _for_other_shapes(kernel, made, space, seeds):
                return "unclear", "it is right for arrays of the base layout, which its forward takes, too"
            if _where_it_repeats_less(kernel, made, space):
                return "unclear", "it is right for longer arrays, which its forward takes, too"
            if _for_one_sequence(kernel, made, space):
                return "unclear", "it is right for rows that are no sequences, which its forward takes, too"
            if _for_one_sample(kernel, made, space):
                return "unclear", "it is right for one sample at a time, as what moves its own parameters may be"
            if _for_more_axes(kernel, made, space):
                return "unclear", "it is right for arrays of more axes, which its forward takes, too"
            return ("wrong" if made.gradients else "unclear"), grads
        if not drawn and not all(difference(a, b) < 1e-9 for a, b in zip(got, outs, strict=True)):
            return "other", "its forward is not the reference's"
        if drawn:
            expected = numerical(made, space, case.arrays, dy)
        for name in made.gradients:
            if grads.get(name) is None and "mask" in kernel.called.get(name, name).lower():
                return "unclear", "nobody asks for the gradient of a mask"
            if (
                grads.get(name) is None
                and not np.ndim(case.arrays[name])
                and re.search(r"return .*\bNone\b", made.text)
            ):
                return "unclear", "None says that a number is a setting"
            if grads.get(name) is None and np.abs(expected[name]).max(initial=0.0) < 1e-12:
                return "unclear", "nobody misses a gradient that is zero, as that of a bias before a batch norm"
            apart = difference(grads.get(name), expected.get(name))
            if apart > worst:
                worst, say = apart, f"{name}: {apart:.1e}"
            elif np.shape(grads.get(name)) != np.shape(expected.get(name)):
                say = say or f"{name} has the shape {np.shape(grads.get(name))}"
    if worst > APART and kernel.spec.kind == "loss" and made.upstream:
        end = dataclasses.replace(made, upstream=False, drive=lambda s, a, dy: made.drive(s, a, [np.ones(())]))
        if verdict(kernel, end, space, seeds)[0] == "right":
            return "unclear", "a loss at the end of its graph may leave its upstream gradient, which is 1, away"
    if worst > APART and _for_other_shapes(kernel, made, space, seeds):
        return "unclear", "it is right for arrays of the base layout, which its forward takes, too"
    if worst > APART and _where_it_repeats_less(kernel, made, space):
        return "unclear", "it is right for longer arrays, which its forward takes, too"
    if worst > APART and _for_one_sequence(kernel, made, space):
        return "unclear", "it is right for rows that are no sequences, which its forward takes, too"
    if worst > APART:
        return "wrong", say
    usual, base = kernel.spec.layouts()[0]
    of_torch = "torch" in made.text or ".sum(dim=" in made.text
    numbers = of_torch and kernel.layout != base and not any(e.dims for e in kernel.layout.entries)
    if numbers and not _is_right(dataclasses.replace(kernel, layout=base, variant=usual), made, space, seeds):
        return "unclear", "no axes are all axes in torch: it is right for numbers, and raises for arrays"
    limit = 1e-4 if say.startswith("drawn") else CLOSE
    return ("right", "") if worst < limit and not say.endswith(")") else ("unclear", say)


def _for_other_shapes(kernel: Kernel, made: Made, space: Mapping[str, Any], seeds: tuple[int, ...]) -> bool:
    """Whether code for an operand that is repeated is right where it is not: nothing says which is meant.

    The same where code for soft labels is right for one-hot rows.
    """
    base = kernel.spec.layout
    mine, theirs = ([(e.name, e.domain) for e in layout.entries] for layout in (kernel.layout, base))
    hard = [(n, "onehot" if d == "prob" and ("t", "onehot") in theirs and n == "t" else d) for n, d in mine]
    if kernel.layout == base or hard != theirs:
        return False
    usual = kernel.spec.layouts()[0][0]
    return any(_is_right(dataclasses.replace(kernel, layout=base, variant=v), made, space, seeds)
               for v in (kernel.variant, usual))  # fmt: skip


def _is_right(kernel: Kernel, made: Made, space: Mapping[str, Any], seeds: tuple[int, ...]) -> bool:
    try:
        return verdict(kernel, made, space, seeds)[0] == "right"
    except ValueError:  # the options of the variant are for its own shapes
        return False


def _for_other_arrays(kernel: Kernel, made: Made, space: Mapping[str, Any], seeds: tuple[int, ...]) -> bool:
    """Whether one function that gives a loss and its gradient is right as it stands, for the arrays that it does take.

    A fault in it may stand in its forward: `np.dot(w, x)` for `np.dot(x, w)` is right for one sample.
    """
    if made.backwards != (made.name,) or kernel.spec.kind not in ("loss", "network"):
        return False
    one = [np.ones(())]
    for arrays in _other_arrays(kernel):
        got, grads = run(made, space, arrays, one)
        if isinstance(grads, str) or [np.size(o) for o in got] != [1]:
            continue
        slopes = numerical(made, space, arrays, one)
        if all(difference(grads.get(n), slopes[n]) < APART for n in made.gradients):
            return True
    return False


def _other_arrays(kernel: Kernel) -> Iterator[Arrays]:
    """Arrays of the other layouts of a reference, and those of its own for one sample, or with some of them turned."""
    for layout in {layout for _, layout in kernel.spec.layouts()} - {kernel.layout}:
        yield Case(dataclasses.replace(kernel, layout=layout), 1).arrays
    own = Case(kernel, 1).arrays
    first = {e.name: own[e.name].take(0, e.dims.index("N")) for e in kernel.layout.entries if "N" in e.dims}
    yield own | first
    matrices = [n for n, a in own.items() if np.ndim(a) == 2]
    for chosen in (c for k in range(1, len(matrices)) for c in itertools.combinations(matrices, k)):
        yield own | {n: own[n].T for n in chosen}


def _where_it_repeats_less(kernel: Kernel, made: Made, space: Mapping[str, Any]) -> bool:
    """Whether code for one array that is repeated is right for a longer one, which the checker may take it for.

    `np.broadcast_to(x, (3, 4))` takes a row of 4 as well as a number, and nothing says which is meant.
    """
    entry = kernel.layout.entries[0]
    if len(kernel.layout.entries) != 1 or not ("1" in entry.dims or not entry.dims) or not made.gradients:
        return False
    case = Case(kernel, 1)
    outs, dy, _ = case.reference()
    _, grads = run(made, space, case.arrays, dy)
    own = np.shape(grads.get(entry.name)) if isinstance(grads, dict) else ()
    row = np.shape(outs[0])[-1:]
    for shape in {own, row, (1, *row)} - {(), np.shape(case.arrays[entry.name])}:
        longer = {entry.name: case.rng.standard_normal(shape)}
        got, found = run(made, space, longer, dy)
        same = isinstance(found, dict) and [np.shape(o) for o in got] == [np.shape(o) for o in outs]
        if same and difference(found.get(entry.name), numerical(made, space, longer, dy)[entry.name]) < APART:
            return True
    return False


def _for_one_sequence(kernel: Kernel, made: Made, space: Mapping[str, Any]) -> bool:
    """Whether code for sequences of one-hot rows is right for rows alone, which are as much one-hot rows."""
    first = kernel.layout.entries[0]
    if first.domain != "onehot" or len(first.dims) < 3 or not made.gradients:
        return False
    case = Case(kernel, 1)
    _, (dy, *_), _ = case.reference()
    rows = {**case.arrays, first.name: case.arrays[first.name][0]}
    got, found = run(made, space, rows, [dy[0]])
    if not isinstance(found, dict) or [np.shape(o) for o in got] != [np.shape(dy[0])]:
        return False
    slopes = numerical(made, space, rows, [dy[0]])
    return all(difference(found.get(n), slopes[n]) < APART for n in made.gradients)


def _for_one_sample(kernel: Kernel, made: Made, space: Mapping[str, Any]) -> bool:
    """Whether a layer that moves its own parameters, in rows or in columns, is right for one of them."""
    layout = kernel.layout
    if not made.steps or len(layout.entries[0].dims) != 2 or "N" not in layout.output.dims:
        return False
    case = Case(kernel, 1)
    _, (dy, *_), _ = case.reference()

    def first(array: Any, dims: tuple[str, ...]) -> Any:
        return np.take(array, [0], axis=dims.index("N")) if "N" in dims else array

    one = {e.name: first(case.arrays[e.name], e.dims) for e in layout.entries}
    upstream = [first(dy, layout.output.dims)]
    _, found = run(made, space, one, upstream)
    if not isinstance(found, dict):
        return False
    slopes = numerical(made, space, one, upstream)
    return all(difference(found.get(n), slopes[n]) < APART for n in made.gradients)


def _for_more_axes(kernel: Kernel, made: Made, space: Mapping[str, Any]) -> bool:
    """Whether code that acts on one entry after the other is right for images, with its parameters as they are.

    A PReLU of one slope whose sum names axis 3 raises for rows, and is right for what has four axes.
    """
    layout = kernel.layout
    first, *others = layout.entries
    if made.steps or layout.output.dims != first.dims or any(set(e.dims) - {"1"} for e in others):
        return False
    case = Case(kernel, 1)
    for shape in ((2, 3, 4), (2, 3, 4, 5)):
        longer = case.arrays | {first.name: case.rng.standard_normal(shape)}
        dy = [case.rng.standard_normal(shape)]
        got, found = run(made, space, longer, dy)
        if not isinstance(found, dict) or [np.shape(o) for o in got] != [shape]:
            continue
        slopes = numerical(made, space, longer, dy)
        if all(difference(found.get(n), slopes[n]) < APART for n in made.gradients):
            return True
    return False


def _at_one(case: Case) -> dict[str, Any]:
    kernel, layout, base = case.kernel, case.kernel.layout, case.kernel.spec.layout
    arrays = [case.base[e.name].copy() for e in base.entries]
    out = kernel.spec.output(*arrays, **kernel.variant.options)
    grads = kernel.spec.gradients(np.ones(np.shape(out)), *arrays, **kernel.variant.options)
    return {n: layout.from_base(n, np.asarray(g), base, case.sizes) for n, g in grads.items()
            if n in {e.name for e in layout.entries}}  # fmt: skip
