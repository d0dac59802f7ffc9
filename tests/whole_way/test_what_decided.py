"""What an object is made with, and which evidence decided that, is told to who looks closely."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

LAYERS = """
import numpy as np


class Mixed:
    def __init__(self, n_in, n_out, scheme, W_init=None, padding=(0, 0)):
        assert scheme == "flat"
        self.W, self.b, self.padding = np.random.randn(n_in, n_out), np.zeros(n_out), padding

    def forward(self, x):
        self.x = x
        return np.tanh(x @ self.W) + self.b

    def backward(self, dout):
        da = dout * (1 - np.tanh(self.x @ self.W) ** 2)
        self.dW, self.db = self.x.T @ da, dout.sum(axis=0)
        return da @ self.W.T


class Thinned:
    def __init__(self, stride):
        self.stride = stride

    def forward(self, x):
        self.x = x
        return x[:, :: self.stride] ** 3

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        dx[:, :: self.stride] = 3 * dout * self.x[:, :: self.stride] ** 2
        return dx


def network():
    return Mixed(784, 100, scheme="flat")
"""


def test_the_code_the_name_and_the_author_are_told_apart(tmp_path: Path) -> None:
    found = checked(tmp_path, LAYERS)
    mixed = found.result("Mixed", "dW").made
    assert "n_in = 3 (the code)" in mixed
    assert "n_out = 5 (the code)" in mixed
    assert "scheme = 'flat' (the author's call)" in mixed
    assert "W_init" not in mixed  # what the author leaves away is left away
    assert "stride = 2 (its name)" in found.result("Thinned", "contract").made
    assert found.passes("Mixed")
    assert "made with n_in" in found.report.text(verbose=True)
    assert "made with" not in found.report.text()
