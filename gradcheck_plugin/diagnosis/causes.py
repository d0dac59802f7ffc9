"""Why a gradient is wrong: hypotheses, tried in general position.

A smallest case is for the reader; many causes look alike in it. So the causes are told apart on generic cases with
pairwise different axis sizes: the reference's own classical mistakes first, then patterns that any layer can show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_plugin.diagnosis.codes import CODES, help_for, sentence
from gradcheck_plugin.judging import rule_output
from gradcheck_plugin.judging.gradient import gradients, numerical_gradient, referred
from gradcheck_plugin.judging.rule import RuleJudgement
from gradcheck_plugin.model import Array, Case
from gradcheck_plugin.objects import state
from gradcheck_plugin.oracles.equal import DIGITS, equal
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import OUTPUT, Layout
from reference_impls.spec import Mistake

CASES = 12


@dataclass(frozen=True)
class Cause:
    """A code with its sentence, help, and on how many generic cases the pattern held."""

    code: str
    message: str
    help: str
    evidence: str = ""
    convention: bool = False


@dataclass(frozen=True)
class Sample:
    """One generic case: the user's gradients, the right gradient of one array, and the upstream gradient."""

    case: Case
    yours: dict[str, Array]
    right: Array
    dy: Array
    expected: dict[str, Array]


def diagnose(subject: Subject, name: str, layout: Layout, seed: int) -> Cause:
    """The likeliest cause for the wrong gradient of the array `name`."""
    if told := subject.caller.cause:  # a graph that shows one fault and no other
        return Cause(told, sentence(told, grad=subject.gradient_name(name)), help_for(told))
    samples = list(_samples(subject, name, layout, seed))
    if samples:
        found = _classical(subject, name, layout, samples) or _pattern(subject, name, samples)
        if found:
            return _cause(subject, name, found, len(samples))
    code = "wrong-gradient"
    return Cause(code, sentence(code, grad=subject.gradient_name(name)), help_for(code))


def classical(subject: Subject, name: str, layout: Layout, seed: int) -> Cause | None:
    """The reference's own mistake that this gradient is, or None."""
    samples = list(_samples(subject, name, layout, seed))
    found = _classical(subject, name, layout, samples) if samples else None
    return _cause(subject, name, found, len(samples)) if found else None


def classical_forward(subject: Subject, layout: Layout, seed: int) -> Cause | None:
    """The reference's own mistake that this forward is; None where no mistake lies in the forward."""
    assert subject.spec is not None
    base = subject.spec.layout
    for mistake in subject.spec.mistakes:
        if mistake.forward is None or mistake.variant:
            continue
        cases = [
            subject.sample(seed + i, generic_sizes(layout, subject.spec, base, i % 2), layout=layout) for i in range(4)
        ]
        try:
            if all(_same_output(subject, mistake, case, layout) for case in cases):
                return _cause(subject, base.entries[0].name, (mistake.code, "", mistake), len(cases))
        except Exception:
            continue
    return None


def of_rule(subject: Subject, seed: int, judged: RuleJudgement) -> Cause:
    """The classical mistake that an update, a clip, a schedule or an initialiser is, or how its numbers differ."""
    assert subject.spec is not None
    kind, name = subject.spec.kind, subject.spec.layout.entries[0].name
    try:
        mistake = rule_output.mistake_of(subject, seed)
    except Exception:
        mistake = None
    if mistake is not None:
        return replace(_cause(subject, name, (mistake.code, "", mistake), rule_output.CASES), evidence="")
    code, n = f"{kind}-differs", subject.spec.name
    if judged.departs:
        code = DEPARTS.get(judged.departs, judged.departs)
        spread = [float(np.asarray(v).flat[0]) for v in (judged.yours, judged.expected)]
        n = f"{spread[0] / spread[1]:.3g}" if code == "wrong-spread" and spread[1] else n
    elif kind in ("update", "clip") and _nothing_changes(subject, seed):
        code = f"{kind}-lost"
    return Cause(code, sentence(code, n=n), help_for(code, n=n))


