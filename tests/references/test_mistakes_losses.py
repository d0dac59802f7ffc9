"""The classical mistakes of further losses and small models; see `test_catalogue_mistakes`."""

from __future__ import annotations

from typing import Any

import numpy as np
from reference_subject import codes

from gradcheck_plugin import check
from reference_impls import load
from reference_impls.spec import Array

MISTAKES: dict[str, dict[str, str]] = {
    "mae": {
        "sign(t - y)": "mae.t_minus_y",
        "|y - t| for its sign": "mae.distance_for_sign",
        "y - t for its sign": "mae.difference_for_sign",
        "1/n dropped": "mae.not_divided",
        "N for N D": "mae.divided_by_samples_only",
    },
    "huber": {
        "delta dropped on the linear branch": "huber.delta_dropped",
        "gradient of smooth L1": "huber.gradient_of_smooth_l1",
        "no clip": "huber.square_everywhere",
        "sign dropped on the linear branch": "huber.sign_dropped",
    },
    "smooth_l1": {
        "division by beta dropped": "smooth_l1.beta_dropped",
        "beta taken for Huber's delta": "smooth_l1.gradient_of_huber",
        "sign everywhere": "smooth_l1.corner_not_rounded",
    },
    "hinge_binary": {
        "labels 0 and 1": "hinge.zeros_for_minus_ones",
        "squared: labels 0 and 1": "squared_hinge.zeros_for_minus_ones",
        "sign": "hinge.minus_dropped",
        "squared: sign": "squared_hinge.minus_dropped",
        "factor 2 of the square": "squared_hinge.two_dropped",
        "squared: margin dropped with the square": "squared_hinge.margin_dropped",
        "no mask": "hinge.every_margin_open",
        "squared: no mask": "squared_hinge.every_margin_open",
    },
    "perceptron_criterion": {
        "0/1 for -1/+1": "perceptron_criterion.zeros_for_minus_ones",
        "updates on right samples": "perceptron_criterion.right_samples_too",
        "margin of the hinge": "perceptron_criterion.margin_of_the_hinge",
    },
    "kl_div": {
        "arguments swapped": "kl_div.arguments_swapped",
        "probabilities for logs": "kl_div.logarithm_forgotten",
        "mean for batchmean": "kl_div.divided_by_elements",
        "-p/q for log q": "kl_div.gradient_of_the_probabilities",
        "1 of the product rule dropped": "kl_div.one_dropped",
    },
    "nll": {
        "class weights: mean over N": "weighted_nll.divided_by_samples",
        "class weights left out": "weighted_nll.weights_left_out",
        "class weights twice": "weighted_nll.weights_of_the_columns",
        "ignored rows have a gradient": "nll.ignored_rows_in_gradient",
        "ignored rows counted in the mean": "nll.ignored_rows_in_the_mean",
        "-1 / p": "nll.gradient_of_the_probabilities",
        "p - t": "nll.gradient_of_the_logits",
    },
    "ce_label_smoothing": {
        "e / (C - 1) for e / C": "smoothed_cross_entropy.spread_over_the_others",
        "e / C for e / (C - 1)": "smoothed_cross_entropy.spread_over_all",
        "hard labels": "smoothed_cross_entropy.hard_labels",
        "the label keeps its 1": "smoothed_cross_entropy.label_keeps_everything",
        "with weights: smooth term divided by its own weights": "weighted_cross_entropy.divided_by_smoothed_weights",
        "with weights: smooth term without them": "weighted_cross_entropy.smoothing_without_weights",
    },
    "ce_weighted_ignore": {
        "divided by N": "weighted_cross_entropy.divided_by_samples",
        "weights left out": "weighted_cross_entropy.weights_left_out",
        "gradient on ignored rows": "weighted_cross_entropy.ignored_rows_in_gradient",
        "class axis last for axis 1": "weighted_cross_entropy.softmax_over_places",
    },
    "temporal_softmax_loss": {
        "mask.sum() for N": "temporal_softmax_loss.divided_by_counted",
        "N T for N": "temporal_softmax_loss.divided_by_steps",
        "N for mask.sum()": "temporal_softmax_loss.divided_by_sequences",
        "mask missing": "temporal_softmax_loss.mask_missing",
        "mask on the logits": "temporal_softmax_loss.mask_on_the_logits",
        "ignored label: N for mask.sum()": "time_softmax_with_loss.divided_by_sequences",
        "ignored label: mask missing": "time_softmax_with_loss.mask_missing",
    },
    "linear_regression": {
        "(N, 1) - (N,) is (N, N)": "linear_regression.column_minus_vector",
        "2 dropped": "linear_regression.two_dropped",
        "2 kept beside the half": "linear_regression.two_kept_beside_the_half",
        "db not summed": "linear_regression.bias_not_summed",
    },
    "xor_mlp": {
        "parameters start at zero": "test_parameters_of_zero_are_no_wrong_gradient_and_keep_hidden_units_alike",
        "hidden bias not summed": "xor_mlp.hidden_bias_not_summed",
        "slope of the hidden sigmoid": "xor_mlp.slope_of_hidden_left_out",
        "slope of the output sigmoid": "xor_mlp.slope_of_output_left_out",
        "y (1 - y) left in": "xor_mlp.slope_of_output_left_in",
    },
    "mlp_n_layer": {
        "penalty in the loss only": "mlp_n_layer.penalty_left_out",
        "penalty left out of the last layer": "mlp_n_layer.penalty_of_last_layer_left_out",
        "penalty in the last layer only": "mlp_n_layer.penalty_of_last_layer_only",
        "dropout mask drawn again": "test_dropout_mask_drawn_again_in_the_gradient_is_wrong",
        "layer index off by one": "mlp_n_layer.layer_index_off_by_one",
        "slopes left out": "mlp_n_layer.slopes_left_out",
    },
}


