"""A backward gives no gradients of what is constant; which ones it gives is read from names, not from their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

NORMALISED = """
import numpy as np


def layer_forward(x, {mean}, {var}, gamma, beta):
    return gamma * (x - {mean}) / np.sqrt({var} + 1e-3) + beta, (x, {mean}, {var}, gamma)


def layer_backward(dout, cache):
    x, {mean}, {var}, gamma = cache
    s = np.sqrt({var} + 1e-3)
    return gamma * dout / s, {dgamma}, {dbeta}
"""
DGAMMA, DBETA = "(dout * (x - {mean}) / s).sum(axis=0)", "dout.sum(axis=0)"


@pytest.mark.parametrize("names", [("mean", "var"), ("running_mean", "running_var"), ("mu", "sigma2")])
def test_statistics_beside_a_scale_and_a_shift_are_constants(tmp_path: Path, names: tuple[str, str]) -> None:
    mean, var = names
    right = {"mean": mean, "var": var, "dgamma": DGAMMA.format(mean=mean), "dbeta": DBETA}
    assert checked(tmp_path, NORMALISED.format(**right)).passes("layer")
    swapped = checked(tmp_path, NORMALISED.format(**right | {"dgamma": right["dbeta"], "dbeta": right["dgamma"]}))
    assert set(swapped.failed("layer")) == {"dgamma", "dbeta"}
    whole = checked(tmp_path, NORMALISED.format(**right | {"dbeta": "dout"}))
    assert set(whole.failed("layer")) == {"dbeta"}


def test_a_mean_of_its_own_is_no_constant(tmp_path: Path) -> None:
    """Without a scale and a shift it is what a layer gets from the one before."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        def sampled_forward(noise, mean, log_var):
            return mean + np.exp(log_var / 2) * noise, (noise, mean, log_var)


        def sampled_backward(dout, cache):
            noise, mean, log_var = cache
            return dout * np.exp(log_var / 2), dout
        """,
    )
    assert set(report.failed("sampled")) & {"dlog_var"}
