"""The short versions of the campaigns on the zoo: power, comparison and cost."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import cost, power, side_by_side, speed, zoo

from gradcheck_plugin.judging import gradient
from gradcheck_plugin.model import Verdict

ZOO = {f.name: f for f in zoo.functions()}
EXACT = [f for f in ZOO.values() if not (f.single or f.scaled)]
CHOSEN = ("square", "gelu, erf form", "relu", "softmax", "batch norm", "affine", "convolution", "LSTM step")


def test_the_zoo_is_a_zoo() -> None:
    assert len(ZOO) == len(zoo.functions()) >= 30
    assert sum(f.single for f in ZOO.values()) >= 2
    assert {k for f in ZOO.values() for k in f.wrong} == {
        "no eps in backward",
        "wrong permutation",
        "tanh form of gelu",
        "one Jacobian entry x2",
    }


@pytest.mark.parametrize("function", ZOO.values(), ids=ZOO.keys())
def test_a_right_gradient_is_never_failed(function: zoo.Function) -> None:
    subject = power.subject_of(function, function.vjp)
    found = [power.outcome(subject, power.cases_of(subject, seed, 2)) for seed in range(2)]
    assert [o for o in found if o.verdict is Verdict.FAIL] == []
    if function in EXACT and function.smooth:
        assert {o.verdict for o in found} == {Verdict.PASS}
        assert max(o.resolution for o in found) < 1e-7


def test_a_wrong_gradient_never_passes() -> None:
    made = list(power.trials([ZOO[n] for n in CHOSEN], seeds=1, cases=2))
    assert power.surprises(made) == []
    assert {t.family for t in made} >= {power.RIGHT, *zoo.FAMILIES, "no eps in backward", "tanh form of gelu"}
    assert len(power.table(made)) == 1 + len({t.family for t in made})


@pytest.mark.parametrize("name", ["permutation of 2000", "dense 40 x 40", "tanh, single", "dense, single"])
def test_what_only_shows_in_numbers(name: str) -> None:
    """The gradients that one projection with a loose tolerance lets through; single precision offers 1e-3 at best."""
    function = ZOO[name]
    below = {"relative 1e-3", "relative 1e-5"} if function.single else set()
    made = list(power.trials([function], seeds=2, cases=1))
    assert [s for s in power.surprises(made) if s.split(":")[0] not in below] == []


def test_a_pass_says_how_far_it_looked() -> None:
    """One in 100,000 on top of an offset of 1e8 is beyond double precision; the resolution says so."""
    function = ZOO["x^2 + 1e8"]
    for family in ("relative 1e-5", "x2"):
        subject = power.subject_of(function, zoo.FAMILIES[family](function.vjp))
        found = power.outcome(subject, power.cases_of(subject, 0, 1))
        if family == "x2":
            assert found.verdict is Verdict.FAIL
        elif found.verdict is Verdict.PASS:
            assert found.resolution > 1e-5


@pytest.mark.parametrize("function", [f for f in EXACT if f.smooth], ids=lambda f: f.name)
def test_a_right_gradient_costs_at_most_15_calls(function: zoo.Function) -> None:
    subject = power.subject_of(function, function.vjp)
    caller = subject.caller
    assert isinstance(caller, power.PairCaller)
    case = subject.sample(3, {})
    for name in subject.judged:
        before = caller.forwards + caller.backwards
        assert gradient.judge(subject, name, case, subject.layout).verdict is Verdict.PASS
        assert caller.forwards + caller.backwards - before <= 15


def test_a_verified_case_is_counted() -> None:
    found = cost.measure(zoo.affine(8, 16, 8))
    assert found.verified
    assert found.gradients == 3
    assert found.per_gradient <= 15
    assert sum(found.contract) <= 40
    assert "affine" in cost.row(found)


def test_side_by_side() -> None:
    names = [n for n in side_by_side.installed() if n not in ("autograd check_grads", "jax check_grads")]
    scores = side_by_side.compare([ZOO[n] for n in ("square", "softmax", "1e-6 x^2", "tanh, single")], 1, names)
    ours, slow = scores["this project"], scores["torch gradcheck, slow"]
    assert [ours.passed(f) for f in zoo.FAMILIES] == [0.0] * len(zoo.FAMILIES)
    assert ours.right[Verdict.FAIL] == ours.single[Verdict.FAIL] == []
    assert slow.wrong["zero"][Verdict.PASS] == ["1e-6 x^2"]
    assert slow.passed("g^2") == 100.0
    assert slow.single[Verdict.FAIL] == ["tanh, single"]
    assert scores["courses"].passed("x2") == 0.0
    lines = [*side_by_side.table(scores), *side_by_side.details(scores)]
    assert any("this project rejects: nothing" in line for line in lines)


def test_the_families_are_wrong() -> None:
    """Every family changes the gradient of a square, or what it is handed."""
    x, g = np.array([1.0, 2.0, 3.0]), np.array([-2.0, 0.5, 3.0])
    for name, family in zoo.FAMILIES.items():
        given = g.copy()
        values = family(ZOO["square"].vjp)(given, x)[0]
        changed = not np.array_equal(given, g)
        assert changed == (name == zoo.OVERWRITES)
        assert np.array_equal(values, 2 * x * g) == changed


def test_what_a_check_costs_in_calls() -> None:
    """The figures that the READMEs give."""
    assert speed.evaluations(speed.opened(speed.AFFINE)[0]) <= 350
    assert speed.evaluations(speed.opened(speed.UNKNOWN)[0]) <= 370
