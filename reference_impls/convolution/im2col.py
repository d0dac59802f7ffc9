"""The windows of images as rows of a matrix (im2col), and the way back, which adds them up (col2im).

    im2col:  col[(n p q), (c i j)] = x[n, c, p s + i, q s + j]           x with a border of `pad` zeros
             dx = col2im(dcol)
    col2im:  y[n, c, p s + i, q s + j] += col[(n p q), (c i j)]          then the border is cut off
             dcol = im2col(dy)

Shapes: x, y (N, C, H, W), col (N P Q, C I J) for kernels I x J with P = (H + 2 pad - I) // s + 1, stride s and pad in
entries; rows (p q n) with batch_last=True; `image` is the shape of y. Each is the other's backward, not its inverse.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_impls.convolution import bordered, cropped
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Shape = tuple[int, ...]
WINDOWS = {False: (0, 3, 1, 2, 4, 5), True: (2, 3, 0, 1, 4, 5)}  # from (n p q c i j) or (p q n c i j) to (n c p q i j)


def places(x: Array, kernel: Shape, stride: int) -> tuple[Any, ...]:
    """Index of x that gives (n, c, p, q, i, j)."""
    firsts = (np.arange(0, x.shape[k] - kernel[k - 2] + 1, stride) for k in (2, 3))
    rows, columns = (np.add.outer(first, np.arange(size)) for first, size in zip(firsts, kernel, strict=True))
    return slice(None), slice(None), rows[:, None, :, None], columns[None, :, None, :]


def im2col(x: Array, kernel: Shape = (3, 2), stride: int = 2, pad: int = 1, batch_last: bool = False) -> Array:
    x = bordered(x, pad)
    patches: Array = x[places(x, kernel, stride)]
    return patches.transpose(np.argsort(WINDOWS[batch_last])).reshape(-1, x.shape[1] * kernel[0] * kernel[1])


def col2im(
    col: Array, image: Shape = (2, 2, 5, 4), kernel: Shape = (3, 2), stride: int = 2, pad: int = 1,
    batch_last: bool = False, overlap: bool = True,
) -> Array:  # fmt: skip
    y = bordered(np.zeros(image, col.dtype), pad)
    where = places(y, kernel, stride)
    shape = np.asarray(y[where].shape)
    patches = col.reshape(shape[np.argsort(WINDOWS[batch_last])]).transpose(WINDOWS[batch_last])
    if overlap:
        np.add.at(y, where, patches)
    else:
        y[where] += patches  # of an index that repeats only the last one counts
    return cropped(y, pad)


def im2col_backward(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": col2im(dy, x.shape, **options)}


def col2im_backward(dy: Array, col: Array, image: Shape = (2, 2, 5, 4), **options: Any) -> Grads:
    return {"col": im2col(dy, **options)}


def im2col_torch(x: Any, kernel: Shape = (3, 2), stride: int = 2, pad: int = 1, batch_last: bool = False) -> Any:
    import torch

    col = torch.nn.functional.unfold(x, kernel, stride=stride, padding=pad)  # (N, C I J, P Q)
    return col.permute(2, 0, 1).reshape(-1, col.shape[1]) if batch_last else col.mT.reshape(-1, col.shape[1])


def col2im_torch(
    col: Any, image: Shape = (2, 2, 5, 4), kernel: Shape = (3, 2), stride: int = 2, pad: int = 1,
    batch_last: bool = False,
) -> Any:  # fmt: skip
    import torch

    split = (-1, image[0], len(col[0])) if batch_last else (image[0], -1, len(col[0]))
    rows = col.reshape(split).movedim(int(batch_last), 0)
    return torch.nn.functional.fold(rows.mT, image[2:], kernel, stride=stride, padding=pad)


def overlap_overwritten(dy: Array, x: Array, **options: Any) -> Grads:
    return {"x": col2im(dy, x.shape, overlap=False, **options)}


def border_kept(dy: Array, x: Array, kernel: Shape = (3, 2), stride: int = 2, pad: int = 1, **options: Any) -> Grads:
    return {"x": col2im(dy, bordered(x, pad).shape, kernel, stride, 0, **options)}


def rows_in_another_order(dy: Array, x: Array, batch_last: bool = False, **options: Any) -> Grads:
    return {"x": col2im(dy, x.shape, batch_last=not batch_last, **options)}


def col2im_overwritten(col: Array, **options: Any) -> Array:
    return col2im(col, overlap=False, **options)


def shared_out(dy: Array, col: Array, image: Shape = (2, 2, 5, 4), **options: Any) -> Grads:
    times = col2im(im2col(np.ones_like(dy), **options), image, **options)  # in how many windows an entry lies
    return {"col": im2col(dy / np.maximum(times, 1), **options)}


def setting(kernel: Shape, stride: int, pad: int, shapes: str = "", where: str = "", **options: Any) -> Variant:
    note = f"{where}kernel {kernel[0]} x {kernel[1]}, stride {stride}, pad {pad}"
    return Variant(shapes, note, {"kernel": kernel, "stride": stride, "pad": pad, **options})


# fmt: off
OVERLAP = Mistake("overlap-overwritten", overlap_overwritten,
                  says="col2im overwrites where windows overlap: = for +=, or += with an index that repeats",
                  help="Add the windows one after the other, or all at once with np.add.at(y, index, windows).",
                  says_ko="col2im이 윈도가 겹치는 곳을 덮어쓴다: += 대신 =를 썼거나 겹치는 인덱스에 +=를 썼다",
                  help_ko="윈도를 하나씩 더하거나 np.add.at(y, index, windows)로 한꺼번에 더한다.")
SETTINGS = (((3, 2), 2, 1), ((3, 2), 1, 0), ((3, 3), 2, 1), ((3, 3), 1, 0), ((3, 3), 1, 1), ((2, 2), 2, 0))
SPECS = (
    LayerSpec(
        name="im2col", korean="im2col", family="convolution", aliases=("im2col_indices", "im2row", "image_to_column"),
        forward=im2col, backward=im2col_backward, torch_forward=im2col_torch,
        shapes="x: N C H W -> R K", minimum={"H": 3, "W": 3},
        variants=(*(setting(*s) for s in SETTINGS[1:]),
                  *(setting(*s, "-> K R", "windows in columns, batch last, ", batch_last=True) for s in SETTINGS)),
        mistakes=(
            OVERLAP,
            Mistake("border-kept", border_kept,
                    says="`{grad}` of im2col still has the border of zeros that was put around x",
                    help="Cut it off: img[:, :, pad : pad + H, pad : pad + W].",
                    says_ko="im2col의 `{grad}`에 x에 두른 0의 테두리가 남아 있다",
                    help_ko="img[:, :, pad : pad + H, pad : pad + W]로 자른다."),
            Mistake("rows-in-another-order", rows_in_another_order,
                    says="col2im reads the rows of the matrix in another order than im2col has written them",
                    help="Both have to agree: (n p q) as a rule, (p q n) where the batch is the last axis.",
                    says_ko="col2im이 행렬의 행을 im2col이 쓴 것과 다른 순서로 읽는다",
                    help_ko="im2col과 col2im의 순서는 같아야 한다: 보통 (n p q), 배치가 끝 축이면 (p q n)이다."),
        ),
    ),
    LayerSpec(
        name="col2im", korean="col2im", family="convolution", aliases=("col2im_indices", "row2im", "column_to_image"),
        forward=col2im, backward=col2im_backward, torch_forward=col2im_torch,
        shapes="col: 18 12 -> N C H W",
        variants=(setting((3, 2), 1, 0), setting((2, 3), 2, 1, image=(2, 2, 4, 5)),
                  setting((3, 2), 2, 1, "col: 12 18", "windows in columns, batch last, ", batch_last=True)),
        mistakes=(
            replace(OVERLAP, backward=None, forward=col2im_overwritten),
            Mistake("taken-for-the-inverse", shared_out,
                    says="`{grad}` of col2im shares an entry out among its windows, as if col2im(im2col(x)) were x",
                    help="col2im adds, so every window gets the whole gradient: dcol = im2col(dy).",
                    says_ko="col2im의 `{grad}`가 col2im(im2col(x)) = x인 것처럼 한 원소를 윈도 수로 나눈다",
                    help_ko="col2im은 더하기만 하므로 윈도마다 기울기를 다 받는다: dcol = im2col(dy)."),
        ),
    ),
)
# fmt: on
