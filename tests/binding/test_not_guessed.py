"""Right code that looks like something else is not failed, and wrong code does not slip through its name or shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import FileSuite, open_namespace
from reference_impls import specs
from reference_impls.spec import LayerSpec


def suite(*things: Any) -> FileSuite:
    for thing in things:
        thing.__module__ = __name__
    return open_namespace({t.__name__: t for t in things}, Settings(cases=3))


def verdicts(made: FileSuite) -> dict[str, set[Verdict]]:
    return {t.name: {r.verdict for r in t.check_all()} for t in made.targets}


# backward functions without a forward


def sigmoid_backward(dA, A):
    return dA * A * (1 - A)


def exp_backward(grad, out):
    return grad * out


def relu_backward(dout, mask):
    return dout * mask


def max_backward(grad, mask):
    return grad * mask


def batchnorm_backward(dout, x_hat, gamma, std):
    scaled = dout * gamma
    dx = (scaled - scaled.mean(0) - x_hat * (scaled * x_hat).mean(0)) / std
    return dx, (dout * x_hat).sum(0), dout.sum(0)


def softmax_with_loss_backward(dout, probs, t):
    return dout * (probs - t) / len(t)


def tanh_backward(dy, x):
    return dy * (1 - x**2)


def sub_backward(grad_output, a, b):
    return grad_output, grad_output


def test_an_array_may_be_the_output() -> None:
    assert verdicts(suite(sigmoid_backward, exp_backward)) == {"sigmoid": {Verdict.PASS}, "exp": {Verdict.PASS}}


@pytest.mark.parametrize(
    "function", [relu_backward, max_backward, batchnorm_backward, softmax_with_loss_backward], ids=lambda f: f.__name__
)
def test_what_a_forward_has_kept_is_not_guessed(function: Callable[..., Any]) -> None:
    made = suite(function)
    assert made.targets == []
    assert [n.target for n in made.not_driven] == [function.__name__.removesuffix("_backward")]


@pytest.mark.parametrize("function", [tanh_backward, sub_backward], ids=lambda f: f.__name__)
def test_operands_can_be_nothing_else(function: Callable[..., Any]) -> None:
    assert Verdict.FAIL in verdicts(suite(function))[function.__name__.removesuffix("_backward")]


def alone(spec: LayerSpec) -> Callable[..., Any]:
    """The reference's own backward as a user writes it alone, with the names of the reference's arrays."""
    names = [e.name for e in spec.layout.entries]
    space: dict[str, Any] = {"backward": spec.gradients, "names": [e.name for e in spec.layout.entries]}
    given = ", ".join(names)
    line = f"def {spec.name}_backward(dout, {given}):\n    g = backward(dout, {given})\n"
    exec(line + "    return tuple(g.get(n) for n in names)\n", space)
    function: Callable[..., Any] = space[f"{spec.name}_backward"]
    return function


SINGLE = [n for n, s in specs().items() if s.kind in ("layer", "loss") and not s.layout.outputs]


@pytest.mark.parametrize("name", SINGLE)
def test_a_right_backward_alone_is_never_failed(name: str) -> None:
    made = suite(alone(specs()[name]))
    assert Verdict.FAIL not in set().union(*verdicts(made).values(), set())
    assert not [n for n in made.not_driven if n.code == "internal"]


# classes


class Cell:
    def __init__(self, n_in, n_out):
        self.W_x = np.random.randn(n_in, n_out)
        self.b_h = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        self.y = np.tanh(x @ self.W_x + self.b_h)
        return 2 * self.y

    def backward(self, dout):
        dz = 2 * dout * (1 - self.y**2)
        self.dW_x = 3 * self.x.T @ dz
        self.db_h = dz.sum(axis=0)
        return dz @ self.W_x.T


class ListOfOne:
    def forward(self, x):
        self.x = x
        return x**3 + x

    def backward(self, dout):
        return [dout * (3 * self.x**2 + 1)]


class OneNumberOnly:
    def forward(self, x):
        self.x = x
        return x if x > 0 else 0.1 * x

    def backward(self, dout):
        return dout if self.x > 0 else 0.1 * dout


class OfVectors:
    """What is called a vector is no sequence of words, though there is a "to" in its name."""

    def forward(self, input_vector):
        self.x = np.asarray(input_vector)
        return self.x**2

    def backward(self, d_vector):
        return 2 * self.x * d_vector


class OfVectorsWrong(OfVectors):
    def backward(self, d_vector):
        return self.x * d_vector


def test_the_gradient_of_a_vector_is_judged() -> None:
    right, wrong = (suite(c).targets[0].check_all() for c in (OfVectors, OfVectorsWrong))
    assert "dinput_vector" in {r.property for r in right}
    assert {r.verdict for r in right} == {Verdict.PASS}
    assert "dinput_vector" in {r.property for r in wrong if r.verdict is Verdict.FAIL}


class SoftmaxCrossEntropyLoss:
    def __call__(self, logits, y):
        p = np.exp(logits - logits.max(1, keepdims=True))
        return -np.log((p / p.sum(1, keepdims=True))[np.arange(len(y)), y]).mean()

    def backward(self, logits, y):
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[np.arange(len(y)), y] -= 1
        return p / len(y)


class Perceptron:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)

    def activation(self, z):
        return 1 / (1 + np.exp(-z))

    def backward(self, X, y, output):
        self.W -= 0.1 * X.T @ ((output - y) * output * (1 - output))


def test_a_weight_by_the_name_of_its_input_is_a_parameter() -> None:
    results = suite(Cell).targets[0].check_all()
    assert [r.property for r in results if r.verdict is Verdict.FAIL] == ["dW_x"]
    assert "db_h" in [r.property for r in results]


def test_right_classes_pass() -> None:
    found = verdicts(suite(ListOfOne, SoftmaxCrossEntropyLoss))
    assert found == {"ListOfOne": {Verdict.PASS}, "SoftmaxCrossEntropyLoss": {Verdict.PASS}}


def test_what_cannot_be_called_is_listed() -> None:
    made = suite(Perceptron)
    assert made.targets == []
    assert {n.target for n in made.not_driven} == {"Perceptron"}


def test_what_is_written_for_one_number_is_called_with_one() -> None:
    assert verdicts(suite(OneNumberOnly)) == {"OneNumberOnly": {Verdict.PASS}}


class WeightedNLL:
    """The weights of the classes are constants: None is what torch, too, wants for them."""

    @staticmethod
    def forward(ctx, x, t, w):
        ctx.save_for_backward(x, t, w)
        return specs()["weighted_nll"].output(x, t, w)

    @staticmethod
    def backward(ctx, dout):
        return specs()["weighted_nll"].gradients(dout, *ctx.saved_tensors)["x"], None, None


def test_what_the_reference_holds_constant_is_data() -> None:
    results = suite(WeightedNLL).targets[0].check_all()
    assert {r.property: r.verdict for r in results} == dict.fromkeys(("contract", "forward", "dx"), Verdict.PASS)
