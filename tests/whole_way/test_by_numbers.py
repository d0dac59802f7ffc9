"""A reference that an object was recognised as by its numbers leaves none of its gradients out."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

MIXER = """
    import numpy as np


    class Mixer:
        def __init__(self, W):
            self.W = W

        def forward(self, x):
            self.x = x
            return {forward}

        def backward(self, dout):
            self.dW = {dW}
            return {dx}
"""
PRODUCTS = {
    "sequences": ('np.einsum("ntk,kd->ntd", x, self.W)', 'np.einsum("ntk,ntd->kd", self.x, dout)',
                  'np.einsum("ntd,kd->ntk", dout, self.W)'),
    "rows": ("x @ self.W", "self.x.T @ dout", "dout @ self.W.T"),
}  # fmt: skip


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_is_no_table_of_words(tmp_path: Path, product: str, factor: int) -> None:
    forward, dW, dx = PRODUCTS[product]
    found = checked(tmp_path, MIXER.format(forward=forward, dW=dW, dx=f"{factor} * {dx}"))
    assert "dx" in found.verdicts("Mixer"), found.refused
    assert set(found.failed("Mixer")) == (set() if factor == 1 else {"dx"})


def test_words_that_are_looked_up_are(tmp_path: Path) -> None:
    source = MIXER.format(
        forward="self.W[x.argmax(axis=-1)]", dW='np.einsum("ntk,ntd->kd", self.x, dout)', dx="np.zeros_like(self.x)"
    )
    found = checked(tmp_path, source)
    assert found.passes("Mixer")
    assert set(found.verdicts("Mixer")) == {"contract", "forward", "dW"}


TRANSPOSED = """
import numpy as np


class MyLayer:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        h, w = self.W.shape[2:]
        out = np.zeros((len(x), len(self.W), x.shape[2] + h - 1, x.shape[3] + w - 1))
        for p in range(x.shape[2]):
            for q in range(x.shape[3]):
                out[:, :, p:p + h, q:q + w] += np.einsum("nc,fcij->nfij", x[:, :, p, q], self.W)
        return out + self.b[:, None, None]

    def backward(self, dout):
        h, w = self.W.shape[2:]
        dx, self.dW = np.zeros_like(self.x), np.zeros_like(self.W)
        self.db = dout.sum(axis=(0, 2, 3))
        for p in range(dx.shape[2]):
            for q in range(dx.shape[3]):
                d = dout[:, :, p:p + h, q:q + w]
                dx[:, :, p, q] = np.einsum("nfij,fcij->nc", d, {W})
                self.dW += np.einsum("nc,nfij->fcij", self.x[:, :, p, q], d)
        return dx
"""


def test_windows_of_one_entry_do_not_tell_a_convolution_from_its_transpose(tmp_path: Path) -> None:
    assert checked(tmp_path, TRANSPOSED.format(W="self.W")).passes("MyLayer")
    assert set(checked(tmp_path, TRANSPOSED.format(W="self.W[:, :, ::-1, ::-1]")).failed("MyLayer")) == {"dx"}


REPEATS = """
import numpy as np


class Subtract:
    def forward(self, a, b):
        self.a, self.b = a, b
        return a - b

    def backward(self, dout):
        da, db = np.asarray(dout), np.asarray(-dout)
        for _ in range({more} + dout.ndim - self.a.ndim):
            da = da.sum(axis=0)
        for _ in range(dout.ndim - self.b.ndim):
            db = db.sum(axis=0)
        return da.reshape(self.a.shape), db.reshape(self.b.shape)
"""


def test_what_sums_over_one_axis_too_many_is_not_right_for_having_one_to_spare(tmp_path: Path) -> None:
    assert checked(tmp_path, REPEATS.format(more=0), "right.py").passes("Subtract")
    assert not checked(tmp_path, REPEATS.format(more=1), "wrong.py").passes("Subtract")


EVERY_OTHER = """
import numpy as np


class Custom:
    def forward(self, x):
        self.x = x
        return np.array(x[::-2])

    def backward(self, grad, lr):
        dx = np.zeros_like(self.x)
        dx[::-2] = grad
        return {returned}
"""


def test_what_gives_back_a_single_row_is_not_known_by_that(tmp_path: Path) -> None:
    report = checked(tmp_path, EVERY_OTHER.format(returned="dx"))
    assert report.passes("Custom"), report.refused
    assert "dx" in checked(tmp_path, EVERY_OTHER.format(returned="grad")).failed("Custom")


SLOPES = """
import numpy as np


class {name}:
    @staticmethod
    def forward(x, a):
        return np.where(x > 0, x, a[:, None] * x), (x, a)

    @staticmethod
    def backward(dout, cache):
        x, a = cache
        da = (dout * np.minimum(x, 0)).sum(axis=(0, 2))
        return dout * np.where(x > 0, 1, a[:, None]), {given}
