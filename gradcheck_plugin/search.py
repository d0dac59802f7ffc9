"""Hypothesis: draws cases, finds a failing one and shrinks it. The only module that imports hypothesis."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import hypothesis
import hypothesis.reporting
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from gradcheck_plugin.model import Case
from gradcheck_plugin.running.calls import Through, passes, passing
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout
from reference_impls.spec import Variant

T = TypeVar("T")
LARGEST_AXIS = 5
REFUSED = "refused"  # what a predicate says of a case that is none: the code does not take such an input
REDRAWN = 10  # cases that may be refused for each that is wanted
SMALLER = 400  # cases that are judged to find the smallest failing one


Key = tuple[Layout, tuple[tuple[str, int], ...], int, bool]


@dataclass
class Drawn:
    """A case with the layout it was drawn in; `incidental` where a fault is advice only."""

    case: Case
    layout: Layout
    incidental: bool = False

    @property
    def key(self) -> Key:
        """What the arrays followed from: two cases with the same key are the same."""
        return self.layout, tuple(sorted(self.case.sizes.items())), self.case.seed, self.case.short


@dataclass
class Search:
    """What a search saw: how many cases, and the first and smallest that the predicate held for."""

    cases: int = 0
    found_after: int = 0
    smallest: Drawn | None = None
    seen_fault: str = ""
    raised: BaseException | None = None  # what the user's code raised in the smallest
    seen: dict[Key, str] = field(default_factory=dict)


def seed_of(nodeid: str, seed: int) -> int:
    """The seed of an item: its own stream, the same in every run and in every process."""
    return zlib.crc32(nodeid.encode()) ^ seed


@contextlib.contextmanager
def _own_draws() -> Iterator[None]:
    """Keep Hypothesis from mixing constants of whatever modules are loaded into the draws.

    It reads them from the source of local modules and caches them in a folder beside the user's files. With them, the
    same item would draw other cases in another process, and a run would leave a folder behind.
    """
    try:
        from hypothesis.internal.conjecture import providers

        kept, cache = providers._get_local_constants, providers.CONSTANTS_CACHE.cache
        nothing = type(providers._local_constants)()
    except (ImportError, AttributeError):  # a version that has no such constants
        yield
        return
    cache.clear()
    providers._get_local_constants = lambda: nothing
    try:
        yield
    finally:
        providers._get_local_constants = kept
        cache.clear()


@st.composite
def drawn(draw: Any, subject: Subject, layouts: tuple[tuple[Variant, Layout], ...]) -> Drawn:
    """A layout, axis sizes, a seed for the numbers, and whether these are short.

    Numbers come from a generator that the seed starts, not from Hypothesis floats, which favour 0, ties and 1, where
    kinks are. Everything shrinks towards the base layout, sizes of one and short numbers.
    """
    variant, layout = draw(st.sampled_from(layouts))
    base = subject.spec.layout if subject.spec else None
    sizes = {n: draw(st.integers(subject.minimum.get(n, 1), LARGEST_AXIS)) for n in layout.dims(base)}
    short = draw(st.sampled_from((True, False, False, False)))
    seed = draw(st.integers(0, 2**32 - 1))
    return Drawn(subject.sample(seed, sizes, short=short, layout=layout), layout, variant.incidental)


def _generic(subject: Subject, layouts: tuple[tuple[Variant, Layout], ...], seed: int) -> list[Drawn]:
    """One case of every layout with pairwise different axes: no run goes without these.

    And one of the first layout with other sizes: what is forgotten at a border shows where sides are even, or odd. And
    one with other numbers: what is kept from another call is as long, and shows in the second of them only.
    """
    base = subject.spec.layout if subject.spec else None
    every = [(variant, layout, generic_sizes(layout, subject.spec, base)) for variant, layout in layouts]
    variant, layout = layouts[0]
    every.append((variant, layout, generic_sizes(layout, subject.spec, base, shift=1)))
    every.append(every[0])
    return [
        Drawn(subject.sample(seed + i, sizes, layout=layout), layout, variant.incidental)
        for i, (variant, layout, sizes) in enumerate(every)
    ]


@dataclass
class Draws:
    """The cases of a subject: one of every layout with generic axes, and those that were drawn and that it takes."""

    layouts: tuple[tuple[Variant, Layout], ...]
    seed: int
    cases: int
    generic: list[Drawn]
    drawn: list[Drawn] = field(default_factory=list)
    refused: set[Key] = field(default_factory=set)


def draw(
    subject: Subject,
    takes: Callable[[Drawn], bool],
    *,
    seed: int,
    cases: int,
    layouts: tuple[tuple[Variant, Layout], ...],
) -> Draws:
    """Draw `cases` cases that a subject takes, and up to ten times as many in search of them."""
    found = Draws(layouts, seed, cases, _generic(subject, layouts, seed))
    keys: set[Key] = set()

    def predicate(candidate: Drawn) -> bool:
        if candidate.key in keys:
            return False
        if candidate.key not in found.refused and not _held(takes, candidate):
            found.refused.add(candidate.key)
        if candidate.key in found.refused:
            if len(found.refused) <= REDRAWN * cases:
                hypothesis.reject()
            return False
        keys.add(candidate.key)
        found.drawn.append(candidate)
        return False

    _find(subject, found, predicate)
    return found


def search(subject: Subject, holds: Callable[[Drawn], str], draws: Draws, *, cases: int) -> Search:
    """Try up to `cases` of the drawn cases; when `holds` names a fault, shrink the case while it names the same one.

    A case of which `holds` says REFUSED does not count. What bounds drawing and shrinking is the number of cases: the
    same arguments give the same search, however long it takes.
    """
    state = Search()
    over, smaller = [False], [0]
    locked: list[str] = []

    def judged(candidate: Drawn) -> str:
        key = candidate.key
        if key not in state.seen:
            if over[0] or smaller[0] >= SMALLER:
                return ""
            smaller[0] += bool(locked)
            state.seen[key] = REFUSED if key in draws.refused else _held(holds, candidate)
            if not locked:
                state.cases += state.seen[key] != REFUSED
        fault = state.seen[key]
        if fault == REFUSED:
            return fault
        if fault == "time-limit":
            over[0] = True
        if fault and not locked:
            locked.append(fault)
            state.seen_fault, state.found_after = fault, state.cases
        return fault

    def predicate(candidate: Drawn) -> bool:
        fault = judged(candidate)
        if fault == REFUSED:
            if candidate.key in draws.refused:
                hypothesis.reject()  # as it was when these cases were drawn, so that the same ones follow
            return False
        if fault and fault == locked[0]:
            state.smallest = candidate
            return True
        return False

    with passing():
        for candidate in (*draws.generic, *draws.drawn[:cases]):
            if judged(candidate) not in ("", REFUSED):
                state.smallest = candidate
                break
    if state.smallest is not None:
        _find(subject, draws, predicate)
    return state


def _find(subject: Subject, draws: Draws, predicate: Callable[[Drawn], bool]) -> None:
    """Draw cases with Hypothesis until the predicate holds, then smaller ones for which it holds, too."""
    settings = hypothesis.settings(
        max_examples=draws.cases,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )
    with passing(), hypothesis.reporting.with_reporter(lambda _: None), _own_draws():
        try:
            random = Random(draws.seed)
            hypothesis.find(drawn(subject, draws.layouts), predicate, settings=settings, random=random)
        except (hypothesis.errors.NoSuchExample, hypothesis.errors.Unsatisfiable):
            pass
        except hypothesis.errors.Flaky as flaky:  # no more cases between the last shrink and its replay
            if fault := _fault_in_drawing(flaky):
                raise fault from None


def _fault_in_drawing(flaky: hypothesis.errors.Flaky) -> BaseException | None:
    """What was raised between two cases, by an alarm of another plugin for one, and not again when they were redrawn.

    Without it a search that another plugin ended would count as one that found no fault.
    """
    for raised in getattr(flaky, "exceptions", (flaky,)):
        if not isinstance(raised, hypothesis.errors.Found):
            cause = raised.__cause__  # Hypothesis wraps what is no Exception
            return raised if isinstance(cause, Exception | None) else cause
    return None


def _held(holds: Callable[[Drawn], T], candidate: Drawn) -> T:
    try:
        return holds(candidate)
    except BaseException as exc:
        if isinstance(exc, Through) or not passes(exc):
            raise
        raise Through(exc) from exc
