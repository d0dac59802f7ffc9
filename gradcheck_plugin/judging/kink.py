"""The value of a gradient exactly on a kink, where any slope between the two one-sided ones is right.

One coordinate of the input is put on the kink and all others are generic, so that only one branch decision is on the
edge. The one-sided slopes along that coordinate are then exact bounds: what lies between them is a convention, which
is named beside torch's; what lies outside is wrong. Entries that tie for a maximum are bounded one by one in the same
way; moved together they are one entry and have one slope, to which their gradients must add up. Giving the whole
gradient to each of them is a habit of much published code, so it is told and fails nothing; losing it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_plugin.judging.gradient import Run
from gradcheck_plugin.model import Array, Case, Verdict
from gradcheck_plugin.oracles.numerical import Ladder
from gradcheck_plugin.running.calls import frozen
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.subject import Subject
from reference_impls.spec import Kink

STEPS = (2.0**-10, 2.0**-12, 2.0**-14)
NEAR = 2.0**-5  # how far entries that nearly tie are apart: more than any step of a difference
Place = float | Callable[..., Kink | None]


@dataclass(frozen=True)
class Entry:
    """One coordinate on the kink: yours and torch's gradient there, and the slopes on both sides."""

    name: str
    index: tuple[int, ...]
    yours: float
    left: float
    right: float
    torch: float | None = None


@dataclass(frozen=True)
class KinkJudgement:
    """The gradient on a kink, and the intervals it has to lie in. `doubled`: tied entries together get too much."""

    verdict: Verdict
    reason: str = ""
    says: str = ""
    case: Case | None = None
    entries: tuple[Entry, ...] = ()
    worst: int = 0
    together: float = np.nan
    convex: bool = True
    doubled: bool = False

    @property
    def convention(self) -> str:
        """Which slope is taken, and which torch takes."""
        if len(self.entries) > 1:
            mine = "more than there is" if self.doubled else self._split([e.yours for e in self.entries])
            torch = self._split([e.torch for e in self.entries])
            return f"at {self.says} it gives {mine}" + (f"; torch gives {torch}" if torch else "")
        (e,) = self.entries
        torch = f"; torch takes {_side(e.torch, e)}" if e.torch is not None else ""
        return f"on the kink {self.says} it takes {_side(e.yours, e)}{torch}"

    def _split(self, values: list[float | None]) -> str:
        """How the gradient is shared among tied entries."""
        shares = []
        for value, e in zip(values, self.entries, strict=True):
            if value is None or e.right == e.left:
                return ""
            shares.append((value - (e.left if self.convex else e.right)) / abs(e.right - e.left))
        sizes = [abs(s) for s in shares]
        if np.ptp(sizes) <= 1e-4:
            return "each the same share"
        if abs(max(sizes) - 1) > 1e-4:
            return "each a share"
        return "all to the first" if sizes[0] == max(sizes) else "all to the last"


def placed(subject: Subject, case: Case, place: Place) -> tuple[Case, Kink] | None:
    """The case with one coordinate on the kink; None where none of its coordinates can be put there."""
    assert subject.spec is not None
    base, layout = subject.spec.layout, subject.layout
    if not isinstance(place, float | int) and case.short:
        case = subject.sample(case.seed, case.sizes)  # short numbers tie by themselves
    arrays, rng = subject.base_arrays(case, layout), case.rng(8)
    if isinstance(place, float | int):
        name = next(e.name for e in base.inputs if e.domain == "real")
        x = arrays[name].copy()
        index = tuple(int(i) for i in np.unravel_index(int(rng.integers(x.size)), x.shape))
        x[index] = place
        kink: Kink | None = Kink(f"x = {place:g}", {name: x}, ((name, index),))
    else:
        kink = place(rng, *arrays.values(), **subject.variant.options)
    if kink is None:
        return None
    moved = {n: np.asarray(layout.from_base(n, a, base, case.sizes)) for n, a in kink.arrays.items()}
    return replace(case, arrays={**case.arrays, **moved}), kink


def beside(subject: Subject, case: Case, place: Place) -> Case | None:
    """The case with entries that nearly tie; None where a kink is of one entry only.

    Of two entries that are close one is the maximum, and the gradient is its own: a mask with a tolerance gives both.
    """
    found = None if isinstance(place, float | int) else placed(subject, case, place)
    if found is None or len(found[1].entries) < 2:
        return None
    where, kink = found
    name, index = kink.entries[0]
    base, x = subject.spec.layout if subject.spec else subject.layout, kink.arrays[name].copy()
    x[index] += NEAR * max(1.0, abs(float(x[index])))
    moved = np.asarray(subject.layout.from_base(name, x, base, where.sizes))
    return replace(where, arrays={**where.arrays, name: moved})


