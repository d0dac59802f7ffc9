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


SCORES = """
import numpy as np


class SelfAttention:
    def __init__(self, key_dim, d_k):
        self.Wq = np.random.randn(key_dim, d_k)
        self.Wk = np.random.randn(key_dim, d_k)
        self.scale = np.sqrt(d_k)

    def forward(self, x):
        self.x = x
        self.q, self.k = x @ self.Wq, x @ self.Wk
        return np.einsum("ntd,nsd->nts", self.q, self.k) / self.scale

    def backward(self, dout):
        dq = np.einsum("nts,nsd->ntd", dout, self.k) / self.scale
        dk = np.einsum("nts,ntd->nsd", dout, self.q) / self.scale
        self.dWq = np.einsum("ntd,nte->de", self.x, dq)
        self.dWk = np.einsum("ntd,nte->de", self.x, {dk})
        return dq @ self.Wq.T + dk @ self.Wk.T
"""

HEADS = """
import numpy as np


class Mixer:
    def __init__(self, width, k):
        self.k, self.each = k, width // k
        self.A = np.random.randn(width, 3 * width)

    def forward(self, x):
        self.x = x
        n, t, d = x.shape
        self.parts = x.reshape(n, t, self.k, self.each)
        return (self.parts ** 2).reshape(n, t, d) @ self.A

    def backward(self, dout):
        n, t, d = self.x.shape
        self.dA = np.einsum("ntd,nte->de", (self.parts ** 2).reshape(n, t, d), dout)
        return {factor} * self.x * (dout @ self.A.T)
"""


def test_sizes_that_no_name_tells_are_axes_of_what_is_drawn_or_divide_one(tmp_path: Path) -> None:
    source = SCORES.format(dk="dk") + HEADS.format(factor=2)
    right = checked(tmp_path, source, "right.py")
    assert right.passes("SelfAttention")
    assert {"dx", "dWq", "dWk"} < set(right.verdicts("SelfAttention"))
    assert right.passes("Mixer")
    assert {"dx", "dA"} < set(right.verdicts("Mixer"))
    wrong = checked(tmp_path, SCORES.format(dk="dq") + HEADS.format(factor=1), "wrong.py")
    assert set(wrong.failed("SelfAttention")) == {"dWk"}
    assert set(wrong.failed("Mixer")) == {"dx"}


def test_an_array_of_whose_shape_something_is_made_is_no_size(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Readout:
            def __init__(self, V):
                self.V = V
                self.total = np.zeros(V.shape[0])

            def forward(self, x):
                self.x = x
                return x @ self.V

            def backward(self, dout):
                self.dV = self.x.T @ dout
                return dout @ self.V.T

        class Unsaid:
            def __init__(self, magic):
                self.magic = magic

            def forward(self, x):
                self.x = x
                return self.magic.apply(x)

            def backward(self, dout):
                return dout
    """
    found = checked(tmp_path, source)
    assert found.passes("Readout")
    assert "magic" in found.refused["Unsaid"]


ATTENTION = """
import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class {name}:
    def __init__(self, Wq, Wk, Wv, bias_v):
        self.Wq, self.Wk, self.Wv = Wq, Wk, Wv
        self.bias_v = bias_v

    def forward(self, x):
        self.x = x
        {bound}
        self.q, self.k, self.v = x @ {Wq}, np.dot(x, self.Wk), x @ self.Wv + self.bias_v
        self.scale = np.sqrt(self.q.shape[-1])
        self.a = softmax(self.q @ self.k.transpose(0, 2, 1) / self.scale)
        return self.a @ self.v

    def backward(self, dout):
        dv, da = self.a.transpose(0, 2, 1) @ dout, dout @ self.v.transpose(0, 2, 1)
        ds = self.a * (da - (da * self.a).sum(axis=-1, keepdims=True)){scale}
        dq, dk = ds @ self.k, ds.transpose(0, 2, 1) @ self.q
        self.dWq, self.dWk, self.dWv = (np.einsum("ntd,nte->de", self.x, d) for d in (dq, dk, dv))
        self.dbias_v = dv.sum(axis=(0, 1))
        return dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T
"""


@pytest.mark.parametrize("name", ["Attention", "MyLayer"])
@pytest.mark.parametrize(("bound", "Wq"), [("pass", "self.Wq"), ("W, b = self.Wq, self.bias_v", "W")])
def test_what_an_input_is_multiplied_with_is_a_matrix_whatever_it_is_called(
    tmp_path: Path, name: str, bound: str, Wq: str
) -> None:
    right = checked(tmp_path, ATTENTION.format(name=name, bound=bound, Wq=Wq, scale=" / self.scale"), "right.py")
    assert right.passes(name), (right.failed(name), right.refused)
    wrong = checked(tmp_path, ATTENTION.format(name=name, bound=bound, Wq=Wq, scale=""), "wrong.py")
    assert set(wrong.failed(name)) == {"dx", "dWq", "dWk"}


GROUPS = """
import numpy as np


class {name}:
    def __init__(self, {W}):
        self.{W} = {W}

    def forward(self, x):
        self.x = x
        return np.einsum("ngi,gij->ngj", x, self.{W})

    def backward(self, dout):
        self.d{W} = np.einsum("{dW}", self.x, dout)
        return np.einsum("ngj,gij->ngi", dout, self.{W})
"""


@pytest.mark.parametrize(("name", "W"), [("GroupedLinear", "W"), ("Block", "kernels")])
def test_the_letters_of_an_einsum_are_axes(tmp_path: Path, name: str, W: str) -> None:
    assert checked(tmp_path, GROUPS.format(name=name, W=W, dW="ngi,ngj->gij"), "right.py").passes(name)
    wrong = checked(tmp_path, GROUPS.format(name=name, W=W, dW="ngi,ngj->gji"), "wrong.py")
    assert set(wrong.failed(name)) == {f"d{W}"}


STEPPED = """
import numpy as np


class LearnableReLU:
    def __init__(self, alpha):
        self.{kept} = alpha

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.{kept}{axes} * x)

    def backward(self, dout, lr):
        dx = dout * np.where(self.x > 0, 1, self.{kept}{axes})
        self.{kept} = self.{kept} - {factor} * lr * (dout * np.minimum(self.x, 0)).sum(axis={over})
        return dx
"""


@pytest.mark.parametrize("kept", ["alpha", "leak"])
@pytest.mark.parametrize(("axes", "over"), [("[:, None]", (0, 2)), ("", 0)])
def test_an_argument_that_is_sliced_or_moved_by_steps_is_an_array(
    tmp_path: Path, kept: str, axes: str, over: object
) -> None:
    right = checked(tmp_path, STEPPED.format(kept=kept, axes=axes, over=over, factor=1), "right.py")
    assert right.passes("LearnableReLU"), right.refused
    wrong = checked(tmp_path, STEPPED.format(kept=kept, axes=axes, over=over, factor=2), "wrong.py")
    assert len(wrong.failed("LearnableReLU")) == 1
