"""One gradient, judged by three oracles that know nothing of each other.

Numerical differentiation of the forward is the judge: the backward has to be the gradient of the forward that is there.
Where the forward agrees with a reference, the reference's gradient and torch's are compared exactly; they decide where
the numbers cannot, and a FAIL never goes against all three.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array, Verdict
from gradcheck_plugin.oracles.equal import EXACT
from gradcheck_plugin.oracles.numerical import EPS, KAPPA, STEPS, Estimate, Ladder, direction, floored, scale_of

DIRECTIONS = 2
FAST_TOLERANCE = 1e-8
FAINT = 1e-7  # share of the norm below which an entry gets a direction of its own: twice it would be seen above
COARSEST = 1e-3
KINK = "a kink of the forward"
FAR = 1e-5  # share of a slope from which on it is another one, whatever the rounding
NEGLIGIBLE = 1e4 * EPS  # a gradient this small beside the function is zero and rounding
SINGLE = 1.2e-7
ROUNDING = 1e-11  # share of a function's size up to which its noise is the rounding of float64


@dataclass
class Judgement:
    """The verdict on one gradient in one case, with what was compared."""

    verdict: Verdict
    reason: str = ""
    kind: str = ""
    resolution: float = 0.0
    yours: Any = None
    expected: Array | None = None
    torch: Array | None = None
    estimate: Estimate | None = None
    ladder: Ladder | None = None
    slope: float = 0.0
    v: Array | None = None
    dy: Array | None = None
    zero: bool = False
    overruled: bool = False  # the exact oracles passed what the numbers did not
    note: str = ""


def flat(a: Array) -> Array:
    """An array as a flat vector of float64."""
    return np.asarray(a).astype(np.float64).ravel()


def judge(
    x: Array,
    yours: Array | None,
    out: Array,
    dy: Array,
    moved: Callable[[float, Array], Array | None],
    draws: Callable[[int], np.random.Generator],
    exact: tuple[Array | None, Array | None] = (None, None),
    trusted: bool = False,
    measured: bool = True,
) -> Judgement:
    """Judge what a backward gave as the gradient of `x`, whose forward gives `out`, for the upstream gradient `dy`.

    `moved(t, u)` is the forward at x + t u as a flat vector, None where it has no finite numbers; `draws(k)` gives the
    random numbers of the k-th direction; `exact` are the gradients of the reference and of torch, where there are any,
    and `trusted` says whether the forward is the reference's. A gradient that is None is judged by whoever knows why.
    One that these pass entry by entry, and that need not be `measured`, takes no forward.
    """
    expected, torch = exact
    base = Judgement(Verdict.FAIL, yours=yours, expected=expected, torch=torch, dy=dy)
    values = out.astype(np.float64).ravel()
    start, base.v = np.where(np.isinf(values), 0.0, values), flat(dy)
    if yours is not None and yours.shape != x.shape and yours.size == x.size and _long(yours) == _long(x):
        base.note = f"has shape {yours.shape} where the array has {x.shape}; the numbers are compared"
        yours = base.yours = yours.reshape(x.shape)
    if not measured and trusted and yours is not None and all(_is(yours, o, dy) for o in exact):
        base.verdict, base.resolution = Verdict.PASS, EXACT
        base.zero = float(np.linalg.norm(yours) * scale_of(x)) <= _floor(base.v, start)
        return base
    u = direction(draws(2), x)
    base.ladder = Ladder(lambda t: moved(t, u), start)
    if yours is None:
        return base
    if yours.shape != x.shape:
        base.kind = "wrong-shape"
        base.reason = f"it has shape {yours.shape}, the array {x.shape}"
        base.estimate = base.ladder.estimate(base.v)
        return base
    if not np.isfinite(yours).all():
        base.estimate = base.ladder.estimate(base.v)
        base.kind, base.reason = "not-finite", "it has NaN or infinite entries"
        if base.ladder.kinked():
            base.verdict, base.kind, base.reason = Verdict.INCONCLUSIVE, "", KINK
        elif expected is None and 1 in x.shape and base.ladder.still:  # the deviation of one number, and its root
            base.verdict, base.kind = Verdict.INCONCLUSIVE, ""
            base.reason = "the forward is constant where an axis has length 1"
        elif not base.estimate.ok or not np.isfinite(values).all():
            base.verdict = Verdict.INCONCLUSIVE
        return base
    single = yours.dtype in (np.float32, np.float16)
    yours, eps = yours.astype(np.float64), SINGLE if single else EPS
    if not measured and trusted and _is_another(base, yours, u, eps):
        base.kind, base.reason, base.slope = "value", "it is not the slope of the forward", float(np.vdot(yours, u))
        return base
    return _numbers(base, yours, eps, x, moved, draws, trusted)


def _long(a: Array) -> list[int]:
    """The axes that are longer than 1."""
    return [s for s in a.shape if s > 1]


def _floor(v: Array, start: Array) -> float:
    """The size below which a slope is zero and rounding."""
    return NEGLIGIBLE * float(np.abs(v) @ np.abs(start))


def _is_another(base: Judgement, yours: Array, u: Array, eps: float) -> bool:
    """Whether a slope of the forward is that of both exact oracles to all digits, and yours is far from it.

    A forward that they and the differences agree on makes no step there. It may have a kink: at a tie all of them take
    the mean of both sides, and any share is right.
    """
    right, dy = base.expected, base.dy
    assert base.ladder is not None
    assert base.v is not None
    assert dy is not None
    if right is None or base.torch is None or right.shape != yours.shape or not _agrees(right, base.torch, dy, EPS):
        return False
    slope, scale = float(np.vdot(right, u)), float(np.linalg.norm(right * u))
    least = max(scale, float(np.linalg.norm(yours * u)), 1e-3 * float(np.linalg.norm(base.v)))
    if not scale or abs(float(np.vdot(yours, u)) - slope) <= FAR * (1 if eps == EPS else 1e3) * least:
        return False
    agreed = any(abs(slope - t) <= FAST_TOLERANCE * scale for t in base.ladder.fast(base.v))
    return agreed and not base.ladder.kinked()


def _is(yours: Array, oracle: Array | None, dy: Array) -> bool:
    """Whether every entry of a gradient is an exact oracle's, small ones beside large ones, too."""
    if oracle is None or oracle.shape != yours.shape or not np.isfinite(oracle).all():
        return False
    rounding = 64 * EPS * max(float(np.max(np.abs(a), initial=0.0)) for a in (oracle, dy))
    return bool(np.all(np.abs(yours - oracle) <= EXACT * np.abs(oracle) + rounding))


