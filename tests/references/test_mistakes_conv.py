"""The classical mistakes of convolutions, of pooling, and of networks of them; see `test_catalogue_mistakes`."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_plugin import check
from reference_impls.spec import Array

MISTAKES: dict[str, dict[str, str]] = {
    "conv2d": {
        "padding not cropped": "conv2d.border_kept",
        "kernel not flipped": "conv2d.kernel_not_flipped",
        "channels not swapped but reshaped, dW not transposed": "conv2d.reshaped",
        "channels not swapped": "test_channels_that_are_not_swapped_raise",
        "stride ignored": "conv2d.stride_ignored",
        "db summed over the batch only": "conv2d.bias_summed_over_batch_only",
        "= for +=": "conv2d.overlap_overwritten",
        "a size that the stride does not divide": "conv2d.rows_not_covered",
        "H and W confused": "conv2d.rows_and_columns_swapped",
    },
    "pointwise_conv": {
        "pixels for channels": "conv2d.pixels_for_channels",
        "db summed over the batch only": "conv2d.bias_summed_over_batch_only",
    },
    "im2col": {
        "overlap overwritten": "im2col.overlap_overwritten",
        "padding not cropped": "im2col.border_kept",
        "rows in another order": "im2col.rows_in_another_order",
    },
    "col2im": {
        "= for +=": "col2im.col2im_overwritten",
        "col2im(im2col(x)) = x": "col2im.shared_out",
    },
    "conv1d": {
        "kernel not flipped": "conv1d.kernel_not_flipped",
        "neither flipped nor swapped": "conv1d.neither_flipped_nor_swapped",
        "channels not swapped but reshaped": "conv1d.reshaped",
        "dilation ignored": "conv1d.dilation_ignored",
        "stride ignored": "conv1d.stride_ignored",
        "tail dropped": "conv1d.tail_dropped",
        "= for +=": "conv1d.overlap_overwritten",
    },
    "conv_transpose2d": {
        "weight axes": "conv_transpose2d.weight_axes_swapped",
        "kernel flipped": "conv_transpose2d.kernel_flipped",
        "rows of the output padding": "conv_transpose2d.output_padding_cut_off",
        "bias at the strides only": "conv_transpose2d.bias_at_strides_only",
        "stride ignored": "conv_transpose2d.stride_ignored",
    },
    "avgpool2d": {
        "divisor dropped": "avgpool2d.divisor_dropped",
        "border counted otherwise": "avgpool2d.border_counted_otherwise",
        "overlap overwritten": "avgpool2d.overlap_overwritten",
        "rows not covered": "avgpool2d.rows_not_covered",
    },
    "global_avg_pool": {
        "divisor dropped": "global_avg_pool.divisor_dropped",
        "not broadcast": "global_avg_pool.not_broadcast",
    },
    "sandwich_layers": {
        "caches in another order": "test_caches_in_another_order_raise",
        "caches in another order, of one shape": "affine_bn_relu.mask_of_another_layer",
        "caches in another order, of one shape, ln": "affine_ln_relu.mask_of_another_layer",
        "caches in another order, of images": "conv_bn_relu.mask_of_another_layer",
        "no mask: affine_relu": "affine_relu.mask_missing",
        "no mask: affine_bn_relu": "affine_bn_relu.mask_missing",
        "no mask: affine_ln_relu": "affine_ln_relu.mask_missing",
        "no mask: conv_relu": "conv_relu.mask_missing",
        "no mask: conv_relu_pool": "conv_relu_pool.mask_missing",
        "no mask: conv_bn_relu": "conv_bn_relu.mask_missing",
    },
    "convnets": {
        "flattened in another order": "simple_convnet.flattened_in_another_order",
        "keys swapped": "simple_convnet.keys_swapped",
        "keys swapped between convolutions": "deep_convnet.keys_swapped",
        "bias (F,), gradient (F, 1)": "test_bias_gradient_with_an_axis_more_is_noted",
    },
}


def found(thing: Any, layer: str) -> list[str]:
    """The codes of what a check finds, failures first."""
    results = check(thing, layer, cases=8).results
    return [r.finding.code for r in results if r.finding] + [a.code for r in results for a in r.advice]


class Convolution:
    """Stride 1, no padding, one window after the other."""

    def __init__(self, W: Array, b: Array) -> None:
        self.W, self.b = W, b

    def forward(self, x: Array) -> Array:
        self.x = x
        k, rows, columns = self.W.shape[2], x.shape[2] - self.W.shape[2] + 1, x.shape[3] - self.W.shape[3] + 1
        y = np.zeros((len(x), len(self.W), rows, columns), x.dtype)
        for i, j in np.ndindex(rows, columns):
            y[:, :, i, j] = np.tensordot(x[:, :, i : i + k, j : j + self.W.shape[3]], self.W, ([1, 2, 3], [1, 2, 3]))
        return y + self.b.reshape(1, -1, 1, 1)

    def kernel(self) -> Array:
        return self.W[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)

    def backward(self, dout: Array) -> Array:
        height, width = self.W.shape[2:]
        self.dW = np.zeros_like(self.W)
        for i, j in np.ndindex(height, width):
            seen = self.x[:, :, i : i + dout.shape[2], j : j + dout.shape[3]]
            self.dW[:, :, i, j] = np.tensordot(dout, seen, ([0, 2, 3], [0, 2, 3]))
        self.db = dout.sum(axis=(0, 2, 3))
        border = ((0, 0), (0, 0), (height - 1, height - 1), (width - 1, width - 1))
        whole = Convolution(self.kernel(), np.zeros(self.W.shape[1]))
        return whole.forward(np.pad(dout, border))


class ChannelsNotSwapped(Convolution):
    def kernel(self) -> Array:
        return self.W[:, :, ::-1, ::-1]


def test_channels_that_are_not_swapped_raise() -> None:
    assert check(Convolution, "conv2d", cases=8).ok
    assert found(ChannelsNotSwapped, "conv2d") == ["raised"]


class ColumnOfBiasGradients(Convolution):
    def backward(self, dout: Array) -> Array:
        dx = super().backward(dout)
        self.db = self.db.reshape(-1, 1)
        return dx


def test_bias_gradient_with_an_axis_more_is_noted() -> None:
    # the numbers are right; whether the update broadcasts them to a matrix is for the layer's owner to see
    report = check(ColumnOfBiasGradients, "conv2d", cases=8)
    assert report.ok
    db = next(r for r in report.results if r.property == "db")
    assert "1) where the array has (" in db.reason


class AffineRelu:
    """Keeps the caches of both layers, and takes them out in their order."""

    def __init__(self, W: Array, b: Array) -> None:
        self.W, self.b = W, b

    def forward(self, x: Array) -> Array:
        a = x @ self.W + self.b
        self.cache = (x, a)
        return np.maximum(a, 0)

    def unpacked(self) -> tuple[Array, Array]:
        return self.cache

    def backward(self, dout: Array) -> Array:
        x, a = self.unpacked()
        da = dout * (a > 0)
        self.dW, self.db = x.T @ da, da.sum(axis=0)
        return da @ self.W.T


class CachesSwapped(AffineRelu):
    def unpacked(self) -> tuple[Array, Array]:
        x, a = self.cache
        return a, x


def test_caches_in_another_order_raise() -> None:
    assert check(AffineRelu, "affine_relu", cases=8).ok
    assert found(CachesSwapped, "affine_relu") == ["raised"]
