"""What a constructor's arguments are is read off the arrays that it draws and the gradients that the object leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

EMBEDDING = """
import numpy as np


class TokenEmbedding:
    def __init__(self, {first}, {second}):
        {kept} = np.random.randn({first}, {second}) * 0.1

    def forward(self, tokens):
        self.tokens = tokens
        return {kept}[tokens]

    def backward(self, dout):
        {left} = np.zeros_like({kept})
        {add}
"""
ADDED, ASSIGNED = "np.add.at({left}, self.tokens, dout)", "{left}[self.tokens] = dout"


@pytest.mark.parametrize("sizes", [("size", "dim"), ("n_i", "d_k")])
@pytest.mark.parametrize(("kept", "left"), [("self.kernel", "self.dkernel"), ("self.w", "self.dw")])
def test_sizes_are_the_axes_of_what_is_drawn(tmp_path: Path, sizes: tuple[str, str], kept: str, left: str) -> None:
    def source(add: str) -> str:
        return EMBEDDING.format(first=sizes[0], second=sizes[1], kept=kept, left=left, add=add.format(left=left))

    assert checked(tmp_path, source(ADDED), "right.py").passes("TokenEmbedding")
    wrong = checked(tmp_path, source(ASSIGNED), "wrong.py")
    assert set(wrong.failed("TokenEmbedding").values()) == {"repeats-lost"}


SLOPES = """
import numpy as np


class LearnableReLU:
    def __init__(self, alpha):
        self.alpha = alpha

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha[:, None] * x)

    def backward(self, dout):
        self.dalpha = (dout * np.minimum(self.x, 0)).sum(axis={axis})
        return dout * np.where(self.x > 0, 1, self.alpha[:, None])
"""

SLOPE = """
import numpy as np


class LeakyReLU:
    def __init__(self, alpha):
        self.alpha = alpha

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * x)

    def backward(self, dout):
        return dout * np.where(self.x > 0, 1, {slope})
"""


def test_an_argument_whose_gradient_is_left_is_an_array_and_no_setting(tmp_path: Path) -> None:
    assert checked(tmp_path, SLOPES.format(axis=(0, 2)), "right.py").passes("LearnableReLU")
    assert "dalpha" in checked(tmp_path, SLOPES.format(axis=0), "wrong.py").failed("LearnableReLU")


def test_an_argument_of_no_gradient_is_a_setting(tmp_path: Path) -> None:
    assert checked(tmp_path, SLOPE.format(slope="self.alpha"), "right.py").passes("LeakyReLU")
    assert "dx" in checked(tmp_path, SLOPE.format(slope="0"), "wrong.py").failed("LeakyReLU")
