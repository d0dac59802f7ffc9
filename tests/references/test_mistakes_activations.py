"""The classical mistakes of activations, penalties and small linear blocks; see `test_catalogue_mistakes`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
from reference_subject import check_all, codes, target

from gradcheck_plugin import check
from reference_impls import load
from reference_impls.linear.linear_coursera import averaged_parameters
from reference_impls.spec import Array, Grads, Mistake, Variant

MISTAKES: dict[str, dict[str, str]] = {
    "lecun_tanh": {
        "inner factor 2/3 dropped": "lecun_tanh.inner_factor_dropped",
        "1 - y^2 with the scaled output": "lecun_tanh.scaled_output_squared",
        "1 - y^2 with the scaled output, and nothing else": "lecun_tanh.slope_of_plain_tanh",
        "twisting term dropped": "lecun_tanh.twist_dropped",
        "A applied twice": "lecun_tanh.outer_factor_twice",
    },
    "log_softmax": {
        "sum of dy dropped": "log_softmax.upstream_taken_to_sum_to_one",
        "exp(x) for softmax(x)": "log_softmax.not_normalised",
        "dy added for the Kronecker delta": "log_softmax.upstream_taken_as_minus_onehot",
        "diagonal only": "log_softmax.diagonal_only",
        "sum over the samples": "log_softmax.summed_over_samples",
    },
    "elu": {
        "y + 1 for y + alpha": "elu.output_plus_one",
        "alpha dropped": "elu.alpha_dropped",
        "y for y + alpha": "elu.output_for_slope",
    },
    "selu": {
        "scale dropped where x is positive": "selu.scale_dropped_on_the_right",
        "scale dropped where x is negative": "selu.scale_dropped_on_the_left",
        "truncated constants": "selu.rounded_in_backward",
    },
    "gelu": {
        "second term of the product rule dropped": "gelu.second_term_dropped",
        "density without 1 / sqrt(2 pi)": "gelu.density_not_normalised",
        "exact forward, tanh backward": "gelu.tanh_backward_of_exact_forward",
        "erf(x) for erf(x / sqrt 2)": "gelu.root_of_two_dropped",
    },
    "gelu_tanh": {
        "inner derivative dropped": "gelu.inner_derivative_dropped",
        "tanh forward, exact backward": "gelu.exact_backward_of_tanh_forward",
    },
    "silu": {
        "second term of the product rule dropped": "silu.second_term_dropped",
        "y (1 - y)": "silu.derivative_of_sigmoid",
        "beta: inner factor dropped": "swish_beta.inner_beta_dropped",
        "beta: not summed": "swish_beta.beta_not_summed",
        "beta: x for x^2": "swish_beta.outer_x_dropped",
    },
    "softplus": {
        "1/beta handled twice": "softplus.divided_by_beta_again",
        "beta dropped": "softplus.beta_dropped",
        "slope of the sigmoid": "softplus.derivative_of_sigmoid",
        "exp(x) / (1 + exp(x)) overflows": "test_quotient_of_exponentials_overflows_for_large_inputs_only",
    },
    "softsign": {
        "|x| without the bars": "softsign.bars_dropped",
        "denominator not squared": "softsign.square_dropped",
    },
    "mish": {
        "second term of the product rule dropped": "mish.second_term_dropped",
        "sigmoid of the softplus dropped": "mish.slope_of_softplus_dropped",
        "1 - y^2 with the whole output": "mish.output_for_tanh",
    },
    "relu6": {
        "upper cut forgotten": "relu6.cut_forgotten",
        "lower cut forgotten": "relu6.zero_forgotten",
        "cut after scaling in the forward only": "test_cut_of_a_scaled_input_tested_on_the_input",
    },
    "prelu": {
        "da not summed over batch and places": "prelu.not_summed_over_batch_and_places",
        "da not summed over places": "prelu.summed_over_batch_only",
        "da summed over the channels, too": "prelu.summed_over_channels_too",
        "channels last": "prelu.channels_taken_to_be_last",
        "positive inputs in da": "prelu.positive_side_counted",
    },
    "reg_l2": {
        "half in the loss, 2 in the gradient": "reg_l2.two_kept_beside_the_half",
        "no half in the loss, 2 missing": "reg_l2.two_dropped",
        "1/m": "reg_l2.not_divided",
        "strength dropped": "reg_l2.strength_dropped",
        "bias in the loss only": "test_bias_in_the_penalty_and_not_in_its_gradient",
    },
    "reg_l1": {
        "sign at 0": "test_l1_penalty_with_slope_one_at_zero_is_no_mistake",
        "abs for sign": "reg_l1.absolute_value_for_sign",
        "sign dropped": "reg_l1.sign_dropped",
        "gradient of L2": "reg_l1.gradient_of_l2",
        "elastic net: square left out": "reg_elastic_net.square_left_out",
        "elastic net: absolute value left out": "reg_elastic_net.absolute_value_left_out",
        "elastic net: 2 dropped": "reg_elastic_net.two_dropped",
    },
    "linear_coursera": {
        "1/m in the layer": "linear_coursera.averaged_parameters",
        "keepdims forgotten": "test_bias_gradient_without_its_second_axis_is_noted",
        "axis 0 for axis 1": "linear_coursera.summed_over_outputs",
        "1/m twice": "linear_coursera.averaged_twice",
        "1/m never": "test_under_a_mean_cost_the_parameters_are_divided_by_m",
        "dA divided by m": "linear_coursera.input_averaged_too",
    },
    "linear_no_bias": {
        "list of gradients replaced": "test_gradients_that_are_not_filled_in_place_are_lost_to_the_network",
        "dW transposed": "linear_no_bias.weights_transposed",
        "dW divided by N": "linear_no_bias.weights_divided_by_batch",
    },
    "temporal_affine": {
        "db summed over the batch only": "temporal_affine.bias_summed_over_batch_only",
        "db summed over time only": "temporal_affine.bias_summed_over_time_only",
        "N T against T N": "temporal_affine.rows_in_another_order",
        "dW overwritten at every step": "temporal_affine.last_step_only",
    },
    "highway_residual": {
        "shortcut dropped": "residual.shortcut_dropped",
        "layer dropped": "residual.layer_dropped",
        "dy overwritten before it is added": "residual.upstream_overwritten",
        "highway: way around dropped": "highway.carry_dropped",
        "highway: gate of one way only": "highway.gate_of_the_layer_only",
        "highway: slope of the gate dropped": "highway.gate_slope_dropped",
    },
}


def found(thing: Any, layer: str | None = None, cases: int = 8) -> list[str]:
    report = check(thing, layer, cases=cases)
    assert report.results, "nothing was checked, so nothing could be found"
    assert not report.not_driven
    return codes(report.results)


def quotient_of_exponentials(dy: Array, x: Array, beta: float = 1.0) -> Grads:
    with np.errstate(over="ignore", invalid="ignore"):
        return {"x": dy * np.exp(beta * x) / (1 + np.exp(beta * x))}


def test_quotient_of_exponentials_overflows_for_large_inputs_only() -> None:
    mistake, steep = Mistake("not-finite", quotient_of_exponentials), Variant(note="steep", options={"beta": 1000.0})
    spec = replace(load("softplus"), variants=(steep,))
    assert codes(check_all(target(spec, mistake=mistake))) == []  # inputs of the size of one: it cannot show
    assert codes(check_all(target(spec, steep))) == []
    assert codes(check_all(target(spec, steep, mistake))) == ["not-finite"]


class ScaledRelu6:
    """Scales its input so that the cut is met."""

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.clip(4 * x, 0, 6)

    def backward(self, dout: Array) -> Array:
        return 4 * dout * ((self.x > 0) & (4 * self.x < 6))


class ScaledRelu6OfInput(ScaledRelu6):
    def backward(self, dout: Array) -> Array:
        return 4 * dout * ((self.x > 0) & (self.x < 6))


def test_cut_of_a_scaled_input_tested_on_the_input() -> None:
    assert found(ScaledRelu6) == []
    assert found(ScaledRelu6OfInput, cases=50) == ["wrong-gradient"]  # it shows in one number of fourteen


class Penalty:
    """The bias is in the penalty."""

    @staticmethod
    def forward(W: Array, b: Array) -> tuple[float, tuple[Array, Array]]:
        return 0.05 * float(np.sum(W**2) + np.sum(b**2)), (W, b)

    @staticmethod
    def backward(dout: float, cache: tuple[Array, Array]) -> tuple[Array, Array]:
        W, b = cache
        return dout * 0.1 * W, np.zeros_like(b)


def test_bias_in_the_penalty_and_not_in_its_gradient() -> None:
    assert found(Penalty) == ["zero-gradient"]


class L1:
    def __init__(self, reg: float) -> None:
        self.reg = reg

    def forward(self, W: Array) -> float:
        self.W = W
        return float(self.reg * np.abs(W).sum())

    def backward(self, dout: float = 1.0) -> Array:
        return dout * self.reg * np.where(self.W >= 0, 1, -1)


def test_l1_penalty_with_slope_one_at_zero_is_no_mistake() -> None:
    report = check(L1, "reg_l1", cases=8)
    assert report.ok
    kink = next(r for r in report.results if r.property == "kink")
    assert "it takes the slope from the right; torch takes a slope between the two" in kink.reason


class Columns:
    """One layer of the course: the gradients of its parameters are means."""

    def __init__(self, W: Array, b: Array) -> None:
        self.W, self.b = W, b

    def forward(self, A: Array) -> Array:
        self.A = A
        return self.W @ A + self.b

    def backward(self, dZ: Array) -> Array:
        m = self.A.shape[1]
        self.dW, self.db = dZ @ self.A.T / m, np.sum(dZ, axis=1, keepdims=True) / m
        return self.W.T @ dZ


class WithoutKeepdims(Columns):
    """The gradients of its parameters are averaged over the batch."""

    def backward(self, dZ: Array) -> Array:
        dA = super().backward(dZ)
        self.db = np.sum(dZ, axis=1) / self.A.shape[1]
        return dA


def test_bias_gradient_without_its_second_axis_is_noted() -> None:
    # the numbers are right and one value an output: what it does to b -= lr * db is the mistake of the update
    report = check(WithoutKeepdims, "linear_coursera", cases=8)
    assert report.ok
    bias = next(r for r in report.results if r.property == "db")
    assert re.search(r"has shape \((\d),\) where the array has \(\1, 1\)", bias.reason)


def mean_cost(A: Array, W: Array, b: Array) -> float:
    return float(np.sum((W @ A + b) ** 2) / (2 * A.shape[1]))


def mean_cost_torch(A: Any, W: Any, b: Any) -> Any:
    return ((W @ A + b) ** 2).sum() / (2 * A.shape[1])


def parameters_as_in_the_course(dy: float, A: Array, W: Array, b: Array) -> Grads:
    dZ = dy * (W @ A + b)  # of one sample's loss, without 1/m
    return {n: g for n, g in averaged_parameters(dZ, A, W, b).items() if n != "A"}


def nobody_divides(dy: float, A: Array, W: Array, b: Array) -> Grads:
    dZ = dy * (W @ A + b)
    return {n: g for n, g in load("linear_coursera").backward(dZ, A, W, b).items() if n != "A"}


def test_under_a_mean_cost_the_parameters_are_divided_by_m() -> None:
    # by itself the layer without 1/m is the gradient: only the cost tells that somebody has to divide
    cost = replace(
        load("linear_coursera"),
        kind="loss",
        forward=mean_cost,
        backward=parameters_as_in_the_course,
        torch_forward=mean_cost_torch,
        shapes="A: D N; W: M D, b: M 1 ->",
        mistakes=(),
    )
    assert codes(check_all(target(cost))) == []
    mistake = Mistake("missing-batch-mean", nobody_divides)
    assert codes(check_all(target(cost, mistake=mistake))) == ["missing-batch-mean"] * 2


class MatMul:
    def __init__(self, W: Array) -> None:
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.asarray(x @ self.params[0])

    def backward(self, dout: Array) -> Array:
        self.grads[0][...] = self.x.T @ dout
        return np.asarray(dout @ self.params[0].T)


class MatMulWithNewList(MatMul):
    def backward(self, dout: Array) -> Array:
        self.grads = [self.x.T @ dout]
        return np.asarray(dout @ self.params[0].T)


class Network:
    """Collects the lists of its layer once."""

    layer = MatMul

    def __init__(self, W: Array) -> None:
        self.only = self.layer(W)
        self.params, self.grads = self.only.params, self.only.grads

    def forward(self, x: Array) -> Array:
        return self.only.forward(x)

    def backward(self, dout: Array) -> Array:
        return self.only.backward(dout)


class NetworkOfNewLists(Network):
    layer = MatMulWithNewList

    def backward(self, dout: Array) -> Array:  # a class without a backward of its own is not looked at
        return super().backward(dout)


def test_gradients_that_are_not_filled_in_place_are_lost_to_the_network() -> None:
    assert found(MatMulWithNewList, "linear_no_bias") == []  # by itself it shows the new list
    assert check(Network, "linear_no_bias", cases=8).ok
    assert found(NetworkOfNewLists, "linear_no_bias") == ["zero-gradient"]
