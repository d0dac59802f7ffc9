"""A backward that is right only where an axis has length 1 does not pass, unless its author says that it has."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

REPEAT = """
    import numpy as np

    def unbroadcast(g, shape):
        padded = (1,) * (g.ndim - len(shape)) + shape
        axes = tuple(i for i, s in enumerate(padded) if s == 1)
        return g.sum(axis=axes).reshape(shape)

    def repeat_node_forward(inp):
        DOC
        return np.broadcast_to(inp, (3, inp.shape[-1])).copy(), inp

    def repeat_node_backward(d_out, inp):
        LOOP
        return unbroadcast(d_out, inp.shape)
"""
FIRST_ROW = """while d_out.ndim > inp.ndim:
            d_out = d_out[0]"""
ROWS = "'''inp: a row of shape (1, D)'''"


def test_one_copy_taken_for_the_sum_over_rows_does_not_pass(tmp_path: Path) -> None:
    found = checked(tmp_path, REPEAT.replace("LOOP", FIRST_ROW).replace("DOC", "pass"))
    assert found.verdicts("repeat_node")["dinp"] is Verdict.INCONCLUSIVE
    assert "(D,)" in found.result("repeat_node", "dinp").reason


@pytest.mark.parametrize(("loop", "doc"), [("pass", "pass"), (FIRST_ROW, ROWS)])
def test_the_sum_passes_and_so_does_one_row_that_is_said(tmp_path: Path, loop: str, doc: str) -> None:
    assert checked(tmp_path, REPEAT.replace("LOOP", loop).replace("DOC", doc)).passes("repeat_node")


BLOCK = """
    import numpy as np

    class Block:
        def forward(self, x):
            DOC
            self.shape = x.shape
            self.axes = tuple(i for i in range(x.ndim) if i != x.ndim - 2)
            return x.sum(axis=self.axes).reshape(x.shape[-2], 1) * 2

        def backward(self, dout):
            return 2 * np.broadcast_to(DOUT, self.shape).copy()
"""


def test_what_raises_without_the_axis_of_one_does_not_pass(tmp_path: Path) -> None:
    assert checked(tmp_path, BLOCK.replace("DOUT", "dout").replace("DOC", "pass")).passes("Block")
    found = checked(tmp_path, BLOCK.replace("DOUT", "dout.T").replace("DOC", "pass"))
    assert Verdict.PASS not in {found.verdicts("Block").get("dx")}


def test_columns_of_a_layer_with_weights_are_its_own(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        """
        import numpy as np

        class Dense:
            def __init__(self, n_in, n_out):
                self.W, self.b = np.random.randn(n_out, n_in), np.zeros((n_out, 1))

            def forward(self, x):
                self.x = x
                return self.W @ x + self.b

            def backward(self, dout, lr):
                dx = self.W.T @ dout
                self.W -= lr * dout @ self.x.T
                self.b -= lr * dout
                return dx
        """,
    )
    assert found.passes("Dense"), found.verdicts("Dense")


STACKED = """
import numpy as np


def fit(g, shape):
    padded = (1,) * (g.ndim - len(shape)) + shape
    return g.sum(axis=tuple(i for i, size in enumerate(padded) if size == 1)).reshape(shape)


class {name}:
    def forward(self, a, b):
        self.a, self.b = a, b
        return a @ b

    def backward(self, dout):
        da = fit(dout @ self.b.swapaxes(-1, -2), self.a.shape)
        return da, fit(self.a.swapaxes(-1, {axis}) @ dout, self.b.shape)
"""


@pytest.mark.parametrize("name", ["Product", "MatMul"])
def test_a_function_it_calls_asks_for_the_axes_and_it_is_right_for_one_number_of_them(
    tmp_path: Path, name: str
) -> None:
    assert checked(tmp_path, STACKED.format(name=name, axis=-2), "right.py").passes(name)
    wrong = checked(tmp_path, STACKED.format(name=name, axis=2), "wrong.py")
    assert not wrong.passes(name), wrong.verdicts(name)
