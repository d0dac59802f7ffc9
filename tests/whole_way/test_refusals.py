"""What raises in a call that the checker invented is refused with its reason, whatever the object is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import Checked, checked

pytestmark = pytest.mark.xdist_group("refusals")  # what they look at is checked once

SOURCE = """
import numpy as np


class Conv2D:
    def __init__(self, kernel_size, stride):
        if kernel_size != 11:
            raise ValueError("an eleven it has to be")

    def forward(self, x):
        return x

    def backward(self, dout):
        return dout


class Dense:
    def __init__(self, units):
        self.units = units

    def connect_to(self, before):
        self.weights = np.ones((before, self.units))

    def forward(self, x):
        self.x = x
        return x @ self.weights

    def backward(self, dout):
        return dout @ self.weights.T


class Linear:
    def __init__(self):
        self.table = None

    def prepare_for(self, steps):
        self.table = np.ones(steps)

    def forward(self, x):
        return x * self.table.mean()

    def backward(self, dout):
        return dout * self.table.mean()


class Announced:
    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, dout):
        return dout * self.slope()

    def f(self, x):
        raise NotImplementedError


class Sigmoid(Announced):
    def slope(self):
        return self.x


class ReLU:
    def forward(self, node):
        self.node = node
        return np.maximum(node.value, 0)

    def backward(self, dout):
        return dout * (self.node.value > 0)


class Tanh:
    def forward(self, x):
        return np.tanh(x.reshape(28, 28, 17))

    def backward(self, dout):
        return dout


class Whatever:
    def forward(self, x):
        return np.tanh(x.reshape(28, 28, 17))

    def backward(self, dout):
        return dout


class Softmax:
    def forward(self, x):
        if x.shape[0] != 1000:
            raise NotImplementedError("only for whole data sets")
        return x

    def backward(self, dout):
        return dout


class WaitsForSizes:
    def forward(self, x):
        while x.shape[0] != 1000:
            pass
        return x

    def backward(self, dout):
        return dout


class Older:
    def forward(self, x):
        self.keys = {}.has_key("x")
        return 3 * x

    def backward(self, dout):
        return 3 * dout
"""

REFUSED = {
    "Conv2D": "constructor raised ValueError: an eleven it has to be on line 8",
    "Dense": "`connect_to` has to be called first",
    "Linear": "`prepare_for` has to be called first",
    "Sigmoid": "`f` is only announced by its base class",
    "ReLU": "wants something with `.value`, and got an array",
    "Tanh": "raised ValueError",
    "Whatever": "raised ValueError",
    "Softmax": "only for whole data sets",
    "WaitsForSizes": "did not come back within 0.5 s",
    "Older": "another version of Python",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return checked(tmp_path_factory.mktemp("refused"), SOURCE, seconds=0.5)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_its_reason(found: Checked, name: str) -> None:
    assert found.failed(name) == {}
    assert REFUSED[name] in found.refused[name]


def test_the_same_cause_has_the_same_outcome_under_every_name(found: Checked) -> None:
    reasons = [found.refused[n].partition(" on line ")[0] for n in ("Tanh", "Whatever")]
    assert reasons[0] == reasons[1]
    assert {n.code for n in found.report.not_driven if n.target in ("Tanh", "Whatever")} == {"refuses-input"}


AMBIGUOUS = """
import numpy as np


class Mix:
    def forward(self, x, t):
        self.x, self.t = x, t
        return float(np.sum(x * np.sin(t)))

    def backward(self, first, second):
        return first[1000] * second


class Loops:
    def forward(self, x):
        return 3 * x

    def backward(self, dout):
        while True:
            pass


class LoopsForward:
    def forward(self, x):
        while True:
            pass

    def backward(self, dout):
        return dout
"""


def test_an_endless_loop_is_a_fault_and_a_call_of_several_meanings_is_none(tmp_path: Path) -> None:
    found = checked(tmp_path, AMBIGUOUS, seconds=0.5)
    assert found.failed("Loops") == {"contract": "time-limit"}
    assert found.failed("LoopsForward") == {"contract": "time-limit"}
    assert found.failed("Mix") == {}
    assert "Mix" in found.refused


def test_columns_that_become_one_image_only_are_no_backward_of_their_windows(tmp_path: Path) -> None:
    source = """
        import numpy as np

        def im2col(x, kernel, stride):
            rows = range(0, x.shape[2] - kernel + 1, stride)
            columns = range(0, x.shape[3] - kernel + 1, stride)
            cut = [x[:, :, i : i + kernel, j : j + kernel].reshape(len(x), -1) for i in rows for j in columns]
            return np.concatenate(cut)

        def col2im(col):
            x = np.zeros((2, 3, 4, 4))
            for k, row in enumerate(np.split(col, 4)):
                i, j = 2 * (k // 2), 2 * (k % 2)
                x[:, :, i : i + 2, j : j + 2] += row.reshape(2, 3, 2, 2)
            return x
    """
    assert "for which image" in checked(tmp_path, source).refused["im2col"]
    own = (
        source
        + """
        def col2im_backward(dout, col):
            return im2col(dout, 2, 2)
    """
    )
    found = checked(tmp_path, own)
    assert "im2col" not in found.refused
    assert found.failed("col2im") == {}
