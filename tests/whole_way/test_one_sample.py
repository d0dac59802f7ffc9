"""Code for one sample often runs on a batch by broadcasting: a backward that does not is judged on one sample."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict

LINEAR = """
    import numpy as np

    class Linear:
        def __init__(self, W, b):
            self.W, self.b = W, b

        def forward(self, x):
            self.x = x
            return (x[None] @ self.W + self.b)[0]

        def backward(self, dy):
            x, dy = self.x[None], dy[None]
            self.dW = x.T @ dy
            self.db = dy.sum(axis=0)
            return DX
"""


def test_a_layer_of_one_sample_is_no_fault(tmp_path: Path) -> None:
    assert checked(tmp_path, LINEAR.replace("DX", "(dy @ self.W.T)[0]")).passes("Linear")


@pytest.mark.parametrize("dx", ["2 * (dy @ self.W.T)[0]", "-(dy @ self.W.T)[0]", "dy[0].sum() * self.W.sum(axis=1)"])
def test_its_wrong_gradient_is_one(tmp_path: Path, dx: str) -> None:
    assert set(checked(tmp_path, LINEAR.replace("DX", dx)).failed("Linear")) == {"dx"}


def test_what_raises_in_every_rank_fails(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        """
        class Affine:
            def __init__(self, W, b):
                self.W, self.b = W, b

            def forward(self, x):
                self.x = x
                return x @ self.W + self.b

            def backward(self, dy):
                self.dW = dy @ self.x
                self.db = dy.sum(axis=0)
                return dy @ self.W.T
        """,
    )
    assert found.failed("Affine") == {"contract": "raised"}
    assert found.result("Affine", "contract").layer == "affine"


CROSS_ENTROPY = """
import numpy as np


class CrossEntropyLoss:
    def forward(self, scores, t):
        self.scores, self.t = scores, t
        rows = scores[None, :]
        shifted = rows - rows.max(axis=1, keepdims=True)
        return float(-np.sum(t * (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))))

    def backward(self, dout=1):
        e = np.exp(self.scores - self.scores.max())
        return dout * ({gradient}).reshape({shape})
"""


def test_a_loss_whose_backward_takes_one_sample_only_is_one_of_a_sample(tmp_path: Path) -> None:
    shape = "len(self.scores)"
    right = checked(tmp_path, CROSS_ENTROPY.format(gradient="e / e.sum() - self.t", shape=shape), "right.py")
    assert right.passes("CrossEntropyLoss")
    wrong = checked(tmp_path, CROSS_ENTROPY.format(gradient="e / e.sum() + self.t", shape=shape), "wrong.py")
    assert set(wrong.failed("CrossEntropyLoss")) == {"dscores"}


def test_a_softmax_over_a_whole_batch_is_none_of_one_sample(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Softmax:
            def forward(self, x):
                self.y = np.exp(x) / np.exp(x).sum()
                return self.y

            def backward(self, dout):
                return self.y * (dout - (dout * self.y).sum())
    """
    assert set(checked(tmp_path, source).failed("Softmax")) == {"forward"}


ADALINE = """
import numpy as np


class Adaline:
    def __init__(self, n_inputs):
        self.params = {{"w": np.zeros(n_inputs), "b": 1.0}}

    def errors(self, x, t):
        return x[None, :] @ self.params["w"] + self.params["b"] - t[None]

    def loss(self, x, t):
        return float(0.5 * np.sum(self.errors(x, t) ** 2))

    def gradient(self, x, t):
        dz = self.errors(x, t)
        return {{"w": x[None, :].T @ dz, "b": {factor} * dz.sum()}}
"""


def test_the_label_of_one_sample_is_an_element_of_an_array(tmp_path: Path) -> None:
    assert checked(tmp_path, ADALINE.format(factor=1), "right.py").passes("Adaline")
    assert "db" in checked(tmp_path, ADALINE.format(factor=2), "wrong.py").failed("Adaline")


OF_ONE_SAMPLE = """
import numpy as np


def cross_entropy_loss(p, t):
    rows = p[None, :]
    return float(-np.sum(t[None, :] * np.log(rows)) / len(rows))


def cross_entropy_loss_derivative(p, t):
    return ({sign}t[None, :] / p[None, :]).reshape({shape})


class KLDivergence:
    def forward(self, q, target):
        self.q, self.t = q, target
        return float(np.sum(target[None, :] * (np.log(target[None, :]) - np.log(q[None, :]))))

    def backward(self):
        return ({sign}self.t[None, :] / self.q[None, :]).reshape({own_shape})
"""


def test_the_mean_of_one_sample_is_the_sum_of_a_batch(tmp_path: Path) -> None:
    shapes = {"shape": "p.shape[0]", "own_shape": "len(self.q)"}
    right = checked(tmp_path, OF_ONE_SAMPLE.format(sign="-", **shapes), "right.py")
    wrong = checked(tmp_path, OF_ONE_SAMPLE.format(sign="", **shapes), "wrong.py")
    assert right.passes("cross_entropy_loss")
    assert right.passes("KLDivergence")
    assert "dp" in wrong.failed("cross_entropy_loss")
    assert "dq" in wrong.failed("KLDivergence")


def test_what_raises_for_one_sample_too_fails(tmp_path: Path) -> None:
    source = OF_ONE_SAMPLE.format(sign="-", shape="p.shape[0] + 1", own_shape="len(self.q) + 1")
    found = checked(tmp_path, source)
    assert found.failed("cross_entropy_loss") == {"contract": "raised"}
    assert found.failed("KLDivergence") == {"contract": "raised"}


