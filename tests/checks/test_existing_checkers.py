"""Where other gradient checkers go wrong, and this project does not.

torch's gradcheck is the installed one, in both modes, on a `torch.autograd.Function` that wraps the NumPy pair. What
it gets wrong is asserted too: when a later version gets it right, the test says so.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import zoo
from benchmarks.power import cases_of, outcome, subject_of
from benchmarks.side_by_side import Pair, flat_sum, run, torch_gradcheck

from gradcheck_plugin.model import Array, Verdict

FUNCTIONS = {f.name: f for f in zoo.functions()}
SLOW, FAST = torch_gradcheck(fast=False), torch_gradcheck(fast=True)
PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def ours(function: zoo.Function, vjp: zoo.Vjp) -> Verdict:
    subject = subject_of(function, vjp)
    return outcome(subject, cases_of(subject, 1, 3)).verdict


def theirs(function: zoo.Function, vjp: zoo.Vjp) -> tuple[Verdict, Verdict]:
    """What torch says in slow and in fast mode."""
    case = subject_of(function, vjp).sample(11, {})
    return run(SLOW, Pair(function, vjp), case), run(FAST, Pair(function, vjp), case)


def at(name: str, forward: zoo.Forward, vjp: zoo.Vjp, *arrays: Array) -> zoo.Function:
    """A function at one point."""
    return zoo.Function(name, forward, vjp, lambda rng: tuple(a.copy() for a in arrays))


# a fixed step with fixed tolerances


def test_a_gradient_below_their_absolute_tolerance() -> None:
    function = FUNCTIONS["1e-6 x^2"]
    zero = zoo.times(0.0)(function.vjp)
    assert ours(function, zero) is FAIL
    assert ours(function, function.vjp) is PASS
    assert theirs(function, zero) == (PASS, PASS)


# no third verdict

BURIED = zoo.pointwise("x^2 + 1e18", lambda x: x**2 + 1e18, lambda x: 2 * x)


def test_a_gradient_that_no_number_shows() -> None:
    twice = zoo.times(2.0)(BURIED.vjp)
    assert ours(BURIED, BURIED.vjp) is not FAIL
    assert ours(BURIED, twice) is not FAIL
    assert ours(BURIED, BURIED.vjp) is INCONCLUSIVE
    assert theirs(BURIED, BURIED.vjp) == (FAIL, FAIL)


# one-hot upstream gradients of size one

NOT_LINEAR = {
    "g^2": np.square,
    "|g|": np.abs,
    "sign of g": np.sign,
    "g clipped to 1": lambda g: np.clip(g, -1, 1),
    "g / max |g|": zoo.normalised,
}


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_a_backward_that_is_not_linear_in_the_upstream_gradient(name: str) -> None:
    function = FUNCTIONS["tanh"]
    wrong = zoo.upstream_through(NOT_LINEAR[name])(function.vjp)
    assert ours(function, wrong) is FAIL
    assert theirs(function, wrong)[0] is PASS


# directions without sign, and a relative tolerance of 1e-3

MATRIX = np.random.default_rng(4).uniform(0.5, 1.5, size=(40, 40))
DOUBLED = MATRIX * np.where(np.arange(1600).reshape(40, 40) == 703, 2, 1)
DENSE = zoo.Function(
    "dense 40 x 40",
    lambda x: MATRIX @ x,
    zoo.dense_vjp(MATRIX),
    zoo.normal((40,)),
    {"one Jacobian entry x2": zoo.dense_vjp(DOUBLED)},
)
DROWNED = {
    "one Jacobian entry x2": DENSE,
    "wrong permutation": FUNCTIONS["permutation of 2000"],
    "no eps in backward": FUNCTIONS["batch norm"],
    "tanh form of gelu": FUNCTIONS["gelu, erf form"],
}


@pytest.mark.parametrize("name", DROWNED)
def test_a_fault_that_drowns_in_a_projection(name: str) -> None:
    function, wrong = DROWNED[name], DROWNED[name].wrong[name]
    assert ours(function, function.vjp) is PASS
    assert ours(function, wrong) is FAIL
    case = subject_of(function, wrong).sample(11, {})
    assert run(FAST, Pair(function, wrong), case) is PASS


# upstream gradients of ones


@pytest.mark.parametrize("name", ["softmax", "batch norm", "layer norm"])
def test_zero_for_what_sums_to_a_constant(name: str) -> None:
    function = FUNCTIONS[name]

    def no_input_gradient(g: Array, x: Array, *rest: Array) -> tuple[Array, ...]:
        right = function.vjp(g, x, *rest)
        return 0 * right[0], *right[1:]

    def all_equal(rng: np.random.Generator) -> tuple[Array, ...]:  # gamma as it is made: ones
        x, *rest = function.sample(rng)
        return x, *(np.ones_like(r) for r in rest)

    assert ours(function, no_input_gradient) is FAIL
    plain = zoo.Function(name, function.forward, no_input_gradient, all_equal)
    value, slope, z = flat_sum(Pair(plain, no_input_gradient), subject_of(plain, no_input_gradient).sample(11, {}))
    h = 1e-5
    central = np.array([(value(z + h * e) - value(z - h * e)) / (2 * h) for e in np.eye(z.size)])
    np.testing.assert_allclose(slope(z), central, atol=1e-8)  # what a checker of the sum compares


# the upstream gradient in place


def test_a_backward_that_overwrites_the_upstream_gradient() -> None:
    function = FUNCTIONS["tanh"]
    wrong = zoo.overwrites(function.vjp)
    assert ours(function, wrong) is FAIL
    assert theirs(function, wrong)[0] is PASS


# right code that is rejected


@pytest.mark.parametrize("name", ["tanh, single", "dense, single"])
def test_single_precision(name: str) -> None:
    function = FUNCTIONS[name]
    assert ours(function, function.vjp) is not FAIL
    assert theirs(function, function.vjp) == (FAIL, FAIL)


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


AT_ZERO = at("relu", relu, lambda g, x: (g * (x > 0),), np.array([[0.0, 0.7, -1.3]]))
TIED = at("max pool", zoo.pooled, zoo.pooled_vjp, np.ones((2, 3, 8)))
LARGE = zoo.pointwise("x^2 at 1e9", lambda x: x**2, lambda x: 2 * x, zoo.normal((3, 4), size=1e9))


@pytest.mark.parametrize("function", [AT_ZERO, TIED], ids=lambda f: f.name)
def test_a_kink(function: zoo.Function) -> None:
    assert ours(function, function.vjp) is not FAIL
    assert theirs(function, function.vjp) == (FAIL, FAIL)


def test_a_large_input() -> None:
    assert ours(LARGE, LARGE.vjp) is PASS
    assert FAIL in theirs(LARGE, LARGE.vjp)
