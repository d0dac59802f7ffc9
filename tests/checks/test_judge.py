"""The two worst bugs: a right gradient that fails, and a wrong one that passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from benchmarks.soundness import SingleCaller
from reference_subject import target

from gradcheck_plugin.api import Report, check
from gradcheck_plugin.judging import forward, situations
from gradcheck_plugin.judging.gradient import gradients
from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.oracles.judge import judge
from gradcheck_plugin.oracles.numerical import Ladder
from gradcheck_plugin.suite import open_namespace
from reference_impls import load, specs
from reference_impls.spec import Array

Pair = tuple[Callable[[np.ndarray], Any], Callable[[np.ndarray, np.ndarray], Any]]


def judged(pair: Pair) -> Report:
    """The report on a pair, driven as user code under a name that no reference has."""
    forward, backward = pair

    def zzz_forward(x):  # type: ignore[no-untyped-def]
        return forward(x), x

    def zzz_backward(dout, cache):  # type: ignore[no-untyped-def]
        return backward(dout, cache)

    return check((zzz_forward, zzz_backward), cases=10)


P = np.random.default_rng(5).permutation(2000)
W = np.random.default_rng(6).standard_normal((40, 40))


def every_second(x: np.ndarray) -> np.ndarray:
    return np.arange(x.size).reshape(x.shape) % 2 == 0


RIGHT: dict[str, Pair] = {
    "square": (lambda x: x**2, lambda g, x: 2 * x * g),
    "tiny gradient": (lambda x: 1e-6 * x**2, lambda g, x: 2e-6 * x * g),
    "very tiny gradient": (lambda x: 1e-15 * np.sin(x), lambda g, x: 1e-15 * np.cos(x) * g),
    "large offset": (lambda x: x**2 + 1e6, lambda g, x: 2 * x * g),
    "large scale": (lambda x: 1e9 * np.tanh(x), lambda g, x: 1e9 * (1 - np.tanh(x) ** 2) * g),
    "relu": (lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0)),
    "abs": (np.abs, lambda g, x: g * np.sign(x)),
    "softmax": (
        lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
        lambda g, x: (y := np.exp(x) / np.exp(x).sum(-1, keepdims=True)) * (g - (g * y).sum(-1, keepdims=True)),
    ),
    "single precision inside": (
        lambda x: np.tanh(x.astype(np.float32)),
        lambda g, x: (g * (1 - np.tanh(x.astype(np.float32)) ** 2)).astype(np.float32),
    ),
    "minus infinity under a mask": (
        lambda x: np.where(every_second(x), x, -np.inf),
        lambda g, x: np.where(every_second(x), g, 0.0),
    ),
    "logarithm of a square": (lambda x: np.log(x**2), lambda g, x: 2 * g / x),
    "row centring, rounding of the size of x": (
        lambda x: x - x.mean(-1, keepdims=True),
        lambda g, x: g - g.mean(-1, keepdims=True),
    ),
    "dropout with the global generator": (
        lambda x: x * (np.random.rand(*x.shape) > 0.5) * 0 + x,
        lambda g, x: g,
    ),
}
WRONG: dict[str, Pair] = {
    "zero for a tiny gradient": (lambda x: 1e-6 * x**2, lambda g, x: 0 * g),
    "twice": (lambda x: x**2, lambda g, x: 4 * x * g),
    "twice, beside minus infinity": (
        lambda x: np.where(every_second(x), x, -np.inf),
        lambda g, x: np.where(every_second(x), g * (1 + (x.size > 1)), 0.0),
    ),
    "one in a thousand": (lambda x: np.tanh(x), lambda g, x: 1.001 * (1 - np.tanh(x) ** 2) * g),
    "one in 100,000": (lambda x: np.tanh(x), lambda g, x: 1.00001 * (1 - np.tanh(x) ** 2) * g),
    "square of the upstream": (lambda x: 3 * x, lambda g, x: 3 * g**2),
    "size of the upstream": (lambda x: 3 * x, lambda g, x: 3 * np.abs(g)),
    "sign of the upstream": (lambda x: 3 * x, lambda g, x: 3 * np.sign(g)),
    "clipped upstream": (lambda x: 3 * x, lambda g, x: 3 * np.clip(g, -1, 1)),
    "normalised upstream": (lambda x: 3 * x, lambda g, x: 3 * g / np.abs(g).max()),
    "softmax, all zero": (lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True), lambda g, x: 0 * g),
    "one entry doubled": (
        lambda x: x**2,
        lambda g, x: 2 * x * g * np.where(np.arange(x.size).reshape(x.shape) == 1, 2, 1),
    ),
    "tanh form for the erf form of GELU": (
        lambda x: x * 0.5 * (1 + np.vectorize(__import__("math").erf)(x / np.sqrt(2))),
        lambda g, x: g * _gelu_tanh_slope(x),
    ),
    "normalisation without eps in backward": (
        lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5),
        lambda g, x: (lambda n, s: (g - g.mean(0) - n * (g * n).mean(0)) / s)((x - x.mean(0)) / x.std(0), x.std(0)),
    ),
}  # fmt: skip


def _gelu_tanh_slope(x: np.ndarray) -> np.ndarray:
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * 0.044715 * x**2)


@pytest.mark.parametrize("name", RIGHT)
def test_right_is_never_failed(name: str) -> None:
    report = judged(RIGHT[name])
    assert report.results, report.not_driven
    assert [(r.property, r.finding and r.finding.message, r.reason) for r in report.failed] == []


@pytest.mark.parametrize("name", [n for n in RIGHT if n != "single precision inside"])
def test_right_passes(name: str) -> None:
    assert judged(RIGHT[name]).ok, str(judged(RIGHT[name]))


@pytest.mark.parametrize("name", WRONG)
def test_wrong_is_never_passed(name: str) -> None:
    report = judged(WRONG[name])
    assert report.results, report.not_driven
    assert report.failed, str(report)


def test_the_same_verdict_twice() -> None:
    first, second = (judged(WRONG["twice"]).to_json()["results"] for _ in range(2))
    for rows in (first, second):
        for row in rows:
            del row["seconds"]
    assert first == second


def test_rounding_in_place_of_an_exact_zero_is_not_a_failure() -> None:
    """All hidden units dead: the gradient is zero, and right code leaves 1e-16 of rounding in it."""

    def zzz_forward(x):  # type: ignore[no-untyped-def]
        return np.tanh(x) * 0 + 5.0, x

    def zzz_backward(dout, cache):  # type: ignore[no-untyped-def]
        return dout * 1e-16

    report = check((zzz_forward, zzz_backward), cases=10)
    assert report.failed == []
    dx = next(r for r in report.results if r.property == "dx")
    assert dx.reason == "the gradient was zero everywhere it was tried"


def test_only_a_gross_contradiction_of_the_exact_oracles_decides() -> None:
    from gradcheck_plugin.model import Verdict
    from gradcheck_plugin.oracles.judge import Judgement, _contradicted

    zero = np.zeros((2, 2))
    base = Judgement(Verdict.INCONCLUSIVE, expected=zero, torch=zero, dy=np.ones(1))
    assert not _contradicted(zero + 1e-16, base)
    assert _contradicted(zero + 0.1, base)


def test_a_wrong_entry_that_the_others_drown_out_is_found() -> None:
    def zzz_forward(x):  # type: ignore[no-untyped-def]
        return np.exp(_scales(x) + x), x

    def zzz_backward(dout, cache):  # type: ignore[no-untyped-def]
        dx = dout * np.exp(_scales(cache) + cache)
        dx.flat[0] *= 2
        return dx

    assert check((zzz_forward, zzz_backward), cases=10).failed


def _scales(x: np.ndarray) -> np.ndarray:
    """-20 for the first entry, 0 for the others: its gradient is 2e-9 of theirs."""
    return np.where(np.arange(x.size).reshape(x.shape) == 0, -20.0, 0.0)


class SingleAffine:
    """Works in single precision whatever it is given."""

    def __init__(self, W: Array, b: Array, off: float = 1.0) -> None:
        self.W, self.b, self.off = W, b, off

    def forward(self, x: Array) -> Array:
        self.x = x.astype(np.float32)
        return self.x @ self.W.astype(np.float32) + np.float32(self.off) * self.b.astype(np.float32)

    def backward(self, dout: Array) -> Array:
        dout = dout.astype(np.float32)
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return np.asarray(dout @ self.W.T.astype(np.float32))


def forward_verdicts(off: float) -> set[Verdict]:
    """The forward's verdicts over cases with one output, in which large terms now and then cancel."""
    spec = load("affine")

    class Layer(SingleAffine):
        def __init__(self, W: Array, b: Array) -> None:
            super().__init__(W, b, off)

    subject = open_namespace({"Affine": Layer}, Settings()).targets[0].subject
    assert subject.spec is spec
    cases = [subject.sample(seed, {"N": 1, "D": 5, "M": 1}) for seed in range(3000)]
    return {forward.judge(subject, case, subject.layout).verdict for case in cases}


