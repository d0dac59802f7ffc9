"""The classical mistakes of normalization and of dropout; see `test_catalogue_mistakes`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference_subject import codes

from gradcheck_plugin import check
from reference_impls.spec import Array

MISTAKES: dict[str, dict[str, str]] = {
    "batchnorm1d": {
        "mean and variance as constants": "batchnorm.statistics_as_constants",
        "only one of the two terms: the mean's": "batchnorm.variance_as_constant",
        "only one of the two terms: the variance's": "batchnorm.mean_as_constant",
        "1/N missing": "batchnorm.sums_for_means",
        "1/N missing in the term of the mean": "batchnorm.sum_in_the_mean_term",
        "1/N missing in the term of the variance": "batchnorm.sum_in_the_variance_term",
        "ddof = 1": "batchnorm.unbiased_variance",
        "eps missing in the backward": "batchnorm.eps_missing",
        "eps outside the root in the backward": "batchnorm.eps_beside_the_root",
        "eps outside the root in both passes": "test_eps_beside_the_root_in_both_passes_is_no_mistake",
        "gamma forgotten in dx": "batchnorm.gamma_forgotten",
        "dgamma with x": "batchnorm.gamma_from_input",
        "dgamma with x - mean": "batchnorm.gamma_from_centred_input",
        "dx never looked at, as the layer is the first": "test_dx_of_a_first_layer_is_checked",
    },
    "batchnorm_eval": {
        "train formula": "batchnorm.train_formula_at_test",
        "running statistics updated": "test_running_statistics_that_move_at_test_time_are_told",
    },
    "batchnorm2d": {
        "reshape without transpose": "spatial_batchnorm.channels_mixed",
        "N for N H W": "spatial_batchnorm.divided_by_samples_only",
        "statistics of every (C, H, W) entry": "spatial_batchnorm.statistics_of_entries",
        "dgamma of shape (1, C, 1, 1)": "test_gamma_gradient_with_axes_of_one_is_told",
        "mean and variance as constants": "spatial_batchnorm.statistics_as_constants",
    },
    "layernorm": {
        "batch axis kept": "layernorm.batch_axis_kept",
        "dgamma summed over the features": "layernorm.gamma_summed_over_features",
        "gamma after the subtraction": "layernorm.gamma_multiplied_last",
        "N for D": "layernorm.divided_by_samples",
        "a tensor handled as a matrix": "layernorm.axis_1_of_tensor",
        "mean(dy gamma) subtracted twice": "layernorm.mean_subtracted_twice",
        "eps of another framework in the backward": "layernorm.default_eps_in_backward",
        "eps of another framework in both passes": "test_eps_of_any_framework_is_no_mistake",
    },
    "groupnorm": {
        "groups by stride": "groupnorm.strided_groups",
        "divided by the channels of a group": "groupnorm.divided_by_channels",
        "divided by H W": "groupnorm.divided_by_places",
        "dgamma keeps its axes": "test_gamma_gradient_with_axes_of_one_is_told",
        "gamma of shape (groups,)": "groupnorm.one_gamma_a_group",
    },
    "rmsnorm": {
        "mean subtracted": "rmsnorm.mean_subtracted",
        "1/D dropped": "rmsnorm.sum_for_mean",
        "term dropped": "rmsnorm.term_missing",
    },
    "l2_normalize": {
        "projection dropped": "l2_normalize.projection_missing",
        "squared norm": "l2_normalize.squared_length",
        "axis": "l2_normalize.other_axis",
        "projection on x": "l2_normalize.projected_on_input",
    },
    "dropout": {
        "scale missing in the backward": "dropout.scale_missing",
        "scale twice": "dropout.scale_squared",
        "mask missing in the backward": "dropout.mask_missing",
        "mask and scale missing in the backward": "dropout.upstream_passed_on",
        "mask inverted": "dropout.mask_inverted",
        "new mask in the backward": "dropout.mask_drawn_again",
        "new mask in the backward of a class": "test_mask_drawn_again_by_a_generator_of_the_layer",
        "keep for drop": "dropout.keep_for_drop",
        "mask applied at test time": "dropout.mask_at_test_time",
        "one mask for the whole batch": "dropout.mask_of_the_first_sample",
    },
    "dropout_standard": {
        "scale of inverted dropout": "dropout_standard.scale_of_inverted_dropout",
        "scale of test time in training": "dropout_standard.scale_of_test_time",
        "scale of test time missing": "dropout_standard.scale_missing_at_test",
        "mask at test time": "dropout_standard.mask_at_test_time",
    },
}


class BatchNorm:
    """Each subclass changes one thing."""

    def __init__(self, gamma: Array, beta: Array) -> None:
        self.gamma, self.beta = gamma, beta

    def scale(self, x: Array) -> Array:
        return np.asarray(np.sqrt(x.var(axis=0) + 1e-5))

    def forward(self, x: Array) -> Array:
        self.std, self.s = x.std(axis=0), self.scale(x)
        self.xhat = (x - x.mean(axis=0)) / self.s
        return self.gamma * self.xhat + self.beta

    def backward(self, dout: Array) -> Array:
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=0), dout.sum(axis=0)
        return self.input_gradient(dout * self.gamma)

    def input_gradient(self, g: Array) -> Array:
        return np.asarray((g - g.mean(axis=0) - self.xhat * (g * self.xhat).mean(axis=0)) / self.s)


class EpsBesideRoot(BatchNorm):
    def scale(self, x: Array) -> Array:
        return np.asarray(x.std(axis=0) + 1e-3)

    def input_gradient(self, g: Array) -> Array:
        along = self.xhat * (g * self.xhat).mean(axis=0) * self.s / self.std
        return np.asarray((g - g.mean(axis=0) - along) / self.s)


def test_eps_beside_the_root_in_both_passes_is_no_mistake() -> None:
    report = check(EpsBesideRoot, "batchnorm", cases=8)
    assert report.ok, str(report)
    assert {r.variant for r in report.results} == {"eps beside the root, eps 0.001"}


class FirstLayer(BatchNorm):
    def input_gradient(self, g: Array) -> Array:
        return np.ones_like(g)  # nothing stands before the layer, so nobody looks


def test_dx_of_a_first_layer_is_checked() -> None:
    found = codes(list(check(FirstLayer, "batchnorm", cases=8).results))
    assert found[0] == "upstream-ignored"


def batchnorm_test_forward(x: Array, gamma: Array, beta: Array, running_mean: Array, running_var: Array) -> Any:
    s = np.sqrt(running_var + 1e-5)
    xhat = (x - running_mean) / s
    running_mean *= 0.9
    running_mean += 0.1 * x.mean(axis=0)
    return gamma * xhat + beta, (gamma, xhat, s)


def batchnorm_test_backward(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    gamma, xhat, s = cache
    return dout * gamma / s, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def test_running_statistics_that_move_at_test_time_are_told() -> None:
    report = check((batchnorm_test_forward, batchnorm_test_backward), "batchnorm", cases=8)
    assert report.ok, str(report)
    assert "mutates-input" in codes(list(report.results))
    assert {r.variant for r in report.results} == {"at test time"}


class SpatialBatchNorm:
    axes = (0, 2, 3)

    def __init__(self, gamma: Array, beta: Array) -> None:
        self.gamma, self.beta = gamma, beta

    def forward(self, x: Array) -> Array:
        self.s = np.sqrt(x.var(axis=self.axes, keepdims=True) + 1e-5)
        self.xhat = (x - x.mean(axis=self.axes, keepdims=True)) / self.s
        return self.gamma[:, None, None] * self.xhat + self.beta[:, None, None]

    def backward(self, dout: Array) -> Array:
        self.dgamma = (dout * self.xhat).sum(axis=self.axes, keepdims=True)
        self.dbeta = dout.sum(axis=self.axes, keepdims=True)
        g = dout * self.gamma[:, None, None]
        mean, along = (a.mean(axis=self.axes, keepdims=True) for a in (g, g * self.xhat))
        return np.asarray((g - mean - self.xhat * along) / self.s)


def test_gamma_gradient_with_axes_of_one_is_told() -> None:
    report = check(SpatialBatchNorm, cases=8)
    assert report.ok, str(report)
    gamma = next(r for r in report.results if r.property == "dgamma")
    assert "where the array has (" in gamma.reason
    assert "the numbers are compared" in gamma.reason


class KerasLayerNorm:
    eps = 1e-3

    def __init__(self, gamma: Array, beta: Array) -> None:
        self.gamma, self.beta = gamma, beta

    def forward(self, x: Array) -> Array:
        self.s = np.sqrt(x.var(axis=-1, keepdims=True) + self.eps)
        self.xhat = (x - x.mean(axis=-1, keepdims=True)) / self.s
        return self.gamma * self.xhat + self.beta

    def backward(self, dout: Array) -> Array:
        rows = tuple(range(dout.ndim - 1))
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=rows), dout.sum(axis=rows)
        g = dout * self.gamma
        along = self.xhat * (g * self.xhat).mean(axis=-1, keepdims=True)
        return np.asarray((g - g.mean(axis=-1, keepdims=True) - along) / self.s)


@pytest.mark.parametrize("eps", [0.0, 1e-12, 1e-8, 1e-7, 2e-5, 1e-3, 0.01])
def test_eps_of_any_framework_is_no_mistake(monkeypatch: pytest.MonkeyPatch, eps: float) -> None:
    monkeypatch.setattr(KerasLayerNorm, "eps", eps)
    report = check(KerasLayerNorm, "layernorm", cases=8)
    assert report.ok, str(report)
    assert {r.variant for r in report.results} == {f"eps {eps:.2g}"}


class Dropout:
    rng = np.random.default_rng(4)

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def draw(self, x: Array) -> Array:
        return (self.rng.random(x.shape) >= self.p) / (1 - self.p)

    def forward(self, x: Array) -> Array:
        return x * self.draw(x)

    def backward(self, dout: Array) -> Array:
        return dout * self.draw(dout)


def test_mask_drawn_again_by_a_generator_of_the_layer() -> None:
    found = codes(list(check(Dropout, cases=8).results))
    assert found[0] == "mask-drawn-again"