LMS = """
import numpy as np


class Adaline:
    def __init__(self, n_inputs):
        self.params = {{"w": np.zeros(n_inputs), "b": 1.0}}

    def loss(self, x, t):
        x, t = x[{rows}], t[None]
        return float(0.5 / len(x) * np.sum((x @ self.params["w"] + self.params["b"] - t) ** 2))

    def gradient(self, x, t):
        x, t = x[{rows}], t[None]
        dz = {factor} / len(x) * (x @ self.params["w"] + self.params["b"] - t)
        return {{"w": x.T @ dz, "b": dz.sum()}}
"""


@pytest.mark.parametrize("rows", ["None, :", "None"])
def test_a_network_whose_gradients_have_their_shapes_for_one_sample_only_is_one_of_a_sample(
    tmp_path: Path, rows: str
) -> None:
    right = checked(tmp_path, LMS.format(factor=1, rows=rows), "right.py")
    assert right.failed("Adaline") == {}
    if rows == "None, :":  # which says how many axes x has
        assert right.passes("Adaline")
    else:
        assert "the forward takes both" in right.result("Adaline", "dw").reason
    assert checked(tmp_path, LMS.format(factor=2, rows=rows), "wrong.py").failed("Adaline") != {}


SEQUENCES = """
    class Linear:
        def __init__(self, w, b):
            self.w, self.b = w, b

        def forward(self, x):
            self.x = x
            return x @ self.w + self.b

        def backward(self, dout, learning_rate):
            rows, drows = self.x.reshape(-1, self.x.shape[2]), dout.reshape(-1, dout.shape[2])
            dx = dout @ self.w.T
            self.w -= learning_rate * (rows.T @ drows)
            self.b -= learning_rate * {db}
            return dx
"""


@pytest.mark.parametrize("name", ["Linear", "TimeDistributedLinear"])
def test_one_sequence_is_no_batch(tmp_path: Path, name: str) -> None:
    source = SEQUENCES.replace("Linear", name)
    assert checked(tmp_path, source.format(db="dout.sum(axis=(0, 1))")).passes(name)
    assert set(checked(tmp_path, source.format(db="2 * dout.sum(axis=(0, 1))")).failed(name)) == {"db"}
    wrong = checked(tmp_path, source.format(db="dout.sum(axis=1)"))
    assert wrong.failed(name) or name in wrong.refused


PERCEPTRON = """
import numpy as np


class Layer:
    def __init__(self, n):
        self.params = {{"w": np.zeros(n), "b": 1.0}}

    def loss(self, x, t):
        z = np.dot(x, self.params["w"]) + self.params["b"]
        return float(np.sum((np.where(z >= 0, 1.0, 0.0) - t) * z))

    def gradient(self, x, t):
        z = np.dot(x, self.params["w"]) + self.params["b"]
        dz = np.where(z >= 0, 1.0, 0.0) - t
        return {{"w": {dw}, "b": {db}}}
"""


@pytest.mark.parametrize(
    ("dw", "db", "verdict"),
    [
        ("np.dot(x.T, dz)", "dz.sum()", "right"),
        ("np.dot(x, dz)", "dz.sum()", "open"),  # right for one sample, and sums as for many
        ("np.dot(dz, x.T)", "dz.sum()", "wrong"),  # x.T says that x has two axes
        ("x * dz", "dz", "right"),  # of one sample
    ],
)
def test_a_network_that_sums_is_one_of_many_samples(tmp_path: Path, dw: str, db: str, verdict: str) -> None:
    found = checked(tmp_path, PERCEPTRON.format(dw=dw, db=db))
    if verdict == "right":
        assert found.passes("Layer")
    elif verdict == "wrong":
        assert "dw" in found.failed("Layer") or found.failed("Layer") == {"contract": "raised"}
    else:
        assert found.failed("Layer") == {}
        assert "the forward takes both" in found.result("Layer", "dw").reason


@pytest.mark.parametrize("rows", ["x = x[None, :]", "x = x.reshape(1, -1)"])
def test_an_array_that_gets_an_axis_first_may_be_turned_then(tmp_path: Path, rows: str) -> None:
    source = PERCEPTRON.format(dw="x.T @ dz", db="dz.sum()").replace("z = np.dot", f"{rows}; t = t[None]; z = np.dot")
    assert checked(tmp_path, source).failed("Layer") == {}


COLUMNS = """
import numpy as np


class {name}:
    def __init__(self, n_out, n_in):
        self.w = 0.01 * np.random.randn(n_out, n_in)
        self.b = np.zeros((n_out, 1))

    def forward(self, x):
        self.x = x
        return np.dot(self.w, x) + self.b

    def backward(self, dout):
        self.dw = np.dot(dout, self.x.T)
        self.db = {db}
        return np.dot(self.w.T, dout)
"""


@pytest.mark.parametrize("name", ["Custom", "Block"])
@pytest.mark.parametrize(
    ("db", "verdicts"),
    [("dout.sum(axis=1, keepdims=True)", {Verdict.PASS}),
     ("dout.copy().reshape(self.b.shape)", {Verdict.INCONCLUSIVE, Verdict.PASS}),
     ("2 * dout.sum(axis=1, keepdims=True)", {Verdict.FAIL, Verdict.PASS})],
)  # fmt: skip
def test_one_column_is_open_where_the_forward_is_one_of_many(
    tmp_path: Path, name: str, db: str, verdicts: set[Verdict]
) -> None:
    found = checked(tmp_path, COLUMNS.format(name=name, db=db)).verdicts(name)
    assert set(found.values()) == verdicts, found