def _numbers(
    base: Judgement,
    yours: Array,
    eps: float,
    x: Array,
    line: Callable[[float, Array], Array | None],
    draws: Callable[[int], np.random.Generator],
    trusted: bool,
) -> Judgement:
    """Two directions against numerical differentiation, then the exact oracles."""
    assert base.ladder is not None
    assert base.v is not None
    assert base.dy is not None
    agrees = all(_agrees(yours, o, base.dy, eps) for o in (base.expected, base.torch) if o is not None)
    agrees = agrees and base.expected is not None
    worst = 0.0
    scales: list[float] = []
    directions = [direction(draws(2 + k), x) for k in range(DIRECTIONS)]
    directions += _faint(yours, directions[-1])
    for k, u in enumerate(directions):
        ladder = base.ladder if k == 0 else Ladder(lambda t, u=u: line(t, u), base.ladder._start)  # type: ignore[misc]
        slope = float(np.vdot(yours, u))
        scale = float(np.linalg.norm(yours * u))
        verdict, reason, resolution, estimate = _direction(ladder, base.v, slope, scale, yours, u, eps)
        noise = base.ladder.estimate(base.v).noise if k >= DIRECTIONS and verdict is Verdict.FAIL else 0.0
        if noise > ROUNDING * base.ladder.size(base.v):  # of the function, whatever the direction: float32 inside
            verdict, reason, resolution, estimate = _direction(ladder, base.v, slope, scale, yours, u, eps, noise)
        if verdict is not Verdict.PASS and len(ladder.usable) < len(STEPS):
            # a logarithm, a root: a step that keeps to the side of each entry
            u = floored(draws(20 + k), x.shape) * np.abs(x)
            ladder = Ladder(lambda t, u=u: line(t, u), base.ladder._start)  # type: ignore[misc]
            slope, scale = float(np.vdot(yours, u)), float(np.linalg.norm(yours * u))
            verdict, reason, resolution, estimate = _direction(ladder, base.v, slope, scale, yours, u, eps)
        if k >= DIRECTIONS and verdict is not Verdict.FAIL:
            continue  # below the noise there is nothing to say about such entries
        scales.append(scale)
        worst = max(worst, resolution)
        if verdict is not Verdict.PASS:
            base.estimate, base.ladder, base.slope = estimate, ladder, slope
            if agrees and trusted:
                base.verdict, base.note = Verdict.PASS, f"by the reference and torch; numerically: {reason}"
                base.resolution, base.overruled = EXACT, True
                return base
            base.verdict, base.reason = verdict, reason
            if verdict is Verdict.INCONCLUSIVE and reason != KINK and _contradicted(yours, base):
                base.verdict, base.kind = Verdict.FAIL, "value"
            elif verdict is Verdict.FAIL:
                base.kind = "value"
            return base
        base.estimate = estimate
    base.verdict, base.resolution = Verdict.PASS, worst
    base.zero = all(scale <= _floor(base.v, base.ladder._start) for scale in scales)
    return base