DEPARTS = {
    "constant": "symmetric-weights", "repeated": "repeated-draws", "mean": "wrong-mean", "spread": "wrong-spread",
    "outside": "wrong-distribution", "shape": "wrong-distribution",
}  # fmt: skip


def _nothing_changes(subject: Subject, seed: int) -> bool:
    """Whether the parameters, or the gradients of a clip, come out as they went in."""
    assert subject.spec is not None
    case = subject.sample(seed, generic_sizes(subject.layout, subject.spec, subject.spec.layout))
    first = [np.asarray(case.arrays[e.name]) for e in subject.spec.layout.entries[:2]]
    with frozen(case.seed):
        out = numeric(subject.caller.forward(case.arrays).output)
    times = case.sizes["T"] if subject.spec.kind == "update" else 1
    return out is not None and np.array_equal(out.ravel(), np.concatenate([np.tile(a.ravel(), times) for a in first]))


def _same_output(subject: Subject, mistake: Mistake, case: Case, layout: Layout) -> bool:
    assert mistake.forward is not None
    arrays = [a.copy() for a in subject.base_arrays(case, layout).values()]
    assert subject.spec is not None
    wrong = subject.spec.output(*arrays, forward=mistake.forward, **subject.variant.options)
    with frozen(case.seed):
        yours = numeric(subject.caller.forward(case.arrays).output)
    right = subject.reference(case, layout)
    same = yours is not None and _close(yours, layout.from_base(OUTPUT, wrong, subject.spec.layout, case.sizes))
    return same and right is not None and yours is not None and not _close(yours, right)


def averaged_parameters(subject: Subject, layout: Layout, seed: int) -> tuple[list[str], list[str]]:
    """The parameters whose gradient is the right one divided by N, and those whose is not, where all the rest is right.

    Some courses take the mean over the batch in the layer and not in the loss; the network as a whole is then right.
    """
    params, inputs = [e.name for e in layout.params], [e.name for e in layout.inputs if e.differentiable]
    if not params:  # a pair of functions, whose parameters are arguments like the others
        params = [n for n in inputs if any(state.same(n, p) for p in ("W", "b"))]
        inputs = [n for n in inputs if n not in params]
    if len(params) < 2 or not inputs or not layout.output.dims:
        return [], []
    samples = list(_samples(subject, params[0], layout, seed))
    if not samples or not all(n in s.yours for s in samples for n in (*params, *inputs)):
        return [], []
    if not subject.matches:
        samples = [replace(s, expected=_numerical(subject, s, (*params, *inputs))) for s in samples[:2]]
    whole = [n for n in (*params, *inputs) if all(_is_multiple(s, n, 1.0) for s in samples)]
    divided = [n for n in params if n not in whole and all(_is_multiple(s, n, _batch(s)) for s in samples)]
    if len(whole) + len(divided) < len(params) + len(inputs):
        return [], []
    return divided, [n for n in whole if n in params]


def _batch(sample: Sample) -> float:
    return float(sample.case.sizes.get("N", 0))


def _is_multiple(sample: Sample, name: str, factor: float) -> bool:
    """Whether a gradient is the right one once it is multiplied by a factor."""
    yours, expected = sample.yours[name], sample.expected.get(name)
    if expected is None or yours.size != expected.size:
        return False
    return _close(yours.reshape(expected.shape) * factor, expected)


def _numerical(subject: Subject, sample: Sample, names: tuple[str, ...]) -> dict[str, Array]:
    """The right gradients of a sample by differences, for a layer that no reference stands behind."""
    with frozen(sample.case.seed):
        out = numeric(subject.caller.forward(sample.case.arrays).output)
    found = {n: numerical_gradient(subject, n, sample.case, sample.dy, out) for n in names} if out is not None else {}
    return {n: g for n, g in found.items() if g is not None}


