"""Max pooling of images.

    y[p, q] = max of the window of `kernel` x `kernel` entries at row p * stride, column q * stride
    dx      = dy[p, q] added at the largest entry of each window, 0 elsewhere

Shapes: x (N, C, H, W), y (N, C, P, Q) with P = (H + 2 pad - kernel) // stride + 1. The border is padded with -inf.
Where windows overlap the gradients add up. Where entries tie any split of dy[p, q] will do; the first gets it all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, Kink, LayerSpec, Mistake, Variant

Window = tuple[int, int, tuple[slice, ...]]


def bordered(x: Array, pad: int, value: float = -np.inf) -> Array:
    return np.pad(1.0 * x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=value)


def windows(x: Array, kernel: int, stride: int) -> Iterator[Window]:
    """Row and column of the output, and where its window lies."""
    for p in range((x.shape[2] - kernel) // stride + 1):
        for q in range((x.shape[3] - kernel) // stride + 1):
            i, j = p * stride, q * stride
            yield p, q, (slice(None), slice(None), slice(i, i + kernel), slice(j, j + kernel))


def forward(x: Array, kernel: int = 3, stride: int = 2, pad: int = 1, border: float = -np.inf) -> Array:
    x = bordered(x, pad, border)
    rows, columns = ((size - kernel) // stride + 1 for size in x.shape[2:])
    y = np.zeros((*x.shape[:2], rows, columns), x.dtype)
    for p, q, window in windows(x, kernel, stride):
        y[:, :, p, q] = x[window].max(axis=(2, 3))
    return y


def first_largest(x: Array) -> Array:
    """1 at the first largest entry of each window (N, C, kernel, kernel), 0 elsewhere."""
    flat = x.reshape(*x.shape[:2], -1)
    return np.asarray(np.arange(flat.shape[2]) == flat.argmax(axis=2)[..., None]).reshape(x.shape)


def backward(
    dy: Array, x: Array, kernel: int = 3, stride: int = 2, pad: int = 1, border: float = -np.inf, overlap: bool = True
) -> Grads:
    x = bordered(x, pad, border)
    dx = np.zeros_like(x)
    for p, q, window in windows(x, kernel, stride):
        given = first_largest(x[window]) * dy[:, :, p, q][..., None, None]
        dx[window] = dx[window] + given if overlap else given
    return {"x": dx[:, :, pad : x.shape[2] - pad, pad : x.shape[3] - pad]}


def torch_forward(x: Any, kernel: int = 3, stride: int = 2, pad: int = 1) -> Any:
    import torch

    return torch.nn.functional.max_pool2d(x, kernel, stride, pad)


def tie(rng: np.random.Generator, x: Array, kernel: int = 3, stride: int = 2, pad: int = 1) -> Kink | None:
    """Opposite corners of a window, which no other window has both of, larger than anything else in it."""
    n, c = (int(rng.integers(size)) for size in x.shape[:2])
    corners = [(p * stride - pad, q * stride - pad) for p, q, _ in windows(bordered(x, pad), kernel, stride)]
    last = kernel - 1
    inside = [(i, j) for i, j in corners if min(i, j) >= 0 and i + last < x.shape[2] and j + last < x.shape[3]]
    if not inside or kernel < 2:
        return None
    i, j = inside[rng.integers(len(inside))]
    moved = x.copy()
    entries = (n, c, i, j), (n, c, i + last, j + last)
    for index in entries:
        moved[index] = x[n, c].max() + 1
    return Kink("a tie for the maximum", {"x": moved}, tuple(("x", index) for index in entries))


def overlap_overwritten(dy: Array, x: Array, **options: Any) -> Grads:
    return backward(dy, x, overlap=False, **options)


def largest_overwritten(dy: Array, x: Array, kernel: int = 3, stride: int = 2, pad: int = 1) -> Grads:
    x = bordered(x, pad, -np.inf)
    dx = np.zeros_like(x)
    for p, q, window in windows(x, kernel, stride):
        dx[window] = np.where(first_largest(x[window]), dy[:, :, p, q][..., None, None], dx[window])
    return {"x": dx[:, :, pad : x.shape[2] - pad, pad : x.shape[3] - pad]}


def zeros_at_the_border_forward(x: Array, **options: Any) -> Array:
    return forward(x, border=0.0, **options)


def zeros_at_the_border(dy: Array, x: Array, **options: Any) -> Grads:
    return backward(dy, x, border=0.0, **options)


def rows_not_covered(dy: Array, x: Array, kernel: int = 3, stride: int = 2, pad: int = 1) -> Grads:
    rows, columns = (kernel + (size - 1) * stride - 2 * pad for size in dy.shape[2:])
    return {"x": backward(dy, x, kernel, stride, pad)["x"][:, :, :rows, :columns]}


def mask_from_upstream(dy: Array, x: Array, **options: Any) -> Grads:
    return backward(dy, np.resize(dy, x.shape), **options)


def setting(kernel: int, stride: int, pad: int, shapes: str = "", where: str = "") -> Variant:
    note = f"{where}kernel {kernel}, stride {stride}, {'padded by one' if pad else 'no padding'}"
    return Variant(shapes, note, {"kernel": kernel, "stride": stride, "pad": pad})


# fmt: off
SPEC = LayerSpec(
    name="maxpool2d", korean="최대 풀링", family="pooling", aliases=("MaxPool", "MaxPooling", "MaxPooling2D"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N C H W -> N C P Q", minimum={"H": 3, "W": 3}, kinks=(tie,),
    variants=(
        *(setting(*s) for s in ((3, 2, 0), (3, 1, 0), (3, 1, 1), (3, 3, 0), (2, 2, 0), (2, 1, 0))),
        setting(3, 2, 0, "x: N H W C -> N P Q C", "channels last, "),
        setting(2, 2, 0, "x: H W C -> P Q C", "one image, channels last, "),
    ),
    mistakes=(
        *(Mistake("overlap-overwritten", wrong,
                  says="`{grad}` of max pooling overwrites where windows overlap: = for +=",
                  help="An entry that is the largest of two windows gets both of their gradients: add with +=.",
                  says_ko="최대 풀링의 `{grad}`가 윈도가 겹치는 곳을 덮어쓴다: += 대신 =를 썼다",
                  help_ko="두 윈도에서 모두 최대인 원소는 두 기울기를 다 받으므로 +=로 더한다.")
          for wrong in (overlap_overwritten, largest_overwritten)),
        Mistake("padded-with-zeros", zeros_at_the_border, forward=zeros_at_the_border_forward,
                says="max pooling pads with 0, which beats every negative number at the border",
                help="Pad with -inf, which never is the largest.",
                says_ko="최대 풀링이 0으로 패딩해서 가장자리의 음수를 모두 이긴다",
                help_ko="결코 최대가 될 수 없는 -inf로 패딩한다."),
        Mistake("rows-not-covered", rows_not_covered, variant=setting(2, 2, 0).note,
                says="`{grad}` of max pooling ends with the last window: the rows and columns behind it are missing",
                help="Entries that no window reaches have gradient 0: give `{grad}` the shape of the input.",
                says_ko="최대 풀링의 `{grad}`가 마지막 윈도에서 끝나서 그 뒤의 행과 열이 없다",
                help_ko="윈도가 닿지 않는 원소의 기울기는 0이므로 `{grad}`의 shape을 입력과 같게 한다."),
        Mistake("mask-from-upstream", mask_from_upstream,
                says="max pooling looks for the largest entry in dy and not in x",
                help="The winner of a window is that of the forward: compare the entries of x, or keep their argmax.",
                says_ko="최대 풀링이 x가 아니라 dy에서 가장 큰 원소를 찾는다",
                help_ko="윈도의 승자는 순전파의 승자이므로 x의 원소를 비교하거나 argmax를 저장한다."),
    ),
)
# fmt: on
