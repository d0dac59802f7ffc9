"""What a body does with an argument says what it is: a number, whole numbers, a mask, one row of many."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

NUMBER = """
import numpy as np


def node(x):
    x = x[None, None]
    return np.tanh(x).reshape(())


def node_grad(dy, x):
    x = x[None, None]
    dy = dy[None, None]
    return {dx}


def summed(x, y):
    t = x[None] + y[None]
    return (t**2)[0]


def summed_backward(dy, x, y):
    t = x[None] + y[None]
    dt = np.reshape(dy, (1,)) * {factor} * t
    return dt.reshape(()), np.reshape(dt, ())
"""


def test_a_gradient_that_is_made_a_number_is_one_of_a_number(tmp_path: Path) -> None:
    report = checked(tmp_path, NUMBER.format(dx="(dy * (1 - np.tanh(x) ** 2)).reshape(())", factor="2"))
    assert report.passes("node"), report.refused
    assert report.passes("summed"), report.failed("summed")
    wrong = checked(tmp_path, NUMBER.format(dx="(dy * (1 - np.tanh(x))).reshape(())", factor="1"))
    assert set(wrong.failed("node")) == {"dx"}
    assert set(wrong.failed("summed")) == {"dx", "dy"}


REDUCED = """
import numpy as np


def size(x):
    return np.sqrt((x**2).sum() + 1).reshape(())


def size_grad(dy, x):
    return dy * {x} / np.sqrt((x**2).sum() + 1)
"""


def test_an_output_that_is_a_number_is_one_of_an_array(tmp_path: Path) -> None:
    right = checked(tmp_path, REDUCED.format(x="x"))
    assert right.passes("size")
    assert set(checked(tmp_path, REDUCED.format(x="x.sum()")).failed("size")) == {"dx"}


TAKEN = """
import numpy as np


def node_forward(x, picked):
    {turned}
    return x[picked]{back}, (x, picked)


def node_backward(dout, cache):
    x, picked = cache
    dx = np.zeros_like(x)
    {kept}
    return dx{back}
"""


@pytest.mark.parametrize(("turned", "back"), [("x = x", ""), ("x = x.T", ".T")])
def test_what_indexes_another_array_are_whole_numbers(tmp_path: Path, turned: str, back: str) -> None:
    right = checked(tmp_path, TAKEN.format(turned=turned, back=back, kept=f"np.add.at(dx, picked, dout{back})"))
    assert right.passes("node"), right.refused
    wrong = checked(tmp_path, TAKEN.format(turned=turned, back=back, kept=f"dx[picked] = dout{back}"))
    assert set(wrong.failed("node")) == {"dx"}


MASKED = """
import numpy as np


def op_forward(x, mask):
    return np.where(mask == 0, x, -1e9), mask


def op_backward(dout, cache):
    return {dx}
"""


def test_a_mask_is_of_zeros_and_ones(tmp_path: Path) -> None:
    assert checked(tmp_path, MASKED.format(dx="np.where(cache == 0, dout, 0)")).passes("op")
    assert set(checked(tmp_path, MASKED.format(dx="dout")).failed("op")) == {"dx"}
    assert set(checked(tmp_path, MASKED.format(dx="dout * cache")).failed("op")) == {"dx"}


REPEATED = """
import numpy as np


def node(x):
    return np.broadcast_to(x, (3, {last})).copy()


def node_backward(dout, x):
    return {dx}
"""


@pytest.mark.parametrize("last", ["x.shape[1]", "4"])
def test_a_forward_that_repeats_a_row_is_given_one(tmp_path: Path, last: str) -> None:
    right = checked(tmp_path, REPEATED.format(last=last, dx="dout.sum(axis=0, keepdims=True)"))
    assert right.passes("node"), right.refused
    assert set(checked(tmp_path, REPEATED.format(last=last, dx="dout")).failed("node")) == {"dx"}


SLOPES = """
import numpy as np


def parametric_relu(x, slope):
    shape = x.shape
    x = x.reshape(x.shape[0], -1, x.shape[3])
    return np.where(x > 0, x, slope * x).reshape(shape)


def parametric_relu_backward(dout, x, slope):
    shape = x.shape
    x, dout = x.reshape(shape[0], -1, shape[3]), dout.reshape(shape[0], -1, shape[3])
    return (dout * np.where(x > 0, 1, slope)).reshape(shape), {dslope}
