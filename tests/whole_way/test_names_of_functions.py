"""Pairs of functions whose names are written in one word, or with the direction in front."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

PAIRS = """
    import numpy as np


    def arctanForward(x):
        return np.arctan(x), x


    def arctanBackward(dout, cache):
        return dout / (1 + cache ** 2)


    def denseForward(x, w, b):
        return x @ w + b, (x, w)


    def denseBackward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.mean(axis=0)


    def forward_bump(x):
        return np.exp(-x ** 2)


    def backward_bump(dout, x):
        return -2 * dout * x * np.exp(-x ** 2)


    def forwardRise(x):
        return np.sinh(x)


    def backwardRise(dout, x):
        return dout * np.sinh(x)


    def backwardAlone(dout, x):
        return dout * x
"""


def test_pairs_in_camel_case_and_with_the_direction_in_front(tmp_path: Path) -> None:
    report = checked(tmp_path, PAIRS)
    assert report.passes("arctan")
    assert set(report.failed("dense")) == {"db"}
    assert report.passes("bump")
    assert set(report.failed("rise")) == {"dx"}
    assert set(report.refused) == {"backwardAlone"}


def test_the_way_back_of_a_whole_network_is_no_pair(tmp_path: Path) -> None:
    """What takes labels, and no upstream gradient, is the gradient of a loss that this file does not say."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        def forwardModel(x, w):
            return np.tanh(x @ w)


        def backwardModel(x, labels, w):
            return x.T @ (np.tanh(x @ w) - labels)


        def forward_pass(x, w):
            return np.tanh(x @ w)


        def backward_pass(labels, x, w):
            return x.T @ (np.tanh(x @ w) - labels)
        """,
    )
    assert not report.report.results
    assert {"backwardModel", "backward_pass"} <= set(report.refused)
