"""One-dimensional convolution. As everywhere in deep learning it is a cross-correlation: no kernel is flipped.

    y[n, f, p]  = b[f] + sum_ck W[f, c, k] x[n, c, p s + k d]        x with `pad` zeros at either end
    dx[n, c, l] = sum of dy[n, f, p] W[f, c, k] over f and all p, k with p s + k d = l
    dW[f, c, k] = sum_np dy[n, f, p] x[n, c, p s + k d]              db[f] = sum_np dy[n, f, p]

Shapes: x (N, C, L), W (F, C, K), b (F,), y (N, F, P) with P = (L + 2 pad - d (K - 1) - 1) // s + 1; the stride s, pad
and the dilation d count entries. dx loses the padding again, and is 0 behind the last window.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def padded(x: Array, pad: int) -> Array:
    return np.pad(1.0 * x, ((0, 0), (0, 0), (pad, pad)))


def window(p: int, W: Array, stride: int, dilation: int) -> tuple[slice, ...]:
    """Where the entries lie that the kernel meets for output p."""
    return slice(None), slice(None), slice(p * stride, p * stride + dilation * (W.shape[2] - 1) + 1, dilation)


def forward(x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, dilation: int = 1) -> Array:
    x = padded(x, pad)
    length = (x.shape[2] - dilation * (W.shape[2] - 1) - 1) // stride + 1
    y = np.zeros((len(x), len(W), length), x.dtype)
    for p in range(length):
        y[:, :, p] = np.einsum("nck,fck->nf", x[window(p, W, stride, dilation)], W) + b
    return y


def backward(
    dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, dilation: int = 1, overlap: bool = True
) -> Grads:
    x = padded(x, pad)
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for p in range(dy.shape[2]):
        met = window(p, W, stride, dilation)
        given = np.einsum("nf,fck->nck", dy[:, :, p], W)
        dx[met] = dx[met] + given if overlap else given
        dW += np.einsum("nf,nck->fck", dy[:, :, p], x[met])
    return {"x": dx[:, :, pad : x.shape[2] - pad], "W": dW, "b": dy.sum(axis=(0, 2))}


def torch_forward(x: Any, W: Any, b: Any, stride: int = 2, pad: int = 1, dilation: int = 1) -> Any:
    import torch

    return torch.nn.functional.conv1d(x, W.contiguous(), b, stride, pad, dilation)


def kernel_not_flipped(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    return backward(dy, x, W, b, **options) | {"x": backward(dy, x, W[:, :, ::-1], b, **options)["x"]}


def reshaped(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    mixed = backward(dy, x, W.reshape(len(W[0]), len(W), -1).swapaxes(0, 1), b, **options)
    return mixed | {"W": mixed["W"].transpose(1, 2, 0).reshape(W.shape)}


def neither_flipped_nor_swapped(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    turned = W[:, :, ::-1].reshape(len(W[0]), len(W), -1).swapaxes(0, 1)
    return backward(dy, x, W, b, **options) | {"x": backward(dy, x, turned, b, **options)["x"]}


def dilation_ignored(
    dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, dilation: int = 1
) -> Grads:
    return backward(dy, x, W, b, stride, pad, 1)


def stride_ignored(dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, dilation: int = 1) -> Grads:
    return backward(dy, x, W, b, 1, pad, dilation)


def tail_dropped(dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, dilation: int = 1) -> Grads:
    grads = backward(dy, x, W, b, stride, pad, dilation)
    length = (dy.shape[2] - 1) * stride + dilation * (W.shape[2] - 1) + 1 - 2 * pad
    return grads | {"x": grads["x"][:, :, :length]}


def overlap_overwritten(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    return backward(dy, x, W, b, overlap=False, **options)


def setting(stride: int, pad: int, dilation: int = 1, shapes: str = "", where: str = "") -> Variant:
    note = f"{where}stride {stride}, pad {pad}" + (f", dilation {dilation}" if dilation > 1 else "")
    return Variant(shapes, note, {"stride": stride, "pad": pad, "dilation": dilation})


# fmt: off
LAYOUTS = {"bias as a column, ": "b: F 1", "one sequence, ": "x: C L -> F P", "kernel 1, ": "W: F C 1",
           "channels last, ": "x: N L C, W: 3 C F -> N P F"}
SPEC = LayerSpec(
    name="conv1d", korean="1차원 합성곱", family="convolution",
    aliases=("Convolution1D", "Conv1d_stride1", "TemporalConvolution", "temporal_conv", "1차원합성곱"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C L; W: F C 3, b: F -> N F P", minimum={"L": 3},
    variants=(*(setting(*s) for s in ((1, 0), (1, 1), (2, 0), (3, 0), (1, 2), (2, 1, 2), (1, 1, 2), (1, 2, 2))),
              *(setting(*s, 1, shapes, where) for where, shapes in LAYOUTS.items() for s in ((2, 1), (1, 0)))),
    mistakes=(
        Mistake("kernel-not-flipped", kernel_not_flipped,
                says="`{grad}` of the convolution runs over dy with the kernel unflipped",
                help="dx as a convolution of dy needs W turned round: W[:, :, ::-1].",
                says_ko="합성곱의 `{grad}`를 뒤집지 않은 커널로 계산했다",
                help_ko="dy의 합성곱으로 dx를 구하려면 W를 뒤집는다: W[:, :, ::-1]."),
        Mistake("neither-flipped-nor-swapped", neither_flipped_nor_swapped,
                says="`{grad}` of the convolution runs over dy with the kernel unflipped and its channels not swapped",
                help="dx as a convolution of dy needs W[:, :, ::-1].transpose(1, 0, 2).",
                says_ko="합성곱의 `{grad}`를 뒤집지도 채널을 바꾸지도 않은 커널로 계산했다",
                help_ko="dy의 합성곱으로 dx를 구하려면 W[:, :, ::-1].transpose(1, 0, 2)를 쓴다."),
        Mistake("reshape-for-transpose", reshaped,
                says="`{grad}` of the convolution is reshaped where axes change places, which mixes the numbers",
                help="Transpose: W.transpose(1, 0, 2) where channels swap, dW.T.reshape(W.shape) of a matrix dW.",
                says_ko="합성곱의 `{grad}`에서 축을 바꿀 자리에 reshape을 써서 값이 섞였다",
                help_ko="채널은 W.transpose(1, 0, 2)로, 행렬 dW는 dW.T.reshape(W.shape)으로 바꾼다."),
        Mistake("dilation-ignored", dilation_ignored, variant="stride 2, pad 1, dilation 2",
                says="`{grad}` of the convolution takes neighbours where the forward steps by the dilation",
                help="Entry k of the kernel met x at p * stride + k * dilation: slice with that step.",
                says_ko="순전파는 dilation만큼 건너뛰는데 합성곱의 `{grad}`는 이웃한 원소를 쓴다",
                help_ko="커널의 k번째 원소는 x의 p * stride + k * dilation과 만나므로 그 간격으로 자른다."),
        Mistake("stride-ignored", stride_ignored,
                says="`{grad}` of the convolution moves its windows by one, the forward moves them by the stride",
                help="Entry p of dy belongs to the entries from p * stride on of the input.",
                says_ko="순전파는 stride만큼 움직이는데 합성곱의 `{grad}`는 윈도를 한 칸씩 움직인다",
                help_ko="dy의 p번째 원소는 입력의 p * stride부터의 원소에 해당한다."),
        Mistake("rows-not-covered", tail_dropped,
                says="`{grad}` of the convolution ends with the last window: the entries behind it are missing",
                help="Floor division leaves a tail that no window reaches; its gradient is 0, so start from zeros.",
                says_ko="합성곱의 `{grad}`가 마지막 윈도에서 끝나서 그 뒤의 원소가 없다",
                help_ko="내림 나눗셈으로 남은 끝부분의 기울기는 0이므로 입력 크기의 0에서 시작한다."),
        Mistake("overlap-overwritten", overlap_overwritten,
                says="`{grad}` of the convolution overwrites where windows overlap: = for +=",
                help="An entry that lies in several windows gets the gradients of all of them: add with +=.",
                says_ko="합성곱의 `{grad}`가 윈도가 겹치는 곳을 덮어쓴다: += 대신 =를 썼다",
                help_ko="여러 윈도에 든 원소는 그 기울기를 모두 받으므로 +=로 더한다."),
    ),
)
# fmt: on
