"""Rules that no reference explains are left alone; what is right in an unusual form passes."""

from __future__ import annotations

import numpy as np

from gradcheck_plugin import check
from gradcheck_plugin.api import Report
from gradcheck_plugin.model import Verdict

Array = np.ndarray
Params = dict[str, Array]
GENERATOR = np.random.default_rng()


class Adadelta:
    def __init__(self, rho: float = 0.95, eps: float = 1e-6) -> None:
        self.rho, self.eps, self.g, self.x = rho, eps, 0.0, 0.0

    def update(self, w: Array, grad: Array) -> Array:
        self.g = self.rho * self.g + (1 - self.rho) * grad**2
        step = np.sqrt(self.x + self.eps) / np.sqrt(self.g + self.eps) * grad
        self.x = self.rho * self.x + (1 - self.rho) * step**2
        return w - step


class NesterovOfAFunction:
    def __init__(self, lr: float = 0.1) -> None:
        self.lr, self.v = lr, 0.0

    def update(self, w: Array, grad_func: object) -> Array:
        self.v = 0.9 * self.v - self.lr * grad_func(w + 0.9 * self.v)  # type: ignore[operator]
        return w + self.v


class Clipped:
    def __init__(self, lr: float = 0.1, clip: float = 1.0) -> None:
        self.lr, self.clip = lr, clip

    def update(self, params: Params, grads: Params) -> None:
        for key in params:
            params[key] -= self.lr * np.clip(grads[key], -self.clip, self.clip)


def reason(report: Report) -> str:
    assert report.results == []
    (left,) = report.not_driven
    return left.reason


def test_what_no_reference_explains_is_not_driven() -> None:
    assert "no reference explains its numbers" in reason(check(Adadelta, cases=5))
    assert "asks for the gradient as a function" in reason(check(NesterovOfAFunction, cases=5))
    assert "no reference explains its numbers" in reason(check(Clipped, cases=5))


def test_a_rule_is_held_to_the_reference_that_it_is_named_after() -> None:
    (failed,) = check(Clipped, "sgd", cases=5).failed
    assert failed.finding is not None
    assert failed.finding.code == "forward-differs"
    assert "`clip` may be why" in failed.finding.message


class Descent:
    """No name that is known, and momentum that stands in the code."""

    def __init__(self, eta: float) -> None:
        self.eta, self.speed = eta, {}  # type: ignore[var-annotated]

    def update(self, params: Params, grads: Params) -> None:
        for key in params:
            self.speed[key] = 0.85 * self.speed.get(key, 0.0) + grads[key]
            params[key] -= self.eta * self.speed[key]


def test_a_rule_of_any_name_is_known_by_its_numbers() -> None:
    (result,) = check(Descent, cases=5).results
    assert (result.verdict, result.layer) == (Verdict.PASS, "momentum")
    assert "what `momentum` computes" in result.variant


class NewArrays:
    def __init__(self, lr: float) -> None:
        self.lr = lr

    def update(self, params: Params, grads: Params) -> None:
        for key in params:
            params[key] = params[key] - self.lr * grads[key]


def test_new_arrays_in_the_dictionary_are_advised() -> None:
    (result,) = check(NewArrays, "sgd", cases=5).results
    assert result.verdict is Verdict.PASS
    assert [a.code for a in result.advice] == ["not-in-place"]


class AdamOfLayers:
    """Counts every layer as a step: only a second layer shows it."""

    def __init__(self, learning_rate: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999) -> None:
        self.lr, self.b1, self.b2, self.t = learning_rate, beta_1, beta_2, 0

    def update_params(self, layer: object) -> None:
        self.t += 1
        state = vars(layer).setdefault("state", {})
        for name in ("weights", "biases"):
            g = getattr(layer, "d" + name)
            m, v = state.get(name, (0.0, 0.0))
            m, v = state[name] = self.b1 * m + (1 - self.b1) * g, self.b2 * v + (1 - self.b2) * g**2
            step = self.lr * m / (1 - self.b1**self.t) / (np.sqrt(v / (1 - self.b2**self.t)) + 1e-7)
            setattr(layer, name, getattr(layer, name) - step)


def test_a_second_layer_shows_what_is_counted() -> None:
    (result,) = check(AdamOfLayers, "adam", cases=5).failed
    assert result.finding is not None
    assert result.finding.code == "update-differs"


def he_init(fan_in: int, fan_out: int) -> Array:
    return GENERATOR.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out))


def test_a_generator_of_the_module_is_no_seed_inside() -> None:
    (result,) = check(he_init, cases=5).results
    assert result.verdict is Verdict.PASS
    assert result.advice == ()
