"""Two-dimensional convolution. As everywhere in deep learning it is a cross-correlation: no kernel is flipped.

    y[n, f, p, q]  = b[f] + sum_cij W[f, c, i, j] x[n, c, p s + i, q s + j]        x with a border of `pad` zeros
    dx[n, c, h, w] = sum of dy[n, f, p, q] W[f, c, i, j] over f and all p, q, i, j with p s + i = h and q s + j = w
    dW[f, c, i, j] = sum_npq dy[n, f, p, q] x[n, c, p s + i, q s + j]
    db[f]          = sum_npq dy[n, f, p, q]

Shapes: x (N, C, H, W), W (F, C, I, J), b (F,), y (N, F, P, Q) with P = (H + 2 pad - I) // s + 1; the stride s and pad
count entries. dx loses the border again, and is 0 in rows and columns that no window reaches.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.convolution import bordered, cropped, patches, windows
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1) -> Array:
    seen = patches(bordered(x, pad), W, stride)
    return np.asarray(np.einsum("ncpqij,fcij->nfpq", seen, W) + b[:, None, None])


def backward(dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1, overlap: bool = True) -> Grads:
    x = bordered(x, pad)
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for p, q, window in windows(dy, W, stride):
        given = np.einsum("nf,fcij->ncij", dy[:, :, p, q], W)
        dx[window] = dx[window] + given if overlap else given
        dW += np.einsum("nf,ncij->fcij", dy[:, :, p, q], x[window])
    return {"x": cropped(dx, pad), "W": dW, "b": dy.sum(axis=(0, 2, 3))}


def torch_forward(x: Any, W: Any, b: Any, stride: int = 2, pad: int = 1) -> Any:
    import torch

    return torch.nn.functional.conv2d(x, W.contiguous(), b, stride, pad)


def border_kept(dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1) -> Grads:
    return backward(dy, bordered(x, pad), W, b, stride, 0)


def kernel_not_flipped(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    return backward(dy, x, W, b, **options) | {"x": backward(dy, x, W[:, :, ::-1, ::-1], b, **options)["x"]}


def stride_ignored(dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1) -> Grads:
    return backward(dy, x, W, b, 1, pad)


def bias_summed_over_batch_only(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    return backward(dy, x, W, b, **options) | {"b": dy.sum(axis=0)}


def overlap_overwritten(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    return backward(dy, x, W, b, overlap=False, **options)


def rows_not_covered(dy: Array, x: Array, W: Array, b: Array, stride: int = 2, pad: int = 1) -> Grads:
    rows, columns = ((dy.shape[k] - 1) * stride + W.shape[k] - 2 * pad for k in (2, 3))
    grads = backward(dy, x, W, b, stride, pad)
    return grads | {"x": grads["x"][:, :, :rows, :columns]}


def rows_and_columns_swapped(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    n, f, rows, columns = dy.shape
    return backward(dy.reshape(n, f, columns, rows).swapaxes(2, 3), x, W, b, **options)


def reshaped(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    mixed = backward(dy, x, W.reshape(len(W[0]), len(W), *W.shape[2:]).swapaxes(0, 1), b, **options)
    return mixed | {"W": mixed["W"].transpose(1, 2, 3, 0).reshape(W.shape)}


def pixels_for_channels(dy: Array, x: Array, W: Array, b: Array, **options: Any) -> Grads:
    dW = dy.reshape(-1, len(W)).T @ x.reshape(-1, W.shape[1])
    return backward(dy, x, W, b, **options) | {"W": dW.reshape(W.shape)}


def setting(stride: int, pad: int, shapes: str = "", where: str = "") -> Variant:
    return Variant(shapes, f"{where}stride {stride}, pad {pad}", {"stride": stride, "pad": pad})


# fmt: off
LAYOUTS = {  # the kernel is 3 x 3: 03 is a three, too, with a name of its own for where the axes change places
    "bias as a column, ": "b: F 1", "kernel 3 x 1, ": "W: F C 3 1", "kernel 1 x 1, ": "W: F C 1 1",
    "channels last, ": "x: N H W C, W: 3 03 C F -> N P Q F",
    "channels last, bias (1, 1, 1, F), ": "x: N H W C, W: 3 03 C F, b: 1 1 1 F -> N P Q F",
    "one image, ": "x: C H W -> F P Q", "one image, channels last, ": "x: H W C, W: 3 03 C F -> P Q F",
}
SPEC = LayerSpec(
    name="conv2d", korean="합성곱 계층", family="convolution",
    aliases=("conv", "Convolution", "Convolution2D", "Conv2d_stride1", "conv_im2col", "conv_strides", "합성곱"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C H W; W: F C 3 03, b: F -> N F P Q", minimum={"H": 3, "W": 3},
    variants=(*(setting(*s) for s in ((1, 0), (1, 1), (2, 0), (3, 0), (1, 2), (2, 2))),
              *(setting(*s, shapes, where) for where, shapes in LAYOUTS.items() for s in ((2, 1), (1, 0)))),
    mistakes=(
        Mistake("border-kept", border_kept,
                says="`{grad}` of the convolution still has the border of zeros that the forward put around x",
                help="Crop it: dx[:, :, pad : pad + H, pad : pad + W]; dx[:, :, pad:-pad] is empty when pad is 0.",
                says_ko="합성곱의 `{grad}`에 순전파에서 x에 두른 0의 테두리가 남아 있다",
                help_ko="dx[:, :, pad : pad + H, pad : pad + W]로 자른다. pad가 0이면 [pad:-pad]는 빈 배열이다."),
        Mistake("kernel-not-flipped", kernel_not_flipped,
                says="`{grad}` of the convolution runs over dy with the kernel unflipped",
                help="dx as a convolution of dy needs W turned by 180 degrees: W[:, :, ::-1, ::-1].",
                says_ko="합성곱의 `{grad}`를 뒤집지 않은 커널로 계산했다",
                help_ko="dy의 합성곱으로 dx를 구하려면 W를 180도 돌린다: W[:, :, ::-1, ::-1]."),
        Mistake("stride-ignored", stride_ignored,
                says="`{grad}` of the convolution moves its windows by one, the forward moves them by the stride",
                help="Row p of dy belongs to the rows p * stride to p * stride + kernel of the input.",
                says_ko="순전파는 stride만큼 움직이는데 합성곱의 `{grad}`는 윈도를 한 칸씩 움직인다",
                help_ko="dy의 p행은 입력의 p * stride행부터 커널 크기만큼의 행에 해당한다."),
        Mistake("summed-over-batch-only", bias_summed_over_batch_only,
                says="`{grad}` of the convolution is summed over the batch, and not over the rows and columns of dy",
                help="One bias serves every place of its map: dy.sum(axis=(0, 2, 3)).",
                says_ko="합성곱의 `{grad}`를 배치로만 더하고 dy의 행과 열로는 더하지 않았다",
                help_ko="편향 하나가 맵의 모든 자리에 쓰이므로 dy.sum(axis=(0, 2, 3))으로 더한다."),
        Mistake("overlap-overwritten", overlap_overwritten,
                says="`{grad}` of the convolution overwrites where windows overlap: = for +=",
                help="An entry that lies in several windows gets the gradients of all of them: add with +=.",
                says_ko="합성곱의 `{grad}`가 윈도가 겹치는 곳을 덮어쓴다: += 대신 =를 썼다",
                help_ko="여러 윈도에 든 원소는 그 기울기를 모두 받으므로 +=로 더한다."),
        Mistake("rows-not-covered", rows_not_covered,
                says="`{grad}` of the convolution ends with the last window: rows and columns behind it are missing",
                help="Where (H + 2 pad - kernel) % stride is not 0 the last rows have gradient 0: start from zeros.",
                says_ko="합성곱의 `{grad}`가 마지막 윈도에서 끝나서 그 뒤의 행과 열이 없다",
                help_ko="(H + 2 pad - kernel) % stride가 0이 아니면 끝 행의 기울기는 0이다."),
        Mistake("rows-and-columns-swapped", rows_and_columns_swapped,
                says="`{grad}` of the convolution reads dy as (columns, rows): height and width are confused",
                help="dy is (N, F, rows, columns); try an image that is not square.",
                says_ko="합성곱의 `{grad}`가 dy를 (열, 행)으로 읽는다: 높이와 너비가 뒤바뀌었다",
                help_ko="dy는 (N, F, 행, 열)이다. 정사각형이 아닌 이미지로 시험해 본다."),
        *(Mistake("reshape-for-transpose", wrong, variant=where,
                  says="`{grad}` of the convolution is reshaped where axes change places, which mixes the numbers",
                  help="Transpose first: channels last before x.reshape(-1, C), F first before dW.reshape(W.shape).",
                  says_ko="합성곱의 `{grad}`에서 축을 바꿀 자리에 reshape을 써서 값이 섞였다",
                  help_ko="먼저 전치한다: x.reshape(-1, C) 앞에서는 채널을 끝으로, dW.reshape 앞에서는 F를 맨 앞으로.")
          for wrong, where in ((reshaped, ""), (pixels_for_channels, "kernel 1 x 1, stride 1, pad 0"))),
    ),
)
# fmt: on