def _cause(subject: Subject, name: str, found: tuple[str, str, Mistake | None], cases: int) -> Cause:
    code, n, mistake = found
    says = (mistake and mistake.says) or CODES[code].says
    helps = (mistake and mistake.help) or CODES[code].help
    values = {"grad": subject.gradient_name(name), "array": subject.display(name), "target": subject.name, "n": n}
    held = f"in general position this holds on {cases} of {cases} cases"
    return Cause(code, _fill(says, values), _fill(helps, values), held, bool(mistake and mistake.convention))


def _fill(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


def _samples(subject: Subject, name: str, layout: Layout, seed: int) -> Iterator[Sample]:
    base = subject.spec.layout if subject.spec else None
    count = CASES if subject.matches else 2  # of two batch sizes, whole gradients by differences
    for i in range(count):
        case = subject.sample(seed + i, generic_sizes(layout, subject.spec, base, i % 2), layout=layout)
        try:
            out, dy, given = gradients(subject, case)
        except Exception:
            continue
        yours = {n: a for n, g in given.items() if (a := numeric(g)) is not None}
        if name not in yours:
            continue
        known = referred(subject, case, layout, dy, out)
        expected = {n: known[n] for n in subject.judged if n in known}
        right = expected.get(name)
        if right is None:
            right = numerical_gradient(subject, name, case, dy, out)
        if right is not None and np.isfinite(right).all():
            yield Sample(case, yours, right, dy, expected)


def updated_weights(subject: Subject, name: str, layout: Layout, seed: int) -> Cause | None:
    """Whether a layer that takes its own step computes a gradient from the weights it has moved already."""
    rates = subject.caller.rates
    base = subject.spec.layout if subject.spec else None
    for i in range(2 if rates else 0):
        case = subject.sample(seed + i, generic_sizes(layout, subject.spec, base, i), layout=layout)
        out, dy, given = gradients(subject, case)
        yours = numeric(given.get(name))
        moved = {n: case.arrays[n] - rate * np.asarray(given[n]) for n, rate in rates.items() if n in given}
        with frozen(case.seed):
            out = np.asarray(numeric(subject.caller.forward({**case.arrays, **moved}).output))
        right = numerical_gradient(subject, name, replace(case, arrays={**case.arrays, **moved}), dy, out)
        if yours is None or right is None or not _close(yours, right):
            return None
    return _cause(subject, name, ("updated-weights-used", "", None), 2) if rates else None


def _close(a: Array, b: Array) -> bool:
    return equal(a, b, DIGITS, least=1e-12)


def _classical(
    subject: Subject, name: str, layout: Layout, samples: list[Sample]
) -> tuple[str, str, Mistake | None] | None:
    """The mistake of the reference that reproduces this gradient, and most of the others, on every case."""
    if subject.spec is None or not subject.matches:
        return None
    best: tuple[int, Mistake] | None = None
    for mistake in subject.spec.mistakes:
        if mistake.backward is None or mistake.stateful:
            continue
        if mistake.forward is not None and not _of_this_layout(subject, mistake, layout):
            continue
        wrong = [_mistaken(subject, mistake, layout, s) for s in samples]
        if any(w is None or name not in w for w in wrong):
            continue
        known = [w for w in wrong if w is not None]
        if not _reproduces(mistake, name, samples, known):
            continue
        if all(_close(w[name], s.right) for s, w in zip(samples, known, strict=True)):
            continue
        others = [n for n in subject.judged if n in samples[0].yours]
        score = sum(
            all(n in w and _close(s.yours[n], w[n]) for s, w in zip(samples, known, strict=True)) for n in others
        )
        if best is None or score > best[0]:
            best = (score, mistake)
    return (best[1].code, "", best[1]) if best else None


def _reproduces(mistake: Mistake, name: str, samples: list[Sample], wrong: list[dict[str, Array]]) -> bool:
    """Whether the mistake gives the user's gradient; one of any scale, whether it gives the direction of its error."""
    if all(_close(s.yours[name], w[name]) for s, w in zip(samples, wrong, strict=True)):
        return True
    if not mistake.any_scale or any(w[name].shape != s.yours[name].shape for s, w in zip(samples, wrong, strict=True)):
        return False
    ratios = []
    for s, w in zip(samples, wrong, strict=True):
        mine, theirs = s.yours[name] - s.right, w[name] - s.right
        ratio = float(np.vdot(mine, theirs)) / max(float(np.vdot(theirs, theirs)), 1e-300)
        if not _close(mine, ratio * theirs):
            return False
        ratios.append(ratio)
    return bool(np.ptp(ratios) <= 1e-6 * abs(ratios[0]))


def _of_this_layout(subject: Subject, mistake: Mistake, layout: Layout) -> bool:
    """Whether the mistake lies in the handling of this very layout's shapes, and so works on the user's own arrays."""
    assert subject.spec is not None
    return bool(mistake.variant) and any(v.note == mistake.variant for v, l in subject.spec.layouts() if l == layout)


def _mistaken(subject: Subject, mistake: Mistake, layout: Layout, sample: Sample) -> dict[str, Array] | None:
    """What the mistake would give for a sample, in the user's layout where it can be carried there."""
    assert subject.spec is not None
    assert mistake.backward is not None
    arrays = subject.base_arrays(sample.case, layout)
    base_dy = layout.to_base(OUTPUT, np.asarray(sample.dy), subject.spec.layout, sample.case.sizes)
    raw = mistake.forward is not None
    if raw:
        arrays, base_dy = {e.name: sample.case.arrays[e.name] for e in layout.entries}, np.asarray(sample.dy)
    try:
        backward = None if mistake.any_draw else mistake.backward
        if mistake.any_draw:
            arrays |= _drawn_anew(subject, layout, sample, base_dy)
        own = [a.copy() for a in arrays.values()]
        given = subject.spec.gradients(base_dy.copy(), *own, backward=backward, **subject.variant.options)
    except Exception:
        return None
    result: dict[str, Array] = {}
    for n, g in given.items():
        if not any(e.name == n and e.differentiable for e in layout.entries):
            continue
        if raw:
            result[n] = np.asarray(g)
            continue
        try:
            result[n] = np.asarray(layout.from_base(n, np.asarray(g), subject.spec.layout, sample.case.sizes))
        except ValueError:
            result[n] = np.asarray(g)
    return result


def _drawn_anew(subject: Subject, layout: Layout, sample: Sample, base_dy: Array) -> dict[str, Array]:
    """The arrays, such as a mask, that the user's backward must have drawn: read off its gradient as off an output."""
    assert subject.spec is not None
    assert subject.spec.inside is not None
    base = subject.spec.layout
    first = base.entries[0].name
    gradient = layout.to_base(first, sample.yours[first], base, sample.case.sizes)
    rest = [None] * (len(base.entries) - 1)
    return {n: a for n, a in subject.spec.inside(gradient, base_dy, *rest, **subject.variant.options).items()
            if any(e.name == n for e in base.entries)}  # fmt: skip


Pattern = Callable[[Subject, str, list[Sample]], "tuple[str, str] | None"]


def _pattern(subject: Subject, name: str, samples: list[Sample]) -> tuple[str, str, None] | None:
    for pattern in (_constant, _batch_sum, _transposed, _swapped, _unchanged, _penalty, _missing):
        found = pattern(subject, name, samples)
        if found:
            return (*found, None)
    return None


def _constant(subject: Subject, name: str, samples: list[Sample]) -> tuple[str, str] | None:
    """A constant times the gradient: a factor, a sign, the batch size."""
    ratios = []
    for s in samples:
        a = s.yours[name]
        norm = float(np.vdot(s.right, s.right))
        if a.shape != s.right.shape or not norm:
            return None
        c = float(np.vdot(a, s.right)) / norm
        if not _close(a, c * s.right) and np.any(a):
            return None
        ratios.append(c)
    if not any(ratios):
        return "zero-gradient", ""
    if np.ptp(ratios) <= 1e-6 * abs(ratios[0]):
        c = ratios[0]
        if abs(c - 1) < 1e-3:
            return None
        named = {2.0: "factor-two", 0.5: "factor-half", -1.0: "wrong-sign"}
        code = next((code for value, code in named.items() if abs(c - value) < 1e-6), "missing-factor")
        return code, f"{c:.4g}"
    sizes = [float(s.case.sizes.get("N", 0)) for s in samples]
    if all(sizes) and np.allclose(ratios, sizes, rtol=1e-6):
        return "missing-batch-mean", ""
    if all(sizes) and np.allclose(np.multiply(ratios, sizes), 1.0, rtol=1e-6):
        return "extra-batch-mean", ""
    return None


def _batch_sum(subject: Subject, name: str, samples: list[Sample]) -> tuple[str, str] | None:
    """One axis more than the array has, and summing over it gives the gradient."""
    for s in samples:
        a = s.yours[name]
        if a.ndim == 0 or a.size == s.right.size:
            return None
        summed = a.sum(axis=0)
        if summed.size != s.right.size or not _close(summed.reshape(s.right.shape), s.right):
            return None
    return "missing-batch-sum", ""


def _transposed(subject: Subject, name: str, samples: list[Sample]) -> tuple[str, str] | None:
    if all(s.right.ndim == 2 and _close(s.yours[name].T, s.right) for s in samples):
        return "transposed", ""
    return None


def _swapped(subject: Subject, name: str, samples: list[Sample]) -> tuple[str, str] | None:
    for other in subject.judged:
        if other != name and all(other in s.expected and _close(s.yours[name], s.expected[other]) for s in samples):
            return "swapped-gradients", subject.display(other)
    return None


def _unchanged(subject: Subject, name: str, samples: list[Sample]) -> tuple[str, str] | None:
    if subject.caller.upstream and all(_close(s.yours[name], s.dy) for s in samples):
        return "upstream-unchanged", ""
    return None


def _penalty(subject: Subject, name: str, samples: list[Sample]) -> tuple[str, str] | None:
    """A multiple of the weights is missing or too much: the penalty of a loss is not in its gradient, or only there."""
    shares = []
    for s in samples if not subject.caller.upstream else ():
        yours, w = s.yours[name], np.asarray(s.case.arrays[name], dtype=float)
        if not yours.shape == w.shape == s.right.shape or not np.any(w):
            return None
        shares.append(float(np.vdot(s.right - yours, w) / np.vdot(w, w)))
        if not _close(yours + shares[-1] * w, s.right):
            return None
    strengths = [n for n, a in samples[0].case.arrays.items() if np.ndim(a) == 0]
    for strength in ("", *strengths):  # a constant, or an argument like `reg`
        units = [float(s.case.arrays[strength]) if strength else 1.0 for s in samples]
        parts = np.divide(shares, units) if shares and all(units) else np.zeros(1)
        if abs(parts[0]) > 0 and np.ptp(parts) <= 1e-3 * abs(parts[0]):
            times = f" * {subject.display(strength)}" if strength else ""
            return ("penalty-missing" if parts[0] > 0 else "penalty-not-in-loss"), f"{abs(parts[0]):.3g}{times}"
    return None


def _missing(subject: Subject, name: str, samples: list[Sample]) -> tuple[str, str] | None:
    """Right where it is not zero."""
    for s in samples:
        a = s.yours[name]
        if a.shape != s.right.shape:
            return None
        zero = (a == 0) & (np.abs(s.right) > 1e-9)
        if not zero.any() or not _close(np.where(zero, s.right, a), s.right):
            return None
    return "gradient-missing", ""
