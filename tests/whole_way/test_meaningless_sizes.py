"""Sizes for which a layer means nothing are not judged; what is right for square images only is told as that."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

POOL = """
    import numpy as np

    class Blur:
        def __init__(self):
            self.k = 3

        def forward(self, x):
            k = self.k
            n, c, h, w = x.shape
            self.shape = x.shape
            out = np.zeros((n, c, max(h - k + 1, 0), max(w - k + 1, 0)))
            for i in range(k):
                for j in range(k):
                    out += x[:, :, i:i + out.shape[2], j:j + out.shape[3]] ** 2
            self.x = x
            return out

        def backward(self, dout):
            k = self.k
            dx = np.zeros(self.shape)
            for i in range(k):
                for j in range(k):
                    a, b = dout.shape[2], dout.shape[3]
                    dx[:, :, i:i + a, j:j + b] += {factor} * dout * self.x[:, :, i:i + a, j:j + b]
            return dx
"""


@pytest.mark.parametrize("factor", [2, 3])
def test_a_window_larger_than_the_image_leaves_nothing_to_judge(tmp_path: Path, factor: int) -> None:
    found = checked(tmp_path, POOL.format(factor=factor), cases=25)
    assert found.verdicts("Blur")
    assert set(found.failed("Blur")) == (set() if factor == 2 else {"dx"})


@pytest.mark.parametrize("factor", [1, 2])
def test_a_variance_of_one_number_is_not_judged(tmp_path: Path, factor: int) -> None:
    source = f"""
        import numpy as np

        class Standardise:
            def forward(self, x):
                self.n = x.shape[0]
                self.d = x - x.mean(axis=0)
                self.s = np.sqrt((self.d ** 2).sum(axis=0) / (self.n - 1) + (0.5 if self.n > 1 else 0.0))
                return self.d / self.s

            def backward(self, dout):
                h = self.d / self.s
                dd = dout / self.s - h * (dout * h).sum(axis=0) / (self.s * (self.n - 1))
                return {factor} * (dd - dd.mean(axis=0))
    """
    found = checked(tmp_path, source, cases=25)
    assert found.verdicts("Standardise")
    assert set(found.failed("Standardise")) == (set() if factor == 1 else {"dx"})


SQUARE = """
    import numpy as np

    class Conv:
        def __init__(self, W, b, stride=1, pad=0):
            self.W, self.b, self.stride, self.pad = W, b, stride, pad

        def forward(self, x):
            self.x = x
            f, c, kh, kw = self.W.shape
            n, _, h, w = x.shape
            s, p = self.stride, self.pad
            oh, ow = (h + 2 * p - kh) // s + 1, (w + 2 * p - kw) // s + 1
            xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
            out = np.zeros((n, f, oh, ow))
            for i in range(oh):
                for j in range(ow):
                    part = xp[:, :, i * s:i * s + kh, j * s:j * s + kw]
                    out[:, :, i, j] = np.tensordot(part, self.W, axes=((1, 2, 3), (1, 2, 3)))
            return out + self.b.reshape(1, -1, 1, 1)

        def backward(self, dout):
            f, c, kh, kw = self.W.shape
            s, p = self.stride, self.pad
            xp = np.pad(self.x, ((0, 0), (0, 0), (p, p), (p, p)))
            dxp, self.dW = np.zeros_like(xp), np.zeros_like(self.W)
            self.db = dout.sum(axis=(0, 2, 3))
            for i in range(dout.shape[2]):
                for j in range({columns}):
                    part = xp[:, :, i * s:i * s + kh, j * s:j * s + kw]
                    d = dout[:, :, i, j]
                    self.dW += np.tensordot(d, part, axes=((0,), (0,)))
                    dxp[:, :, i * s:i * s + kh, j * s:j * s + kw] += np.tensordot(d, self.W, axes=((1,), (0,)))
            return dxp[:, :, p:dxp.shape[2] - p, p:dxp.shape[3] - p]
