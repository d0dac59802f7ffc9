"""What an argument of a constructor is, its author's calls say before its name does; and what is no such call."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from from_file import Checked, checked


def used(folder: Path, layers: str, network: str, **others: str) -> Checked:
    """A file of layers beside a file that uses them."""
    (folder / ".git").mkdir()
    for name, text in {"network": network, **others}.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return checked(folder, "import numpy as np\n" + textwrap.dedent(layers))


DENSE = """
def scaled(rows, columns):
    return 0.1 * np.random.randn(rows, columns)


class Dense:
    def __init__(self, {arguments}):
        {check}
        self.W, self.b = scaled({arguments}), np.zeros({last})

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, {db}
        return dout @ self.W.T
"""
RIGHT, WRONG = "dout.sum(axis=0)", "dout.mean(axis=0)"


@pytest.mark.parametrize("arguments", ["a, b", "w, b", "hidden, alpha", "gamma, p"])
def test_two_sizes_whatever_their_names(tmp_path: Path, arguments: str) -> None:
    """The names of parameters, slopes and rates, of which the author says `Dense(784, 128)`."""
    parts = {"arguments": arguments, "last": arguments.split(", ")[1], "check": "pass"}
    network = "from layers import Dense\n\nnet = [Dense(784, 128), Dense(128, 10)]\n"
    right = used(tmp_path, DENSE.format(**parts, db=RIGHT), network)
    assert right.passes("Dense"), (right.refused, right.failed("Dense"))
    assert right.result("Dense", "dW").layer == "affine"
    first, last = arguments.split(", ")
    assert f"{first} = size D (the code), {last} = size M (the code)" in right.result("Dense", "dW").made
    (tmp_path / "layers.py").unlink()
    wrong = checked(tmp_path, "import numpy as np\n" + DENSE.format(**parts, db=WRONG))
    assert set(wrong.failed("Dense")) == {"db"}


OPTION = """
class Scaled:
    def __init__(self, {name}):
        self.factor = {{"full": 1.0, "half": 0.5}}[{name}]

    def forward(self, x):
        return x * self.factor

    def backward(self, dout):
        return {dx}
"""


@pytest.mark.parametrize("name", ["size", "kernel", "units", "p", "padding", "hidden"])
def test_an_option_under_the_name_of_a_number(tmp_path: Path, name: str) -> None:
    network = "from layers import Scaled\n\nlayer = Scaled('half')\n"
    right = used(tmp_path, OPTION.format(name=name, dx="dout * self.factor"), network)
    assert right.passes("Scaled"), (right.refused, right.failed("Scaled"))
    assert f"{name} = 'half' (the author's call)" in right.result("Scaled", "dx").made
    wrong = checked(tmp_path, "import numpy as np\n" + OPTION.format(name=name, dx="dout / self.factor"))
    assert set(wrong.failed("Scaled")) == {"dx"}


def test_a_function_under_the_name_of_a_size(tmp_path: Path) -> None:
    layers = """
        class Bent:
            def __init__(self, units, size):
                self.f, self.slope = units, size

            def forward(self, x):
                self.x = x
                return self.f(x)

            def backward(self, dout):
                return dout * self.slope(self.x)


        class Lost(Bent):
            def backward(self, dout):
                return self.slope(self.x)
    """
    curves = """
        import numpy as np


        def bend(x):
            return np.tanh(x)


        def slant(x):
            return 1 - np.tanh(x) ** 2
    """
    network = "from curves import *\nfrom layers import Bent, Lost\n\nnet = Bent(bend, slant), Lost(bend, slant)\n"
    report = used(tmp_path, layers, network, curves=curves)
    assert report.passes("Bent"), report.refused
    assert "units = bend (the author's call)" in report.result("Bent", "dx").made
    assert report.failed("Lost")


def test_a_number_is_no_size(tmp_path: Path) -> None:
    layers = """
        class Leaky:
            def __init__(self, channels):
                if not 0 < channels < 1:
                    raise ValueError(channels)
                self.slope = channels

            def forward(self, x):
                self.x = x
                return np.where(x > 0, x, self.slope * x)

            def backward(self, dout):
                return np.where(self.x > 0, 1.0, self.slope) * dout
    """
    report = used(tmp_path, layers, "from layers import Leaky\n\nlayer = Leaky(0.25)\n")
    assert report.passes("Leaky"), report.refused


def test_annotations_and_the_code_say_what_an_option_is(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        from typing import Literal

        import numpy as np


        class Stated:
            def __init__(self, size: Literal["full", "half"], units: bool):
                self.factor = {"full": 1.0, "half": 0.5}[size] * (2 if units is True else 3)

            def forward(self, x):
                return x * self.factor

            def backward(self, dout):
                return dout * self.factor


        class Compared:
            def __init__(self, size):
                self.size = size

            def forward(self, x):
                if self.size == "full":
                    return 2 * x
                if self.size == "half":
                    return x
                raise ValueError(self.size)

            def backward(self, dout):
                return 2 * dout if self.size == "full" else dout


        class Halves:
            def __init__(self, stride):
                self.down, self.right = stride

            def forward(self, x):
                self.shape = x.shape
                return x[:, :, :: self.down, :: self.right] ** 1

            def backward(self, dout):
                dx = np.zeros(self.shape)
                dx[:, :, :: self.down, :: self.right] = dout
                return dx
        """,
    )
    assert report.passes("Stated"), report.refused
    assert "size = 'full' (its annotation), units = True (its annotation)" in report.result("Stated", "dx").made
    assert report.passes("Compared"), report.refused
    assert "size = 'full' (the code)" in report.result("Compared", "dx").made
    assert report.passes("Halves"), report.refused


