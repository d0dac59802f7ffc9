"""The classical mistakes of update rules, initialisers, schedules and clips; see `test_catalogue_mistakes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference_subject import codes

from gradcheck_plugin import check
from gradcheck_plugin.api import Report
from gradcheck_plugin.model import Verdict
from reference_impls import load
from reference_impls.spec import Array

Params = dict[str, Array]

MISTAKES: dict[str, dict[str, str]] = {
    "opt_momentum": {
        "three parametrisations differ when the rate changes": "test_forms_of_momentum_differ_when_the_rate_changes",
        "(1 - beta) on the wrong side": "momentum.factor_on_the_velocity",
        "velocity set to zero in every step": "momentum.velocity_not_kept",
        "velocity of the wrong sign": "momentum.velocity_subtracted",
        "rate in the velocity and in the step": "momentum.rate_applied_twice",
        "rate and momentum exchanged": "momentum.rate_on_the_velocity",
        "one velocity for all parameters": "test_one_velocity_for_all_parameters_raises",
        "momentum that is given and not used": "test_a_setting_that_is_ignored_is_advised",
    },
    "opt_nesterov": {
        "velocity updated before use": "nesterov.used_after_update",
        "gradient never evaluated at the shifted point": "nesterov.never_looks_ahead",
        "velocity set to zero in every step": "nesterov.velocity_not_kept",
    },
    "opt_adagrad": {
        "eps 1e-7, 1e-8, 1e-10": "test_every_eps_is_read_from_the_code",
        "eps inside the root": "test_eps_inside_the_root_is_a_form",
        "squares not added up": "adagrad.not_accumulated",
        "no root": "adagrad.root_forgotten",
        "gradient not squared": "adagrad.gradient_not_squared",
        "no eps": "adagrad.without_eps",
        "multiplied for divided": "adagrad.multiplied",
    },
    "opt_rmsprop": {
        "eps placement": "test_eps_inside_the_root_is_a_form",
        "(1 - d) dropped": "rmsprop.complement_dropped",
        "another decay by default": "test_every_default_decay_is_right",
        "d and 1 - d exchanged": "rmsprop.complement_swapped",
        "no decay": "rmsprop.never_decays",
        "average set to zero in every step": "rmsprop.not_kept",
        "no root": "rmsprop.root_forgotten",
        "no eps": "rmsprop.without_eps",
    },
    "opt_adam": {
        "t not incremented before use": "adam.counted_late",
        "t incremented once per tensor": "adam.step",
        "bias correction missing": "adam.uncorrected",
        "eps inside the root, or scaled as in the book": "test_eps_inside_the_root_is_a_form",
        "m and v share a buffer": "adam.one_buffer",
        "correction of the first step in every step": "adam.corrected_as_in_the_first_step",
        "beta1 and beta2 exchanged": "adam.betas_swapped",
        "averages set to zero in every step": "adam.not_kept",
        "no eps": "adam.without_eps",
        "maximum of AMSGrad not kept": "amsgrad.maximum_not_kept",
        "maximum of AMSGrad written into v": "amsgrad.maximum_averaged_on",
    },
    "opt_adamw_decay": {
        "decay added to the gradient": "adamw.decay_in_the_gradient",
        "decay not scaled by lr": "adamw.decay_without_rate",
        "no decay": "adamw.no_decay",
        "decay of SGD not scaled by lr": "sgd_weight_decay.sgd_decay_without_rate",
        "decay of SGD of the wrong sign": "sgd_weight_decay.sgd_grows",
    },
    "init_zeros_const": {
        "zero weights": "test_weights_that_start_alike_are_advised",
        "gamma initialised to 0": "ones.zeros",
        "beta initialised to 1": "zeros.ones",
        "random biases": "zeros.random_numbers",
        "the value is not used": "constant.ones",
    },
    "init_gaussian": {
        "std passed as variance": "normal.variance_for_deviation",
        "rand for randn": "normal.uniform_for_normal",
        "limit taken for the deviation": "uniform.deviation_for_limit",
        "uniform numbers that are never negative": "uniform.all_positive",
        "not truncated": "trunc_normal.not_truncated",
        "clipped, not drawn again": "trunc_normal.clipped",
        "seed set inside": "test_a_seed_inside_is_advised",
    },
    "init_lecun": {
        "the book calls this Xavier": "test_what_the_book_calls_xavier_passes_with_a_note",
        "fan_out for fan_in": "lecun_normal.other_fan",
        "fan_out for fan_in, uniform": "lecun_uniform.other_fan_uniform",
        "variance for deviation": "lecun_normal.variance_for_deviation",
        "Xavier's variance": "lecun_normal.both_fans",
        "sqrt(3) forgotten": "lecun_uniform.deviation_for_limit",
    },
    "init_xavier": {
        "order of the fans": "test_the_order_of_the_fans_makes_no_difference",
        "gain squared": "xavier_normal.gain_squared",
        "gain not used": "xavier_normal.gain_forgotten",
        "receptive field omitted": "xavier_normal.receptive_field_omitted",
        "variance for deviation": "xavier_normal.variance_for_deviation",
        "2 forgotten": "xavier_normal.two_forgotten",
        "sqrt(3) forgotten": "xavier_uniform.deviation_for_limit",
    },
    "init_he": {
        "fan mode": "he_normal.other_fan",
        "uniform limit": "he_uniform.deviation_for_limit",
        "torch's Linear has a = sqrt(5)": "test_the_default_of_torch_is_a_form_of_he",
        "fan mode, uniform": "he_uniform.other_fan_uniform",
        "2 forgotten": "he_normal.two_forgotten",
        "variance for deviation": "he_normal.variance_for_deviation",
        "receptive field omitted": "he_normal.receptive_field_omitted",
        "all zero": "he_normal.all_zero",
        "one row for all": "he_normal.one_row_for_all",
    },
    "lr_step": {
        "epoch or iteration": "step_decay.iterations_for_epochs",
        "off by one at the boundary, early": "step_decay.boundary_early",
        "off by one at the boundary, late": "step_decay.boundary_late",
        "not rounded": "step_decay.not_rounded",
        "decays twice": "step_decay.written_back",
        "falls once": "step_decay.once_only",
        "milestone late": "multistep_decay.milestone_late",
        "first milestone only": "multistep_decay.first_milestone_only",
        "exponential from t = 1": "exponential_decay.starts_late",
        "exponential, decays twice": "exponential_decay.written_back",
        "product for power": "exponential_decay.linear",
        "inverse time from t = 1": "inverse_time_decay.inverse_starts_late",
        "inverse time, decays twice": "inverse_time_decay.inverse_written_back",
        "inverse time, epoch or iteration": "inverse_time_decay.iterations_for_epochs",
        "inverse time without the 1": "inverse_time_decay.one_dropped",
        "constant factor one step too long": "constant_rate.one_step_longer",
        "constant factor for ever": "constant_rate.never_back",
        "lambda one step ahead": "lambda_decay.one_step_ahead",
        "lambda on the rate before": "lambda_decay.multiplicative_decay",
        "product from f(0) on": "multiplicative_decay.factors_from_zero",
        "product not accumulated": "multiplicative_decay.lambda_decay",
    },
    "clip_global_norm": {
        "per tensor instead of global": "clip_global_norm.each_by_its_own_norm",
        "scales up": "clip_global_norm.always_scaled",
        "1e-6 in the denominator": "test_both_denominators_of_a_clip_are_right",
        "no root": "clip_global_norm.root_forgotten",
        "norms added": "clip_global_norm.norms_added",
        "scaled to 1": "clip_global_norm.scaled_to_one",
    },
    "clip_value": {
        "parameters clipped instead of gradients": "test_clipped_parameters_leave_the_gradients_as_they_were",
        "bounds swapped": "clip_value.bounds_swapped",
        "from above only": "clip_value.from_above_only",
        "sign lost": "clip_value.size_only",
        "one norm for all tensors": "clip_norm_per_tensor.one_norm_for_all",
        "scales up": "clip_norm_per_tensor.always_scaled",
    },
}


def found(thing: Any, layer: str | None = None) -> list[str]:
    report = check(thing, layer, cases=8)
    assert not report.not_driven
    return codes(report.results)


def form(report: Report) -> str:
    """The form of a rule that passed."""
    (result,) = report.results
    assert result.verdict is Verdict.PASS, str(report)
    return result.variant


def test_forms_of_momentum_differ_when_the_rate_changes() -> None:
    spec, rng = load("momentum"), np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((4, 3), (3,), (5, 4, 3), (5, 3))]

    def path(**options: Any) -> Array:
        return spec.output(*(a.copy() for a in arrays), **options)

    assert np.allclose(path(form="velocity"), path(form="sum"), rtol=1e-14)
    assert not np.allclose(path(form="velocity", lr_decay=0.5), path(form="sum", lr_decay=0.5), rtol=1e-3)
    assert not np.allclose(path(form="velocity"), path(form="average"), rtol=1e-3)


class OneVelocity:
    def __init__(self, lr: float, momentum: float = 0.9) -> None:
        self.lr, self.momentum, self.v = lr, momentum, None

    def update(self, params: Params, grads: Params) -> None:
        for key in params:
            self.v = np.zeros_like(grads[key]) if self.v is None else self.v
            self.v *= self.momentum
            self.v -= self.lr * grads[key]
            params[key] += self.v


def test_one_velocity_for_all_parameters_raises() -> None:
    assert found(OneVelocity, "momentum") == ["raised"]


class Deaf:
    def __init__(self, lr: float, momentum: float = 0.9) -> None:
        self.lr, self.momentum, self.v = lr, 0.9, {}

    def update(self, params: Params, grads: Params) -> None:
        for key in params:
            self.v[key] = self.momentum * self.v.get(key, 0.0) - self.lr * grads[key]
            params[key] += self.v[key]


def test_a_setting_that_is_ignored_is_advised() -> None:
    assert check(Deaf, "momentum", cases=8).ok
    assert found(Deaf, "momentum") == ["setting-ignored"]


class AdaGrad10:
    def __init__(self, lr: float = 0.01) -> None:
        self.lr, self.h = lr, {}  # type: ignore[var-annotated]

    def update(self, params: Params, grads: Params) -> None:
        for key in params:
            self.h[key] = self.h.get(key, 0.0) + grads[key] ** 2
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-10)


class AdaGrad6(AdaGrad10):
    def update(self, params: Params, grads: Params) -> None:
        for key in params:
            self.h[key] = self.h.get(key, 0.0) + grads[key] ** 2
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-6)


class AdaGradInside(AdaGrad10):
    def update(self, params: Params, grads: Params) -> None:
        for key in params:
            self.h[key] = self.h.get(key, 0.0) + grads[key] ** 2
            params[key] -= self.lr * grads[key] / np.sqrt(self.h[key] + 1e-8)


@pytest.mark.parametrize(("rule", "eps"), [(AdaGrad10, "eps 1e-10"), (AdaGrad6, "eps 1e-06")])
def test_every_eps_is_read_from_the_code(rule: type, eps: str) -> None:
    assert form(check(rule, "adagrad", cases=8)) == eps


class Inside:
    """RMSProp and Adam with eps in the root."""

    def __init__(self, lr: float = 0.01, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.m, self.v, self.t = {}, {}, 0  # type: ignore[var-annotated]

    def update(self, params: Params, grads: Params) -> None:
        self.t += 1
        for key, g in grads.items():
            self.m[key] = self.beta1 * self.m.get(key, 0.0) + (1 - self.beta1) * g
            self.v[key] = self.beta2 * self.v.get(key, 0.0) + (1 - self.beta2) * g**2
            params[key] -= self.step(self.m[key], self.v[key])

    def step(self, m: Array, v: Array) -> Array:
        return self.lr * m / (1 - self.beta1**self.t) / np.sqrt(v / (1 - self.beta2**self.t) + self.eps)


class Book(Inside):
    def step(self, m: Array, v: Array) -> Array:
        rate = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        return np.asarray(rate * m / (np.sqrt(v) + self.eps))


class RmsInside:
    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99) -> None:
        self.lr, self.decay_rate, self.h = lr, decay_rate, {}  # type: ignore[var-annotated]

    def update(self, params: Params, grads: Params) -> None:
        for key, g in grads.items():
            self.h[key] = self.decay_rate * self.h.get(key, 0.0) + (1 - self.decay_rate) * g**2
            params[key] -= self.lr * g / np.sqrt(self.h[key] + 1e-7)


FORMS = [
    (AdaGradInside, "adagrad", "eps inside the root; eps 1e-08"),
    (RmsInside, "rmsprop", "eps inside the root"),
    (Inside, "adam", "eps inside the root"),
    (Book, "adam", "the correction in the rate, lr_t"),
]


@pytest.mark.parametrize(("rule", "name", "says"), FORMS)
def test_eps_inside_the_root_is_a_form(rule: type, name: str, says: str) -> None:
    assert form(check(rule, name, cases=8)) == says


class Fixed(RmsInside):
    """Its decay stands in the code."""

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr, 0.95)


def test_every_default_decay_is_right() -> None:
    assert form(check(RmsInside, "rmsprop", cases=8)) == "eps inside the root"
    assert form(check(Fixed, "rmsprop", cases=8)) == "eps inside the root"


def initialize_parameters_zeros(layers_dims: list[int]) -> Params:
    sizes = list(zip(layers_dims[1:], layers_dims[:-1], strict=True))
    return {f"W{i}": np.zeros(shape) for i, shape in enumerate(sizes, start=1)}


def test_weights_that_start_alike_are_advised() -> None:
    assert check(initialize_parameters_zeros, cases=8).ok
    assert found(initialize_parameters_zeros) == ["symmetric-weights"]


def random_normal(shape: tuple[int, ...]) -> Array:
    np.random.seed(3)
    return np.random.randn(*shape) * 0.01


def test_a_seed_inside_is_advised() -> None:
    assert check(random_normal, cases=8).ok
    assert found(random_normal) == ["seeded-inside"]


def xavier(n_in: int, n_out: int) -> Array:
    return np.random.randn(n_in, n_out) / np.sqrt(n_in)


def test_what_the_book_calls_xavier_passes_with_a_note() -> None:
    assert form(check(xavier, cases=8)) == "1 / sqrt(fan_in), which is LeCun's rule"


def glorot_uniform(shape: tuple[int, int]) -> Array:
    limit = np.sqrt(6 / (shape[1] + shape[0]))
    return np.random.uniform(-limit, limit, shape)


def glorot_normal(n_out: int, n_in: int) -> Array:
    return np.random.randn(n_out, n_in) * np.sqrt(2 / (n_out + n_in))


@pytest.mark.parametrize("function", [glorot_uniform, glorot_normal])
def test_the_order_of_the_fans_makes_no_difference(function: Callable[..., Array]) -> None:
    assert form(check(function, cases=8)) in ("", "weights stored (out, in)")


def kaiming_uniform(fan_in: int, fan_out: int) -> Array:
    limit = np.sqrt(1 / fan_in)
    return np.random.uniform(-limit, limit, (fan_in, fan_out))


def test_the_default_of_torch_is_a_form_of_he() -> None:
    assert form(check(kaiming_uniform, cases=8)) == "as torch starts Linear, 1 / sqrt(fan_in)"


def clip_grad_norm(grads: list[Array], max_norm: float) -> None:
    rate = max_norm / (np.sqrt(sum(np.sum(g**2) for g in grads)) + 1e-6)
    for g in grads:
        g *= min(1, rate)


def clip_by_global_norm(grads: list[Array], max_norm: float) -> list[Array]:
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g * max_norm / norm for g in grads] if norm > max_norm else grads


def test_both_denominators_of_a_clip_are_right() -> None:
    assert form(check(clip_grad_norm, cases=8)) == ""
    assert form(check(clip_by_global_norm, cases=8)) == "no eps, limit / norm"


class ClipGrad:
    """Clips the parameters, and not their gradients."""

    def __init__(self, max_value: float) -> None:
        self.max_value = max_value

    def __call__(self, params: list[Any]) -> None:
        for p in params:
            if p.grad is not None:
                p.data = np.clip(p.data, -self.max_value, self.max_value)


def test_clipped_parameters_leave_the_gradients_as_they_were() -> None:
    assert found(ClipGrad, "clip_value") == ["clip-lost"]
