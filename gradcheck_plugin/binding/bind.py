"""How one candidate is called: its convention's caller, and the variant of the reference that its forward computes.

The forward decides: every layout of the reference is tried, and the one whose numbers agree is the user's own
convention. Where a name promises a reference that no layout reproduces, the other references are tried by their
numbers; where none fits, the object is bound as it stands and its backward is judged against its own forward.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from gradcheck_plugin.author.written import leaves_in_self
from gradcheck_plugin.binding import averages, derivative, missing, reduction, strengths
from gradcheck_plugin.binding.alone import bound_alone
from gradcheck_plugin.binding.choose import choose, is_mean, suits_kind
from gradcheck_plugin.binding.fit import defaults, distance_of, try_out
from gradcheck_plugin.binding.obstacles import Broken, backward_raised, convention_of, not_bound
from gradcheck_plugin.binding.readings import arguments_of, with_own_defaults
from gradcheck_plugin.binding.stated_shapes import with_shapes
from gradcheck_plugin.binding.thresholds import thresholds
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.faults import blame
from gradcheck_plugin.faults.raised import not_as_pinned, not_implemented, timed_out
from gradcheck_plugin.model import GivesNothing, NotDriven, Unbindable
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.objects.constructor import option_of
from gradcheck_plugin.running.calls import WHOLE, Meter, NothingReturned, Spent, UserCodeRaised, metered
from gradcheck_plugin.running.limits import CallWatch, TimeLimit
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls import specs
from reference_impls.shapes import Layout
from reference_impls.spec import RULES, LayerSpec, Variant

SETTINGS_TRIED = 3

CALLS = 300_000  # of the user's code, to find out how it is called

CALLS_FOR_SETTINGS = 20_000  # and with which other settings


def bind(
    candidate: Candidate,
    *,
    file: str = "",
    root: Path | None = None,
    module: str = "",
    layer: str | None = None,
    seconds: float = 10.0,
) -> Subject | Broken | NotDriven:
    """Bind a candidate. `layer` names the reference; without it the name and the numbers decide.

    What the forward leaves open, such as the form of labels or what the arguments of a backward mean, is settled by how
    far the gradients are from those of the forward.
    """
    place: dict[str, Any] = {"file": file, "line": candidate.line}
    named = specs()[layer] if layer else spec_named(candidate.name, candidate.kind)
    if named and not suits_kind(named, candidate) and not layer:
        named = None
    pinned = named if layer else None
    try:
        with metered(seconds, CALLS) as meter:
            candidate = _with_thresholds(candidate)
            candidate = with_shapes(candidate, named, _reading(candidate))
            attempt, candidate = choose(candidate, named, pinned=layer is not None)
            other = attempt.subject is None or attempt.subject.spec is not named
            if pinned is not None and other and not isinstance(attempt.fault, UserCodeRaised | NothingReturned):
                reason = str(attempt.fault or "no layout of it fits")
                finding = not_as_pinned(candidate.name, candidate.function, pinned.name, reason, place)
                return Broken(candidate.name, finding, convention=convention_of(candidate), layer=pinned.name, **place)
            if candidate.unsure and (attempt.fault or distance_of(attempt, far=True)):
                return _nothing_says(candidate, attempt.fault, root, place)
            if candidate.kind in RULES and isinstance(attempt.fault, UserCodeRaised) and attempt.tried:
                return backward_raised(candidate, attempt.fault, root, place, clear=True, tried=attempt.tried)
            if attempt.subject is None:
                return not_bound(candidate, attempt.fault, root, place, pinned, attempt.tried)
            if not attempt.fault:
                attempt.subject = derivative.read(attempt.subject, generic_sizes(attempt.subject.layout, None, None))
    except Spent:
        return NotDriven(candidate.name, f"no way of calling it was found in {CALLS} calls", code="too-many", **place)
    except TimeLimit as exc:
        return _hung(candidate, exc, meter, seconds, root, place, pinned)
    bound = dataclasses.replace(
        attempt.subject,
        root=root,
        module=module,
        function=candidate.function,
        matches=attempt.matches,
        doubts={**attempt.subject.doubts, **candidate.reading.doubts},
        **place,
    )
    if isinstance(attempt.fault, UserCodeRaised):
        return backward_raised(
            candidate,
            attempt.fault,
            root,
            place,
            clear=attempt.clear or pinned is not None,
            convention=bound.caller.convention,
            tried=dataclasses.replace(attempt.tried, subject=bound) if attempt.tried else None,
        )
    if isinstance(attempt.fault, GivesNothing) and _leaves_something(candidate):
        return NotDriven(candidate.name, "its backward leaves nothing that is known to be a gradient", **place)
    if isinstance(attempt.fault, GivesNothing):
        finding = not_implemented(candidate.name, candidate.function, place)
        named_so = bound.spec.name if bound.spec else ""
        return Broken(candidate.name, finding, convention=bound.caller.convention, layer=named_so, **place)
    if is_mean(bound.caller) and not averages.takes_mean(candidate.objects):
        bound = dataclasses.replace(bound, doubt=reduction.DOUBT)
    if doubt := bound.caller.doubt:
        bound = dataclasses.replace(bound, doubt=doubt)
    if isinstance(bound.caller, derivative.DerivativeCaller):  # its gradient is of another kind than the caller's
        return bound
    bound = _with_missing(candidate, bound, seconds)
    return _with_settings(candidate, bound, seconds)


def _with_thresholds(candidate: Candidate) -> Candidate:
    """A layer or loss with the numbers that its code compares with its input."""
    found = thresholds(candidate) if candidate.kind in ("layer", "loss") else ()
    return candidate.read(thresholds=found) if found else candidate


def _hung(
    candidate: Candidate,
    exc: TimeLimit,
    meter: Meter,
    seconds: float,
    root: Path | None,
    place: dict[str, Any],
    pinned: LayerSpec | None,
) -> Broken | NotDriven:
    """The outcome for a call that did not come back: a fault of a backward whose forward did, or of an endless loop."""
    if not isinstance(exc.watch, CallWatch):
        reason = f"tried {meter.calls} calls in {WHOLE * seconds:g} s, and there was more to be tried"
        return NotDriven(candidate.name, reason, code="too-slow", **place)
    finding = timed_out(candidate.function or candidate.name, exc, seconds, root, **place)
    if exc.where == "backward" or pinned or blame.never_ends(exc, root):
        named_so = pinned.name if pinned else ""
        return Broken(candidate.name, finding, convention=convention_of(candidate), layer=named_so, **place)
    reason = f"{exc.where} did not come back within {seconds:g} s for an input that was tried: line {finding.line}"
    return NotDriven(candidate.name, reason, code="time-limit", **place)


def _with_missing(candidate: Candidate, bound: Subject, seconds: float) -> Subject:
    """A bound candidate with the arrays whose gradient it does not give, and ought to."""
    if bound.spec is not None and bound.spec.rule:
        return bound
    with suppress(UserCodeRaised, Spent, TimeLimit), metered(seconds, CALLS_FOR_SETTINGS):
        return missing.settled(bound, candidate)
    return bound


def _with_settings(candidate: Candidate, bound: Subject, seconds: float) -> Subject:
    """A bound candidate with its other settings; a note says where not all could be tried."""
    found: list[Subject] = []
    try:
        with metered(seconds, CALLS_FOR_SETTINGS) as meter:
            found.extend(_settings(candidate, bound))
            if candidate.kind in ("network", "loss"):
                sizes = generic_sizes(bound.layout, bound.spec, bound.spec.layout if bound.spec else None)
                found.extend(strengths.settings(bound, sizes))
    except (Spent, TimeLimit):
        note = f"with other settings {meter.calls} calls were made, and not all could be tried"
        bound = dataclasses.replace(bound, notes=(*bound.notes, note))
    return dataclasses.replace(bound, settings=tuple(found))


def _leaves_something(candidate: Candidate) -> bool:
    """Whether a backward sets something of its object, which may be a gradient under a name of its own."""
    cls, name = candidate.objects.get("class"), candidate.objects.get("backward")
    function = getattr(cls, name, None) if isinstance(name, str) else None
    return function is not None and leaves_in_self(function)


def _nothing_says(
    candidate: Candidate, fault: Exception | None, root: Path | None, place: dict[str, Any]
) -> Broken | NotDriven:
    """The outcome for what may be a gradient or something else, and is not the gradient of its forward."""
    if fault is not None:
        return not_bound(candidate, fault, root, place)
    reason = "beside a number it returns an array that is not its gradient, and nothing says that it is meant to be"
    return NotDriven(candidate.name, reason, **place)


def _reading(candidate: Candidate) -> Callable[[Candidate, Layout | None], Subject | None]:
    """How a candidate is called with a layout, or with the first that runs; None where it does not run so."""

    def read(known: Candidate, layout: Layout | None) -> Subject | None:
        attempt = bound_alone(known, judged=False) if layout is None else try_out(known, None, Variant(), layout)
        return attempt.subject if attempt.fault is None else None

    return read


def _settings(candidate: Candidate, bound: Subject) -> Iterator[Subject]:
    """The object with other values of the reference's options, where its forward follows them: stride 1 for stride 2.

    A fault may show in one setting only: `dx[pad:-pad]` is right for every pad but 0. The author's own come first.
    """
    if not bound.matches or bound.spec is None or bound.spec.kind in RULES or candidate.reading.instance is not None:
        return
    options, tried = defaults(bound.spec), {_given(bound.caller)}
    if tried == {""}:
        return
    own = [o for n in arguments_of(candidate).names if (o := option_of(n, options))]
    for variant, layout in _with_the_rest(
        bound, own, (*with_own_defaults(candidate, bound.spec), *bound.spec.layouts())
    ):
        if layout != bound.layout or variant.incidental or variant.options == bound.variant.options:
            continue
        try:
            ways = candidate.convention.callers(candidate, layout, {**options, **variant.options})
        except (Unbindable, UserCodeRaised):
            continue
        if all(_given(way) in tried for way in ways):
            continue
        attempt = try_out(candidate, bound.spec, variant, layout)
        if attempt.subject is None or not attempt.matches or attempt.fault is not None:
            continue  # what raises says so itself
        if (given := _given(attempt.subject.caller)) not in tried:
            tried.add(given)
            yield dataclasses.replace(bound, caller=attempt.subject.caller, variant=variant, further=())
        if len(tried) > SETTINGS_TRIED:
            return


def _with_the_rest(
    bound: Subject, own: list[str], layouts: Iterable[tuple[Variant, Layout]]
) -> Iterator[tuple[Variant, Layout]]:
    """Every variant, before it the one that differs from what was found in the author's own settings alone.

    Another divisor of a variance leaves an eps beside the root where it is. A border that is not counted shows in some
    settings only: there it is another variant.
    """
    for variant, layout in layouts:
        kept = {o: v for o, v in bound.variant.options.items() if o not in own}
        changed = {o: v for o, v in variant.options.items() if o in own}
        yield dataclasses.replace(variant, options={**kept, **changed}), layout
        yield variant, layout


def _given(caller: Any) -> str:
    """The settings that the user's own code is given, in words; "" where none is known."""
    return repr(sorted(caller.settings.items())) if caller.settings else ""
