"""Engines that are told of every operation, and layers, losses and networks that record in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import FileSuite, open_file

ENGINE = """
import numpy as np


class Buffer:
    def __init__(self):
        self.held = {}

    def at(self, array):
        return array.__array_interface__["data"][0]

    def add_spot(self, array):
        self.held.setdefault(self.at(array), np.zeros(array.shape))

    def update(self, array, gradient):
        self.held[self.at(array)] += gradient

    def get_param(self, array):
        if self.at(array) not in self.held:
            raise Exception("that array was never recorded")
        return self.held[self.at(array)]


class Autograd:
    def __init__(self):
        if getattr(self.__class__, "_has_instance", False):
            raise RuntimeError("there is an engine already")
        self.__class__._has_instance = True
        self.buffer, self.operations = Buffer(), []

    def add_operation(self, inputs, output, gradients_to_update, backward_operation):
        for array in inputs:
            self.buffer.add_spot(array)
        self.operations.append((inputs, output, gradients_to_update, backward_operation))

    def backward(self, divergence):
        for k, (inputs, output, outside, run) in enumerate(reversed(self.operations)):
            grad = divergence if k == 0 else self.buffer.get_param(output)
            found = run(grad, *inputs)
            found = found if isinstance(found, tuple) else (found,)
            for array, given, g in zip(inputs, outside, found):
                if given is None:
                    self.buffer.update(array, g)
                else:
                    given += g
"""
LAYERS = '''
def matmul_backward(d, a, b):
    return d @ b.T, a.T @ d


def add_backward(d, a, b):
    return d * np.ones(a.shape), d * np.ones(b.shape)


def tanh_backward(d, a):
    return d * (1 - np.tanh(a) ** 2)


def cross_entropy_backward(d, a, y):
    e = np.exp(a)
    return (e / e.sum(axis=1, keepdims=True) - y) / len(a), None


class Linear:
    """Takes one sample at a time: the bias is not summed over a batch."""

    def __init__(self, in_features, out_features, autograd_engine):
        self.W, self.b = np.random.randn(out_features, in_features), np.random.randn(out_features, 1)
        self.dW, self.db = np.zeros(self.W.shape), np.zeros(self.b.shape)
        self.autograd_engine = autograd_engine

    def forward(self, x):
        z = x @ self.W.T
        out = z + self.b.T
        self.autograd_engine.add_operation([x, self.W.T], z, [None, self.dW.T], matmul_backward)
        self.autograd_engine.add_operation([z, self.b.T], out, [None, self.db.T], add_backward)
        return out


class Tanh:
    def __init__(self, autograd_engine):
        self.autograd_engine = autograd_engine

    def forward(self, x):
        out = np.tanh(x)
        self.autograd_engine.add_operation([x], out, [None], tanh_backward)
        return out


class SoftmaxCrossEntropy:
    def __init__(self, autograd_engine):
        self.autograd_engine, self.loss_val = autograd_engine, None

    def forward(self, y, y_hat):
        e = np.exp(y_hat)
        p = e / e.sum(axis=1, keepdims=True)
        self.loss_val = np.array(-(y * np.log(p)).sum() / len(y))
        self.record(y, y_hat)
        return self.loss_val.reshape(1)

    def record(self, y, y_hat):
        self.autograd_engine.add_operation([y_hat, y], self.loss_val, [None, np.zeros(y.shape)], losing(y))

    def backward(self):
        self.autograd_engine.backward(self.loss_val)


def losing(y):
    return lambda d, a, labels: (cross_entropy_backward(d, a, labels)[0], 0.0)


class Network:
    def __init__(self, input_size, output_size, hiddens, activations, autograd_engine):
        sizes = [input_size, *hiddens, output_size]
        self.layers = [Linear(n, m, autograd_engine) for n, m in zip(sizes, sizes[1:])]
        self.activations, self.autograd_engine = activations, autograd_engine

    def forward(self, x):
        for layer, activation in zip(self.layers, self.activations):
            x = activation.forward(layer.forward(x))
        return x
'''
TARGETS = {"Autograd", "Linear", "Tanh", "SoftmaxCrossEntropy", "Network"}


def opened(folder: Path, text: str) -> FileSuite:
    file = folder / "layers.py"
    file.write_text(text, encoding="utf-8")
    return open_file(file, Settings(cases=3))


def verdicts(suite: FileSuite, name: str) -> dict[str, Any]:
    """The verdict of every property of one object, which has to be driven."""
    (target,) = [t for t in suite.targets if t.name == name]
    return {r.property: r.verdict for r in target.check_all()}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_right_engine_and_layers_pass(tmp_path: Path, name: str) -> None:
    suite = opened(tmp_path, ENGINE + LAYERS)
    assert {t.name for t in suite.targets} == TARGETS
    wanted = {"Autograd": 3, "Linear": 3, "Tanh": 1, "SoftmaxCrossEntropy": 1, "Network": 7}
    found = verdicts(suite, name)
    gradients = [p for p in found if p.startswith("d")]
    assert set(found.values()) == {Verdict.PASS}
    assert len(gradients) == wanted[name]


WRONG = [
    ("Autograd", "[self.at(array)] += gradient", "[self.at(array)] = gradient", {"dx", "dw"}),
    ("Autograd", "                    given += g\n", "                    given -= g\n", {"dw"}),
    ("Linear", "[None, self.db.T]", "[None, 2 * self.db.T]", {"db"}),
    ("Linear", "[x, self.W.T]", "[2 * x, self.W.T]", {"contract"}),
    ("Tanh", "1 - np.tanh(a) ** 2", "1 - a ** 2", {"dx"}),
    ("Tanh", "[x], out", "[x.copy()], out", {"contract"}),
    ("SoftmaxCrossEntropy", " - y) / len(a)", " - y)", {"dy_hat"}),
    ("Network", "1 - np.tanh(a) ** 2", "1 + 0 * a", {"dx"}),
]


@pytest.mark.parametrize(("name", "right", "wrong", "failing"), WRONG)
def test_wrong_engine_and_layers_fail(tmp_path: Path, name: str, right: str, wrong: str, failing: set[str]) -> None:
    assert right in ENGINE + LAYERS
    found = verdicts(opened(tmp_path, (ENGINE + LAYERS).replace(right, wrong)), name)
    assert failing <= {p for p, v in found.items() if v is Verdict.FAIL}


def test_without_an_engine_near_by_a_layer_is_not_driven(tmp_path: Path) -> None:
    suite = opened(tmp_path, "import numpy as np\n" + LAYERS)
    assert {n.target for n in suite.not_driven} >= {"Linear", "Tanh", "SoftmaxCrossEntropy"}
    assert not suite.targets


def test_an_input_that_is_handed_on_is_not_failed(tmp_path: Path) -> None:
    flatten = "class Flatten(Tanh):\n    def forward(self, x):\n        return x.reshape(len(x), -1)\n"
    suite = opened(tmp_path, ENGINE + LAYERS + flatten)
    assert {t.name for t in suite.targets} == TARGETS
    assert "Flatten hands its input on" in next(n.reason for n in suite.not_driven if n.target == "Flatten")


def test_what_is_not_written_yet_is_said_to_be(tmp_path: Path) -> None:
    unwritten = "        raise NotImplementedError\n"
    text = ENGINE.replace("        for k, (inputs", unwritten + "        for k, (inputs")
    (target,) = opened(tmp_path, text).targets
    codes = {r.finding.code for r in target.check_all() if r.finding}
    assert codes == {"not-implemented"}
