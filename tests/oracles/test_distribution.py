"""Samples of a distribution are taken for what they are, and those of another are not."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_plugin.oracles.distribution import alike, departure, draw

KINDS = ("normal", "uniform", "unit", "truncated", "unit truncated")
N = 9000


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_sample_is_never_failed(kind: str) -> None:
    seen = {departure(draw((N,), kind, np.random.default_rng(seed)), kind) for seed in range(60)}
    assert seen == {""}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_another_distribution_always_departs(kind: str, other: str) -> None:
    seen = [departure(draw((N,), other, np.random.default_rng(seed)), kind) for seed in range(20)]
    assert all(seen) == (kind != other)


@pytest.mark.parametrize("kind", ["normal", "uniform", "truncated"])
@pytest.mark.parametrize("factor", [0.5, 2**-0.5, 0.88, 1.13, 2**0.5, 3**0.5])
def test_another_spread_always_departs(kind: str, factor: float) -> None:
    seen = [departure(factor * draw((N,), kind, np.random.default_rng(seed)), kind) for seed in range(20)]
    assert set(seen) <= {"spread", "outside", "shape"}


def test_what_is_no_sample_at_all() -> None:
    z = draw((N,), "normal", np.random.default_rng(0))
    assert departure(np.zeros(N), "normal") == "constant"
    assert departure(np.repeat(z[::9], 9), "normal") == "repeated"
    assert departure(z + 0.1, "normal") == "mean"
    assert departure(np.where(np.arange(N) == 5, 9.0, z), "normal") == "outside"
    assert departure(np.sign(z) * np.abs(z) ** 0.5 / 0.893, "normal") == "shape"


def test_two_samples() -> None:
    a, b = (draw((N,), "normal", np.random.default_rng(seed)) for seed in (0, 1))
    assert alike(a, b)
    assert not alike(a, 1.1 * b)
    assert not alike(a, b + 0.1)
    assert not alike(np.clip(a, -2, 2) * a.std() / np.clip(a, -2, 2).std(), b)
    assert not alike(np.repeat(a[::9], 9), b)
