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
