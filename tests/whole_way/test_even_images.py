"""Images whose sides 2 and 3 divide are tried where a forward takes no others."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

POOL = """
import numpy as np


class AvgPool2D:
    def __init__(self, pool_size):
        self.k = pool_size

    def forward(self, x):
        n, c, h, w = x.shape
        k = self.k
        assert h % k == 0 and w % k == 0
        return x.reshape(n, c, h // k, k, w // k, k).mean(axis=(3, 5))

    def backward(self, dout):
        return np.repeat(np.repeat(dout, self.k, 2), self.k, 3) / {count}
"""

NETWORK = """
import numpy as np


class ConvNet:
    def __init__(self, channels, n_out):
        self.K = np.random.randn(n_out, channels) * 0.1

    def scores(self, x):
        n, c, h, w = x.shape
        self.s = (x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5)) ** 2).mean(axis=(2, 3))
        return self.s @ self.K.T

    def loss(self, x, t):
        return float(0.5 * np.sum((self.scores(x) - t) ** 2) / len(x))

    def gradient(self, x, t):
        y = self.scores(x)
        return {{"K": (y - t).T @ self.s / {count}}}
"""

ODD = """
import numpy as np


class EveryOther:
    def forward(self, x):
        self.shape, self.kept = x.shape, x[:, :, ::2, ::2]
        return self.kept**3 / 3

    def backward(self, dout):
        n, c, h, w = self.shape
        dx = np.zeros((n, c, h // 2 * 2, w // 2 * 2))
        dx[:, :, ::2, ::2] = (dout * self.kept**2)[:, :, : h // 2, : w // 2]
        return dx
"""


def test_a_window_that_has_to_divide_the_image(tmp_path: Path) -> None:
    assert checked(tmp_path, POOL.format(count="self.k**2"), "right.py").passes("AvgPool2D")
    assert "dx" in checked(tmp_path, POOL.format(count="self.k"), "wrong.py").failed("AvgPool2D")


def test_a_network_that_halves_its_images(tmp_path: Path) -> None:
    assert checked(tmp_path, NETWORK.format(count="len(x)"), "right.py").passes("ConvNet")
    assert set(checked(tmp_path, NETWORK.format(count="1"), "wrong.py").failed("ConvNet")) == {"dK"}


def test_what_takes_any_image_is_judged_on_odd_ones(tmp_path: Path) -> None:
    assert checked(tmp_path, ODD).failed("EveryOther") == {"dx": "wrong-shape"}  # it is right for even ones


HALF = """
import numpy as np


class MyLayer:
    def __init__(self, factor=2):
        self.factor = factor

    def forward(self, X):
        self.shape = X.shape
        return X[:, :, :: self.factor, :: self.factor].copy()

    def backward(self, dout):
        n, c, h, w = {sizes}
        dX = np.zeros((n, c, h, w))
        dX[:, :, :: self.factor, :: self.factor] = dout
        return dX
"""


def test_what_takes_any_image_is_judged_on_even_ones_too(tmp_path: Path) -> None:
    assert checked(tmp_path, HALF.format(sizes="self.shape"), "right.py").passes("MyLayer")
    forgotten = "*dout.shape[:2], *(self.factor * (s - 1) + 1 for s in dout.shape[2:])"
    assert checked(tmp_path, HALF.format(sizes=forgotten), "wrong.py").failed("MyLayer") == {"dX": "wrong-shape"}


def test_what_refuses_even_images_is_judged_on_odd_ones_alone(tmp_path: Path) -> None:
    centred = HALF.replace("self.shape = X.shape", "assert X.shape[2] % 2; self.shape = X.shape")
    assert checked(tmp_path, centred.format(sizes="self.shape")).passes("MyLayer")


def test_a_downsampling_that_is_known_is_judged_on_even_images_too(tmp_path: Path) -> None:
    named = HALF.replace("MyLayer", "Downsample2d")
    assert checked(tmp_path, named.format(sizes="self.shape"), "right.py").passes("Downsample2d")
    forgotten = "*dout.shape[:2], *(self.factor * (s - 1) + 1 for s in dout.shape[2:])"
    assert "dX" in checked(tmp_path, named.format(sizes=forgotten), "wrong.py", cases=1).failed("Downsample2d")
