"""The classical mistakes of shape operations, indexing, padding, resampling; see `test_catalogue_mistakes`."""

from __future__ import annotations

from typing import Any

import numpy as np
from reference_subject import codes

from gradcheck_plugin import check
from reference_impls.spec import Array

MISTAKES: dict[str, dict[str, str]] = {
    "reshape": {
        "dx left flat": "reshape.left_flat",
        "order F for C": "reshape.read_column_by_column",
        "batch axis merged": "reshape.batch_merged",
        "unflatten with a reorder": "reshape.transposed",
    },
    "transpose": {
        "the same axes in backward": "transpose.same_axes_again",
        "negative axes": "transpose.negative_axes_sorted",
    },
    "broadcast_to": {
        "new axes not summed": "broadcast_to.new_axes_not_summed",
        "axes of size 1 not summed": "broadcast_to.repeated_axes_not_summed",
        "mean for sum": "broadcast_to.averaged",
        "scalar": "broadcast_to.scalar_summed_over_rows",
    },
    "sum_to": {
        "axis of size 1 dropped": "sum_to.axis_of_one_dropped",
        "aligned from the left": "sum_to.aligned_from_the_left",
    },
    "branch": {
        "overwritten for accumulated": "branch.overwritten",
        "kept between calls": "branch.kept_between_calls",
        "passed on before all gradients are there": "branch.passed_on_after_the_first",
        "mean for sum": "branch.averaged",
    },
    "squeeze_unsqueeze": {
        "squeeze() drops the batch axis of one sample": "test_squeeze_of_every_axis_loses_a_batch_of_one",
        "negative axis of the wrong array": "expand_dims.axis_of_the_input",
    },
    "concat": {
        "equal pieces": "concat.cut_in_halves",
        "wrong axis": "concat.cut_along_another_axis",
        "[h, x] for [x, h]": "concat.pieces_in_reverse_order",
    },
    "stack": {
        "wrong axis": "stack.pairs_taken_apart",
        "axis of size 1 left on each gradient": "test_axis_of_one_left_by_split_is_noted",
    },
    "split": {
        "unused output left out": "split.unused_piece_left_out",
        "unused output left out, of rows": "unstack.unused_row_left_out",
        "gate order": "split.pieces_in_another_order",
        "rows stacked along another axis": "unstack.joined_along_another_axis",
    },
    "slice": {
        "dx in the shape of the slice": "get_item.left_as_cut",
        "negative step": "get_item.not_turned_round_again",
        "a list with repeats": "get_item.repeats_overwritten",
    },
    "gather_rows": {
        "dx[i] += dy": "take_rows.repeats_added_once",
        "dx[i] = dy": "take_rows.repeats_overwritten",
        "negative indices": "get_item.negative_numbers_not_found",
        "mean over the repeats": "take_rows.repeats_averaged",
    },
    "repeat_tile": {
        "repeat taken for tile": "repeat.repeat_taken_for_tile",
        "tile taken for repeat": "tile.tile_taken_for_repeat",
        "copies of repeat not summed": "repeat.first_copy_of_each_run",
        "copies of tile not summed": "tile.first_copy_of_the_whole",
    },
    "dilate": {
        "k W for k (W - 1) + 1": "dilate.output_taken_for_longer",
        "either length by itself": "test_either_length_of_a_dilation_is_a_convention",
        "blocks summed": "dilate.zeros_taken_for_copies",
        "odd tail forgotten": "undilate.odd_tail_forgotten",
    },
    "embedding": {
        "dW[idx] = dy": "embedding.repeats_overwritten",
        "dW[idx] += dy": "embedding.repeats_added_once",
        "dW not zeroed between calls": "embedding.never_zeroed",
        "dy for idx": "test_upstream_returned_for_word_numbers_is_no_gradient",
        "dy for W": "embedding.upstream_for_table",
        "one-hot with the wrong axis": "embedding.one_hot_transposed",
        "mean over the occurrences": "embedding.averaged_over_uses",
        "row of the padding trained": "embedding.padding_row_trained",
        "row of the padding zero by decree": "embedding.padding_row_frozen",
    },
    "pad_constant": {
        "border kept": "pad_constant.border_kept",
        "p:-p with p = 0": "pad_constant.cut_to_minus_pad",
        "torch's order of the axes": "pad_constant.rows_and_columns_swapped",
        "asymmetric sides swapped": "pad_constant.sides_swapped",
    },
    "upsample_nearest": {
        "one entry of the block": "upsample_nearest.first_of_the_block",
        "divided by the block size": "upsample_nearest.mean_of_the_block",
        "whole copies for blocks": "upsample_nearest.whole_copies_summed",
    },
    "graph_sigmoid_decomposed": {
        "-1 of the first node dropped": "graph_sigmoid_decomposed.first_minus_dropped",
        "minus of the 1/x node dropped": "graph_sigmoid_decomposed.reciprocal_minus_dropped",
        "exp node skipped": "graph_sigmoid_decomposed.exp_node_skipped",
    },
}


