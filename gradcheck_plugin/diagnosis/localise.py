"""Which entries of a wrong gradient are wrong, with few forwards.

The error of a gradient along a direction u is the sum of e_j u_j over its wrong entries. Restricted to a part of the
array, it is zero where the part is right; and since the sum is linear, one probe of a part also tells about the rest:
what is left of the whole error is the error of the rest along the same direction. So every probe (six forwards) halves
the question. The parts that mistakes are made of come first (an index of an axis, a border, every second entry), then
plain halves. An array of up to WHOLE entries is differenced entry by entry instead.

Every error is judged against the error bar that the ladder measured; what it cannot tell is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_plugin.diagnosis.place import describe, halves
from gradcheck_plugin.judging.gradient import WHOLE, forward_with, gradients
from gradcheck_plugin.model import Array, Case, Entry, Verdict
from gradcheck_plugin.oracles.equal import EXACT
from gradcheck_plugin.oracles.judge import NEGLIGIBLE, SINGLE, Judgement
from gradcheck_plugin.oracles.numerical import EPS, FAST, KAPPA, Estimate, Ladder, floored
from gradcheck_plugin.running.limits import TimeLimit
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout

FORWARDS = 1000  # at most, for an array that is larger
SHOWN = 5  # entries with their numbers
TRIED = 24  # entries of a part that all have to be wrong before the whole part is called wrong
UNCLEAR = (
    1e-3  # of the largest entry: an error bar above that tells nothing about an entry; ten times as much in float32
)
PURPOSE = 50  # the stream of a case that directions are drawn from

Function = Callable[[Array], "Array | None"]


@dataclass(frozen=True)
class Location:
    """Where a gradient is wrong. `at_least`: more may be, the search stopped or the numbers could not tell."""

    wrong: int
    total: int
    at_least: bool
    entries: tuple[Entry, ...]  # the first few
    place: str = ""  # one phrase, where the wrong entries are exactly a structure
    forwards: int = 0
    numerical: Array | None = None  # the whole gradient, where that was taken


class Spent(Exception):
    """No forwards left."""


@dataclass(frozen=True)
class Part:
    """Entries by their flat indices, the error of the gradient along a direction on them, and its error bar."""

    indices: Array
    error: float
    bar: float

    @property
    def dirty(self) -> bool:
        return abs(self.error) > self.bar


def localise(subject: Subject, name: str, case: Case, layout: Layout, judged: Judgement) -> Location | None:
    """Where the gradient that was judged wrong is wrong; None where that cannot be told."""
    yours, x = judged.yours, case.arrays[name]
    if judged.verdict is not Verdict.FAIL or not isinstance(yours, np.ndarray) or yours.shape != x.shape or not x.size:
        return None
    dims = layout[name].dims
    try:
        out, dy, _ = gradients(subject, case)
        if _known(subject, case, layout, judged, out):
            return against(judged.expected, yours, dims, dy)
    except (Exception, TimeLimit):
        return None

    def function(moved: Array) -> Array | None:
        return forward_with(subject, name, case, moved)

    return numerically(function, x, yours, dy, dims, case.rng(PURPOSE), out)


def _known(subject: Subject, case: Case, layout: Layout, judged: Judgement, out: Array) -> bool:
    """Whether the reference's gradient is that of the user's own forward, to rounding: no eps between them."""
    if judged.expected is None or judged.expected.shape != np.shape(judged.yours):
        return False
    want = subject.reference(case, layout)
    if want is None or want.shape != out.shape:
        return False
    apart = float(np.max(np.abs(out - want), initial=0.0))
    allowed = 1e2 * SINGLE if _single(judged.yours) else EXACT
    return apart <= allowed * float(np.max(np.abs(want), initial=0.0))


def _single(value: Array) -> bool:
    return value.dtype in (np.float32, np.float16)


def against(expected: Array | None, yours: Array, dims: Sequence[str], dy: Array) -> Location | None:
    """Entries that differ from the exact gradient by more than rounding; no forward is needed."""
    assert expected is not None
    given = yours.astype(np.float64)
    largest = max(float(np.max(np.abs(expected), initial=0.0)), float(np.max(np.abs(dy), initial=0.0)))
    relative, rounding = (1e3 * SINGLE, 1e2 * SINGLE) if _single(yours) else (EXACT, NEGLIGIBLE)
    wrong = ~(np.abs(given - expected) <= relative * np.abs(expected) + rounding * largest)
    return _location(wrong, given, np.asarray(expected, dtype=np.float64), dims) if wrong.any() else None


def _location(
    wrong: Array,
    yours: Array,
    right: Array,
    dims: Sequence[str],
    *,
    at_least: bool = False,
    area: Array | None = None,
) -> Location:
    """The place of the wrong entries, or of the area that they are a sample of."""
    shown = tuple(
        Entry(tuple(int(i) for i in index), float(yours[tuple(index)]), float(right[tuple(index)]))
        for index in np.argwhere(wrong)[:SHOWN]
    )
    place = describe(area, dims) if area is not None else "" if at_least else describe(wrong, dims)
    return Location(int(wrong.sum()), int(wrong.size), at_least, shown, place)


def numerically(
    function: Function,
    x: Array,
    yours: Array,
    v: Array,
    dims: Sequence[str],
    rng: np.random.Generator,
    start: Array | None = None,
    forwards: int = FORWARDS,
) -> Location | None:
    """Where the gradient of <v, function> at x is not `yours`, by differences; None where they cannot tell."""
    limit = forwards if x.size > WHOLE else 20 + 20 * SHOWN + 6 * x.size
    values = function(x) if start is None else start.astype(np.float64).ravel()
    if values is None:
        return None
    search = _Search(function, x, yours, v.astype(np.float64).ravel(), values, rng, limit)
    finite = np.isfinite(yours).ravel()
    search.right[~finite], search.wrong[~finite] = np.nan, True
    area: Array | None = None
    try:
        if not search.smooth():
            return None
        if x.size <= WHOLE:
            search.every(np.flatnonzero(finite))
        else:
            area = search.few(dims)
    except (Spent, TimeLimit):
        search.unclear = True
    if not search.wrong.any():
        return None
    wrong, given, right = (a.reshape(x.shape) for a in (search.wrong, search.yours, search.right))
    found = _location(wrong, given, right, dims, at_least=search.unclear, area=area)
    whole = right if x.size <= WHOLE and np.isfinite(right).all() else None
    return Location(**{**vars(found), "forwards": search.forwards, "numerical": whole})


class _Search:
    """One search: the forwards it may spend, and what it has found out about each entry."""

    def __init__(
        self,
        function: Function,
        x: Array,
        yours: Array,
        v: Array,
        start: Array,
        rng: np.random.Generator,
        limit: int,
    ) -> None:
        self.function, self.x, self.v, self.start, self.rng = function, x, v, start, rng
        self.limit, self.forwards = limit, 0
        self.yours = yours.astype(np.float64).ravel()
        self.eps = SINGLE if _single(yours) else EPS
        self.scale = float(np.sqrt(np.mean(np.square(x)))) or 1.0
        self.wrong = np.zeros(x.size, dtype=bool)
        self.right = np.full(x.size, np.nan)
        self.largest = float(np.max(np.abs(self.yours), initial=0.0, where=np.isfinite(self.yours)))
        self.unclear = False
        self.noise = 0.0  # of <v, function>, measured once along a direction of all entries
        self.rounding = 0.0  # that noise in units of the size of the outputs that move
        self.confirmed = 0

    def smooth(self) -> bool:
        """Measure the noise, and see that there is no kink that would make right entries look wrong."""
        finite = np.flatnonzero(np.isfinite(self.yours))
        if not finite.size:
            return True
        ladder = self._ladder(finite, self._draw(finite))
        estimate = ladder.estimate(self.v)
        self.noise = estimate.noise
        self.rounding = self.noise / (ladder.size(self.v) or 1.0)
        return estimate.ok and not ladder.kinked()

    def every(self, indices: Array) -> None:
        """Look at these entries one by one."""
        for j in indices:
            self.entry(int(j))

    def entry(self, j: int) -> bool:
        """Whether one entry is wrong: six forwards say so, the whole ladder confirms the first few."""
        at, u = np.array([j]), np.array([self.scale])
        ladder = self._ladder(at, u)
        slope = self.yours[j] * self.scale
        fast = self._fast(ladder)
        if fast is not None:
            self.right[j] = fast.value / self.scale
        bar = np.inf if fast is None else self._bar(ladder, fast, abs(slope))
        if fast is not None and abs(slope - fast.value) <= bar:
            self.largest = max(self.largest, abs(self.right[j]))
            coarse = UNCLEAR * (10 if max(self.eps, ladder.grain) > EPS else 1)
            self.unclear |= bar > max(coarse * self.largest * self.scale, NEGLIGIBLE * ladder.size(self.v))
            return False
        if self.confirmed < SHOWN or fast is None or abs(slope - fast.value) <= bar + 8 * KAPPA * self.noise / FAST[-1]:
            fast = self._whole(ladder, slope)
            self.confirmed += fast is not None
        if fast is None:
            self.unclear = True
            return False
        self.right[j] = fast.value / self.scale
        self.wrong[j] = abs(slope - fast.value) > self._bar(ladder, fast, abs(slope))
        return bool(self.wrong[j])

    def _whole(self, ladder: Ladder, slope: float) -> Estimate | None:
        """The estimate of the whole ladder; None where noise or a kink could be all there is to the difference."""
        estimate = ladder.estimate(self.v)
        if not estimate.ok or ladder.kinked():
            return None
        apart, bar = abs(slope - estimate.value), self._bar(ladder, estimate, abs(slope))
        return None if bar < apart <= bar + ladder.kink_size(self.v, estimate.noise) else estimate

    def few(self, dims: Sequence[str]) -> Array | None:
        """Search a large array. Gives the area that its wrong entries are a sample of, where they fill one."""
        part = self._beginning()
        if part is None:
            self.unclear = True
            return None
        part = self._narrowed(part, dims)
        if not self._full(part):
            self._bisect(part)
        elif self.forwards + 6 * part.indices.size + 20 * SHOWN <= self.limit:
            self.every(part.indices)
        else:
            area = np.zeros(self.x.shape, dtype=bool)
            area.ravel()[part.indices] = True
            self.unclear = True
            return area
        return None

    def _beginning(self) -> Part | None:
        """All entries, or those that are faint beside the others, if only there the error shows."""
        finite = np.isfinite(self.yours)
        faint = finite & (np.abs(self.yours) < 1e-6 * self.largest)
        for mask in (finite, faint):
            if mask.any():
                self.u = np.zeros(self.x.size)
                self.u[mask] = self._draw(np.flatnonzero(mask))
                part = self._probe(np.flatnonzero(mask))
                if part is not None and part.dirty:
                    return part
        return None

    def _narrowed(self, part: Part, dims: Sequence[str]) -> Part:
        """The part that is left when the sides that are right have been taken away."""
        for mask in halves(self.x.shape, dims):
            part = self._side(part, mask.ravel()[part.indices])
        for axis, size in enumerate(self.x.shape):
            stride = int(np.prod(self.x.shape[axis + 1 :]))
            while True:
                places = part.indices // stride % size
                low, high = int(places.min()), int(places.max())
                smaller = self._side(part, places <= (low + high) // 2) if low < high else part
                if smaller is part:
                    break
                part = smaller
        return part

    def _side(self, part: Part, inside: Array) -> Part:
        """The side of a part that holds all of its error; the part itself where both do."""
        if inside.all() or not inside.any():
            return part
        one, other = self._split(part, inside)
        if one is None or other is None or one.dirty == other.dirty:
            return part
        return one if one.dirty else other

    def _split(self, part: Part, inside: Array) -> tuple[Part | None, Part | None]:
        """Both sides of a part from one probe: what one does not explain of the error, the other has to."""
        one = self._probe(part.indices[inside])
        if one is None:
            return None, None
        other = Part(part.indices[~inside], part.error - one.error, part.bar + one.bar)
        self.unclear |= other.bar > self._coarse and not other.dirty
        return one, other

    def _full(self, part: Part) -> bool:
        """Whether every entry that is tried in a part is wrong; right ones end the trial at once."""
        if part.indices.size <= TRIED:
            return False
        return all(self.entry(int(j)) for j in self.rng.choice(part.indices, TRIED, replace=False))

    def _bisect(self, part: Part) -> None:
        """Halve what is wrong until single entries are left, the first entries first."""
        waiting = [part]
        while waiting:
            part = waiting.pop()
            if part.indices.size == 1:
                self.entry(int(part.indices[0]))
                continue
            one, other = self._split(part, np.arange(part.indices.size) < part.indices.size // 2)
            self.unclear |= one is None
            waiting += [side for side in (other, one) if side is not None and side.dirty]

    def _probe(self, indices: Array) -> Part | None:
        """The error along the direction of this search, on some entries only; None where it cannot be told."""
        u = self.u[indices]
        ladder = self._ladder(indices, u)
        parts = self.yours[indices] * u
        terms, found = float(np.abs(parts).sum()), self._fast(ladder)
        if (
            found is None or self._bar(ladder, found, terms) > self._coarse
        ):  # kinks between the steps: finer ones may do
            whole = ladder.estimate(self.v, self.noise)
            found = whole if whole.ok and (found is None or whole.error < found.error) else found
        if found is None:
            return None
        part = Part(indices, float(parts.sum()) - found.value, self._bar(ladder, found, terms))
        self.unclear |= part.bar > self._coarse
        return part

    @property
    def _coarse(self) -> float:
        """An error bar behind which a wrong entry could hide."""
        return UNCLEAR * self.largest * self.scale

    def _draw(self, indices: Array) -> Array:
        return floored(self.rng, indices.shape) * self.scale

    def _bar(self, ladder: Ladder, estimate: Estimate, terms: float) -> float:
        """How far a right slope may be from an estimate: its error bar, and the rounding of both sides."""
        return KAPPA * estimate.error + 64 * self.eps * terms + 64 * EPS * ladder.size(self.v)

    def _fast(self, ladder: Ladder) -> Estimate | None:
        """The estimate of the three steps of the fast path, with the noise that was measured before."""
        odd = [ladder.odd(h) for h in FAST]
        if any(o is None for o in odd):
            return None
        slopes = [float(self.v @ o) / (2 * h) for o, h in zip(odd, FAST, strict=True) if o is not None]
        noise = max(self.rounding, ladder.grain / 4) * ladder.size(self.v)
        return Ladder._best(slopes, list(FAST), noise)

    def _ladder(self, indices: Array, u: Array) -> Ladder:
        """The function along a direction that moves these entries only."""

        def line(t: float) -> Array | None:
            if self.forwards >= self.limit:
                raise Spent
            self.forwards += 1
            moved = self.x.astype(np.float64)
            moved.reshape(-1)[indices] += t * u
            return self.function(moved)

        return Ladder(line, self.start)
