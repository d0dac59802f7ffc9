"""Update rules, clips, schedules and initialisers: whether what comes out of one is the reference's, or a mistake's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradcheck_plugin.model import Array, Case
from gradcheck_plugin.oracles import distribution
from gradcheck_plugin.oracles.equal import ROUNDING, equal
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import OUTPUT
from reference_impls.spec import Mistake

CASES = 3


def same(yours: Array, want: Array) -> bool:
    """Whether two results are equal up to rounding; NaN is equal to NaN."""
    return yours.size == want.size and equal(yours.ravel(), want.ravel(), ROUNDING, nan=True)


def situations(subject: Subject, case: Case) -> Iterator[Case]:
    """The case; for an update also with gradients that are 0 in every step, as those behind a dead ReLU are.

    For a clip also with limits that lie below the gradients in one call and above them in the next.
    """
    assert subject.spec is not None
    if subject.spec.kind == "clip":
        arrays = {n: np.array(a) for n, a in case.arrays.items()}
        of_calls = zip(arrays["dW"], arrays["db"], strict=True)
        largest = [[float(np.abs(g).max(initial=0.0)) for g in grads] for grads in of_calls]
        sizes = [g[0].size + g[1].size for g in zip(arrays["dW"], arrays["db"], strict=True)]
        for t, (entries, size) in enumerate(zip(largest, sizes, strict=True)):
            limit = 2.0 * max(entries) * np.sqrt(size) if t % 2 else 0.5 * min(entries)
            arrays["limit"][t] = limit or 1.0
        yield replace(case, arrays=arrays)
    if subject.spec.kind == "update":
        arrays = {n: np.array(a) for n, a in case.arrays.items()}
        for name in ("dW", "db"):
            arrays[name][..., 0] = 0.0
        yield replace(case, arrays=arrays)
    yield case


def agrees(subject: Subject, case: Case, out: Array) -> bool:
    """Whether the output of a case is the reference's; an initialiser's, whether it may be drawn from there."""
    assert subject.spec is not None
    if subject.spec.kind == "initialiser":
        return not departure(subject, case, out)
    want = subject.reference(case)
    return want is not None and same(out, want)


def options(subject: Subject) -> dict[str, object]:
    """The options of the reference as they are for this subject."""
    assert subject.spec is not None
    return {**subject.spec.defaults, **subject.variant.options}


def _unusual(subject: Subject) -> dict[str, object]:
    """The options that are not as the reference has them by default: a mistake need not know the others."""
    assert subject.spec is not None
    usual = subject.spec.defaults
    return {n: v for n, v in subject.variant.options.items() if n not in usual or usual[n] != v}


def departure(subject: Subject, case: Case, out: Array) -> str:
    """How the numbers of an initialiser depart from the reference's; "" where they may come from there."""
    assert subject.spec is not None
    if out.shape != case.arrays["z"].shape:
        return "wrong-shape"
    if not np.isfinite(out).all():
        return "not-finite"
    scale, kind = _scale(subject, case), str(options(subject)["distribution"])
    if kind == "none":
        return "" if same(out, np.full(out.shape, scale)) else "wrong-constant"
    return distribution.departure(np.asarray(out / scale).ravel(), kind)


def _scale(subject: Subject, case: Case) -> float:
    """What the reference multiplies by, or the constant that it gives."""
    assert subject.spec is not None
    ones = np.ones([case.sizes["I"], case.sizes["O"]])
    return float(subject.spec.forward(ones, **subject.variant.options)[0, 0])


def expected(subject: Subject, case: Case) -> Array:
    """A sample of the reference of an initialiser, in the user's layout."""
    return _drawn(subject, case, None)


def _drawn(subject: Subject, case: Case, mistake: Mistake | None) -> Array:
    assert subject.spec is not None
    rng = np.random.default_rng((case.seed, 5))
    kind = str(options(subject)["distribution"])
    z = distribution.draw((case.sizes["I"], case.sizes["O"]), kind, rng)
    out = (mistake.forward if mistake and mistake.forward else subject.spec.forward)(z, **_unusual(subject))
    return np.asarray(subject.layout.from_base(OUTPUT, np.asarray(out), subject.spec.layout, case.sizes))


def mistake_of(subject: Subject, seed: int) -> Mistake | None:
    """The classical mistake of the reference that this rule is, on every one of a few generic cases."""
    assert subject.spec is not None
    sizes = [generic_sizes(subject.layout, subject.spec, subject.spec.layout, i % 2) for i in range(CASES)]
    cases = [c for i, s in enumerate(sizes) for c in situations(subject, subject.sample(seed + i, s))]
    outputs = []
    for case in cases:
        with frozen(case.seed):
            out = numeric(subject.caller.forward(case.arrays).output)
        if out is None:
            return None
        outputs.append(out)
    return mistake_in(subject, cases, outputs)


def mistake_in(subject: Subject, cases: list[Case], outputs: list[Array]) -> Mistake | None:
    """The mistake that gives these outputs in these cases."""
    assert subject.spec is not None
    for mistake in subject.spec.mistakes:
        if mistake.forward and all(_is(subject, mistake, c, o) for c, o in zip(cases, outputs, strict=True)):
            return mistake
    return None


def _is(subject: Subject, mistake: Mistake, case: Case, out: Array) -> bool:
    assert subject.spec is not None
    try:
        if subject.spec.kind == "initialiser":
            wrong = _drawn(subject, case, mistake)
            return out.shape == wrong.shape and distribution.alike(out, wrong)
        arrays = [a.copy() for a in subject.base_arrays(case, subject.layout).values()]
        with np.errstate(all="ignore"):
            wrong = subject.spec.output(*arrays, forward=mistake.forward, **_unusual(subject))
    except (ValueError, TypeError, ZeroDivisionError):
        return False
    return same(out, wrong)
