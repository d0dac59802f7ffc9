"""Of two entries that nearly tie one is the maximum: a mask with a tolerance is wrong there, if seldom seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

REDUCED = """
import numpy as np


def reduce_{which}(x):
    return x.{which}(axis=1)


def reduce_{which}_backward(dout, x):
    mask = {mask}
    return mask * dout[:, None]
"""


@pytest.mark.parametrize("which", ["max", "min"])
@pytest.mark.parametrize("tolerance", ["0.05", "0.2"])
def test_a_mask_with_a_tolerance_fails_with_few_cases(tmp_path: Path, which: str, tolerance: str) -> None:
    best = f"x.{which}(axis=1, keepdims=True)"
    wrong = checked(tmp_path, REDUCED.format(which=which, mask=f"np.abs(x - {best}) < {tolerance}"), cases=3)
    assert "dx" in wrong.failed(f"reduce_{which}")


@pytest.mark.parametrize("mask", ["x == {best}", "np.isclose(x, {best})", "np.abs(x - {best}) < 1e-9"])
def test_a_mask_of_equal_entries_does_not(tmp_path: Path, mask: str) -> None:
    source = REDUCED.format(which="max", mask=mask.format(best="x.max(axis=1, keepdims=True)"))
    assert not checked(tmp_path, source, cases=3).failed("reduce_max")
