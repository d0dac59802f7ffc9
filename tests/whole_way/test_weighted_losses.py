"""A loss function with weights of classes or samples returns the gradient of its data."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

SOURCE = """
    import numpy as np


    def weighted_nll_loss(x, t, w):
        rows = np.arange(len(x))
        loss = -np.sum(w[t] * x[rows, t]) / np.sum(w[t])
        grad = np.zeros_like(x)
        grad[rows, t] = -w[t] / np.sum(w[t])
        return loss, grad


    def softmax_loss(W, X, y):
        scores = X @ W
        scores = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        loss = -np.mean(np.log(p[np.arange(len(X)), y]))
        p[np.arange(len(X)), y] -= 1
        return loss, X.T @ p / len(X)
"""


def test_the_shape_says_whose_gradient_it_is(tmp_path: Path) -> None:
    found = checked(tmp_path, SOURCE)
    assert found.failed("weighted_nll_loss") == {}
    assert "dx" in found.verdicts("weighted_nll_loss")
    assert found.passes("softmax_loss")
    assert "dW" in found.verdicts("softmax_loss")


def test_a_wrong_one_is_seen(tmp_path: Path) -> None:
    found = checked(tmp_path, SOURCE.replace("= -w[t] / np.sum(w[t])", "= -w[t]"))
    assert "dx" in found.failed("weighted_nll_loss")


GIVEN = """
    import numpy as np


    class WeightedNll:
        def forward(self, log_p, t, w):
            self.log_p, self.t, self.w = log_p, t, w
            return -np.sum(w[t] * log_p[np.arange(len(t)), t]) / len(t)

        def backward(self):
            d = np.zeros_like(self.log_p)
            d[np.arange(len(self.t)), self.t] = {gradient} / len(self.t)
            return d
"""

MADE = """
    import numpy as np


    class FocalLoss:
        def __init__(self, {argument}):
            self.per_class = np.asarray({argument})

        def forward(self, p, t):
            self.p, self.t = p, t
            self.pt = p[np.arange(len(t)), t]
            return -(self.per_class[t] * (1 - self.pt) ** 2 * np.log(self.pt)).sum()

        def backward(self):
            d = np.zeros(self.p.shape)
            slope = 2 * (1 - self.pt) * np.log(self.pt) - (1 - self.pt) ** 2 / self.pt
            d[np.arange(len(self.t)), self.t] = {gradient}
            return d


    class BalancedError:
        def __init__(self, weight):
            self.weight = weight

        def forward(self, y, t):
            self.y, self.t = y, t
            return (self.weight * (y - t) ** 2).sum()

        def backward(self):
            return {factor} * self.weight * (self.y - self.t)
"""


def test_weights_of_classes_that_a_forward_takes_are_data(tmp_path: Path) -> None:
    assert checked(tmp_path, GIVEN.format(gradient="-self.w[self.t]"), "right.py").passes("WeightedNll")
    assert set(checked(tmp_path, GIVEN.format(gradient="-1.0"), "wrong.py").failed("WeightedNll")) == {"dlog_p"}


@pytest.mark.parametrize("argument", ["class_weights", "alpha", "balance"])
def test_weights_of_classes_that_a_loss_is_made_with_are_driven(tmp_path: Path, argument: str) -> None:
    source = MADE.format(argument=argument, gradient="self.per_class[self.t] * slope", factor=2)
    right = checked(tmp_path, source, "right.py")
    assert right.passes("FocalLoss")
    assert right.passes("BalancedError")
    wrong = checked(tmp_path, MADE.format(argument=argument, gradient="slope", factor=1), "wrong.py")
    assert set(wrong.failed("FocalLoss")) == {"dp"}
    assert set(wrong.failed("BalancedError")) == {"dy"}


def test_an_operand_of_a_layer_is_not_taken_for_data(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Gate:
            def forward(self, x, w):
                self.x, self.w = x, w
                return np.sinh(x) * w

            def backward(self, dout):
                return dout * np.cosh(self.x) * self.w, None
    """
    assert set(checked(tmp_path, source).failed("Gate").values()) == {"missing-gradient"}


NOISE = """
    import numpy as np


    class NegativeSamplingLoss:
        def __init__(self, W, corpus, sample_size=2):
            self.params, self.grads = [W], [np.zeros_like(W)]
            self.words, self.sample_size = len(set(corpus)), sample_size

        def forward(self, h, target):
            W, n = self.params[0], len(target)
            noise = np.random.randint(self.words, size=(n, self.sample_size))
            self.h, self.ids = h, np.concatenate([np.asarray(target).reshape(n, 1), noise], axis=1)
            score = np.einsum("nkd,nd->nk", W[self.ids], h)
            self.t = np.arange(self.ids.shape[1]) == 0
            self.y = 1 / (1 + np.exp(-score))
            return -np.log(np.where(self.t, self.y, 1 - self.y)).sum() / n

        def backward(self, dout=1):
            W, ds = self.params[0], dout * (self.y - self.t) / len(self.h)
            self.grads[0][...] = 0
            np.add.at(self.grads[0], self.ids, {factor} * ds[..., None] * self.h[:, None, :])
            return np.einsum("nk,nkd->nd", ds, W[self.ids])
"""


@pytest.mark.parametrize("factor", [1, 2])
def test_the_words_that_a_loss_trains_are_no_weights_of_classes(tmp_path: Path, factor: int) -> None:
    found = checked(tmp_path, NOISE.format(factor=factor))
    assert found.verdicts("NegativeSamplingLoss"), found.refused
    assert set(found.failed("NegativeSamplingLoss")) == (set() if factor == 1 else {"dW"})
    assert "dW" in found.verdicts("NegativeSamplingLoss")


def test_words_that_get_no_gradient_are_missed(tmp_path: Path) -> None:
    kept = [line for line in NOISE.splitlines() if "self.grads[0]" in line]
    assert len(kept) == 2
    source = "\n".join(line for line in NOISE.splitlines() if line not in kept)
    source = source.replace("self.params, self.grads = [W], [np.zeros_like(W)]", "self.params = [W]")
    assert checked(tmp_path, source).failed("NegativeSamplingLoss") == {"dW": "missing-gradient"}


SEQUENCES = """
import numpy as np


class Op:
    def __init__(self, ignore_index=0):
        self.ignore_index = ignore_index

    def forward(self, logits, Y, w):
        kept = (Y != self.ignore_index)[:, None]
        hot = np.where(kept & (Y[:, None] == np.arange(len(w))[:, None]), 1.0, 0.0)
        self.weighted, self.count = w[:, None] * hot, (w[:, None] * hot).sum() or 1.0
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        self.p = np.exp(log_p)
        return -np.sum(self.weighted * log_p) / self.count

    def backward(self, grad=1):
        return {factor} * grad * (self.p * self.weighted.sum(axis=1, keepdims=True) - self.weighted) / self.count
"""


def test_an_axis_that_labels_are_given_behind_their_first_leaves_them_others(tmp_path: Path) -> None:
    assert checked(tmp_path, SEQUENCES.format(factor=1)).passes("Op")  # logits (N, C, L), labels (N, L)
    assert checked(tmp_path, SEQUENCES.format(factor=2)).failed("Op")
