"""A backward that is a plain derivative is one by what its author says, never because its numbers fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

# name: (forward of x with the output kept, wrong backward of dout that is the derivative of the input or the output)
WRONG = {
    "Square": ("x**2", "2 * dout"),
    "Exp": ("np.exp(x)", "dout"),
    "Sigmoid": ("1 / (1 + np.exp(-x))", "dout * (1 - dout)"),
    "Log": ("np.log(np.abs(x))", "dout / self.x**2"),
    "Sqrt": ("np.sqrt(np.abs(x) + 1)", "0.5 / dout"),
    "Reciprocal": ("1 / x", "-1 / dout**2"),
    "Cube": ("x**3", "3 * dout**2"),
    "SigmoidOfOutput": ("1 / (1 + np.exp(-x))", "dout * (1 - self.out)"),
    "Tanh": ("np.tanh(x)", "1 - dout**2"),
}
CLASS = """
import numpy as np

class {name}:
    def forward(self, x):
        self.x = x
        self.out = {forward}
        return self.out

    def backward(self, dout):
        return {backward}
"""
PAIR = """
import numpy as np

def {name}_forward(x):
    out = {forward}
    return out, (x, out)

def {name}_backward(dout, cache):
    x, out = cache
    return {backward}
"""
STATIC = """
import numpy as np

class {name}:
    @staticmethod
    def forward(x):
        out = {forward}
        return out, (x, out)

    @staticmethod
    def backward(dout, cache):
        x, out = cache
        return {backward}
"""
CONTEXT = """
import numpy as np

class {name}:
    @staticmethod
    def forward(ctx, x):
        out = {forward}
        ctx.save_for_backward(x, out)
        return out

    @staticmethod
    def backward(ctx, dout):
        x, out = ctx.saved_tensors
        return {backward}
"""
FUNCTION = """
import torch

class {name}(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        out = {forward}
        ctx.save_for_backward(x, out)
        return out

    @staticmethod
    def backward(ctx, dout):
        x, out = ctx.saved_tensors
        return {backward}
"""
FORMS = {"class": CLASS, "pair": PAIR, "static": STATIC, "context": CONTEXT, "torch": FUNCTION}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("form", FORMS)
def test_a_derivative_in_place_of_a_product_fails(tmp_path: Path, form: str, name: str) -> None:
    forward, backward = WRONG[name]
    if form != "class":
        backward = backward.replace("self.", "")
    if form == "torch":
        forward = forward.replace("np.", "torch.")
    found = checked(tmp_path, FORMS[form].format(name=name, forward=forward, backward=backward), cases=3)
    assert found.failed(name), (found.verdicts(name), found.refused)


def test_the_report_says_when_it_would_be_right(tmp_path: Path) -> None:
    found = checked(tmp_path, CLASS.format(name="Square", forward="x**2", backward="2 * dout"))
    finding = found.result("Square", "dx").finding
    assert finding is not None
    assert any("would be right if `dout` were the layer's input" in line for line in finding.evidence), finding
    found = checked(tmp_path, CLASS.format(name="Sigmoid", forward="np.tanh(x)", backward="1 - dout**2"), "other.py")
    finding = found.result("Sigmoid", "contract").finding
    assert finding is not None
    assert any("would be right if `dout` were the layer's output" in line for line in finding.evidence), finding


RIGHT_BY_NAMES = {
    "a derivative of the output": ("backward(self, y)", "y * (1 - y)"),
    "another word for the output": ("backward(self, out)", "out * (1 - out)"),
    "the name of the method, whatever the argument's": ("derivative(self, v)", "v * (1 - v)"),
    "of the input, as forward calls it": ("backward(self, x)", "1 / (2 + np.exp(x) + np.exp(-x))"),
    "a prime": ("prime(self, z)", "1 / (2 + np.exp(z) + np.exp(-z))"),
    "a docstring for the argument": (
        "backward(self, v)",
        '''v * (1 - v)
        """
        v: the output of this layer
        """''',
    ),
}
ACTIVATION = """
import numpy as np

class Sigmoid:
    def forward(self, x):
        return 1 / (1 + np.exp(-x))

    def {head}:{doc}
        return {body}
"""


@pytest.mark.parametrize("case", RIGHT_BY_NAMES)
def test_names_and_docstrings_are_evidence(tmp_path: Path, case: str) -> None:
    head, body = RIGHT_BY_NAMES[case]
    body, _, doc = body.partition("\n")
    found = checked(tmp_path, ACTIVATION.format(head=head, body=body, doc="\n" + doc if doc else ""))
    assert found.passes("Sigmoid"), (found.verdicts("Sigmoid"), found.refused)


CALLED = """
import numpy as np

class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, v):
        return v * (1 - v)

