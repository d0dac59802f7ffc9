"""How an object is called is read from names, defaults and the author's own calls, before anything is said of it."""

from __future__ import annotations

from pathlib import Path

from from_file import checked


def test_labels_come_first_where_a_word_in_their_name_says_so(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        class SquaredLoss:
            def __call__(self, true_labels, predictions):
                return np.sum((true_labels - predictions) ** 2) / 2

            def derivative(self, true_labels, predictions):
                return predictions - true_labels


        class Turned:
            def __call__(self, true_labels, predictions):
                return np.sum((true_labels - predictions) ** 2) / 2

            def derivative(self, true_labels, predictions):
                return true_labels - predictions


        class Mean:
            def forward(self, label_scores, actualValues):
                self.x, self.n = label_scores, label_scores.size
                return np.mean((label_scores - actualValues) ** 2)

            def backward(self, actualValues):
                return 2 * (self.x - actualValues) / self.n
        """,
    )
    assert report.passes("SquaredLoss")
    assert set(report.failed("Turned")) == {"dpredictions"}
    assert report.passes("Mean")
    assert set(report.verdicts("Mean")) >= {"dlabel_scores"}


def test_a_loss_gives_one_number_or_one_a_sample(tmp_path: Path) -> None:
    """The product of a transposed batch with itself is no loss: the vectors are the samples here."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        class SquaredLoss:
            def forward(self, target, prediction):
                diff = target - prediction
                return diff.T @ diff / 2

            def derivative(self, target, prediction):
                return prediction - target


        class Doubled(SquaredLoss):
            def derivative(self, target, prediction):
                return 2 * (prediction - target)
        """,
    )
    assert report.passes("SquaredLoss")
    assert set(report.failed("Doubled")) == {"dprediction"}


ENGINE = """
import numpy as np


class Tensor:
    def __init__(self, data, parents=()):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents = parents
        self.step = lambda: None

    def __mul__(self, other):
        out = Tensor(self.data * other.data, (self, other))

        def step():
            self.grad += out.grad * other.data
            other.grad += out.grad * self.data

        out.step = step
        return out

    def softmax(self):
        e = np.exp(self.data - self.data.max(axis=-1, keepdims=True))
        out = Tensor(e / e.sum(axis=-1, keepdims=True), (self,))

        def step():
            self.grad += out.data * (out.grad - (out.grad * out.data).sum(axis=-1, keepdims=True))

        out.step = step
        return out

    def flat(self):
        e = np.exp(self.data - self.data.max(axis=-1, keepdims=True))
        out = Tensor(e / e.sum(axis=-1, keepdims=True), (self,))

        def step():
            self.grad += out.data * (1 - out.data)

        out.step = step
        return out

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            node.step()
"""


def test_an_engine_that_starts_from_ones_is_given_a_product(tmp_path: Path) -> None:
    """The gradient of the sum of a softmax is zero but for rounding, which answers to no upstream gradient."""
    report = checked(tmp_path, ENGINE)
    assert report.passes("Tensor.softmax"), report.failed("Tensor.softmax")
    assert "dself" in report.failed("Tensor.flat") or "contract" in report.failed("Tensor.flat")


NESTED = """
import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, (x.T @ dout, dout.sum(axis=0))


class Affine:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        return dout @ self.W.T, (self.x.T @ dout, dout.sum(axis=0))


class Dense(Affine):
    def backward(self, dout):
        return dout @ self.W.T, {"W": self.x.T @ dout, "b": dout.sum(axis=0)}


class Linear(Affine):
    def backward(self, dout):
        return dout @ self.W.T, [self.x.T @ dout, 2 * dout.sum(axis=0)]


class Turned(Affine):
    def backward(self, dout):
        return dout @ self.W.T, {"W": -self.x.T @ dout, "b": dout.sum(axis=0)}
"""


def test_nested_results_are_read_in_their_order(tmp_path: Path) -> None:
    report = checked(tmp_path, NESTED)
    assert report.passes("affine"), report.failed("affine")
    assert report.passes("Affine"), report.failed("Affine")
    assert report.passes("Dense"), report.failed("Dense")
    assert set(report.failed("Linear")) == {"db"}
    assert set(report.failed("Turned")) == {"dW"}


STEPS = """
import numpy as np


class Steps:
    def __init__(self, hidden_size, input_size):
        self.Wx, self.Wh = np.random.randn(input_size, hidden_size), np.random.randn(hidden_size, hidden_size)
        self.b = np.zeros(hidden_size)

    def forward(self, xs):
        h = np.zeros((xs.shape[0], self.Wh.shape[0]))
        self.xs, self.hs = xs, [h]
        for i in range(xs.shape[1]):
            h = np.tanh(xs[:, i] @ self.Wx + h @ self.Wh + self.b)
            self.hs.append(h)
        return np.stack(self.hs[1:], axis=1)

    def backward(self, dhs):
        self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        dnext, dxs = 0, []
        for i in reversed(range(dhs.shape[1])):
            da = (dhs[:, i] + dnext) * (1 - self.hs[i + 1] ** 2)
            self.dWx += self.xs[:, i].T @ da
            self.dWh += self.hs[i].T @ da
            self.db += da.sum(axis=0)
            dnext = da @ self.Wh.T
            dxs.insert(0, da @ self.Wx.T)
        return dxs


class Backwards(Steps):
    def backward(self, dhs):
        return super().backward(dhs)[::-1]
"""


def test_the_gradient_of_an_input_comes_step_by_step(tmp_path: Path) -> None:
    report = checked(tmp_path, STEPS, cases=60)  # some of them with axes of the same length
    assert report.passes("Steps"), report.failed("Steps")
    assert set(report.failed("Backwards")) == {"dxs"}


def test_a_backward_that_leaves_something_of_its_own_is_no_unwritten_one(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Curve:
            def __init__(self):
                self.e = {}

            def forward(self, x):
                self.a = np.tanh(x)
                return self.a

            def backward(self, dout):
                self.e["last"] = dout * (1 - self.a ** 2)


        class Lost(Curve):
            def backward(self, dout):
                e = dout * (1 - self.a ** 2)
        """,
    )
    assert "leaves nothing that is known to be a gradient" in report.refused["Curve"]
    assert report.failed("Lost") == {"contract": "not-implemented"}