def test_terms_that_cancel_round_for_more_in_single_precision() -> None:
    assert forward_verdicts(1.0) == {Verdict.PASS}


def test_a_forward_that_is_off_in_the_fourth_digit_fails() -> None:
    assert Verdict.FAIL in forward_verdicts(1.0005)


def saturated(t: float) -> np.ndarray:
    """log(1 - y) of a y that rounds to a few steps below 1, beside a smooth term of the same input."""
    y = 1 / (1 + np.exp(-(33 + t)))
    return np.array([np.log(1 - y) + 3 * np.sin(t)])


def bent(t: float) -> np.ndarray:
    return np.array([np.maximum(t - 1e-3, 0) + 3 * np.sin(t)])


def test_steps_near_the_point_are_seen() -> None:
    ladder, v = Ladder(saturated, saturated(0.0)), np.ones(1)
    estimate = ladder.estimate(v)
    assert estimate.ok
    assert abs(estimate.value - 2) > 0.5  # the slope is -1 + 3, and between the steps it is 3
    assert ladder.stepped(v, estimate.value)


def test_a_kink_near_the_point_is_no_step() -> None:
    ladder, v = Ladder(bent, bent(0.0)), np.ones(1)
    estimate = ladder.estimate(v)
    assert estimate.value == pytest.approx(3)
    assert not ladder.stepped(v, estimate.value)