class Dense:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.activation = Sigmoid()

    def run(self, x):
        self.a = self.activation.forward(x @ self.W)
        return self.a

    def deltas(self, delta):
        {use}
"""
SHOWS = {
    "multiplied at once": "return delta * self.activation.backward(self.a)",
    "multiplied later": "slope = self.activation.backward(self.a)\n        return np.multiply(delta, slope)",
    "given its own output": "return self.activation.backward(self.a) @ self.W.T",
    "in place": "delta *= self.activation.backward(self.a)\n        return delta",
}
SHOWS_NOT = {
    "scaled by a constant": "return 0.5 * self.activation.backward(self.v)",
    "the gradient comes in": "return self.mask * self.activation.backward(delta)",
    "passed on": "return self.activation.backward(self.v) @ self.W.T",
    "another object's": "return delta * self.norm.backward(self.a)",
}


@pytest.mark.parametrize("use", SHOWS)
def test_the_authors_own_call_is_evidence(tmp_path: Path, use: str) -> None:
    found = checked(tmp_path, CALLED.format(use=SHOWS[use]))
    assert found.passes("Sigmoid"), (found.verdicts("Sigmoid"), found.refused)


@pytest.mark.parametrize("use", SHOWS_NOT)
def test_other_calls_are_not(tmp_path: Path, use: str) -> None:
    found = checked(tmp_path, CALLED.format(use=SHOWS_NOT[use]))
    assert found.failed("Sigmoid"), found.verdicts("Sigmoid")


def test_a_sibling_that_imports_the_file_may_show_it(tmp_path: Path) -> None:
    source = CALLED.format(use="pass").partition("class Dense")[0]
    (tmp_path / "train.py").write_text(
        "from layers import Sigmoid\nact = Sigmoid()\n\ndef step(delta, a):\n    return delta * act.backward(a)\n"
    )
    assert checked(tmp_path, source).passes("Sigmoid")
    (tmp_path / "train.py").write_text("act = None\n\ndef step(delta, a):\n    return delta * act.backward(a)\n")
    assert checked(tmp_path, source, "alone.py").failed("Sigmoid")


def test_an_argument_called_the_output_is_judged_as_what_it_depends_on(tmp_path: Path) -> None:
    """`y * (1 - self.out)` is no function of its argument alone, whatever that is called."""
    source = CLASS.format(name="Sigmoid", forward="1 / (1 + np.exp(-x))", backward="y * (1 - self.out)")
    assert checked(tmp_path, source.replace("dout", "y")).failed("Sigmoid")


HARD_SIGMOID = """
import numpy as np

class HardSigmoid:
    def fn(self, z):
        return np.clip(0.2 * z + 0.5, 0.0, 1.0)

    def grad(self, x):
        return np.where((x >= -2.5) & (x <= 2.5), 0.2, 0)
