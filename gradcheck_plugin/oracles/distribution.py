"""Whether numbers were drawn from a distribution: exact tests, of which each fails a right sample once in 1e9 times.

The numbers are carried to the unit interval by their distribution function F. There the largest gap between the sample
and its distribution obeys the inequality of Dvoretzky, Kiefer and Wolfowitz, and the extremes are known; carried on to
a normal sample, the mean is normal and the sum of squares obeys the bounds of Laurent and Massart for chi-square.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from gradcheck_plugin.model import Array

LEVEL = 1e-9
STRETCH = 0.8796256610342398  # the deviation of a normal number that is drawn again beyond 2
_NORMAL = NormalDist()
_TAIL = _NORMAL.cdf(-2.0)


def departure(z: Array, distribution: str) -> str:
    """How `z` departs from a distribution of `reference_impls.rules.times`; "" where it may come from there.

    constant: one number throughout; repeated: few different numbers; outside: a number that cannot be drawn;
    mean, spread: these are off; shape: another distribution with this mean and spread, such as one with other tails.
    """
    if np.ptp(z) == 0:
        return "constant"
    if len(np.unique(z)) < 0.5 * len(z):
        return "repeated"
    p, n = _unit(z, distribution), len(z)
    beyond = bool(p.min() < LEVEL / n or p.max() > 1 - LEVEL / n)
    q = np.array([_NORMAL.inv_cdf(v) for v in np.clip(p, 1e-15, 1 - 1e-15)])
    x = -math.log(LEVEL)
    if not -2 * math.sqrt(n * x) < float(np.sum((q - q.mean()) ** 2)) - n + 1 < 2 * math.sqrt(n * x) + 2 * x:
        return "spread"
    if abs(q.mean()) > -_NORMAL.inv_cdf(LEVEL / 2) / math.sqrt(n):
        return "mean"
    if beyond:
        return "outside"
    steps = np.arange(n + 1) / n
    gap = max(np.max(steps[1:] - np.sort(p)), np.max(np.sort(p) - steps[:-1]))
    wide = math.sqrt(math.log(2 / LEVEL) / (2 * n))
    return "shape" if gap > wide or p.min() > x / n or p.max() < 1 - x / n else ""


def _unit(z: Array, distribution: str) -> Array:
    """F(z), uniform between 0 and 1 where z has the distribution."""
    if distribution in ("uniform", "unit"):
        return z if distribution == "unit" else (z + 1) / 2
    if distribution == "unit truncated":
        z = z * STRETCH
    flat = np.array([_NORMAL.cdf(v) for v in z])
    return flat if distribution == "normal" else (flat - _TAIL) / (1 - 2 * _TAIL)


def draw(shape: tuple[int, ...], distribution: str, rng: np.random.Generator) -> Array:
    """Random numbers of a distribution."""
    if distribution in ("uniform", "unit"):
        return rng.uniform(0.0 if distribution == "unit" else -1.0, 1.0, size=shape)
    z = rng.standard_normal(shape)
    while distribution in ("truncated", "unit truncated") and (beyond := np.abs(z) > 2).any():
        z[beyond] = rng.standard_normal(int(beyond.sum()))
    return z / STRETCH if distribution == "unit truncated" else z


def alike(a: Array, b: Array) -> bool:
    """Whether two large samples may come from one distribution: by mean, spread, tails and the largest gap between."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return bool(np.ptp(a) == np.ptp(b) and np.isclose(a.flat[0], b.flat[0]))
    a, b = np.sort(a.ravel()), np.sort(b.ravel())
    places = np.concatenate([a, b])
    gap = np.max(np.abs(np.searchsorted(a, places) / len(a) - np.searchsorted(b, places) / len(b)))
    near = abs(a.std() / b.std() - 1) < 0.06 and abs(a.mean() - b.mean()) < 0.06 * b.std()
    tails = [np.quantile(np.abs(s - s.mean()), 0.999) / s.std() for s in (a, b)]
    near = near and abs(tails[0] / tails[1] - 1) < 0.2
    return bool(near and gap < 0.05 and (len(np.unique(a)) < 0.5 * len(a)) == (len(np.unique(b)) < 0.5 * len(b)))