"""


def test_code_for_one_layout_of_a_reference_is_read_in_that(tmp_path: Path) -> None:
    """Channels last are an exception for others, and all that this code takes."""
    right = checked(tmp_path, SLOPES.format(dslope="(dout * np.minimum(x, 0)).sum(axis=(0, 1))"))
    assert right.passes("parametric_relu"), right.refused
    wrong = checked(tmp_path, SLOPES.format(dslope="(dout * x).sum(axis=(0, 1))"))
    assert set(wrong.failed("parametric_relu")) == {"dslope"}


SHARED = """
import numpy as np


def prelu(x, slope):
    return np.where(x > 0, x, slope[:, None] * x)


def prelu_backward(dout, x, slope):
    return dout * np.where(x > 0, 1, slope[:, None]), {dslope}
"""


def test_one_slope_or_one_a_channel_stays_open_where_only_the_gradient_tells(tmp_path: Path) -> None:
    whole = checked(tmp_path, SHARED.format(dslope="(dout * np.minimum(x, 0)).sum(keepdims=True).reshape(1)"))
    assert whole.verdicts("prelu")["dslope"] is Verdict.INCONCLUSIVE
    assert "(1,)" in whole.result("prelu", "dslope").reason
    assert checked(tmp_path, SHARED.format(dslope="(dout * np.minimum(x, 0)).sum(axis=(0, 2))")).passes("prelu")
    for wrong in ("dout * np.minimum(x, 0)", "2 * (dout * np.minimum(x, 0)).sum(keepdims=True).reshape(1)"):
        assert set(checked(tmp_path, SHARED.format(dslope=wrong)).failed("prelu")) == {"dslope"}


POOLED = """
import numpy as np


def avg_pool(x, pool_size=3, stride=1, padding=1):
    width = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    n, counted = pool_size, np.pad(np.ones_like(x), width)
    x = np.pad(x, width)
    rows, columns = ((size - n) // stride + 1 for size in x.shape[2:])
    out = np.zeros((*x.shape[:2], rows, columns))
    for i in range(rows):
        for j in range(columns):
            at = (slice(None), slice(None), slice(i * stride, i * stride + n), slice(j * stride, j * stride + n))
            out[:, :, i, j] = x[at].sum(axis=(2, 3)) / counted[at].sum(axis=(2, 3))
    return out


def avg_pool_backward(dout, x, pool_size=3, stride=1, padding=1):
    width = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    n, counted = pool_size, np.pad(np.ones_like(x), width{border})
    dx = np.zeros_like(counted)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            at = (slice(None), slice(None), slice(i * stride, i * stride + n), slice(j * stride, j * stride + n))
            dx[at] += (dout[:, :, i, j] / counted[at].sum(axis=(2, 3)))[..., None, None]
    return dx[:, :, padding : dx.shape[2] - padding, padding : dx.shape[3] - padding]
"""


def test_the_authors_own_defaults_are_among_the_settings_that_are_tried(tmp_path: Path) -> None:
    """The border counts where there is one, and the reference alone would go without first."""
    assert checked(tmp_path, POOLED.format(border="")).passes("avg_pool")
    assert set(checked(tmp_path, POOLED.format(border=", constant_values=1")).failed("avg_pool")) == {"dx"}


UNPACKED = """
import numpy as np


def op_forward(x):
    {parts}
    return a, b * c, (b, c)


def op_backward(da, dbc, cache):
    b, c = cache
    return np.stack((da, dbc * c, {dc}))
"""


@pytest.mark.parametrize("parts", ["a, b, c = x", "a, b, c = tuple(row.copy() for row in x)"])
def test_an_input_that_is_taken_apart_has_as_many_rows(tmp_path: Path, parts: str) -> None:
    right = checked(tmp_path, UNPACKED.format(parts=parts, dc="dbc * b"))
    assert right.passes("op"), right.refused
    assert set(checked(tmp_path, UNPACKED.format(parts=parts, dc="dbc * c")).failed("op")) == {"dx"}


def test_the_parts_of_a_shape_are_no_parts_of_the_array(tmp_path: Path) -> None:
    source = """
    import numpy as np


    def op_forward(x):
        n, d = x.shape
        return x.sum(axis=0) / n, (n, d)


    def op_backward(dout, cache):
        n, d = cache
        return np.tile(dout, (n, 1)) / {divisor}
    """
    assert checked(tmp_path, source.format(divisor="n")).passes("op")
    assert set(checked(tmp_path, source.format(divisor="d")).failed("op")) == {"dx"}
