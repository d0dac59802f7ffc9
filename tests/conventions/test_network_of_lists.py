"""Networks that are built from lists: sizes of hidden layers, activations, and a criterion for the loss."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import open_namespace


class Tanh:
    def forward(self, x: Any) -> Any:
        self.out = np.tanh(x)
        return self.out

    def derivative(self) -> Any:
        return 1 - self.out**2


class SoftmaxCrossEntropy:
    def forward(self, x: Any, y: Any) -> Any:
        e = np.exp(x - x.max(1, keepdims=True))
        self.p, self.y = e / e.sum(1, keepdims=True), y
        return -(y * np.log(self.p)).sum(1)

    def derivative(self) -> Any:
        return self.p - self.y


class Dense:
    """The gradients of its parameters are means over the batch, those of its input are not."""

    def __init__(self, n_in: int, n_out: int, weight_init_fn: Any, bias_init_fn: Any) -> None:
        self.W, self.b = weight_init_fn(n_in, n_out), bias_init_fn(n_out)
        self.v_W = np.zeros_like(self.W)

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W + self.b

    def backward(self, d: Any) -> Any:
        self.dW, self.db = self.x.T @ d / len(d), d.mean(0)
        return d @ self.W.T


class CriterionNetwork:
    def __init__(
        self, input_size: int, output_size: int, hiddens: Any, activations: Any, weight_init_fn: Any,
        bias_init_fn: Any, criterion: Any, lr: float,
    ) -> None:  # fmt: skip
        sizes = [input_size, *hiddens, output_size]
        pairs = itertools.pairwise(sizes)
        self.layers = [Dense(n, m, weight_init_fn, bias_init_fn) for n, m in pairs]
        self.activations, self.criterion, self.lr = activations, criterion, lr

    def forward(self, x: Any) -> Any:
        for dense, activation in zip(self.layers, self.activations, strict=True):
            x = activation.forward(dense.forward(x))
        self.output = x
        return x

    def total_loss(self, labels: Any) -> Any:
        return self.criterion.forward(self.output, labels).sum()

    def backward(self, labels: Any) -> None:
        self.total_loss(labels)
        d = self.criterion.derivative()
        for dense, activation in reversed(list(zip(self.layers, self.activations, strict=True))):
            d = dense.backward(d * activation.derivative())


class WithoutLoss(CriterionNetwork):
    """Its loss is nowhere but in its criterion."""

    total_loss = None  # type: ignore[assignment]

    def backward(self, labels: Any) -> Any:
        self.criterion.forward(self.output, labels)
        d = self.criterion.derivative()
        for dense, activation in reversed(list(zip(self.layers, self.activations, strict=True))):
            d = dense.backward(d * activation.derivative())
        return d / len(labels)


class LastSlopeForgotten(CriterionNetwork):
    def backward(self, labels: Any) -> None:
        self.total_loss(labels)
        d = self.layers[-1].backward(self.criterion.derivative())
        for dense, activation in reversed(list(zip(self.layers, self.activations, strict=True))[:-1]):
            d = dense.backward(d * activation.derivative())


class OneLayerNotAveraged(CriterionNetwork):
    def backward(self, labels: Any) -> None:
        super().backward(labels)
        self.layers[0].dW = self.layers[0].dW * len(labels)


class HiddenFeatures:
    """Does not run with the hidden layers of its default: there are none."""

    def __init__(self, in_features: int, num_classes: int, hidden_features: Any = (), dropout: float = 0) -> None:
        self.W1 = np.random.randn(in_features, hidden_features[0])
        self.W2 = np.random.randn(hidden_features[0], num_classes)

    def forward(self, x: Any) -> Any:
        self.x, self.h = x, np.tanh(x @ self.W1)
        return self.h @ self.W2

    def backward(self, dout: Any) -> Any:
        d = dout @ self.W2.T * (1 - self.h**2)
        self.dW1, self.dW2 = self.x.T @ d, self.h.T @ dout
        return d @ self.W1.T


class HiddenSlopeForgotten(HiddenFeatures):
    def backward(self, dout: Any) -> Any:
        super().backward(dout)
        self.dW1 = self.x.T @ (dout @ self.W2.T)
        return dout @ self.W2.T @ self.W1.T


def results(thing: type) -> dict[str, Any]:
    thing.__module__ = __name__
    (target,) = open_namespace({thing.__name__: thing}, Settings(cases=3)).targets
    return {r.property: r for r in target.check_all()}


@pytest.mark.parametrize("thing", [CriterionNetwork, WithoutLoss, HiddenFeatures], ids=lambda c: c.__name__)
def test_right_networks_pass(thing: type) -> None:
    found = results(thing)
    assert {r.verdict for r in found.values()} == {Verdict.PASS}
    wanted = {CriterionNetwork: 6, WithoutLoss: 7, HiddenFeatures: 3}  # parameters, and the input where it is returned
    assert len(found) == 1 + wanted[thing]  # and nothing for the momentum of an optimizer


@pytest.mark.parametrize(
    ("thing", "wrong"),
    [
        (LastSlopeForgotten, {f"dlayers[{i}].{n}" for i in range(3) for n in "Wb"}),
        (OneLayerNotAveraged, {"dlayers[0].W"}),
        (HiddenSlopeForgotten, {"dx", "dW1"}),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_wrong_networks_fail(thing: type, wrong: set[str]) -> None:
    failed = {p: r for p, r in results(thing).items() if r.verdict is Verdict.FAIL}
    assert set(failed) == wrong