def _faint(yours: Array, u: Array) -> list[Array]:
    """One more direction over the entries that the others drown out: a wrong one there would hide in the norm.

    In a large array a few entries are as small by chance; those are not looked for.
    """
    parts = np.abs(yours * u)
    faint = (parts > 0) & (parts < FAINT * float(np.linalg.norm(parts)))
    by_chance = 10 * FAINT * parts.size**1.5
    return [np.where(faint, u, 0.0)] if faint.sum() > by_chance else []


def _direction(
    ladder: Ladder, v: Array, slope: float, scale: float, yours: Array, u: Array, eps: float, noise: float = 0.0
) -> tuple[Verdict, str, float, Estimate | None]:
    """One directional derivative: the fast path of six forwards, then the whole ladder, then the kink test."""
    own = 64 * eps * float(np.abs(yours * u).sum())
    fast = ladder.fast(v)
    if scale and any(abs(slope - t) <= FAST_TOLERANCE * scale + own for t in fast):
        return Verdict.PASS, "", FAST_TOLERANCE + own / scale, None
    estimate = ladder.estimate(v, noise)
    kink = ladder.kinked()
    if ladder.jumps():
        return Verdict.INCONCLUSIVE, "the forward is discontinuous here", 0.0, estimate
    if not estimate.ok:
        return Verdict.INCONCLUSIVE, KINK if kink else estimate.reason, 0.0, estimate
    tolerance = KAPPA * estimate.error + own + 64 * EPS * ladder.size(v)
    if abs(slope - estimate.value) <= tolerance:
        if not scale:
            return Verdict.PASS, "", 0.0, estimate
        if scale <= NEGLIGIBLE * ladder.size(v):
            return Verdict.PASS, "", 0.0, estimate  # zero, but for rounding
        if tolerance <= COARSEST * scale * (10 if max(eps, ladder.grain) > EPS else 1):
            return Verdict.PASS, "", tolerance / scale, estimate
        return Verdict.INCONCLUSIVE, "the forward is too noisy to tell", 0.0, estimate
    if kink or abs(slope - estimate.value) <= tolerance + ladder.kink_size(v, estimate.noise):
        return Verdict.INCONCLUSIVE, KINK, 0.0, estimate
    if ladder.stepped(v, estimate.value):
        return Verdict.INCONCLUSIVE, "the forward moves in steps near this point", 0.0, estimate
    return Verdict.FAIL, "it is not the slope of the forward", tolerance / scale if scale else 0.0, estimate


def _agrees(yours: Array, oracle: Array, dy: Array, eps: float) -> bool:
    """Whether a gradient equals an exact oracle's to rounding."""
    if oracle.shape != yours.shape or not np.isfinite(oracle).all():
        return False  # beside an infinity everything is close
    largest = float(np.max(np.abs(oracle), initial=0.0))
    rounding = 256 * eps * float(np.max(np.abs(dy), initial=0.0))
    return bool(np.all(np.abs(yours - oracle) <= (EXACT if eps == EPS else 1e-4) * largest + rounding))


def _contradicted(yours: Array, base: Judgement) -> bool:
    """Whether reference and torch both say something grossly different: rounding is no contradiction."""
    oracles = [o for o in (base.expected, base.torch) if o is not None and o.shape == yours.shape]
    if base.expected is None or not oracles or base.dy is None:
        return False
    coarse = 1e-6 * float(np.max(np.abs(base.dy), initial=0.0))
    allowed = [1e-2 * float(np.max(np.abs(o), initial=0.0)) + coarse for o in oracles]
    return all(np.max(np.abs(yours - o), initial=0.0) > a for o, a in zip(oracles, allowed, strict=True))
