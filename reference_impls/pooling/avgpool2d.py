"""Average pooling of images.

    y[p, q] = mean of the window of `kernel` x `kernel` entries at row p * stride, column q * stride
    dx      = dy[p, q] / (entries of the window) added at every entry of each window

Shapes: x (N, C, H, W), y (N, C, P, Q) with P = (H + 2 pad - kernel) // stride + 1, all of them in entries. The border
is padded with 0, and its entries count as entries of the window; with count_pad=False they do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.pooling.maxpool2d import bordered, windows
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(x: Array, kernel: int = 3, stride: int = 2, pad: int = 1, count_pad: bool = True) -> Array:
    counted = bordered(np.ones_like(x), pad, float(count_pad))
    x = bordered(x, pad, 0.0)
    rows, columns = ((size - kernel) // stride + 1 for size in x.shape[2:])
    y = np.zeros((*x.shape[:2], rows, columns), x.dtype)
    for p, q, window in windows(x, kernel, stride):
        y[:, :, p, q] = x[window].sum(axis=(2, 3)) / counted[window].sum(axis=(2, 3))
    return y


def backward(
    dy: Array, x: Array, kernel: int = 3, stride: int = 2, pad: int = 1, count_pad: bool = True, overlap: bool = True
) -> Grads:
    counted = bordered(np.ones_like(x), pad, float(count_pad))
    dx = np.zeros_like(counted)
    for p, q, window in windows(dx, kernel, stride):
        given = (dy[:, :, p, q] / counted[window].sum(axis=(2, 3)))[..., None, None]
        dx[window] = dx[window] + given if overlap else given
    return {"x": dx[:, :, pad : dx.shape[2] - pad, pad : dx.shape[3] - pad]}


def torch_forward(x: Any, kernel: int = 3, stride: int = 2, pad: int = 1, count_pad: bool = True) -> Any:
    import torch

    return torch.nn.functional.avg_pool2d(x, kernel, stride, pad, count_include_pad=count_pad)


def divisor_dropped(dy: Array, x: Array, kernel: int = 3, **options: Any) -> Grads:
    return backward(dy * kernel**2, x, kernel, **options)


def border_counted_otherwise(dy: Array, x: Array, count_pad: bool = True, **options: Any) -> Grads:
    return backward(dy, x, count_pad=not count_pad, **options)


def overlap_overwritten(dy: Array, x: Array, **options: Any) -> Grads:
    return backward(dy, x, overlap=False, **options)


def rows_not_covered(dy: Array, x: Array, kernel: int = 3, stride: int = 2, pad: int = 1, **options: Any) -> Grads:
    rows, columns = (kernel + (size - 1) * stride - 2 * pad for size in dy.shape[2:])
    return {"x": backward(dy, x, kernel, stride, pad, **options)["x"][:, :, :rows, :columns]}


def setting(kernel: int, stride: int, pad: int, shapes: str = "", where: str = "", **options: Any) -> Variant:
    note = f"{where}kernel {kernel}, stride {stride}, pad {pad}"
    return Variant(shapes, note, {"kernel": kernel, "stride": stride, "pad": pad, **options})


# fmt: off
SPEC = LayerSpec(
    name="avgpool2d", korean="평균 풀링", family="pooling",
    aliases=("AvgPool", "AveragePool", "AveragePooling", "AveragePooling2D", "MeanPool", "MeanPool2d",
             "MeanPool2d_stride1", "avg_pool", "mean_pool", "평균풀링"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C H W -> N C P Q", minimum={"H": 3, "W": 3},
    variants=(
        *(setting(*s) for s in ((3, 2, 0), (3, 1, 0), (3, 1, 1), (3, 3, 0), (2, 2, 0), (2, 1, 0))),
        *(setting(*s, "", "border not counted, ", count_pad=False) for s in ((3, 2, 1), (3, 1, 1), (2, 1, 1))),
        *(setting(*s, "x: N H W C -> N P Q C", "channels last, ") for s in ((3, 2, 0), (2, 2, 0), (3, 2, 1))),
        setting(2, 2, 0, "x: H W C -> P Q C", "one image, channels last, "),
        setting(2, 2, 0, "x: C H W -> C P Q", "one image, "),
    ),
    mistakes=(
        Mistake("divisor-dropped", divisor_dropped,
                says="`{grad}` of average pooling is not divided by the number of entries of the window",
                help="Each entry has a share of 1 / (kernel * kernel) in the mean: divide dy by that number.",
                says_ko="평균 풀링의 `{grad}`를 윈도의 원소 수로 나누지 않았다",
                help_ko="원소마다 평균에 1 / (kernel * kernel)만큼 기여하므로 dy를 그 수로 나눈다."),
        Mistake("border-counted-otherwise", border_counted_otherwise,
                says="average pooling counts the padded border in one of forward and backward, and not in the other",
                help="Divide by the same number in both: the whole window (torch's default), or its real entries.",
                says_ko="평균 풀링이 패딩한 테두리를 순전파와 역전파 중 한쪽에서만 센다",
                help_ko="양쪽에서 같은 수로 나눈다: 윈도 전체의 원소 수(torch의 기본값)나 실제 원소의 수."),
        Mistake("overlap-overwritten", overlap_overwritten,
                says="`{grad}` of average pooling overwrites where windows overlap: = for +=",
                help="An entry of two windows gets a share of both of their gradients: add with +=.",
                says_ko="평균 풀링의 `{grad}`가 윈도가 겹치는 곳을 덮어쓴다: += 대신 =를 썼다",
                help_ko="두 윈도에 든 원소는 두 기울기의 몫을 다 받으므로 +=로 더한다."),
        Mistake("rows-not-covered", rows_not_covered, variant="kernel 2, stride 2, pad 0",
                says="`{grad}` of average pooling ends with the last window: rows and columns behind it are missing",
                help="Entries that no window reaches have gradient 0: give `{grad}` the shape of the input.",
                says_ko="평균 풀링의 `{grad}`가 마지막 윈도에서 끝나서 그 뒤의 행과 열이 없다",
                help_ko="윈도가 닿지 않는 원소의 기울기는 0이므로 `{grad}`의 shape을 입력과 같게 한다."),
    ),
)
# fmt: on
