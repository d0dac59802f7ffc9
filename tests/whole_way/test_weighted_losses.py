"""A loss function with weights of classes or samples returns the gradient of its data."""

from __future__ import annotations

from pathlib import Path

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