# --- what is no call of the author's ---

NAMED = DENSE.format(arguments="n_in, n_out", last="n_out", check="assert n_in > 1 < n_out", db=RIGHT)


@pytest.mark.parametrize(
    "network",
    [
        "from keras.layers import Dense\n\nnet = Dense('relu', 'same')\n",
        "from torch import nn\n\nnet = nn.Dense('relu', 'same')\n",
        "class Dense:\n    def __init__(self, first, second):\n        pass\n\n\nnet = Dense('relu', 'same')\n",
        '"""How it is used: Dense("relu", "same")."""\n\nfrom layers import Dense\n\n# Dense("relu", "same")\n',
        "from layers import Dense\n\nif False:\n    net = Dense('relu', 'same')\n",
        "from layers import Dense\n\n\ndef old():\n    return None\n    return Dense('relu', 'same')\n",
        "import pytest\nfrom layers import Dense\n\n\ndef test_it():\n    with pytest.raises(TypeError):\n"
        "        Dense('relu', 'same')\n",
        "from layers import Dense\n\nnet = Dense('relu', 'same', units=3)\n",
        "from layers import Dense\n\nnet = Dense('relu', 'same')\n",
    ],
    ids=["library", "module", "namesake", "remarks", "if-False", "behind-return", "raises", "too-many", "it-raises"],
)
def test_what_is_no_call_of_this_class(tmp_path: Path, network: str) -> None:
    report = used(tmp_path, NAMED, network)
    assert report.passes("Dense"), (report.refused, report.failed("Dense"))


def test_the_names_speak_where_the_calls_give_several_kinds(tmp_path: Path) -> None:
    """`padding="same"` in one place and `padding=1` in another: either is meant."""
    layers = """
        class Padded:
            def __init__(self, padding):
                self.width = 2 if padding == "wide" else padding

            def forward(self, x):
                self.columns = x.shape[1]
                return np.pad(x, ((0, 0), (self.width, self.width)))

            def backward(self, dout):
                return dout[:, self.width : self.width + self.columns]
    """
    for network in ("net = [Padded('wide'), Padded(1)]", ""):
        (tmp_path / (network[:3] or "none")).mkdir()
        report = used(tmp_path / (network[:3] or "none"), layers, f"from layers import Padded\n\n{network}\n")
        assert report.passes("Padded"), report.refused
        assert "padding = 1 (its name)" in report.result("Padded", "dx").made
