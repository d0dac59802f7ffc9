"""The judge, spoiled on purpose: each of its parts is needed, because without it an answer comes out wrong.

The battery is a list of gradients whose verdict a person would give without a computer, each with what it stands for.
The judge as it is gives all of them; with one part taken out it gives at least one wrong answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from benchmarks import zoo
from benchmarks.power import cases_of, outcome, subject_of
from reference_subject import target

from gradcheck_plugin.judging import contract, gradient
from gradcheck_plugin.model import Array, Case, Verdict
from gradcheck_plugin.oracles import judge
from gradcheck_plugin.oracles.numerical import EPS, Estimate, Ladder
from gradcheck_plugin.subject import Subject
from reference_impls import load
from reference_impls.spec import Mistake

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
FUNCTIONS = {f.name: f for f in zoo.functions()}


@dataclass(frozen=True)
class Trial:
    """A gradient, what it stands for, and the verdicts that are no mistake."""

    says: str
    allowed: tuple[Verdict, ...]
    verdict: Callable[[], Verdict]


def judged(function: zoo.Function, vjp: zoo.Vjp, seed: int = 0) -> Callable[[], Verdict]:
    def verdict() -> Verdict:
        subject = subject_of(function, vjp)
        return outcome(subject, cases_of(subject, seed, 3)).verdict

    return verdict


def right(says: str, function: zoo.Function, *allowed: Verdict, seed: int = 0) -> Trial:
    return Trial(says, allowed or (PASS,), judged(function, function.vjp, seed))


def wrong(says: str, function: zoo.Function, vjp: zoo.Vjp, seed: int = 0) -> Trial:
    return Trial(says, (FAIL,), judged(function, vjp, seed))


def at_zero(rng: np.random.Generator) -> tuple[Array, ...]:
    x = rng.standard_normal((3, 4))
    x[0, 0] = 0.0
    return (x,)


def loss_in_single(x: Array) -> Array:
    return np.asarray([x.astype(np.float32).mean() + np.float32(1)])


SOFTMAX, TANH, DENSE = FUNCTIONS["softmax"], FUNCTIONS["tanh"], FUNCTIONS["dense 40 x 40"]
OFFSET = FUNCTIONS["sum of squares + 1e8"]
RELU_AT_ZERO = zoo.Function("relu", lambda x: np.maximum(x, 0), lambda g, x: (g * (x > 0),), at_zero)
LOSS = zoo.Function("loss", loss_in_single, lambda g, x: (np.full(x.shape, g[0] / x.size),), zoo.normal((3, 4)))
BURIED = zoo.pointwise("x^2 + 1e18", lambda x: x**2 + 1e18, lambda x: 2 * x)


def clipped_at_5(vjp: zoo.Vjp) -> zoo.Vjp:
    return zoo.upstream_through(lambda g: np.clip(g, -5, 5))(vjp)


def nearly_the_reference(dy: Array, x: Array) -> dict[str, Array]:
    return {"x": dy * (1 - np.tanh(x) ** 2) * (1 + 5e-8)}


def against_the_reference() -> Verdict:
    spec = load("tanh")
    made = target(spec, mistake=Mistake("", nearly_the_reference))
    return made.check("dx").verdict


def both_ways() -> Verdict:
    """Whether one forward of a check moves some entries of the input up and others down."""
    seen: list[Array] = []

    def forward(x: Array) -> Array:
        seen.append(x.copy())
        return np.tanh(x)

    function = zoo.Function("tanh", forward, TANH.vjp, zoo.normal((40,)))
    subject = subject_of(function, function.vjp)
    case = subject.sample(3, {})
    gradient.judge(subject, "x0", case, subject.layout)
    steps = [x - case.arrays["x0"] for x in seen]
    return PASS if any((s > 0).any() and (s < 0).any() for s in steps) else FAIL


def trials() -> Iterator[Trial]:
    for name in ("tanh", "softmax", "batch norm", "affine", "relu", "attention"):
        yield right(f"the textbook's {name}", FUNCTIONS[name])
    for name in ("x^2 + 1e8", "x^2 at 1e6", "exp up to 15", "1e-6 x^2", "sum of squares + 1e8"):
        yield right(f"a right gradient at an awkward scale: {name}", FUNCTIONS[name])
    for name in ("tanh, single", "dense, single"):
        yield right(f"a right layer in single precision: {name}", FUNCTIONS[name])
    for seed in (1, 2, 6, 9):
        yield right(f"a right loss of 1.2 in single precision, {seed}", LOSS, PASS, INCONCLUSIVE, seed=seed)
    yield right("ReLU with an input that is exactly 0", RELU_AT_ZERO, INCONCLUSIVE)
    yield right("a gradient below the last digit of the output", BURIED, INCONCLUSIVE)
    yield wrong("a factor 2 forgotten", TANH, zoo.times(0.5)(TANH.vjp))
    yield wrong("wrong by one in a thousand", TANH, zoo.times(1.001)(TANH.vjp))
    yield wrong("an approximate formula, 3e-7 off", TANH, zoo.times(1 + 3e-7)(TANH.vjp))
    for seed in (1, 4):
        yield wrong(f"3e-4 off beside a large constant, {seed}", OFFSET, zoo.times(1 + 3e-4)(OFFSET.vjp), seed)
    yield Trial("an approximate formula for a known layer, 5e-8 off", (FAIL,), against_the_reference)
    yield wrong("softmax without a backward", SOFTMAX, zoo.times(0.0)(SOFTMAX.vjp))
    yield wrong("clipping at 5 inside backward, as in char-rnn", TANH, clipped_at_5(TANH.vjp))
    yield wrong("one entry of a dense Jacobian doubled", DENSE, DENSE.wrong["one Jacobian entry x2"])
    yield wrong("the tanh form of GELU for its erf form", *gelu())
    yield Trial("a probe that moves entries up and down at once", (PASS,), both_ways)


def gelu() -> tuple[zoo.Function, zoo.Vjp]:
    function = FUNCTIONS["gelu, erf form"]
    return function, function.wrong["tanh form of gelu"]


def wrong_answers() -> list[str]:
    """What the judge, as it now is, gets wrong."""
    return [trial.says for trial in trials() if trial.verdict() not in trial.allowed]


def test_the_judge_gives_every_answer() -> None:
    assert wrong_answers() == []


# the mutations


def ones(subject: Subject, case: Case, output: Array) -> Array:
    return np.ones(np.shape(output))


def one_hot(subject: Subject, case: Case, output: Array) -> Array:
    v = np.zeros(np.size(output))
    v[case.rng(1).integers(v.size)] = 1.0
    return v.reshape(np.shape(output))


def never_negative(rng: np.random.Generator, x: Array) -> Array:
    scale = float(np.sqrt(np.mean(np.square(x)))) if x.size else 1.0
    return np.abs(rng.standard_normal(x.shape)) * (scale or 1.0)


def one_fixed_step(self: Ladder, v: Array, noise: float = 0.0) -> Estimate:
    """D(h) at h = 1e-6, believed to 1e-7."""
    odd = self.odd(1e-6)
    assert odd is not None
    slope = float(v @ odd) / 2e-6
    return Estimate(slope, 1e-7 * abs(slope) + 1e-10)


Patch = Callable[[pytest.MonkeyPatch], None]


def times_100(name: str) -> Patch:
    return lambda m: m.setattr(judge, name, 100 * getattr(judge, name))


def ladder(**methods: object) -> Patch:
    def patch(m: pytest.MonkeyPatch) -> None:
        for name, method in methods.items():
            m.setattr(Ladder, name, method)

    return patch


def upstreams(made: Callable[[Subject, Case, Array], Array]) -> Patch:
    def patch(m: pytest.MonkeyPatch) -> None:
        m.setattr(gradient, "upstream", made)
        m.setattr(contract, "upstream", made)

    return patch


MUTATIONS: dict[str, tuple[Patch, str]] = {  # what is done to the judge, and an answer that it then gets wrong
    "KAPPA x100": (times_100("KAPPA"), "3e-4 off beside a large constant, 1"),
    "FAST_TOLERANCE x100": (times_100("FAST_TOLERANCE"), "an approximate formula, 3e-7 off"),
    "EXACT x100": (times_100("EXACT"), "an approximate formula for a known layer, 5e-8 off"),
    "one fixed step for the ladder": (
        ladder(estimate=one_fixed_step, fast=lambda self, v: []),
        "a right gradient at an awkward scale: x^2 + 1e8",
    ),
    "no kink test": (
        ladder(kinked=lambda self: False, kink_size=lambda self, v, noise: 0.0),
        "ReLU with an input that is exactly 0",
    ),
    "no linearity test": (
        lambda m: m.setattr(contract, "_linear", lambda *a: iter(())),
        "clipping at 5 inside backward, as in char-rnn",
    ),
    "no measurement of noise": (
        ladder(_noise=lambda self, v, steps: 0.0),
        "a right gradient at an awkward scale: x^2 + 1e8",
    ),
    "upstream gradients of ones": (upstreams(ones), "softmax without a backward"),
    "one-hot upstream gradients": (upstreams(one_hot), "one entry of a dense Jacobian doubled"),
    "directions without a sign": (
        lambda m: m.setattr(judge, "direction", never_negative),
        "a probe that moves entries up and down at once",
    ),
    "a fast path that always passes": (
        lambda m: m.setattr(judge, "FAST_TOLERANCE", np.inf),
        "a factor 2 forgotten",
    ),
    "no grain of single precision": (
        ladder(grain=property(lambda self: EPS)),
        "a right loss of 1.2 in single precision, 9",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_part_is_needed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patch, answer = MUTATIONS[name]
    patch(monkeypatch)
    assert answer in wrong_answers()