"""


@pytest.mark.parametrize("name", ["Op", "PReLU"])
@pytest.mark.parametrize(
    ("given", "verdict"),
    [("da", Verdict.PASS), ("da.sum(keepdims=True)", Verdict.INCONCLUSIVE), ("2 * da", Verdict.FAIL),
     ("2 * da.sum(keepdims=True)", Verdict.FAIL)],
)  # fmt: skip
def test_a_gradient_for_another_shape_that_the_forward_takes_is_open(
    tmp_path: Path, name: str, given: str, verdict: Verdict
) -> None:
    """One slope for all channels is meant or not, whether the name says what it is or the numbers."""
    report = checked(tmp_path, SLOPES.format(name=name, given=given))
    assert report.verdicts(name)["da"] is verdict
    assert report.verdicts(name)["dx"] is Verdict.PASS


ATTENTION = """
import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def {name}(q, k, v, mask):
    return softmax(q @ np.swapaxes(k, -1, -2) + mask) @ v


def {name}_backward(dout, q, k, v, mask):
    a = softmax(q @ np.swapaxes(k, -1, -2) + mask)
    da = dout @ np.swapaxes(v, -1, -2)
    ds = a * (da - (da * a).sum(axis=-1, keepdims=True))
    return ds @ k, np.swapaxes(ds, -1, -2) @ q, np.swapaxes(a, -1, -2) @ dout, {dmask}
"""


@pytest.mark.parametrize("name", ["op", "mixed_rows"])
@pytest.mark.parametrize(
    ("dmask", "verdict"),
    [("ds.sum(axis=0)", Verdict.PASS), ("ds", Verdict.INCONCLUSIVE), ("ds.sum()", Verdict.FAIL),
     ("2 * ds.sum(axis=0)", Verdict.FAIL)],
)  # fmt: skip
def test_the_gradient_of_a_mask_is_judged_where_there_is_one(
    tmp_path: Path, name: str, dmask: str, verdict: Verdict
) -> None:
    """A mask is data, mostly; what is added to scores may be called so, and one sequence needs no sum."""
    report = checked(tmp_path, ATTENTION.format(name=name, dmask=dmask))
    assert report.verdicts(name)["dmask"] is verdict


MASKED = """
import numpy as np


class Masked:
    def forward(self, x, mask):
        self.mask = mask
        return x * mask

    def backward(self, dout):
        return dout * self.mask{more}
"""


@pytest.mark.parametrize("more", ["", ", None"])
def test_a_mask_without_a_gradient_is_data(tmp_path: Path, more: str) -> None:
    report = checked(tmp_path, MASKED.format(more=more))
    assert report.passes("Masked")
    assert "dmask" not in report.verdicts("Masked")


LARGEST = """
import numpy as np


class {name}:
    def forward(self, x):
        self.x = x
        return x.T.max(axis=1)

    def backward(self, dout, lr):
        mask = {mask}
        return (np.repeat(dout[:, None], len(self.x), axis=1) * mask).T
"""


@pytest.mark.parametrize("name", ["Layer", "Largest"])
def test_one_row_says_nothing_of_what_is_done_down_the_columns(tmp_path: Path, name: str) -> None:
    """The maximum of one number is that number, and so is the logarithm of the sum of its exponential."""
    right = checked(tmp_path, LARGEST.format(name=name, mask="self.x.T == self.x.T.max(axis=1)[:, None]"), "right.py")
    assert right.passes(name), right.failed(name)
    assert checked(tmp_path, LARGEST.format(name=name, mask="1"), "wrong.py").failed(name)


LAZY = """
import numpy as np


class Block:
    def forward(self, x):
        if not hasattr(self, "W"):
            self.W, self.b = np.random.randn(x.shape[1], 5), np.zeros(5)
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, {factor} * dout.sum(axis=0)
        return dout @ self.W.T
"""


def test_what_makes_its_parameters_in_its_first_forward_is_known_by_its_numbers(tmp_path: Path) -> None:
    """It is made with nothing and takes one array, and is no function of that array alone."""
    right = checked(tmp_path, LAZY.format(factor=1), "right.py")
    assert right.passes("Block")
    assert right.result("Block", "dx").layer == "affine"
    assert set(checked(tmp_path, LAZY.format(factor=2), "wrong.py").failed("Block")) == {"db"}


REVERSED = """
import numpy as np


def {name}_forward(x):
    return x.transpose(None).copy(), (x,)


def {name}_backward(dout, cache):
    (x,) = cache
    return dout.transpose(np.argsort(tuple(range(x.ndim))[::{step}])).copy()
"""


@pytest.mark.parametrize("name", ["layer", "turned"])
def test_what_asks_for_axes_and_is_right_for_one_of_them_is_open(tmp_path: Path, name: str) -> None:
    assert checked(tmp_path, REVERSED.format(name=name, step=-1), "right.py").passes(name)
    assert not checked(tmp_path, REVERSED.format(name=name, step=-2), "wrong.py").passes(name)


BLEND = """
import numpy as np


class Blend:
    def forward(self, q, k, v):
        self.kept = q, k, v
        return q * k + v

    def backward(self, dout):
        q, k, v = self.kept
        return dout * k, {dk}, dout
"""


def test_three_arrays_called_like_queries_keys_and_values_need_be_none(tmp_path: Path) -> None:
    assert checked(tmp_path, BLEND.format(dk="dout * q"), "right.py").passes("Blend")
    assert set(checked(tmp_path, BLEND.format(dk="dout * v"), "wrong.py").failed("Blend")) == {"dk"}