def found(thing: Any) -> list[str]:
    report = check(thing, cases=8)
    assert not report.not_driven
    return codes(report.results)


class XorFromZero:
    """A right backward; every parameter starts at 0."""

    def __init__(self, hidden: int = 2) -> None:
        self.W1, self.b1 = np.zeros((2, hidden)), np.zeros(hidden)
        self.W2, self.b2 = np.zeros((hidden, 1)), np.zeros(1)

    def predict(self, x: Array) -> Array:
        self.h = 1 / (1 + np.exp(-(x @ self.W1 + self.b1)))
        y: Array = 1 / (1 + np.exp(-(self.h @ self.W2 + self.b2)))
        return y

    def loss(self, x: Array, t: Array) -> float:
        return float(0.5 * np.sum((self.predict(x) - t) ** 2))

    def gradient(self, x: Array, t: Array) -> dict[str, Array]:
        y = self.predict(x)
        dz = (y - t) * y * (1 - y)
        da = dz @ self.W2.T * self.h * (1 - self.h)
        return {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": self.h.T @ dz, "b2": dz.sum(axis=0)}


def test_parameters_of_zero_are_no_wrong_gradient_and_keep_hidden_units_alike() -> None:
    assert found(XorFromZero) == []
    x, t = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [1]])
    net = XorFromZero()
    for _ in range(5):  # no step tells the two hidden units apart
        g = net.gradient(x, t)
        reference = load("xor_mlp").backward(1.0, x, t, net.W1, net.b1, net.W2, net.b2)
        for name, gradient in g.items():
            np.testing.assert_allclose(gradient, reference[name], atol=1e-15)
            getattr(net, name)[...] -= 0.5 * gradient
        np.testing.assert_array_equal(net.W1[:, 0], net.W1[:, 1])
        np.testing.assert_array_equal(net.W2[0], net.W2[1])
    assert np.any(net.W1)


class Dropout:
    """A network with dropout whose gradient runs the forward once more, and draws another mask."""

    keeps_mask = False

    def __init__(self, input_size: int, output_size: int) -> None:
        self.params = {"W": np.random.randn(input_size, output_size)}
        self.mask: Array | None = None

    def loss(self, x: Array, t: Array) -> float:
        if self.mask is None or not self.keeps_mask:
            self.mask = np.random.rand(*x.shape) > 0.4
        self.h = x * self.mask
        s = self.h @ self.params["W"]
        e = np.exp(s - s.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return float(-np.sum(t * np.log(self.y)) / len(x))

    def gradient(self, x: Array, t: Array) -> dict[str, Array]:
        self.loss(x, t)
        return {"W": self.h.T @ (self.y - t) / len(x)}


class DropoutOnce(Dropout):
    keeps_mask = True


def test_dropout_mask_drawn_again_in_the_gradient_is_wrong() -> None:
    assert found(DropoutOnce) == []
    assert found(Dropout)[0] == "wrong-gradient"
