"""A network whose softmax is so sure that probabilities underflow: its loss moves in steps, its gradient does not."""

import numpy as np
import pytest

from gradcheck_plugin.model import Case, Settings, Verdict
from gradcheck_plugin.suite import open_namespace
from gradcheck_plugin.target import Target


class Sure:
    """Softmax regression with logits of some hundreds: many a probability is 5e-324, or nothing."""

    steep, slope = 500.0, 1.0

    def __init__(self, input_size, output_size):
        self.params = {"W1": np.random.randn(input_size, output_size), "b1": np.zeros(output_size)}

    def predict(self, x):
        z = self.steep * (x @ self.params["W1"] + self.params["b1"])
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        return -np.mean(np.log(self.predict(x)[np.arange(len(t)), t]))

    def gradient(self, x, t):
        d = self.predict(x)
        d[np.arange(len(t)), t] -= 1
        d *= self.steep / len(t) * self.slope
        return {"W1": x.T @ d, "b1": d.sum(axis=0)}


class SureAndWrong(Sure):
    slope = 2.0


def made(cls: type) -> Target:
    suite = open_namespace({cls.__name__: cls}, Settings(cases=30))
    assert [n.reason for n in suite.not_driven] == []
    return suite.targets[0]


def on_a_plateau() -> Case:
    """One sample whose right class has the smallest probability there is: the loss is flat on either side."""
    x, w = np.array([[1.0]]), np.array([[0.0, -744.44 / 500]])
    return Case(3, {"N": 1, "D": 1, "C": 2}, {"x": x, "t": np.array([1]), "W1": w, "b1": np.zeros(2)})


@pytest.mark.filterwarnings("ignore")
def test_right_code_is_not_failed() -> None:
    results = made(Sure).check_all()
    assert Verdict.FAIL not in {r.verdict for r in results}
    target = made(Sure)
    case = on_a_plateau()
    session = target.session("db1")
    assert session.judge(target.bound, "b1", case, target.bound.layout).verdict is not Verdict.FAIL


@pytest.mark.filterwarnings("ignore")
def test_wrong_code_is() -> None:
    results = {r.property: r.verdict for r in made(SureAndWrong).check_all()}
    assert results["dW1"] is results["db1"] is Verdict.FAIL