"""


def test_what_is_right_for_square_images_only_is_told_as_that(tmp_path: Path) -> None:
    wrong = checked(tmp_path, SQUARE.format(columns="min(dout.shape[2], dout.shape[3])"), cases=8)
    assert wrong.failed("Conv") == {"dx": "square-only", "dW": "square-only"}
    assert "square images only" in wrong.report.text()
    assert checked(tmp_path, SQUARE.format(columns="dout.shape[3]")).passes("Conv")


def test_what_is_wrong_in_every_image_is_not_told_as_that(tmp_path: Path) -> None:
    source = SQUARE.format(columns="dout.shape[3]").replace("self.dW += ", "self.dW += 2 * ")
    assert checked(tmp_path, source).failed("Conv") == {"dW": "factor-two"}


@pytest.mark.parametrize("factor", [1, 2])
def test_a_layer_that_takes_square_images_only_is_judged_on_those(tmp_path: Path, factor: int) -> None:
    source = f"""
        import numpy as np

        class Turn:
            def forward(self, x):
                n, c, h, w = x.shape
                assert h == w
                self.x = x
                return x * x.transpose(0, 1, 3, 2)

            def backward(self, dout):
                return {factor} * (dout + dout.transpose(0, 1, 3, 2)) * self.x.transpose(0, 1, 3, 2)
    """
    found = checked(tmp_path, source)
    assert found.verdicts("Turn")
    assert set(found.failed("Turn")) == (set() if factor == 1 else {"dx"})


def test_a_pooling_that_cuts_an_image_into_equal_parts_gets_one_that_divides(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        class MaxPooling:
            def __init__(self, size=2):
                self.size = size

            def forward(self, x):
                n, h, w, c = x.shape
                s = self.size
                out = x.reshape(n, h // s, s, w // s, s, c).max(axis=(2, 4))
                self.mask = out.repeat(s, axis=1).repeat(s, axis=2) == x
                return out

            def backward(self, eta):
                return eta.repeat(self.size, axis=1).repeat(self.size, axis=2) * self.mask


        class MeanPooling:
            def __init__(self, size=2):
                self.size = size

            def forward(self, x):
                n, c, h, w = x.shape
                s = self.size
                return x.reshape(n, c, h // s, s, w // s, s).mean(axis=(3, 5))

            def backward(self, eta):
                return (eta / self.size).repeat(self.size, axis=2).repeat(self.size, axis=3)
        """,
    )
    assert report.passes("MaxPooling"), report.refused
    assert set(report.failed("MeanPooling")) == {"dx"}


DEVIATION = """
    import numpy as np


    class Deviation:
        def forward(self, x):
            self.x = x
            self.d = x - x.mean(axis=-1, keepdims=True)
            self.s = (self.d ** 2).mean(axis=-1) ** 0.5
            return 1 - np.exp(-self.s)

        def backward(self, dout):
            dout = dout * np.exp(-self.s)
            return {root} * {factor} * self.d * (dout / self.s)[..., None] / self.x.shape[-1]
"""


@pytest.mark.parametrize("factor", [1, 2])
def test_a_root_of_no_deviation_is_not_judged(tmp_path: Path, factor: int) -> None:
    found = checked(tmp_path, DEVIATION.format(root=1, factor=factor), name="own.py", cases=25)
    assert found.verdicts("Deviation")
    assert set(found.failed("Deviation")) == (set() if factor == 1 else {"dx"})


def test_a_gradient_that_is_no_number_where_the_forward_moves_fails(tmp_path: Path) -> None:
    source = DEVIATION.format(root="np.log(np.sign(self.x))", factor=1)
    assert set(checked(tmp_path, source).failed("Deviation")) == {"dx"}


HALVE = """
    import numpy as np

    class Halve:
        def forward(self, x):
            self.x = x
            return x[:, :, ::2, ::2] ** 2

        def backward(self, dout):
            dx = {made}
            dx[:, :, ::2, ::2] = {factor} * dout * self.x[:, :, ::2, ::2]
            if dx.shape != self.x.shape:
                raise ValueError("other sides")
            return dx
"""


@pytest.mark.parametrize("left", [0, 1])
def test_what_a_backward_raises_for_some_sides_is_open(tmp_path: Path, left: int) -> None:
    made = f"np.zeros((*self.x.shape[:2], 2 * dout.shape[2] - {left}, 2 * dout.shape[3] - {left}))"
    found = checked(tmp_path, HALVE.format(made=made, factor=2)).result("Halve", "dx")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "its backward raises for sides of" in found.reason


@pytest.mark.parametrize("factor", [2, 3])
def test_what_runs_on_all_sides_is_judged(tmp_path: Path, factor: int) -> None:
    found = checked(tmp_path, HALVE.format(made="np.zeros_like(self.x)", factor=factor))
    assert found.verdicts("Halve")["dx"] is (Verdict.PASS if factor == 2 else Verdict.FAIL)


@pytest.mark.parametrize(("order", "failed"), [("C", set()), ("F", {"dinputs"})])
def test_what_gives_rows_back_is_tried_on_images(tmp_path: Path, order: str, failed: set[str]) -> None:
    source = f"""
        import numpy as np

        class Layer:
            def forward(self, inputs):
                self.shape = inputs.shape
                self.output = inputs.reshape((inputs.shape[0], -1)).copy()

            def backward(self, dvalues):
                self.dinputs = dvalues.reshape(self.shape, order="{order}").copy()
    """
    found = checked(tmp_path, source)
    assert found.verdicts("Layer")
    assert set(found.failed("Layer")) == failed
