"""The classical mistakes of recurrent layers and of attention; see `test_catalogue_mistakes`."""

from __future__ import annotations

from typing import Any

import numpy as np
from reference_subject import codes

from gradcheck_plugin import check
from gradcheck_plugin.model import Verdict
from reference_impls.attention import mha, softmax, softmax_backward
from reference_impls.recurrent import lstm_sequence, rnn_cell
from reference_impls.spec import Array

MISTAKES: dict[str, dict[str, str]] = {
    "rnn_cell": {
        "1 - h_prev**2": "rnn_cell.slope_at_the_state_before",
        "1 - t**2 of the sum": "rnn_cell.slope_at_the_sum",
        "slope of tanh left out": "rnn_cell.slope_left_out",
        "db not summed over the batch": "rnn_cell.bias_not_summed",
        "dWh of h_next": "rnn_cell.state_after_in_weights",
        "db shared out to two biases": "test_each_of_two_biases_gets_the_whole_gradient",
    },
    "rnn_sequence": {
        "dh of the next step not added": "rnn_sequence.state_gradient_not_carried",
        "parameter gradients overwritten": "rnn_sequence.parameters_of_the_first_step_only",
        "dh0 of the last step": "rnn_sequence.state_gradient_of_the_last_step",
        "time not reversed": "rnn_sequence.time_not_reversed",
        "dh kept from batch to batch": "rnn_sequence.state_gradient_of_the_batch_before",
    },
    "lstm_cell": {
        "incoming dc dropped": "lstm_cell.cell_gradient_dropped",
        "dc not multiplied by f": "lstm_cell.forget_gate_left_out",
        "tanh of c_prev": "lstm_cell.tanh_of_the_cell_before",
        "gates joined in another order": "lstm_cell.gates_in_another_order",
        "slope of one gate missing": "lstm_cell.slope_of_gate_missing",
        "db of one gate for all": "lstm_cell.bias_gradient_of_one_gate",
    },
    "lstm_sequence": {
        "dc not carried": "lstm_sequence.cell_gradient_not_carried",
        "dh not carried": "lstm_sequence.state_gradient_not_carried",
        "parameter gradients overwritten": "lstm_sequence.parameters_of_the_first_step_only",
        "dh_next and dc_next not updated": "lstm_sequence.nothing_carried",
        "dh0 and dc0 swapped": "lstm_sequence.swapped",
        "gradient of a constant c0 returned": "test_gradient_of_a_constant_state_shifts_all_behind_it",
    },
    "gru_cell": {
        "r inside the product": "gru_cell.reset_before_the_product",
        "z and 1 - z swapped": "gru_cell.shares_swapped",
        "one of four terms missing": "gru_cell.state_gradient_lacks_a_term",
        "dbnh without r": "gru_cell.reset_left_out_of_bias",
        "np.dot of two vectors": "gru_cell.state_weights_as_inner_product",
    },
    "gru_cell_reset_before": {
        "gradient of torch's GRU": "gru_cell_reset_before.reset_after_the_product",
        "dhr not multiplied by r": "gru_cell_reset_before.reset_gate_left_out",
        "dhr not multiplied by h": "gru_cell_reset_before.state_left_out",
        "z and 1 - z swapped": "gru_cell_reset_before.shares_swapped",
        "dWh of h for r * h": "gru_cell_reset_before.state_not_reset_in_weights",
    },
    "gru_sequence": {
        "parameter gradients overwritten": "gru_sequence.parameters_of_the_first_step_only",
        "dh of the next step not added": "gru_sequence.state_gradient_not_carried",
        "dh0 of the last step": "gru_sequence.state_gradient_of_the_last_step",
    },
    "bidirectional": {
        "dhs of the second half not reversed": "bidirectional.second_upstream_not_reversed",
        "dx of the second half not reversed": "bidirectional.second_input_gradient_not_reversed",
        "neither reversed": "bidirectional.nothing_reversed",
        "dx of the first direction only": "bidirectional.first_input_gradient_only",
        "dx of the second direction only": "bidirectional.second_input_gradient_only",
        "halves swapped": "bidirectional.halves_swapped",
    },
    "weight_sum_attention": {
        "weights left out of dhs": "weight_sum.weights_left_out",
        "dhs of the sum only": "attention.path_through_weights_dropped",
        "dhs of the weights only": "attention.path_through_sum_dropped",
        "softmax over the samples": "attention_weight.softmax_over_the_batch",
        "diagonal of the softmax": "attention_weight.softmax_diagonal_only",
    },
    "sdpa": {
        "1/sqrt(d) missing in dq": "sdpa.scale_missing_for_q",
        "1/sqrt(d) missing in dk": "sdpa.scale_missing_for_k",
        "another width for d": "sdpa.scaled_by_the_width_of_v",
        "diagonal of the softmax": "sdpa.softmax_diagonal_only",
        "dk not transposed": "sdpa.keys_not_transposed",
        "mask after the softmax": "sdpa.masked_after_softmax",
        "scaled twice": "sdpa.scaled_twice",
    },
    "causal_attention": {
        "one of three paths": "causal_attention.one_path_only",
        "mask after the softmax": "causal_attention.masked_after_softmax",
        "gradient leaks to later steps": "causal_attention.mask_forgotten",
    },
    "mha": {
        "heads by a reshape alone": "mha.heads_by_reshape",
        "scaled by sqrt(d_model)": "mha.scaled_by_the_model_width",
        "heads merged in the wrong order": "mha.merged_without_transpose",
        "paths of self-attention missing": "test_self_attention_with_one_path",
        "gradient of the returned weights dropped": "test_weights_that_are_returned_carry_gradient_too",
    },
}


