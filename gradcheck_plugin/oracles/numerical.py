"""Numerical differentiation along a line, with its own error bar.

The function is seen as F(t) = f(x + t u), a vector. Central differences D(h) = <v, F(h) - F(-h)> / 2h at steps
h_k = 2^-4 * 4^-k feed a Richardson table (central differences have even powers of h only, so every column gains two
orders). The noise of the function is measured from second differences of the finest steps, never assumed; every entry
of the table gets an error bar from its neighbours and that noise, and is vetoed when a finer step contradicts it,
which is what a kink between two steps looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from gradcheck_plugin.model import Array

Line = Callable[[float], Array | None]
STEPS = tuple(2.0**-4 * 4.0**-k for k in range(10))
FAST = (2.0**-8, 2.0**-10, 2.0**-12)
KAPPA = 10.0  # measured error never exceeded 2.1 error bars; this is the margin on top
EPS = float(np.finfo(np.float64).eps)
EPS32 = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Estimate:
    """A derivative with its error bar. `reason` is set when the numbers cannot tell."""

    value: float
    error: float
    noise: float = 0.0
    reason: str = ""

    @property
    def ok(self) -> bool:
        return not self.reason


class Ladder:
    """The values of one line function at the steps of the ladder, each evaluated once and only when asked for.

    `line(t)` gives f(x + t u) as a flat float64 vector, or None where it raises or is not finite.
    """

    def __init__(self, line: Line, start: Array) -> None:
        self._line = line
        self._start = start
        self._values: dict[float, Array | None] = {}

    def at(self, t: float) -> Array | None:
        if t not in self._values:
            self._values[t] = self._line(t)
        return self._values[t]

    def odd(self, h: float) -> Array | None:
        """F(h) - F(-h), differenced as vectors before any projection, which keeps the digits."""
        plus, minus = self.at(h), self.at(-h)
        return None if plus is None or minus is None else plus - minus

    def even(self, h: float) -> Array | None:
        """F(h) + F(-h) - 2 F(0)."""
        plus, minus = self.at(h), self.at(-h)
        return None if plus is None or minus is None else (plus - self._start) + (minus - self._start)

    @cached_property
    def usable(self) -> list[float]:
        """The steps at which the function could be evaluated on both sides, coarse to fine."""
        return [h for h in STEPS if self.odd(h) is not None]

    @cached_property
    def moved(self) -> Array:
        """Which outputs change along the line: the others add no rounding, however large. All, where none does."""
        values = [value for t, value in self._values.items() if t and value is not None]
        changed = np.any([value != self._start for value in values], axis=0) if values else np.zeros(1, bool)
        return changed if changed.any() else np.ones(self._start.shape, bool)

    @property
    def still(self) -> bool:
        """Whether no output changes along the line."""
        return len(self.usable) >= 4 and all(np.array_equal(_known(self.at(h)), self._start) for h in self.usable)

    @property
    def grain(self) -> float:
        """The relative rounding of the values: that of float32 where every one of them is a float32."""
        values = [value for value in self._values.values() if value is not None]
        with np.errstate(over="ignore"):
            single = all(np.array_equal(value, value.astype(np.float32)) for value in [self._start, *values])
        return EPS32 if single and any(np.any(value % 0.25) for value in [self._start, *values]) else EPS

    def size(self, v: Array) -> float:
        """<|v|, |F(0)|> over the outputs that change."""
        return float((np.abs(v) * self.moved) @ np.abs(self._start))

    def fast(self, v: Array) -> list[float]:
        """Three extrapolated slopes from six evaluations; empty when one of them is missing."""
        odd = [self.odd(h) for h in FAST]
        if any(o is None for o in odd):
            return []
        d = [float(v @ o) / (2 * h) for o, h in zip(odd, FAST, strict=True) if o is not None]
        first = [(16 * d[1] - d[0]) / 15, (16 * d[2] - d[1]) / 15]
        return [*first, (256 * first[1] - first[0]) / 255]

    def slope(self, v: Array) -> float | None:
        """One extrapolated slope from four evaluations, for guesses and not for verdicts."""
        odd = [self.odd(h) for h in FAST[:2]]
        if any(o is None for o in odd):
            return None
        d = [float(v @ o) / (2 * h) for o, h in zip(odd, FAST, strict=False) if o is not None]
        return (16 * d[1] - d[0]) / 15

    def estimate(self, v: Array, noise: float = 0.0) -> Estimate:
        """The slope <v, F'(0)> with its error bar, from the whole ladder; `noise` is the least that is known of it."""
        steps = self.usable
        if len(steps) < 4:
            return Estimate(np.nan, np.inf, reason="the forward is not finite near this point")
        sigma = max(self._noise(v, steps), noise)
        d = [float(v @ _known(self.odd(h))) / (2 * h) for h in steps]
        best = self._best(d, steps, sigma)
        return best or Estimate(np.nan, np.inf, sigma, "noise or a kink: no step agrees with the finer ones")

    def _noise(self, v: Array, steps: list[float]) -> float:
        """Rounding noise of <v, F>, measured: S_k - 16 S_{k+1} has no smooth part of order h^2."""
        weights = np.abs(v) * self.moved
        values = [self._start, *(_known(self.at(s * h)) for h in steps for s in (1, -1))]
        if self.grain == EPS:
            floor = EPS * max(float(weights @ np.abs(value)) for value in values)
        else:  # rounding of many outputs, each on its own, adds up like their squares
            floor = self.grain * max(float(np.linalg.norm(weights * value)) for value in values)
        s = [float(v @ _known(self.even(h))) for h in steps[-4:]]
        spread = max(abs(a - 16 * b) for a, b in pairwise(s)) / np.sqrt(6 * 257)
        return max(float(spread), floor / 4, self._quantum(v, steps))

    def _quantum(self, v: Array, steps: list[float]) -> float:
        """The smallest change of <v, F> seen, where finer steps change nothing: values move in steps of rounding."""
        changes = [abs(float(v @ _known(self.odd(h)))) for h in steps]
        if not any(changes):  # numbers of order one inside could still hide a change of their rounding
            return self.grain * max(0.25, float(np.linalg.norm(v * self._start)))
        smallest = min(c for c in changes if c)
        rounding = 1e6 * self.grain * max(1.0, self.size(v))
        return smallest if not all(changes) and smallest <= rounding else 0.0

    @staticmethod
    def _best(d: list[float], steps: list[float], sigma: float) -> Estimate | None:
        table = [[value] for value in d]
        best: Estimate | None = None
        for k in range(1, len(d)):
            for m in range(1, min(k, 3) + 1):
                fine, coarse = table[k][m - 1], table[k - 1][m - 1]
                value = (16**m * fine - coarse) / (16**m - 1)
                table[k].append(value)
                error = max(abs(value - fine), abs(value - coarse), 8 * sigma / steps[k])
                if best is not None and error >= best.error:
                    continue
                finer = zip(d[k + 1 :], steps[k + 1 :], strict=True)
                if all(abs(value - dj) <= 8 * sigma / hj + error for dj, hj in finer):
                    best = Estimate(value, error, sigma)
        return best

    def kinked(self) -> bool:
        """Whether an output has a kink at the point itself: its one-sided slopes differ.

        J(h) = |F(h) + F(-h) - 2 F(0)| / h of an output is proportional to h where it is smooth, to 1/h where it is
        noise, and constant at a kink; constant over two adjoining spans, well above the noise, is the sign.
        """
        j: dict[int, Array | None] = {}
        scale = EPS * np.abs(self._start)
        for power in (10, 14, 18, 22):
            even = self.even(2.0**-power)
            j[power] = None if even is None else np.abs(even) * 2.0**power
        flags = np.zeros(self._start.shape, dtype=bool)
        for spans in ((10, 14, 18), (14, 18, 22)):
            a, b, c = (j[p] for p in spans)
            if a is None or b is None or c is None:
                continue
            loud = (a > 8 * scale * 2.0 ** spans[0]) & (b > 8 * scale * 2.0 ** spans[1])
            loud &= c > 8 * scale * 2.0 ** spans[2]
            flags |= loud & (0.5 * b < a) & (a < 2 * b) & (0.5 * c < b) & (b < 2 * c)
        return bool(flags.any())

    def kink_size(self, v: Array, noise: float) -> float:
        """The difference of one-sided slopes of <v, F> that the values leave room for, however faint.

        J(h) of an output is its kink plus a smooth part of order h; two steps separate them. Where they show none,
        one below the noise of the widest span is still possible, if that noise is rounding (of float32, it is not
        counted: nothing could ever be called wrong).
        """
        found = []
        unseen = 4 * np.sqrt(6) * noise * 2.0**14
        for wide, narrow in ((10, 14), (14, 18), (18, 22)):
            a, b = self.even(2.0**-wide), self.even(2.0**-narrow)
            if a is not None and b is not None:
                size = float(np.abs(v) @ np.abs(16 * b * 2.0**narrow - a * 2.0**wide)) / 15
                if size > 4 * np.sqrt(6) * noise * 2.0**narrow:
                    found.append(size)
        return min(found) if found else float(unseen) if noise <= 1e-11 * self.size(v) else 0.0

    def jumps(self) -> bool:
        """Whether the function is discontinuous at the point: F(h) - F(-h) does not shrink with h."""
        wide, narrow = self.odd(2.0**-14), self.odd(2.0**-22)
        if wide is None or narrow is None:
            return False
        loud = np.abs(narrow) > 1e-3 * np.maximum(np.abs(self._start), 1e-3)
        return bool((loud & (np.abs(narrow) > 0.5 * np.abs(wide))).any())

    def stepped(self, v: Array, slope: float) -> bool:
        """Whether <v, F> moves in steps close by: flat between them, its differences show a slope that is not its own.

        log(1 - y) with a y that rounds to 1 does so. Where the values leave the line of the slope at once, the place is
        bisected: a kink is continuous there, a step is not.
        """
        known = [h for h in self.usable if h <= STEPS[0]]
        off = [abs(float(v @ _known(self.odd(h))) / 2 - slope * h) for h in known]
        sudden = [k for k in range(len(known) - 1) if off[k] > max(128 * off[k + 1], 1e6 * EPS * self.size(v))]
        return any(self._step_between(v, slope, s * known[k + 1], s * known[k]) for k in sudden for s in (1, -1))

    def _step_between(self, v: Array, slope: float, near: float, far: float) -> bool:
        def left(t: float) -> float | None:
            value = self.at(t)
            return None if value is None else float(v @ (value - self._start)) - slope * t

        there = left(far)
        if not there:
            return False
        bound, width = abs(there) / 2, abs(far - near)
        for _ in range(36):
            middle = (near + far) / 2
            value = left(middle)
            near, far = (near, middle) if value is None or abs(value) > bound else (middle, far)
        here, beyond = left(near), left(far)
        return (
            here is not None
            and beyond is not None
            and abs(far - near) < 1e-9 * width
            and abs(beyond - here) > 1e-3 * bound
        )

    def taylor(self, v: Array, slope: float) -> list[tuple[float, float]]:
        """|D(h) - slope| at four steps: a right slope shrinks a hundredfold where a wrong one stands still."""
        rows = []
        for h in (1e-2, 1e-3, 1e-4, 1e-5):
            odd = self.odd(h)
            if odd is not None:
                rows.append((h, abs(float(v @ odd) / (2 * h) - slope)))
        return rows


def _known(value: Array | None) -> Array:
    assert value is not None
    return value


def secant(function: Callable[[Array], Array], x: Array, u: Array, h: float = 2.0**-17) -> Array:
    """(f(x + h u) - f(x - h u)) / 2h, for guesses and not for verdicts: so near that no kink lies between, mostly."""
    return np.asarray((function(x + h * u) - function(x - h * u)) / (2 * h))


def direction(rng: np.random.Generator, x: Array) -> Array:
    """A random direction for one array: Gaussian with a floor, so that no entry escapes, at the array's own scale."""
    return floored(rng, x.shape) * scale_of(x)


def scale_of(x: Array) -> float:
    """The root of the mean square of an array; 1 where all of it is 0."""
    return float(np.sqrt(np.mean(np.square(x)))) or 1.0 if x.size else 1.0


def floored(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """sign(g) sqrt(0.99 g^2 + 0.01) for Gaussian g: unit variance, never below 0.1 in size."""
    g = rng.standard_normal(shape)
    return np.asarray(np.copysign(np.sqrt(0.99 * g * g + 0.01), g))