@pytest.mark.parametrize("gap", np.linspace(8, 20, 13))
def test_the_rounding_of_a_loss_that_is_almost_zero_is_no_other_forward(gap: float) -> None:
    """In single precision log(1 + 1e-6) has one digit left: what is below a rounding of the 1 says nothing."""
    subject = target(specs()["softmax_with_loss"]).subject
    single = replace(subject, caller=SingleCaller(subject.caller))
    x, t = np.array([[gap, 0.3, -0.1]]), np.array([[1.0, 0.0, 0.0]])
    case = replace(subject.sample(0, {"N": 1, "C": 3}), arrays=dict(zip(["x", "t"], [x, t], strict=True)))
    assert forward.judge(single, case, subject.layout).verdict is Verdict.PASS
    assert forward.judge(subject, case, subject.layout).verdict is Verdict.PASS


def test_single_precision_of_a_gradient_that_is_almost_zero_is_no_other_gradient() -> None:
    """A batch of one is compared with the reference: saturated units leave of it a rounding."""
    subject = target(specs()["rnn_sequence"]).subject
    single = replace(subject, caller=SingleCaller(subject.caller))
    for seed in range(20):
        case = subject.sample(seed, {"T": 2, "N": 1, "D": 4, "H": 1})
        case = replace(case, arrays={n: a * (1 if n == "h0" else 3.5) for n, a in case.arrays.items()})
        out, dy, given = gradients(single, case)
        assert situations._unlike(single, case, out, dy, given) == []


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize(("factor", "verdict"), [(1.0, Verdict.PASS), (2.0, Verdict.FAIL)])
def test_beside_an_infinity_not_everything_is_right(measured: bool, factor: float, verdict: Verdict) -> None:
    """Oracles that give one where the forward is finite decide nothing."""
    x, dy = np.array([1.0, 2.0, -0.5]), np.array([0.5, -1.0, 2.0])
    oracle = 2 * x * dy
    oracle[0] = np.inf
    found = judge(
        x,
        factor * 2 * x * dy,
        x**2,
        dy,
        lambda t, u: (x + t * u) ** 2,
        lambda k: np.random.default_rng(k),
        (oracle, oracle),
        trusted=True,
        measured=measured,
    )
    assert found.verdict is verdict
