"""The classical mistakes of the layers of a first course; see `test_catalogue_mistakes`."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any

import numpy as np
from reference_subject import check_all, codes, target

from gradcheck_plugin import check
from gradcheck_plugin.judging.gradient import judge
from gradcheck_plugin.model import Verdict
from reference_impls import load
from reference_impls.spec import Array, Mistake

MISTAKES: dict[str, dict[str, str]] = {
    "add": {
        "the gradient keeps the shape of the sum": "add.repeated_operand_not_summed",
        "one array object for both gradients": "add.one_array_for_both",
        "overwrites where one variable is used twice": "add.last_use_only",
        "x + x counted once": "test_variable_added_to_itself",
        "mean for sum over the repeated axis": "add.repeated_operand_averaged",
    },
    "mul": {
        "operands not swapped": "mul.operands_not_swapped",
        "the gradient keeps the shape of the product": "mul.repeated_operand_not_summed",
        "an operand is overwritten before the backward": "mul.product_written_over_x",
        "x * x counted once": "square.two_dropped",
        "x * x counted once, by a product node": "test_variable_multiplied_by_itself",
    },
    "square": {
        "factor 2 dropped": "square.two_dropped",
        "derivative at the output": "square.derivative_at_output",
        "upstream not multiplied": "square.upstream_ignored",
    },
    "graph_square_sum": {
        "derivative at t after t was changed": "graph_square_sum.t_overwritten",
        "dz not multiplied": "graph_square_sum.upstream_ignored",
        "factor 1 of the add node forgotten": "graph_square_sum.add_node_multiplies",
    },
    "graph_buy_apple": {
        "one object for two nodes": "graph_buy_apple.one_layer_for_two_nodes",
        "order not reversed": "graph_buy_apple.nodes_not_reversed",
    },
    "graph_buy_apple_orange": {
        "gradients unpacked in the wrong order": "graph_buy_apple_orange.tax_node_unpacked_in_wrong_order",
        "dtax uses the taxed price": "graph_buy_apple_orange.tax_on_taxed_price",
        "the add node passes nothing": "graph_buy_apple_orange.add_node_passes_nothing",
    },
    "graph_softmax_loss_decomposed": {
        "branches of exp not added": "graph_softmax_loss_decomposed.sum_branch_not_added",
        "1/S not summed over the classes": "graph_softmax_loss_decomposed.classes_not_summed",
    },
    "graph_hidden_2_2_2": {
        "output weights updated first": "graph_hidden_2_2_2.output_weights_updated_first",
        "error of one output only": "graph_hidden_2_2_2.one_output_only",
        "learning rate absent": "sgd.without_rate",
        "W(t+1) = W t - ... read as a product": "sgd.time_read_as_factor",
    },
    "cast_identity": {
        "returns dy itself": "identity.upstream_array_returned",
        "dtype changed to float32": "identity.cast_to_single",
        "dtype changed to float64": "test_identity_in_double_precision",
    },
    "sigmoid": {
        "x (1 - x)": "sigmoid.input_in_derivative",
        "upstream not multiplied": "sigmoid.upstream_ignored",
        "derivative applied twice": "sigmoid.derivative_applied_twice",
        "sigmoid'(sigmoid(x))": "sigmoid.sigmoid_of_output",
    },
    "tanh": {
        "1 - x^2": "tanh.input_in_derivative",
        "1 - tanh(y)^2": "tanh.tanh_of_output",
        "y (1 - y)": "tanh.derivative_of_sigmoid",
    },
    "relu": {
        "mask from dy": "relu.mask_from_upstream",
        "x >= 0 for x > 0": "test_relu_that_is_open_at_zero_is_no_mistake",
        "writes into dy": "relu.upstream_zeroed_in_place",
        "mask of another forward": "relu.mask_of_another_call",
        "mask of a later forward": "test_relu_used_twice_has_the_mask_of_the_later_forward",
        "mask from the output": "relu.mask_from_output",
    },
    "leaky_relu": {
        "slope times x": "leaky_relu.slope_times_input",
        "slope dropped": "leaky_relu.slope_dropped",
        "slope on the wrong side": "leaky_relu.slope_on_positive_side",
        "another default slope": "leaky_relu.default_slope_in_backward",
    },
    "step": {
        "non-zero gradient": "step.gradient_of_relu",
        "straight-through": "step.straight_through",
    },
    "softmax": {
        "diagonal only": "softmax.diagonal_only",
        "sum over the samples": "softmax.summed_over_samples",
        "sum over the whole batch": "softmax.summed_over_everything",
        "keepdims missing": "softmax.keepdims_missing",
        "y - t although the loss is separate": "softmax.upstream_taken_as_fused",
    },
    "affine": {
        "db not summed": "affine.bias_not_summed",
        "db averaged": "affine.bias_averaged",
        "dW transposed": "affine.weights_transposed",
        "x of another call": "affine.input_of_another_call",
        "x kept by reference and overwritten": "test_affine_whose_kept_input_is_overwritten",
        "dW never reset": "affine.weights_never_reset",
        "dW divided by N": "affine.weights_divided_by_batch",
    },
    "affine_single": {
        "dW as inner product": "affine.weights_as_inner_product",
        "dW transposed": "affine.weights_transposed",
        "db reduced to a scalar": "affine.bias_summed_to_scalar",
    },
    "affine_nd": {
        "dx not reshaped": "affine.input_gradient_left_flat",
        "dW from the tensor": "affine.input_not_flattened",
        "reshape mixes the batch in": "affine.reshape_for_transpose",
    },
    "mse": {
        "factor 2 dropped": "mse.two_dropped",
        "divided by N for N D": "mse.divided_by_samples_only",
        "not divided": "mse.not_divided",
        "sign": "mse.t_minus_y",
        "upstream ignored": "mse.upstream_ignored",
        "(N, 1) - (N,) is (N, N)": "mse.column_minus_vector_backward",
    },
    "sse_half": {
        "divided by the batch in one pass": "mse.divided_in_backward_only",
        "factor 1/2 against 2": "mse.two_kept_beside_the_half",
        "the mean's gradient, as torch has it": "mse.gradient_of_the_mean",
    },
    "cce_onehot": {
        "p - t": "cce_onehot.gradient_of_the_logits",
        "1/N missing": "cce_onehot.not_divided",
        "1/N in the backward only": "cce_onehot.divided_in_backward_only",
        "sign": "cce_onehot.minus_dropped",
        "argmax of soft labels": "cce_onehot.likeliest_class_only",
    },
    "sparse_cce": {
        "p[:, t]": "sparse_cce.columns_for_entries",
        "p[:, t] in both passes": "sparse_cce.columns_for_entries_accumulated",
        "labels are floats": "test_labels_that_became_floats_raise",
        "t.size == y.size with one class": "test_size_for_format_fails_with_one_class",
    },
    "bce": {
        "sign": "bce.t_minus_p",
        "p - t": "bce.gradient_of_the_logits",
        "1/n dropped": "bce.not_divided",
        "1/m twice": "bce.divided_twice",
        "clipped in the forward only": "bce.clipped_forward",
    },
    "bce_with_logits": {
        "sigmoid' again": "bce_with_logits.sigmoid_slope_again",
        "N for N D": "bce_with_logits.divided_by_samples_only",
        "pos_weight in the forward only": "bce_with_logits.weight_in_forward_only",
    },
    "softmax_with_loss": {
        "not divided by N": "softmax_with_loss.not_divided",
        "divided twice": "softmax_with_loss.divided_twice",
        "upstream ignored": "softmax_with_loss.upstream_ignored",
        "labels for one-hot rows": "softmax_with_loss.labels_taken_for_rows",
        "kept y changed": "softmax_with_loss.target_taken_from_kept_rows",
        "y[range(N), t] -= 1 on the kept y": "softmax_with_loss.one_taken_at_kept_labels",
    },
    "perceptron": {
        "updates on right samples": "perceptron.updates_on_right_samples",
        "bias not updated": "perceptron.bias_not_updated",
        "sign": "perceptron.t_minus_y",
    },
    "adaline": {
        "error after the threshold": "adaline.error_after_threshold",
        "factor 2": "adaline.two_kept_beside_the_half",
        "mean": "adaline.not_divided",
        "sign": "adaline.t_minus_z",
    },
    "logistic_regression": {
        "y (1 - y) left in": "logistic_regression.sigmoid_slope_left_in",
        "1/m missing": "logistic_regression.not_divided",
        "1/m twice": "logistic_regression.divided_twice",
    },
    "two_layer_net": {
        "layers not reversed": "test_layers_that_are_not_reversed_raise",
        "forward of an earlier batch": "two_layer_net.first_forward_kept",
        "forward not run": "test_backward_without_a_forward_raises",
        "keys swapped": "two_layer_net.keys_swapped",
        "gradients overwritten by the next call": "two_layer_net.buffers_overwritten",
        "dead ReLU on its kink": "test_dead_relu_on_its_kink_fails_no_right_network",
    },
    "opt_sgd": {
        "sign": "sgd.uphill",
        "lr twice": "sgd.rate_applied_twice",
        "rebound for in place": "sgd.rebound",
        "without lr": "sgd.without_rate",
        "b = b - db broadcasts": "sgd.broadcast_over_the_batch",
    },
    "abs": {
        "sign missing": "abs.sign_dropped",
        "1 at 0": "test_abs_with_slope_one_at_zero_is_no_mistake",
    },
    "clip": {
        "gradient outside the range": "clip.bounds_ignored",
        "gradient above the range": "clip.lower_bound_only",
        "bounds exclusive": "test_clip_that_is_closed_on_its_bounds_is_no_mistake",
    },
    "maximum": {
        "minimum: comparison reversed": "minimum.minimum_reversed",
        "minimum: not summed over the repeated axis": "minimum.minimum_not_summed",
        "both operands get it": "maximum.both_get_it",
        "both operands get it at a tie": "test_maximum_that_counts_a_tie_twice_is_advised",
        "comparison reversed": "maximum.maximum_reversed",
        "comparison reversed in one branch": "maximum.winner_of_x_for_both",
        "not summed over the repeated axis": "maximum.maximum_not_summed",
    },
    "max_reduce": {
        "gradient to every entry": "max.every_entry_gets_it",
        "ties counted twice": "test_max_that_counts_a_tie_twice_is_advised",
        "axis not put back": "test_max_whose_axis_is_not_put_back_raises",
        "equal within a tolerance": "max.mask_with_tolerance",
        "minimum: gradient to every entry": "min.every_entry_gets_it",
        "minimum: gradient to the largest entry": "min.winner_of_the_other",
        "minimum: equal within a tolerance": "min.mask_with_tolerance",
    },
    "svm_multiclass": {
        "label not left out": "svm_multiclass.label_counted_forward",
        "label's entry 0": "svm_multiclass.label_left_out",
        "label's entry -1: = for -=": "svm_multiclass.label_counted_once",
        "1/N dropped": "svm_multiclass.not_divided",
        "margin >= 0": "test_svm_loss_with_a_margin_of_zero_is_no_mistake",
        "divided by the classes, as in torch": "svm_multiclass.divided_by_classes",
    },
    "maxpool2d": {
        "= for += where windows overlap": "maxpool2d.overlap_overwritten",
        "gradient to all equal maxima": "test_max_pool_that_counts_a_tie_twice_is_advised",
        "padded with 0": "maxpool2d.zeros_at_the_border",
        "rows not covered": "maxpool2d.rows_not_covered",
        "mask from dy's window": "maxpool2d.mask_from_upstream",
    },
}

# caught, and called something else first; the reason stands beside each
CONFUSED = {
    ("relu", "mask_of_another_call"): "right in the first call of a shape; later calls fit no pattern of one call",
    ("affine", "input_of_another_call"): "right in the first call of a shape; later calls fit no pattern of one call",
    (
        "two_layer_net",
        "first_forward_kept",
    ): "right in the first call of a shape; later calls fit no pattern of one call",
    ("softmax_with_loss", "target_taken_from_kept_rows"): "the kept rows change under the upstream scaling",
    ("softmax_with_loss", "one_taken_at_kept_labels"): "the kept rows change under the upstream scaling",
    ("mse", "column_minus_vector_backward"): "its forward is wrong, too, and that is said first",
}


def found(thing: Any, layer: str | None = None) -> list[str]:
    report = check(thing, layer, cases=8)
    assert not report.not_driven
    return codes(report.results)


# one variable in both places of a node


class Doubled:
    """z = x + x."""

    def forward(self, x: Array) -> Array:
        return x + x

    def backward(self, dout: Array) -> Array:
        for dx in (dout * 1.0, dout * 1.0):  # what the add node gives to its two operands
            self.grad = dx  # += would be right
        return self.grad


def test_variable_added_to_itself() -> None:
    assert found(Doubled) == ["factor-half"]


class Squared:
    """y = x * x."""

    def forward(self, x: Array) -> Array:
        self.x = x
        return x * x

    def backward(self, dout: Array) -> Array:
        for dx in (dout * self.x, dout * self.x):  # what the multiply node gives to its two operands
            self.grad = dx
        return self.grad


def test_variable_multiplied_by_itself() -> None:
    assert found(Squared, "square") == ["factor-half"]


class DoubleIdentity:
    def forward(self, x: Array) -> Array:
        return np.array(x, dtype=np.float64)

    def backward(self, dout: Array) -> Array:
        return np.array(dout, dtype=np.float64)


def test_identity_in_double_precision() -> None:
    assert found(DoubleIdentity, "identity") == ["promotes-float32"]


class ReluOpenAtZero:
    def forward(self, x: Array) -> Array:
        self.mask = x >= 0
        return x * self.mask

    def backward(self, dout: Array) -> Array:
        return dout * self.mask


def test_relu_that_is_open_at_zero_is_no_mistake() -> None:
    # both slopes are subgradients at 0, so neither can be wrong: the check names the one that is taken
    report = check(ReluOpenAtZero, "relu", cases=8)
    assert report.ok
    kink = next(r for r in report.results if r.property == "kink")
    assert "takes the slope from the right; torch takes the slope from the left" in kink.reason


class Abs:
    def forward(self, x: Array) -> Array:
        self.x = x
        return np.abs(x)

    def backward(self, dout: Array) -> Array:
        return dout * np.where(self.x >= 0, 1, -1)


def test_abs_with_slope_one_at_zero_is_no_mistake() -> None:
    report = check(Abs, "abs", cases=8)
    assert report.ok
    kink = next(r for r in report.results if r.property == "kink")
    assert "it takes the slope from the right; torch takes a slope between the two" in kink.reason


class Clip:
    def forward(self, x: Array) -> Array:
        self.x = x
        return np.clip(x, -1, 1)

    def backward(self, dout: Array) -> Array:
        return dout * (np.abs(self.x) < 1)


def test_clip_that_is_closed_on_its_bounds_is_no_mistake() -> None:
    report = check(Clip, "clip", cases=8)
    assert report.ok
    kink = next(r for r in report.results if r.property == "kink")
    assert "on the kink x = 1 it takes the slope from the right; torch takes the slope from the " in kink.reason


class Maximum:
    def forward(self, x: Array, y: Array) -> Array:
        self.x, self.y = x, y
        return np.maximum(x, y)

    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout * (self.x >= self.y), dout * (self.y >= self.x)


def test_maximum_that_counts_a_tie_twice_is_advised() -> None:
    assert check(Maximum, cases=8).ok
    assert "tie" in found(Maximum)


class Max:
    def forward(self, x: Array) -> Array:
        self.x = x
        return x.max(axis=1)

    def backward(self, dout: Array) -> Array:
        return np.asarray(dout[:, None] * (self.x == self.x.max(axis=1, keepdims=True)))


def test_max_that_counts_a_tie_twice_is_advised() -> None:
    assert check(Max, cases=8).ok
    assert found(Max) == ["tie"]


class MaxWithoutAxis(Max):
    def backward(self, dout: Array) -> Array:
        return np.asarray(dout * (self.x == self.x.max(axis=1, keepdims=True)))


def test_max_whose_axis_is_not_put_back_raises() -> None:
    assert found(MaxWithoutAxis, "max") == ["raised"]


def svm_loss(x: Array, y: Array) -> tuple[float, Array]:
    rows = np.arange(len(x))
    margin = x - x[rows, y][:, None] + 1
    margin[rows, y] = 0
    dx = (margin >= 0).astype(float)
    dx[rows, y] = 0
    dx[rows, y] = -dx.sum(axis=1)
    return float(np.maximum(margin, 0).sum() / len(x)), dx / len(x)


def test_svm_loss_with_a_margin_of_zero_is_no_mistake() -> None:
    report = check(svm_loss, cases=8)
    assert report.ok
    kink = next(r for r in report.results if r.property == "kink")
    assert "it takes the slope from the right; torch takes the slope from the left" in kink.reason


class MaxPool:
    def forward(self, x: Array) -> Array:
        self.x = x
        y = np.zeros((*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2), x.dtype)
        for i, j in np.ndindex(y.shape[2:]):
            y[:, :, i, j] = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(2, 3))
        return y

    def backward(self, dout: Array) -> Array:
        dx = np.zeros_like(self.x)
        for i, j in np.ndindex(dout.shape[2:]):
            window = self.x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            mask = window == window.max(axis=(2, 3), keepdims=True)
            dx[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = mask * dout[:, :, i, j][..., None, None]
        return dx


def test_max_pool_that_counts_a_tie_twice_is_advised() -> None:
    assert check(MaxPool, cases=8).ok
    assert "tie" in found(MaxPool)


class Folded:
    """y = relu(1 - relu(x)), with one ReLU for both."""

    def __init__(self) -> None:
        self.relu = ReluOpenAtZero()

    def forward(self, x: Array) -> Array:
        return self.relu.forward(1 - self.relu.forward(x))

    def backward(self, dout: Array) -> Array:
        return self.relu.backward(-self.relu.backward(dout))


def test_relu_used_twice_has_the_mask_of_the_later_forward() -> None:
    assert found(Folded) == ["wrong-gradient"]


class KeepsReference:
    """Keeps x itself, and centres it for the next layer while the backward still needs it."""

    def __init__(self, W: Array, b: Array) -> None:
        self.W, self.b = W, b

    def forward(self, x: Array) -> Array:
        self.x = x
        out = x @ self.W + self.b
        x -= x.mean(axis=0)
        return out

    def backward(self, dout: Array) -> Array:
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


def test_affine_whose_kept_input_is_overwritten() -> None:
    assert found(KeepsReference, "affine") == ["wrong-gradient", "mutates-input"]


# labels


class FloatLabels:
    """Scales its labels like pixels, and then takes them for indices."""

    def forward(self, p: Array, t: Array) -> float:
        self.p, self.t = p, t * 1.0
        return float(-np.log(p[np.arange(len(p)), t]).mean())

    def backward(self, dout: float = 1.0) -> Array:
        dp = np.zeros_like(self.p)
        dp[np.arange(len(dp)), self.t] = -dout / len(dp) / self.p[np.arange(len(dp)), self.t]
        return dp


def test_labels_that_became_floats_raise() -> None:
    assert found(FloatLabels, "sparse_cce") == ["raised"]


def size_for_format(dy: float, p: Array, t: Array) -> dict[str, Array]:
    if t.size == p.size:  # "then it must be one-hot"
        return {"p": -dy * t.reshape(p.shape) / p / len(p)}
    dp: Array = load("sparse_cce").backward(dy, p, t)["p"]
    return {"p": dp}


def test_size_for_format_fails_with_one_class() -> None:
    spec = load("sparse_cce")
    mistake = Mistake("wrong-gradient", size_for_format)
    assert codes(check_all(target(spec, mistake=mistake))) == []  # two classes and more: it cannot show
    one_class = replace(spec, shapes="p: N 1 @unit, t: N @label(1) ->", variants=(), minimum={})
    assert codes(check_all(target(one_class, mistake=mistake))) == ["zero-gradient"]


# networks


class Dense:
    def __init__(self, W: Array, b: Array) -> None:
        self.W, self.b = W, b

    def forward(self, x: Array) -> Array:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Array) -> Array:
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class NotReversed:
    """A two-layer network whose backward runs through its layers from the first to the last."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        self.params = {
            "W1": np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }
        p = self.params
        affine = [("Affine1", Dense(p["W1"], p["b1"])), ("Affine2", Dense(p["W2"], p["b2"]))]
        self.layers: dict[str, Any] = OrderedDict([affine[0], ("Relu", ReluOpenAtZero()), affine[1]])

    def predict(self, x: Array) -> Array:
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x: Array, t: Array) -> float:
        s = self.predict(x)
        e = np.exp(s - s.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return float(-np.sum(t * np.log(self.y)) / len(x))

    def order(self) -> list[Any]:
        return list(self.layers.values())

    def gradient(self, x: Array, t: Array) -> dict[str, Array]:
        self.loss(x, t)
        dout = (self.y - t) / len(x)
        for layer in self.order():
            dout = layer.backward(dout)
        first, last = self.layers["Affine1"], self.layers["Affine2"]
        return {"W1": first.dW, "b1": first.db, "W2": last.dW, "b2": last.db}


class Reversed(NotReversed):
    def order(self) -> list[Any]:
        return super().order()[::-1]


class NeverForward(Reversed):
    """Computes its loss past the layers, so that they have kept nothing."""

    def predict(self, x: Array) -> Array:
        p = self.params
        return np.maximum(x @ p["W1"] + p["b1"], 0) @ p["W2"] + p["b2"]


def test_layers_that_are_not_reversed_raise() -> None:
    assert found(Reversed, "two_layer_net") == []
    assert found(NotReversed, "two_layer_net") == ["raised"]


def test_backward_without_a_forward_raises() -> None:
    assert found(NeverForward, "two_layer_net") == ["raised"]


def test_dead_relu_on_its_kink_fails_no_right_network() -> None:
    subject = target(load("two_layer_net")).subject
    case = subject.sample(1, {"N": 4, "D": 3, "H": 5, "C": 2})
    dead = {n: a.copy() for n, a in case.arrays.items()}
    dead["W1"][:, 0], dead["b1"][0] = 0.0, 0.0  # the first hidden unit is exactly 0 on every sample
    verdicts = {n: judge(subject, n, replace(case, arrays=dead), subject.layout).verdict for n in subject.judged}
    assert Verdict.FAIL not in verdicts.values()
    assert verdicts["W2"] is verdicts["b2"] is Verdict.PASS
