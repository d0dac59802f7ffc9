"""Clips of gradients, with limits on both sides of the gradients in every case."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

SOURCE = """
    import numpy as np


    def clip_gradients(grads, limit, eps=1e-6):
        n = np.sqrt(sum(np.sum(g**2) for g in grads))
        for g in grads:
            g *= min(1.0, limit / (n + eps))


    def clip_by_value(grads, limit):
        for g in grads:
            np.clip(g, -limit, limit, out=g)
"""


def test_what_is_right_passes(tmp_path: Path) -> None:
    found = checked(tmp_path, SOURCE, cases=3)
    assert found.passes("clip_gradients")
    assert found.passes("clip_by_value")


@pytest.mark.parametrize("wrong", ["np.sum(g)", "np.sum(np.abs(g))", "np.mean(g**2)"])
def test_another_norm_is_seen_in_few_cases(tmp_path: Path, wrong: str) -> None:
    found = checked(tmp_path, SOURCE.replace("np.sum(g**2)", wrong), cases=3)
    assert found.failed("clip_gradients")
    assert found.passes("clip_by_value")
