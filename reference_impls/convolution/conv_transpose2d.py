"""Two-dimensional transposed convolution ("deconvolution"): conv2d with its forward and its dx exchanged.

    y[n, f, p s + i, q s + j] += x[n, c, p, q] W[c, f, i, j]    for all n, c, f, p, q, i, j; then `pad` entries are cut
                                                                 off every side of y, and b[f] is added everywhere
    dx[n, c, p, q] = sum_fij dy[n, f, p s + i, q s + j] W[c, f, i, j]        dy with a border of `pad` zeros
    dW[c, f, i, j] = sum_npq x[n, c, p, q] dy[n, f, p s + i, q s + j]        db[f] = sum of dy[n, f] over n and places

Shapes: x (N, C, H, W), W (C, F, I, J), b (F,), y (N, F, P, Q) with P = (H - 1) s + I - 2 pad + output_padding; the
stride s, pad and output_padding (rows and columns that y has more at its end) count entries. With flip=True the kernel
lies the other way round, as in layers that put s - 1 zeros between the entries of x and convolve that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.convolution import bordered, cropped, windows
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def turned(W: Any, flip: bool) -> Any:
    return W[:, :, ::-1, ::-1] if flip else W


def forward(
    x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, output_padding: int = 0, flip: bool = False
) -> Array:
    rows, columns = ((x.shape[k] - 1) * stride + W.shape[k] + output_padding for k in (2, 3))
    y = np.zeros((len(x), W.shape[1], rows, columns), (1.0 * x).dtype)
    for p, q, window in windows(x, W, stride):
        y[window] += np.einsum("nc,cfij->nfij", x[:, :, p, q], turned(W, flip))
    return cropped(y, pad) + b[:, None, None]


def backward(
    dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, output_padding: int = 0, flip: bool = False
) -> Grads:
    whole = bordered(dy, pad)
    dx, dW = np.zeros_like(1.0 * x), np.zeros_like(W)
    for p, q, window in windows(x, W, stride):
        dx[:, :, p, q] = np.einsum("nfij,cfij->nc", whole[window], turned(W, flip))
        dW += np.einsum("nc,nfij->cfij", x[:, :, p, q], whole[window])
    return {"x": dx, "W": turned(dW, flip).copy(), "b": dy.sum(axis=(0, 2, 3))}


def torch_forward(
    x: Any, W: Any, b: Any, stride: int = 2, pad: int = 1, output_padding: int = 0, flip: bool = False
) -> Any:
    import torch

    W = torch.flip(W, (2, 3)) if flip else W.contiguous()
    return torch.nn.functional.conv_transpose2d(x, W, b, stride, pad, output_padding)


def weight_axes_swapped(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    grads = backward(dy, x, W, b, **options)
    return grads | {"W": grads["W"].swapaxes(0, 1)}


def kernel_flipped(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    return backward(dy, x, W[:, :, ::-1, ::-1], b, **options)


def output_padding_cut_off(dy: Array, x: Array, W: Array, b: Array, output_padding: int = 0, **options: Any) -> Grads:
    rest = dy.copy()
    rest[:, :, dy.shape[2] - output_padding :] = rest[:, :, :, dy.shape[3] - output_padding :] = 0
    return backward(rest, x, W, b, **options)


def bias_at_strides_only(dy: Array, x: Array, W: Array, b: Array, stride: int = 2, **options: Any) -> Grads:
    return backward(dy, x, W, b, stride=stride, **options) | {"b": dy[:, :, ::stride, ::stride].sum(axis=(0, 2, 3))}


def stride_ignored(dy: Array, x: Array, W: Array, b: Array, stride: int = 2, **options: Any) -> Grads:
    return backward(dy, x, W, b, 1, **options)


def setting(stride: int, pad: int, more: int = 0, shapes: str = "", where: str = "", **options: Any) -> Variant:
    note = f"{where}stride {stride}, pad {pad}" + (f", output padding {more}" if more else "")
    return Variant(shapes, note, {"stride": stride, "pad": pad, "output_padding": more, **options})


# fmt: off
SPEC = LayerSpec(
    name="conv_transpose2d", korean="전치 합성곱", family="convolution",
    aliases=("ConvTranspose", "Conv2DTranspose", "Deconv2d", "Deconvolution2D", "TransposedConv2D", "Deconv",
             "conv_transpose", "deconvolution", "전치합성곱"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C H W; W: C F 3 03, b: F -> N F P Q", minimum={"H": 2, "W": 2},
    variants=(
        *(setting(*s) for s in ((2, 1, 1), (1, 0), (2, 0), (3, 0), (1, 1))),
        *(setting(*s, 0, "W: F C 3 03", "weights stored (out, in), ") for s in ((2, 1), (1, 0), (2, 0))),
        *(setting(2, 2, 0, shapes, f"zeros between the entries, then convolved, {where}", flip=True)
          for where, shapes in {"": "", "weights stored (out, in), ": "W: F C 3 03"}.items()),
        *(setting(*s, 0, "x: N H W C, W: 3 03 F C -> N P Q F", "channels last, ") for s in ((2, 1), (1, 0), (2, 0))),
        setting(2, 1, 0, "W: C F 3 1", "kernel 3 x 1, "), setting(2, 1, 0, "b: F 1", "bias as a column, "),
    ),
    mistakes=(
        Mistake("transposed", weight_axes_swapped,
                says="`{grad}` of the transposed convolution has axes (F, C, ...) where its W has (C, F, ...)",
                help="W leads from C channels to F, its first axis is that of the input: dW[c, f] = sum of x[c] dy[f].",
                says_ko="전치 합성곱의 W는 (C, F, ...)인데 `{grad}`의 축은 (F, C, ...)이다",
                help_ko="전치 합성곱 W의 첫 축은 입력 채널이다: dW[c, f]는 x[c]와 dy[f]의 곱을 더한 것이다."),
        Mistake("kernel-flipped", kernel_flipped,
                says="`{grad}` of the transposed convolution uses the kernel turned by 180 degrees",
                help="dx is the plain convolution of dy with W, with the same stride and nothing flipped.",
                says_ko="전치 합성곱의 `{grad}`가 180도 돌린 커널을 쓴다",
                help_ko="dx는 dy와 W의 보통 합성곱이다. stride는 같고 커널은 뒤집지 않는다."),
        Mistake("output-padding-cut-off", output_padding_cut_off, variant="stride 2, pad 1, output padding 1",
                says="`{grad}` of the transposed convolution leaves out the rows of dy that output_padding has added",
                help="These rows hold the bias, and what pad would have cut off: use the whole of dy.",
                says_ko="전치 합성곱의 `{grad}`에 output_padding으로 더해진 dy의 행이 빠져 있다",
                help_ko="그 행에도 편향이 있고 pad가 잘라 냈을 값이 있으므로 dy 전체를 쓴다."),
        Mistake("bias-at-strides-only", bias_at_strides_only,
                says="`{grad}` of the transposed convolution is summed over every stride-th entry of dy only",
                help="The bias is added to the whole enlarged map: dy.sum(axis=(0, 2, 3)).",
                says_ko="전치 합성곱의 `{grad}`를 dy의 stride 칸마다 하나씩만 더했다",
                help_ko="편향은 커진 맵의 모든 자리에 더해지므로 dy.sum(axis=(0, 2, 3))으로 더한다."),
        Mistake("stride-ignored", stride_ignored,
                says="`{grad}` of the transposed convolution reads dy at steps of one, not of the stride",
                help="Entry p of x belongs to the rows p * stride to p * stride + kernel of dy.",
                says_ko="순전파는 stride 간격으로 쓰는데 전치 합성곱의 `{grad}`는 dy를 한 칸씩 읽는다",
                help_ko="x의 p번째 행은 dy의 p * stride행부터 커널 크기만큼의 행에 해당한다."),
    ),
)
# fmt: on
