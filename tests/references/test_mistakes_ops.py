"""The classical mistakes of elementwise, reducing and linear-algebra operations; see `test_catalogue_mistakes`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from reference_subject import check_all, codes, target

from gradcheck_plugin import check
from gradcheck_plugin.judging.gradient import judge
from gradcheck_plugin.model import Verdict
from gradcheck_plugin.oracles.judge import Judgement
from reference_impls import load
from reference_impls.spec import Array, Mistake, Variant

MISTAKES: dict[str, dict[str, str]] = {
    "div": {
        "minus of the denominator's gradient dropped": "div.minus_dropped",
        "y for y^2": "div.denominator_not_squared",
        "numerator left out": "div.numerator_left_out",
        "the gradient keeps the shape of the quotient": "div.repeated_operand_not_summed",
    },
    "exp": {
        "times x": "exp.multiplied_by_input",
        "exp of the output": "exp.exp_of_output",
        "exp again after x was modified in place": "test_exp_of_an_input_that_was_overwritten",
    },
    "log": {
        "divided by y": "log.divided_by_output",
        "delta in the forward only": "test_log_whose_delta_is_in_the_forward_only_is_told",
        "base 10 in the forward": "log.base_ten",
        "base 10 in the backward": "log.base_ten_in_backward",
    },
    "sub": {
        "minus forgotten": "sub.minus_forgotten",
        "the gradient keeps the shape of the difference": "sub.repeated_operand_not_summed",
        "the rule of the reversed difference": "sub.rule_of_reversed_difference",
        "rsub has the rule of sub": "test_reversed_difference_with_the_rule_of_sub",
    },
    "neg": {
        "sign dropped": "neg.sign_dropped",
        "dy turned around in place": "neg.upstream_negated_in_place",
    },
    "reciprocal": {
        "-1/x, or y for y^2, which is the same": "reciprocal.reciprocal_not_squared",
        "sign dropped": "reciprocal.minus_dropped",
    },
    "pow_scalar": {
        "exponent not lowered": "pow_scalar.exponent_not_lowered",
        "c dropped": "pow_scalar.exponent_dropped",
        "0 * inf at x = 0 for c = 0": "test_power_of_zero_is_not_finite_at_zero",
    },
    "sqrt": {
        "1/2 dropped": "sqrt.half_dropped",
        "eps in the forward only": "sqrt.eps_in_forward_only",
    },
    "trig": {
        "sign of cos' dropped": "cos.sign_dropped",
        "sign at sin'": "sin.minus_too_many",
        "sin' at the output": "sin.slope_at_output",
        "cos' at the output": "cos.slope_at_output",
        "tan' at the output": "tan.slope_at_output",
        "cos for cos^2": "tan.cosine_not_squared",
    },
    "where": {
        "both branches get it": "where.both_branches_get_it",
        "branches swapped": "where.branches_swapped",
        "gradient for the condition": "test_gradient_for_a_condition_is_asked_for_by_nothing",
        "the gradient keeps the shape of the output": "where.repeated_operand_not_summed",
    },
    "masked_fill": {
        "gradient through masked entries": "masked_fill.mask_ignored",
        "polarity reversed": "masked_fill.mask_reversed",
    },
    "sum": {
        "axis not put back": "test_reductions_whose_axis_is_not_put_back_raise",
        "axis=0 taken for axis=None": "sum.axis_taken_for_none",
        "laid out along the wrong axis": "sum.repeated_entry_by_entry",
        "gradient of the mean": "sum.gradient_of_the_mean",
        "negative axis": "test_negative_axis_that_is_put_back_in_the_wrong_place_raises",
        "tuple of axes": "test_two_axes_that_are_put_back_one_after_the_other_raise",
    },
    "mean": {
        "1/n dropped": "mean.not_divided",
        "n = x.size": "mean.divided_by_every_entry",
        "n of the other axis": "mean.divided_by_the_other_axis",
        "axis not put back": "test_reductions_whose_axis_is_not_put_back_raise",
    },
    "var": {
        "n - 1 in the backward only": "var.divided_by_n_less_one",
        "n - 1 in the forward only": "var.divided_by_n",
        "factor 2 dropped": "var.two_dropped",
        "x for x - m": "var.mean_not_subtracted",
        "term of the mean, which vanishes": "test_variance_with_the_term_of_its_mean_is_no_mistake",
    },
    "std": {
        "n - 1 in the backward only": "std.std_divided_by_n_less_one",
        "n - 1 in the forward only": "std.std_divided_by_n",
        "gradient of the variance": "std.gradient_of_the_variance",
        "variance for deviation": "std.divided_by_the_variance",
        "division by a deviation of zero": "test_division_by_zero_is_found_on_the_kink",
    },
    "norm_reduce": {
        "gradient of the square": "norm.root_left_out",
        "not divided": "norm.norm_not_divided_by",
        "divided twice": "norm.divided_by_the_square",
        "sign dropped": "norm.sign_dropped",
        "division by a norm of zero": "test_division_by_zero_is_found_on_the_kink",
    },
    "logsumexp": {
        "shift counted twice": "logsumexp.shift_counted_twice",
        "exp(x) without its sum": "logsumexp.not_normalised",
        "sum over all rows": "logsumexp.softmax_of_everything",
        "exp(x - m) without its sum": "logsumexp.shifted_and_not_normalised",
        "axis not put back": "test_reductions_whose_axis_is_not_put_back_raise",
        "unstable": "test_unstable_logsumexp_is_not_finite_where_the_stable_one_is",
    },
    "matmul": {
        "transpose missing": "test_products_that_do_not_fit_raise",
        "order reversed": "test_products_that_do_not_fit_raise",
        "result transposed": "matmul.product_transposed",
        "result transposed, first matrix": "matmul.first_product_transposed",
        "reshape for transpose": "matmul.reshaped_for_transposed",
        "divided by the rows": "matmul.divided_by_rows",
        "square shapes": "test_square_shapes_hide_no_missing_transpose",
        "accumulated in float32": "test_product_that_is_rounded_to_single_precision",
    },
    "batched_matmul": {
        ".T of all axes": "test_products_that_do_not_fit_raise",
        "not summed over the leading axes": "batched_matmul.shared_operand_not_summed",
        "averaged over the leading axes": "batched_matmul.shared_operand_averaged",
        "reshape for transpose": "batched_matmul.reshaped_for_transposed",
        "one operand is a vector": "test_products_that_do_not_fit_raise",
    },
    "dot_inner": {
        "operands not swapped": "dot_inner.operands_not_swapped",
        "outer product": "dot_inner.outer_product",
        "result kept as (1, 1)": "test_inner_product_kept_as_a_matrix_is_told",
    },
}


def found(thing: Any, layer: str | None = None) -> list[str]:
    report = check(thing, layer, cases=8)
    assert not report.not_driven
    return codes(report.results)


def told(thing: Any, layer: str, property: str) -> str:
    """What a check that passes says beside it."""
    report = check(thing, layer, cases=8)
    assert report.ok
    result = next(r for r in report.results if r.property == property)
    return f"{result.variant} {result.reason}"


def judged_at(name: str, backward: Any, variant: Variant, forward: Any = None, **entries: float) -> Judgement:
    """The verdict on dx of a reference with another backward in a case whose first entry of x is given."""
    spec = replace(load(name), variants=(variant,))
    subject = target(spec, variant, Mistake("", backward, forward)).subject
    case = subject.sample(1, {"N": 4, "D": 3})
    x = case.arrays["x"].copy()
    x[0, 0] = entries["x"]
    return judge(subject, "x", replace(case, arrays={"x": x}), subject.layout)


# elementwise


class ExpInPlace:
    def forward(self, x: Array) -> Array:
        self.x = x
        np.exp(x, out=x)
        return x.copy()

    def backward(self, dout: Array) -> Array:
        return np.asarray(dout * np.exp(self.x))


def test_exp_of_an_input_that_was_overwritten() -> None:
    assert found(ExpInPlace, "exp") == ["local-derivative-at-output", "mutates-input"]


class LogWithDelta:
    def forward(self, x: Array) -> Array:
        self.x = x
        return np.log(x + 1e-7)

    def backward(self, dout: Array) -> Array:
        return dout / self.x


def test_log_whose_delta_is_in_the_forward_only_is_told() -> None:
    assert "exact for your forward without its guard 1e-07" in told(LogWithDelta, "log", "dx")


class ReversedDifference:
    """z = y - x with the backward of x - y."""

    def forward(self, x: Array, y: Array) -> Array:
        return y - x

    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout * 1.0, -dout


def test_reversed_difference_with_the_rule_of_sub() -> None:
    assert found(ReversedDifference) == ["wrong-sign", "wrong-sign"]


def test_power_of_zero_is_not_finite_at_zero() -> None:
    def power_rule(dy: Array, x: Array, c: float) -> dict[str, Array]:
        return {"x": dy * c * x ** (c - 1)}

    def guarded(dy: Array, x: Array, c: float) -> dict[str, Array]:
        return {"x": np.zeros_like(x) if c == 0 else dy * c * x ** (c - 1)}

    constant = Variant(note="exponent 0", options={"c": 0.0})
    with np.errstate(divide="ignore", invalid="ignore"):
        at_zero = judged_at("pow_scalar", power_rule, constant, x=0.0)
        assert (at_zero.verdict, at_zero.kind) == (Verdict.FAIL, "not-finite")
        assert judged_at("pow_scalar", guarded, constant, x=0.0).verdict is Verdict.PASS


class WhereOfThree:
    def forward(self, c: Array, x: Array, y: Array) -> Array:
        self.c, self.x, self.y = c, x, y
        return np.where(c, x, y)

    def backward(self, dout: Array) -> dict[str, Array]:
        dx, dy = np.where(self.c, dout, 0), np.where(self.c, 0, dout)
        return {"c": dout * (self.x - self.y), "x": dx, "y": dy}


def test_gradient_for_a_condition_is_asked_for_by_nothing() -> None:
    report = check(WhereOfThree, "where", cases=8)
    assert report.ok
    assert [r.property for r in report.results] == ["contract", "forward", "dx", "dy"]


# reductions


class Sum:
    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return np.asarray(x.sum(axis=1))

    def backward(self, dout: Array) -> Array:
        return np.broadcast_to(dout, self.shape).copy()


class Mean(Sum):
    def forward(self, x: Array) -> Array:
        return super().forward(x) / x.shape[1]

    def backward(self, dout: Array) -> Array:
        return super().backward(dout) / self.shape[1]


class LogSumExp:
    def forward(self, x: Array) -> Array:
        e = np.exp(x)
        self.p = e / e.sum(axis=1, keepdims=True)
        return np.log(e.sum(axis=1))

    def backward(self, dout: Array) -> Array:
        return np.asarray(dout * self.p)


def test_reductions_whose_axis_is_not_put_back_raise() -> None:
    assert found(Sum) == found(Mean) == found(LogSumExp) == ["raised"]


class LastAxis:
    axis = -1

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return np.asarray(x.sum(axis=self.axis))

    def backward(self, dout: Array) -> Array:
        kept = list(dout.shape)
        kept.insert(self.axis, 1)  # in front of the last one
        return np.ones(self.shape) * dout.reshape(kept)


def test_negative_axis_that_is_put_back_in_the_wrong_place_raises() -> None:
    assert found(LastAxis, "sum") == ["raised"]


class LastTwoAxes:
    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return np.asarray(x.sum(axis=(-2, -1)))

    def backward(self, dout: Array) -> Array:
        for axis in (-2, -1):  # the first is put back in front of what is left, and not in front of the second
            dout = np.expand_dims(dout, axis)
        return np.asarray(np.ones(self.shape) * dout)


def test_two_axes_that_are_put_back_one_after_the_other_raise() -> None:
    assert found(LastTwoAxes, "sum") == ["raised"]


class Variance:
    def forward(self, x: Array) -> Array:
        self.centred = x - x.mean(axis=0)
        return np.asarray((self.centred**2).mean(axis=0))

    def backward(self, dout: Array) -> Array:
        dcentred = 2 * self.centred / len(self.centred) * dout
        return np.asarray(dcentred - dcentred.mean(axis=0))


def test_variance_with_the_term_of_its_mean_is_no_mistake() -> None:
    assert found(Variance) == []


class Std(Variance):
    def forward(self, x: Array) -> Array:
        self.s = np.sqrt(super().forward(x))
        return self.s.copy()

    def backward(self, dout: Array) -> Array:
        return np.asarray(dout * self.centred / (len(self.centred) * self.s))


class Norm:
    def forward(self, x: Array) -> Array:
        self.x, self.y = x, np.sqrt((x**2).sum(axis=1))
        return self.y.copy()

    def backward(self, dout: Array) -> Array:
        return np.asarray((dout / self.y)[:, None] * self.x)


class GuardedNorm(Norm):
    def backward(self, dout: Array) -> Array:
        return np.asarray((dout / np.maximum(self.y, 1e-12))[:, None] * self.x)


def test_division_by_zero_is_found_on_the_kink() -> None:
    assert found(Std) == found(Norm) == ["kink"]
    assert found(GuardedNorm, "norm") == []


def test_unstable_logsumexp_is_not_finite_where_the_stable_one_is() -> None:
    def unstable(x: Array) -> Array:
        return np.log(np.exp(x).sum(axis=1, keepdims=True))

    def softmax(dy: Array, x: Array) -> dict[str, Array]:
        return {"x": dy * np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)}

    spec = load("logsumexp")
    assert codes(check_all(target(spec, mistake=Mistake("", softmax, unstable)))) == []  # small numbers: it cannot show
    with np.errstate(over="ignore", invalid="ignore"):
        far = judged_at("logsumexp", softmax, Variant(), unstable, x=800.0)
        assert (far.verdict, far.kind) == (Verdict.INCONCLUSIVE, "not-finite")
    assert judged_at("logsumexp", spec.backward, Variant(), x=800.0).verdict is Verdict.PASS


# products


class Product:
    def forward(self, A: Array, B: Array) -> Array:
        self.A, self.B = A, B
        return np.asarray(A @ B)

    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout @ self.B.T, self.A.T @ dout


class TransposeMissing(Product):
    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout @ self.B, self.A.T @ dout


class OrderReversed(Product):
    def backward(self, dout: Array) -> tuple[Array, Array]:
        return self.B.T @ dout, dout @ self.A.T


class MatrixTimesVector(Product):
    def forward(self, A: Array, B: Array) -> Array:
        if B.ndim != 1:
            raise ValueError("B must be a vector")
        return super().forward(A, B)

    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout @ self.B.swapaxes(-1, -2), self.A.swapaxes(-1, -2) @ dout


def test_products_that_do_not_fit_raise() -> None:
    assert found(Product, "matmul") == []
    assert found(TransposeMissing, "matmul") == found(OrderReversed, "matmul") == ["raised"]
    assert found(Product, "batched_matmul") == ["raised"]  # .T of a stack turns all of its axes around
    assert found(MatrixTimesVector, "batched_matmul") == ["raised"]


def transpose_missing(dC: Array, A: Array, B: Array) -> dict[str, Array]:
    return {"A": dC @ B, "B": A.T @ dC}


def test_square_shapes_hide_no_missing_transpose() -> None:
    square = replace(load("matmul"), shapes="A: 3 3, B: 3 3 -> 3 3", variants=())
    assert codes(check_all(target(square, mistake=Mistake("", transpose_missing)))) == ["reshape-for-transpose"]


class InSinglePrecision(Product):
    def backward(self, dout: Array) -> tuple[Array, Array]:
        dout, A, B = (a.astype(np.float32) for a in (dout, self.A, self.B))
        return (dout @ B.T).astype(np.float64), (A.T @ dout).astype(np.float64)


def test_product_that_is_rounded_to_single_precision() -> None:
    assert found(InSinglePrecision, "matmul") == ["wrong-gradient", "wrong-gradient", "promotes-float32"]


class DotAsMatrix:
    def forward(self, x: Array, y: Array) -> Array:
        if x.ndim != 1:
            raise ValueError("x must be a vector")
        self.x, self.y = x, y
        return np.array([[x @ y]])

    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout * self.y, dout * self.x


def test_inner_product_kept_as_a_matrix_is_told() -> None:
    assert "has shape (1, 3) where the array has (3,); the numbers are compared" in told(DotAsMatrix, "dot_inner", "dx")