"""


def test_a_slope_that_fits_both_is_of_what_its_argument_is(tmp_path: Path) -> None:
    found = checked(tmp_path, HARD_SIGMOID, cases=25)
    assert found.passes("HardSigmoid"), found.verdicts("HardSigmoid")
    assert "of its input" in found.result("HardSigmoid", "dz").convention


PRIME = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def sigmoid_prime(v):
    return v * (1 - v)

class Net:
    def __init__(self):
        self.W = np.random.randn(3, 4)

    def run(self, x):
        self.z = x @ self.W
        self.a = sigmoid(self.z)
        return self.a

    def deltas(self, delta):
        return delta * sigmoid_prime({given})
"""


@pytest.mark.parametrize(("given", "right"), [("self.a", True), ("self.z", False), ("sigmoid(self.z)", True)])
def test_the_caller_says_of_what_a_prime_is_the_derivative(tmp_path: Path, given: str, right: bool) -> None:
    found = checked(tmp_path, PRIME.format(given=given))
    assert found.passes("sigmoid") is right, found.verdicts("sigmoid")


STATIC_PRIMES = """
import numpy as np

class Sigmoid:
    @staticmethod
    def activation(x):
        return 1 / (1 + np.exp(-x))

    @staticmethod
    def derivative(y):
        return y * (1 - y)

class Tanh:
    @staticmethod
    def activation(x):
        return np.tanh(x)

    @staticmethod
    def derivative(x):
        return 1 - np.tanh(x) ** 2

def step(x, delta, act):
    a = Sigmoid.activation(x)
    b = Tanh.activation(x)
    return delta * Sigmoid.derivative({given}) + delta * Tanh.derivative(x) + delta * act.derivative(x)
"""


@pytest.mark.parametrize(("given", "right"), [("a", True), ("x", False)])
def test_calls_of_another_class_say_nothing_of_this_one(tmp_path: Path, given: str, right: bool) -> None:
    found = checked(tmp_path, STATIC_PRIMES.format(given=given))
    assert found.passes("Tanh"), found.verdicts("Tanh")
    assert found.passes("Sigmoid") is right


def test_a_relu_that_hands_on_its_gradient_is_no_fused_softmax(tmp_path: Path) -> None:
    source = CLASS.format(name="Relu", forward="np.maximum(x, 0)", backward="dout")
    assert checked(tmp_path, source).failed("Relu")


def test_a_fused_softmax_stays_open(tmp_path: Path) -> None:
    forward = "np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)"
    found = checked(tmp_path, CLASS.format(name="Softmax", forward=forward, backward="dout"))
    assert found.verdicts("Softmax")["dx"] is Verdict.INCONCLUSIVE


ALONE = """
import numpy as np

def exp_backward(grad, {kept}):
    return grad * {kept}
"""


@pytest.mark.parametrize(("kept", "right"), [("y", True), ("out", True), ("a", False), ("x", False), ("arr", False)])
def test_what_a_lone_backward_keeps_is_what_its_name_says(tmp_path: Path, kept: str, right: bool) -> None:
    found = checked(tmp_path, ALONE.format(kept=kept))
    assert found.passes("exp") is right, (found.verdicts("exp"), found.refused)
    assert bool(found.failed("exp")) is not right


ENGINE = """
import math

class Value:
    def __init__(self, data, _children=()):
        self.data, self.grad, self._prev, self._backward = data, 0.0, set(_children), lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def exp(self):
        out = Value(math.exp(self.data), (self,))

        def _backward():
            self.grad += {slope}

        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()

        def visit(v):
            if v not in seen:
                seen.add(v)
                for child in v._prev:
                    visit(child)
                order.append(v)

        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            v._backward()
"""


@pytest.mark.parametrize(("slope", "right"), [("out.data * out.grad", True), ("out.grad", False)])
def test_an_engine_supplies_the_gradient_itself(tmp_path: Path, slope: str, right: bool) -> None:
    found = checked(tmp_path, ENGINE.format(slope=slope), "engine.py")
    assert found.passes("Value.exp") is right, (found.verdicts("Value.exp"), found.refused)