def found(thing: Any, layer: str | None = None) -> list[str]:
    report = check(thing, layer, cases=8)
    assert not report.not_driven
    return codes(report.results)


class Squeeze:
    """Takes every axis of size 1 away: of one sample the batch axis, too."""

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return np.squeeze(x).copy()

    def backward(self, dout: Array) -> Array:
        return dout[:, None, :, None].copy()


class SqueezeOne(Squeeze):
    def forward(self, x: Array) -> Array:
        return np.squeeze(x, axis=(1, 3)).copy()


def test_squeeze_of_every_axis_loses_a_batch_of_one() -> None:
    assert found(SqueezeOne, "squeeze") == []
    assert found(Squeeze, "squeeze") == ["batch-of-one"]


class Stack:
    def forward(self, x: Array, y: Array) -> Array:
        return np.stack([x, y], axis=1)

    def backward(self, dout: Array) -> list[Array]:
        return [part.copy() for part in np.split(dout, 2, axis=1)]


def test_axis_of_one_left_by_split_is_noted() -> None:
    # an axis of size 1 more makes no number wrong: it is said, and no failure
    report = check(Stack, "stack", cases=8)
    assert report.ok
    for result in report.results:
        if result.property in ("dx", "dy"):
            assert "has shape (4, 1, 3) where the array has (4, 3)" in result.reason


class Dilate:
    """Puts a zero behind every entry, the last one too."""

    def forward(self, x: Array) -> Array:
        y = np.zeros((*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]), x.dtype)
        y[:, :, ::2, ::2] = x
        return y

    def backward(self, dout: Array) -> Array:
        return dout[:, :, ::2, ::2].copy()


class DilateBetween(Dilate):
    def forward(self, x: Array) -> Array:
        return super().forward(x)[:, :, :-1, :-1].copy()


def test_either_length_of_a_dilation_is_a_convention() -> None:
    for thing, variant in ((Dilate, "zeros behind the last entry too"), (DilateBetween, "")):
        report = check(thing, "dilate", cases=8)
        assert report.ok
        assert {result.variant for result in report.results} == {variant}


class Embedding:
    """Returns the upstream gradient as that of the word numbers, which have none."""

    def __init__(self, W: Array) -> None:
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, idx: Array) -> Array:
        self.idx = idx
        return np.asarray(self.params[0][idx])

    def backward(self, dout: Array) -> Array:
        (dW,) = self.grads
        dW[...] = 0
        np.add.at(dW, self.idx, dout)
        return dout


class EmbeddingAdded(Embedding):
    def backward(self, dout: Array) -> Array:
        self.grads[0][...] = 0
        self.grads[0][self.idx] += dout
        return dout


def test_upstream_returned_for_word_numbers_is_no_gradient() -> None:
    report = check(Embedding, cases=8)
    assert report.ok
    assert [r.property for r in report.results] == ["contract", "forward", "dW"]
    assert found(EmbeddingAdded) == ["repeats-lost"]