CHANNELS_LAST = """
import numpy as np


class Prelu:
    def __init__(self, a):
        self.a = a

    def forward(self, x):
        self.x = x
        rows, height, width, channels = x.shape
        return np.where(x > 0, x, self.a * x).reshape(rows, height, width, channels)

    def backward(self, dout):
        self.da = (dout * np.minimum(self.x, 0)).sum(axis={axis})
        return dout * np.where(self.x > 0, 1, self.a)
"""


def test_a_layout_that_could_be_an_accident_is_meant_where_no_other_runs(tmp_path: Path) -> None:
    assert checked(tmp_path, CHANNELS_LAST.format(axis="(0, 1, 2)"), "right.py").passes("Prelu")
    assert "da" in checked(tmp_path, CHANNELS_LAST.format(axis="(0, 1)"), "wrong.py").failed("Prelu")


ROWS = """
import numpy as np


class Block:
    def forward(self, x, y):
        self.x, self.y = x, y
        return {product}

    def backward(self, dout):
        return dout[:, None] * self.y, {dy}
"""


def test_a_product_of_rows_is_no_matrix_times_a_vector(tmp_path: Path) -> None:
    rows = ROWS.format(product="(x * y).sum(axis=1)", dy="dout[:, None] * self.x")
    assert checked(tmp_path, rows, "right.py").passes("Block")
    wrong = ROWS.format(product="(x * y).sum(axis=1)", dy="dout[:, None] * self.y")
    assert "dy" in checked(tmp_path, wrong, "wrong.py").failed("Block")