def found(thing: Any, layer: str | None = None) -> list[str]:
    report = check(thing, layer, cases=8)
    assert not report.not_driven
    return codes(report.results)


# two biases


class TwoBiases:
    """torch has two biases, which are only ever added up: each has the whole gradient of the sum."""

    share = 1.0

    def __init__(self, Wx: Array, Wh: Array, b: Array, bh: Array) -> None:
        self.Wx, self.Wh, self.b, self.bh = Wx, Wh, b, bh

    def forward(self, x: Array, h: Array) -> Array:
        self.cache = x, h, self.Wx, self.Wh, self.b, self.bh
        return rnn_cell.forward(*self.cache)

    def backward(self, dh: Array) -> tuple[Array, Array]:
        g = rnn_cell.backward(dh, *self.cache)
        self.dWx, self.dWh, self.db, self.dbh = g["Wx"], g["Wh"], self.share * g["b"], self.share * g["bh"]
        return g["x"], g["h"]


class HalfOfItEach(TwoBiases):
    share = 0.5

    def backward(self, dh: Array) -> tuple[Array, Array]:
        return super().backward(dh)


def test_each_of_two_biases_gets_the_whole_gradient() -> None:
    assert found(TwoBiases, "rnn_cell") == []
    assert found(HalfOfItEach, "rnn_cell") == ["factor-half", "factor-half"]


# a constant


def lstm_forward(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, tuple[Array, ...]]:
    cache = x, h0, np.zeros_like(h0), Wx, Wh, b, np.zeros_like(b)
    return lstm_sequence.forward(*cache, gates="ifog"), cache


def lstm_backward(dh: Array, cache: tuple[Array, ...]) -> tuple[Array, ...]:
    """Returns the gradient of c0, too, which is no argument of the forward."""
    g = lstm_sequence.backward(dh, *cache, gates="ifog")
    return g["x"], g["h0"], g["c0"], g["Wx"], g["Wh"], g["b"]


def test_gradient_of_a_constant_state_shifts_all_behind_it() -> None:
    report = check((lstm_forward, lstm_backward), cases=8)
    assert [r.property for r in report.results if r.verdict is Verdict.FAIL] == ["dWx", "dWh", "db"]


# self-attention, and a second output


def parameters(x: Array) -> list[Array]:
    rng, width = np.random.default_rng(0), x.shape[-1]
    return [rng.standard_normal(shape) for shape in ((width, width), (width,)) * 4]


class SelfAttention:
    """Multi-head attention of a sequence to itself, with fixed weights and heads of one column."""

    paths = "qkv"

    def forward(self, x: Array) -> Array:
        self.x = x
        return mha.forward(x, x, x, *parameters(x), heads=x.shape[-1])

    def backward(self, dy: Array) -> Array:
        x = self.x
        g = mha.backward(dy, x, x, x, *parameters(x), heads=x.shape[-1])
        return np.sum([g[path] for path in self.paths], axis=0)


class SelfAttentionOfQueries(SelfAttention):
    paths = "q"

    def backward(self, dy: Array) -> Array:
        return super().backward(dy)


def test_self_attention_with_one_path() -> None:
    assert check(SelfAttention, cases=8).ok
    assert found(SelfAttentionOfQueries)[0] == "wrong-gradient"


class WithWeights:
    """Returns the weights beside the output: what comes back for them belongs to the scores as well."""

    def forward(self, q: Array, k: Array, v: Array) -> tuple[Array, Array]:
        self.q, self.k, self.v, self.a = q, k, v, softmax(q @ k.T)
        return self.a @ v, self.a

    def backward(self, dy: Array, da: Array) -> tuple[Array, Array, Array]:
        ds = softmax_backward(dy @ self.v.T + self.of_weights(da), self.a)
        return ds @ self.k, ds.T @ self.q, self.a.T @ dy

    def of_weights(self, da: Array) -> Array:
        return da


class WithWeightsForgotten(WithWeights):
    def of_weights(self, da: Array) -> Array:
        return 0 * da


def test_weights_that_are_returned_carry_gradient_too() -> None:
    assert found(WithWeights) == []
    assert found(WithWeightsForgotten) == ["wrong-gradient", "wrong-gradient"]