def judge(subject: Subject, case: Case, place: Place) -> KinkJudgement:
    """Judge the gradient at the coordinates that lie on the kink."""
    found = placed(subject, case, place)
    if found is None:
        return KinkJudgement(Verdict.NOT_JUDGED, "the case has no room for a kink")
    where, kink = found
    run = Run(subject, where, subject.layout)
    start, v = run.out.astype(np.float64).ravel(), run.dy.astype(np.float64).ravel()
    open_ = KinkJudgement(Verdict.INCONCLUSIVE, says=kink.says, case=where)
    units = [_unit(subject, where, *entry) for entry in kink.entries]
    entries, noises, ladders = [], [], []
    for (name, _), unit in zip(kink.entries, units, strict=True):
        yours = numeric(run.given.get(name))
        if yours is None or yours.size != unit.size:
            return replace(open_, verdict=Verdict.NOT_JUDGED, reason="no gradient of the input's shape came back")
        ladder = _ladder(subject, where, {name: unit}, start)
        if ladder.jumps():
            return replace(open_, reason="the forward is discontinuous here")
        (left, e1), (right, e2) = (_one_sided(ladder, v, sign) for sign in (-1.0, 1.0))
        if not np.isfinite(left + right):
            return replace(open_, reason="the forward is not finite beside the kink")
        torch = run.torch.get(name)
        at = np.unravel_index(int(np.argmax(unit)), unit.shape)
        index = tuple(int(i) for i in at)
        mine = float(yours.reshape(unit.shape)[index])
        entries.append(Entry(name, index, mine, left, right, None if torch is None else float(torch[index])))
        noises.append(max(e1, e2) + 4 * ladder.grain * ladder.size(v) / STEPS[-1])
        ladders.append(ladder)
    largest = max(abs(s) for e in entries for s in (e.left, e.right))
    noise = max(noises)
    tolerance = 1e-5 * max(largest, 1e-3) + noise
    if noise > 1e-2 * max(largest, 1e-6):
        return replace(open_, reason="the forward is too noisy beside the kink, or has another one there")
    judged = replace(open_, verdict=Verdict.PASS, entries=tuple(entries))
    for k, e in enumerate(entries):
        if not min(e.left, e.right) - tolerance <= e.yours <= max(e.left, e.right) + tolerance:
            return replace(judged, verdict=Verdict.FAIL, reason="it lies outside the one-sided slopes", worst=k)
    if len(entries) == 1:
        return judged
    return _tied(subject, judged, units, v, start, ladders[0], tolerance * len(entries))


def _tied(
    subject: Subject,
    judged: KinkJudgement,
    units: list[Array],
    v: Array,
    start: Array,
    first: Ladder,
    tolerance: float,
) -> KinkJudgement:
    """Whether the gradients of tied entries add up to the slope of moving them together."""
    assert judged.case is not None
    along: dict[str, Array] = {}
    for e, unit in zip(judged.entries, units, strict=True):
        along[e.name] = along.get(e.name, 0.0) + unit
    ladder = _ladder(subject, judged.case, along, start)
    (left, e1), (right, e2) = (_one_sided(ladder, v, sign) for sign in (-1.0, 1.0))
    tolerance += e1 + e2
    if not abs(left - right) <= tolerance:
        return replace(judged, verdict=Verdict.INCONCLUSIVE, reason="the tied entries meet another kink")
    even = first.even(STEPS[-1])
    convex = even is not None and float(even.sum()) > 0
    judged = replace(judged, together=(left + right) / 2, convex=convex)
    excess = sum(e.yours for e in judged.entries) - judged.together
    if abs(excess) <= tolerance:
        return judged
    e = judged.entries[0]
    more = excess * (e.right - e.left) * (1 if convex else -1) > 0
    if more:
        return replace(judged, doubled=True)
    return replace(judged, verdict=Verdict.FAIL, reason="together they get less than the slope of moving them together")


def _unit(subject: Subject, case: Case, name: str, index: tuple[int, ...]) -> Array:
    """The direction of one entry of a base array, as the user's layout has it."""
    assert subject.spec is not None
    base = subject.spec.layout
    unit = np.zeros(subject.base_arrays(case, subject.layout)[name].shape)
    unit[index] = 1.0
    return np.asarray(subject.layout.from_base(name, unit, base, case.sizes))


def _ladder(subject: Subject, case: Case, along: dict[str, Array], start: Array) -> Ladder:
    """The forward along a direction in one array or more."""

    def line(t: float) -> Array | None:
        moved = {n: case.arrays[n] + t * u for n, u in along.items()}
        try:
            with frozen(case.seed):
                out = numeric(subject.caller.forward({**case.arrays, **moved}).output)
        except Exception:
            return None
        return None if out is None or not np.isfinite(out).all() else out.astype(np.float64).ravel()

    return Ladder(line, start)


def _one_sided(ladder: Ladder, v: Array, sign: float) -> tuple[float, float]:
    """The slope on one side, extrapolated twice, and how far the two are apart: what bends there, or meets a kink."""
    start = ladder.at(0.0)
    values = [ladder.at(sign * h) for h in STEPS]
    if start is None or any(value is None for value in values):
        return np.nan, np.nan
    pairs = zip(values, STEPS, strict=True)
    d = [float(v @ (value - start)) / (sign * h) for value, h in pairs if value is not None]
    coarse, fine = (4 * d[1] - d[0]) / 3, (4 * d[2] - d[1]) / 3
    return fine, abs(fine - coarse)


def _side(value: float, e: Entry) -> str:
    if not np.isfinite(value):
        return "no slope at all, NaN"
    near = 1e-4 * max(abs(e.left), abs(e.right), 1e-9)
    if abs(value - e.left) <= near:
        return "the slope from the left"
    return "the slope from the right" if abs(value - e.right) <= near else "a slope between the two"
