"""How one candidate is called: its convention's caller, and the variant of the reference that its forward computes.

The forward decides: every layout of the reference is tried, and the one whose numbers agree is the user's own
convention. Where a name promises a reference that no layout reproduces, the other references are tried by their
numbers; where none fits, the object is bound as it stands and its backward is judged against its own forward.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import Signature, arguments
from gradcheck_plugin.author.written import leaves_in_self
from gradcheck_plugin.binding import (
    author_shapes,
    averages,
    bind_rule,
    derivative,
    missing,
    narrow,
    reduction,
    strengths,
    trained,
)
from gradcheck_plugin.binding.author_shapes import Said
from gradcheck_plugin.binding.by_numbers import says_as_much
from gradcheck_plugin.binding.fixed_sizes import repeats, stretched
from gradcheck_plugin.binding.glance import Glance
from gradcheck_plugin.binding.guess import guesses, names_parameter, positive
from gradcheck_plugin.binding.obstacles import (
    Broken,
    Tried,
    backward_raised,
    convention_of,
    doubt,
    elsewhere,
    not_bound,
    uses_torch,
)
from gradcheck_plugin.binding.reduction import ReducedCaller, of_axes, reduced
from gradcheck_plugin.binding.stated_shapes import given_gradients, given_shapes, with_shapes
from gradcheck_plugin.binding.thresholds import thresholds
from gradcheck_plugin.conventions.base import Caller, Candidate
from gradcheck_plugin.conventions.tensor_caller import TensorCaller
from gradcheck_plugin.faults import blame
from gradcheck_plugin.faults.raised import not_as_pinned, not_implemented, timed_out
from gradcheck_plugin.judging.gradient import depends, misfit
from gradcheck_plugin.model import Case, GivesNothing, NotDriven, Unbindable
from gradcheck_plugin.names.aliases import promise, spec_named
from gradcheck_plugin.names.words import LABELS, PREDICTIONS
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.constructor import option_of
from gradcheck_plugin.objects.strengths import Strength
from gradcheck_plugin.oracles.equal import ALIKE, ROUNDING, equal
from gradcheck_plugin.running.calls import (
    WHOLE,
    Meter,
    NothingReturned,
    Spent,
    UserCodeRaised,
    frozen,
    metered,
    place_of,
)
from gradcheck_plugin.running.limits import CallWatch, TimeLimit
from gradcheck_plugin.running.values import describe, numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls import specs
from reference_impls.shapes import OUTPUT, Entry, Layout
from reference_impls.spec import RULES, LayerSpec, Variant

ENOUGH = 8  # numbers that agree: of two scalars the smaller one is the first of them once in two times
GUARD = 1e-3  # up to which a number is an eps, not a setting
SETTINGS_TRIED = 3
CALLS = 300_000  # of the user's code, to find out how it is called
CALLS_FOR_SETTINGS = 20_000  # and with which other settings


class NotFinite(Unbindable):
    """A forward gives nothing that means anything for such inputs."""


@dataclass
class _Attempt:
    """What one trial call showed."""

    subject: Subject | None = None
    fault: Exception | None = None
    ran: bool = False
    matches: bool = False
    shaped: bool = True  # whether its output has the shape that the reference's has
    exact: bool = False  # whether it agrees but for rounding
    fits: bool = True  # whether the reference that the name stands for can be called this way at all
    tried: Tried | None = None  # the last call
    clear: bool = True  # whether its backward was called in the only way there is
    distance: float = 0.0  # of the backward from the gradient of the forward, where a choice depends on it


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
    if named and not _suits(named, candidate) and not layer:
        named = None
    pinned = named if layer else None
    try:
        with metered(seconds, CALLS) as meter:
            candidate = _with_thresholds(candidate)
            candidate = with_shapes(candidate, named, _reading(candidate))
            attempt, candidate = _chosen(candidate, named, pinned=layer is not None)
            other = attempt.subject is None or attempt.subject.spec is not named
            if pinned is not None and other and not isinstance(attempt.fault, UserCodeRaised | NothingReturned):
                reason = str(attempt.fault or "no layout of it fits")
                finding = not_as_pinned(candidate.name, candidate.function, pinned.name, reason, place)
                return Broken(candidate.name, finding, convention=convention_of(candidate), layer=pinned.name, **place)
            if candidate.objects.get("unsure") and (attempt.fault or _distance(attempt, far=True)):
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
        doubts={**attempt.subject.doubts, **candidate.objects.get("doubts", {})},
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
    if _is_mean(bound.caller) and not averages.takes_mean(candidate.objects):
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
    return dataclasses.replace(candidate, objects={**candidate.objects, "thresholds": found}) if found else candidate


def _chosen(candidate: Candidate, named: LayerSpec | None, pinned: bool) -> tuple[_Attempt, Candidate]:
    """The best way of calling a candidate, with arrays or with tensors, or as what else it may be."""
    attempt = _search(candidate, named, pinned=pinned)
    if (attempt.subject is None or attempt.fault) and uses_torch(candidate):
        tensors = dataclasses.replace(candidate, objects={**candidate.objects, "tensors": True})
        second = _search(tensors, named, pinned=pinned)
        if second.subject is not None and second.fault is None:
            attempt, candidate = second, tensors
    other = candidate.objects.get("otherwise")
    while other and (attempt.subject is None or attempt.fault):
        second = _search(other, named, pinned=pinned)
        if second.subject is not None and second.fault is None:
            attempt, candidate = second, other
        other = other.objects.get("otherwise")
    mean = attempt.subject is not None and _is_mean(attempt.subject.caller)
    if mean and _distance(attempt) and not averages.takes_mean(candidate.objects):
        second = _alone(candidate)  # the reference knows the mean; nobody says that it is taken
        if second.subject and not _is_mean(second.subject.caller) and not _distance(second):
            attempt = second
    return attempt, candidate


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
        attempt = _alone(known, judged=False) if layout is None else _try(known, None, Variant(), layout)
        return attempt.subject if attempt.fault is None else None

    return read


def _settings(candidate: Candidate, bound: Subject) -> Iterator[Subject]:
    """The object with other values of the reference's options, where its forward follows them: stride 1 for stride 2.

    A fault may show in one setting only: `dx[pad:-pad]` is right for every pad but 0. The author's own come first.
    """
    if not bound.matches or bound.spec is None or bound.spec.kind in RULES or "instance" in candidate.objects:
        return
    options, tried = defaults(bound.spec), {_given(bound.caller)}
    if tried == {""}:
        return
    own = [o for n in _arguments_of(candidate).names if (o := option_of(n, options))]
    for variant, layout in _with_the_rest(
        bound, own, (*_with_own_defaults(candidate, bound.spec), *bound.spec.layouts())
    ):
        if layout != bound.layout or variant.incidental or variant.options == bound.variant.options:
            continue
        try:
            ways = candidate.convention.callers(candidate, layout, {**options, **variant.options})
        except (Unbindable, UserCodeRaised):
            continue
        if all(_given(way) in tried for way in ways):
            continue
        attempt = _try(candidate, bound.spec, variant, layout)
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


def _with_own_defaults(
    candidate: Candidate, spec: LayerSpec, kinds: type | tuple[type, ...] = int
) -> list[tuple[Variant, Layout]]:
    """The variants of a reference with the numbers that the author has as defaults for its options."""
    options, written = defaults(spec), _arguments_of(candidate).defaults
    own = {o: v for n, v in written.items() if isinstance(v, kinds) and (o := option_of(n, options))}
    found: list[tuple[Variant, Layout]] = []
    for variant, layout in spec.layouts() if own else ():
        note = ", ".join(f"{n} {v}" for n, v in own.items())
        mine = dataclasses.replace(variant, options={**variant.options, **own}, note=note)
        if (mine, layout) not in found:
            found.append((mine, layout))
    return found


def _arguments_of(candidate: Candidate) -> Signature:
    """The arguments of a constructor, or of a function."""
    cls = candidate.objects.get("class")
    maker = cls.__init__ if cls is not None else candidate.objects.get("forward") or candidate.objects.get("function")
    return arguments(maker, method=cls is not None) if inspect.isroutine(maker) else Signature((), {})


def _given(caller: Any) -> str:
    """The settings that the user's own code is given, in words; "" where none is known."""
    return repr(sorted(caller.settings.items())) if caller.settings else ""


def _is_mean(caller: Caller) -> bool:
    """Whether the gradients of a loss are judged as those of the mean of what it gives."""
    return isinstance(caller, ReducedCaller) and caller.how == "mean"


def _kind(spec: LayerSpec) -> str:
    return "layer" if spec.kind in ("layer", "loss") else spec.kind


def _kind_of(candidate: Candidate) -> str:
    return "layer" if candidate.kind in ("layer", "loss") else candidate.kind


def _suits(spec: LayerSpec, candidate: Candidate) -> bool:
    """Whether a candidate can be what a reference is; a loss that is given its parameters, too, is a whole network."""
    whole = (
        candidate.kind == "loss" and spec.kind == "network" and 2 < len(spec.layout.entries) == len(candidate.inputs)
    )
    return whole or _kind(spec) == _kind_of(candidate)


def _search(candidate: Candidate, named: LayerSpec | None, pinned: bool = False) -> _Attempt:
    """The best reading of a candidate; readings of single numbers only where no array runs, or its author shows them.

    Whatever multiplies two arrays in some way also multiplies two numbers.
    """
    first = _searched(candidate, named, pinned)
    refuses = isinstance(first.fault, UserCodeRaised) and first.fault.where == "forward"
    if candidate.kind != "layer" or not refuses:
        return first
    objects = {**candidate.objects, "numbers": True}
    second = _searched(dataclasses.replace(candidate, objects=objects), named, pinned)
    return second if second.subject is not None and second.fault is None else first


def _searched(candidate: Candidate, named: LayerSpec | None, pinned: bool = False) -> _Attempt:
    if candidate.kind in RULES:
        found = bind_rule.search(candidate, named, pinned)
        return _Attempt(found.subject, found.fault, found.subject is not None, found.matches, tried=found.tried)
    best, refused = _Attempt(), None
    if named:
        best = _against(candidate, named)
        more = trained.beyond(best.subject) if best.matches and best.subject and not best.fault and not pinned else ()
        if more:  # it trains what the reference does not know of
            own = _alone(candidate)
            return own if own.subject is not None and own.fault is None else best
        if pinned or best.matches or _known_fault(best.subject):
            return _of_another_rank(candidate, best) or best
    glance = Glance(candidate)
    for spec in specs().values():
        suits = spec is not named and _suits(spec, candidate) and (spec.distinctive or _alike(spec, named))
        if suits and glance.may_be(spec):
            other = _against(candidate, spec, quick=True)
            if other.matches and other.subject is not None and other.fault is not None:
                better = refused is None or _says_more(candidate, other, refused)
                if better and any(e.dims for e in other.subject.layout.entries):
                    refused = other  # its backward may want an input of another shape
            elif other.matches and other.subject and says_as_much(other.subject):
                said = "computes what `{}` computes" if named else "recognised as `{}` by its numbers"
                recognised = _or_as_its_gradients(candidate, other.subject, spec.layouts())
                other.subject = dataclasses.replace(recognised, notes=(*recognised.notes, said.format(spec.name)))
                return other
    claimed = named is not None and best.ran and (pinned or _says_so(candidate, named, best))
    if claimed and named is not None and not _own_settings(named, best.subject):
        return best
    best.fits = named is not None and not isinstance(best.fault, Unbindable)
    alone = _alone(candidate)
    if refused is not None and (alone.subject is None or alone.fault is not None):
        return refused
    if refused is not None and refused.subject is not None and alone.subject is not None:
        narrower = narrow.beside_a_reference(candidate, alone.subject.layout, refused.subject.layout)
        alone.subject = dataclasses.replace(alone.subject, doubts={**alone.subject.doubts, **narrower})
    if alone.subject is not None and (named is None or best.subject is None or not claimed):
        if named is not None and best.ran and alone.fault is None and promise(candidate.name) == "firm":
            alone.subject = dataclasses.replace(alone.subject, promised=named.name)
        return alone
    if named and best.ran and alone.subject is not None and alone.fault is None and not _distance(alone):
        return alone  # right for a forward with settings of its own
    if isinstance(alone.fault, UserCodeRaised) and not isinstance(best.fault, UserCodeRaised):
        alone.fits = best.fits
        return alone  # what the code itself says is of more use than that a reference does not fit
    return best if best.fault or (best.subject and claimed) else alone


KIND = 0.5  # correlation of two outputs from which one may be a faulty version of the other
SECOND = 0.99  # and for a second one of a name, `Sigmoid2`, which may be anything


def _says_so(candidate: Candidate, named: LayerSpec, best: _Attempt) -> bool:
    """Whether an object is meant to be the reference of its name, whose numbers it does not give.

    Its name says so by itself, its output has the reference's shape, its arguments are called like the reference's, and
    its numbers move with the reference's. Else the name stands for something else, as `inv` does for a matrix.
    """
    firmly = promise(candidate.name)
    if not firmly or not best.shaped or best.subject is None:
        return False
    if candidate.kind == "loss" and len(candidate.inputs) == 2:
        names = {n.lower().strip("_") for n in candidate.inputs}
        if not names & {*LABELS, *PREDICTIONS}:
            return False
    return _alike_in_kind(best.subject, KIND if firmly == "firm" else SECOND)


def _alike_in_kind(subject: Subject, least: float) -> bool:
    """Whether the output of a forward moves with that of its reference, over some generic cases."""
    assert subject.spec is not None
    sizes = generic_sizes(subject.layout, subject.spec, subject.spec.layout)
    mine, theirs = [], []
    for seed in range(40, 48):
        case = subject.sample(seed, sizes)
        try:
            with frozen(case.seed):
                out = numeric(subject.caller.forward(case.arrays).output)
            want = subject.reference(case)
        except (Unbindable, UserCodeRaised):
            return False
        if out is None or want is None or out.size != want.size:
            return False
        both = np.isfinite(out.ravel()) & np.isfinite(want.ravel())
        mine.append(out.ravel()[both])
        theirs.append(want.ravel()[both])
    a, b = np.concatenate(mine).astype(float), np.concatenate(theirs).astype(float)
    if a.size < 3 or not a.std() or not b.std():
        return bool(a.size)  # a constant says nothing
    return abs(float(np.corrcoef(a, b)[0, 1])) >= least


def _of_another_rank(candidate: Candidate, best: _Attempt) -> _Attempt | None:
    """What is elementwise takes all arrays, and its backward may be written for images only: for those it is tried."""
    if not best.matches or not isinstance(best.fault, UserCodeRaised) or not doubt(best.fault, None):
        return None
    alone = _alone(candidate)
    return alone if alone.subject is not None and alone.fault is None else None


def _own_settings(spec: LayerSpec, subject: Subject | None) -> bool:
    """Whether a forward follows a number that the reference knows nothing of: what it computes is its own then."""
    if subject is None:
        return False
    case = subject.sample(7, generic_sizes(subject.layout, spec, spec.layout))
    caller = subject.caller
    others = [(n, v, partial(caller.with_setting, n)) for n, v in strengths.numbers_of(caller).items()]
    others += [(s.name, s.now, partial(_weighted, caller, s)) for s in strengths.strengths_of(caller, case)]
    for name, value, with_value in others:
        if abs(value) <= GUARD or _is_given(name, value, spec, subject):
            continue
        ways = [caller, *(with_value(k * value) for k in (1.25, 4.0))]
        try:
            with frozen(case.seed):
                outs = [numeric(c.forward(case.arrays).output) for c in ways if c is not None]
        except (Unbindable, UserCodeRaised):
            continue
        if any(o is None or not np.array_equal(o, outs[0], equal_nan=True) for o in outs[1:]):  # type: ignore[arg-type]
            return True
    return False


def _is_given(name: str, value: float, spec: LayerSpec, subject: Subject) -> bool:
    """Whether the reference was compared with this very value of a number, or has none of its own to compare."""
    option = option_of(name, spec.defaults)
    return option is not None and {**spec.defaults, **subject.variant.options}.get(option) in (value, None)


def _weighted(caller: Caller, strength: Strength, value: float) -> Caller | None:
    return caller.weighted({strength: value})


def _known_fault(subject: Subject | None) -> bool:
    """Whether a forward is a classical wrong one of the reference that its name stands for."""
    if subject is None or subject.spec is None:
        return False
    spec, layout = subject.spec, subject.layout
    case = subject.sample(7, generic_sizes(layout, spec, spec.layout))
    for mistake in spec.mistakes:
        if mistake.forward is None or mistake.variant:
            continue
        try:
            with frozen(case.seed):
                out = numeric(subject.caller.forward(case.arrays).output)
                arrays = (a.copy() for a in subject.base_arrays(case, layout).values())
                wrong = spec.output(*arrays, forward=mistake.forward, **subject.variant.options)
        except Exception:
            continue
        if out is not None and equal(out, layout.from_base(OUTPUT, wrong, spec.layout, case.sizes), ALIKE):
            return True
    return False


def _against(candidate: Candidate, spec: LayerSpec, quick: bool = False) -> _Attempt:
    """The layout of `spec` that fits the candidate best.

    A layer that takes its own steps often does so one sample at a time; then N is 1 in every layout of rows. For
    sequences it would make a sum over the time of one over the batch.
    """
    best = _Attempt()
    for layouts in (group for whole in _layouts(spec) for group in _stated_first(candidate, spec, whole)):
        attempt = _in_layouts(candidate, spec, layouts, quick)
        attempt = _Attempt(attempt.subject, ran=True) if _takes_wider_windows(attempt) else attempt
        unfit = best.subject is None and isinstance(best.fault, Unbindable | None)
        best = attempt if attempt.matches or (attempt.ran and not best.ran) or unfit else best
        if best.matches:
            break
    if not best.matches and not quick and (own := _with_own_defaults(candidate, spec, float)):
        attempt = _in_layouts(candidate, spec, _meant(candidate, spec, own), quick)
        best = attempt if attempt.matches else best
    one_is_enough = spec.minimum.get("N", 1) == 1
    accident = best.subject is not None and best.subject.variant.incidental
    if candidate.objects.get("steps") and one_is_enough and not (best.matches and best.fault is None and not accident):
        single = [
            (dataclasses.replace(v, note="; ".join(filter(None, [v.note, "one sample at a time"]))), l.pinned({"N": 1}))
            for v, l in spec.layouts()
            if "N" in l.dims() and len(l.inputs[0].dims) <= 2
        ]
        for pair in single:
            one = _in_layouts(candidate, spec, [pair], quick)
            if one.matches and one.fault is None and not (quick and one.subject and _agrees_by_chance(one.subject)):
                return one
    return best


def _meant(
    candidate: Candidate, spec: LayerSpec, layouts: list[tuple[Variant, Layout]]
) -> list[tuple[Variant, Layout]]:
    """The layouts whose arrays have as many axes as the author says; a reference that the name promises has its own."""
    known: Said | None = candidate.objects.get("said")
    if known is None:
        return layouts
    by_name = spec_named(candidate.name, candidate.kind) is spec
    if not candidate.objects.get("numbers") and not (by_name and not any(e.dims for e in spec.layout.entries)):
        layouts = [(v, l) for v, l in layouts if any(e.dims for e in l.entries) or not l.entries]
    if candidate.kind != "layer" or (spec.family != "ops" and by_name):
        return layouts
    fitting = [(v, l) for v, l in layouts if _of_ranks(candidate, l, known)]
    return [(dataclasses.replace(v, incidental=False) if known.ranks else v, l) for v, l in fitting]


def _takes_wider_windows(attempt: _Attempt) -> bool:
    """Whether what agrees for windows of 1 x 1, in which most differences vanish, takes others, too."""
    subject = attempt.subject
    if subject is None or subject.spec is None or not attempt.matches:
        return False
    base = {e.name: e.dims for e in subject.spec.layout.params}
    narrow_ones = {e.name: e for e in subject.layout.params if e.dims[2:] and set(e.dims[2:]) == {"1"}}
    if not narrow_ones or any(len(base.get(n, ())) != len(e.dims) for n, e in narrow_ones.items()):
        return False
    case = subject.sample(7, generic_sizes(subject.layout, subject.spec, subject.spec.layout))
    wider = {n: case.rng(5).standard_normal((*case.arrays[n].shape[:2], *(3 for _ in e.dims[2:])))
             for n, e in narrow_ones.items()}  # fmt: skip
    try:
        with frozen(case.seed):
            out = numeric(subject.caller.forward({**case.arrays, **wider}).output)
    except (Unbindable, UserCodeRaised):
        return False
    return out is not None and bool(np.isfinite(out).all())


def _stated_first(
    candidate: Candidate, spec: LayerSpec, layouts: list[tuple[Variant, Layout]]
) -> Iterator[list[tuple[Variant, Layout]]]:
    """The layouts in groups: first those whose arrays have the axes that the code states, then others that it takes.

    `x[:, None]` is written for a vector, mostly; it takes arrays of more axes, too.
    """
    meant = _meant(candidate, spec, layouts)
    turned = Said(matrices=author_shapes.turned(candidate))
    known: Said | None = candidate.objects.get("said")
    if candidate.kind == "layer":
        yield meant if known is not None else [pair for pair in meant if _of_ranks(candidate, pair[1], turned)]
        indexed = author_shapes.indexed(candidate) if known is not None and known.ranks else set()
        if known is not None and indexed:
            ranks = {n: r for n, r in known.ranks.items() if n not in indexed or n in known.axes}
            objects = {**candidate.objects, "said": dataclasses.replace(known, ranks=ranks)}
            freer = dataclasses.replace(candidate, objects=objects)
            yield [pair for pair in _meant(freer, spec, layouts) if pair not in meant]
        return
    layouts = [pair for pair in meant if _of_ranks(candidate, pair[1], turned)]
    ranks = author_shapes.stated_ranks(candidate)
    stated = [pair for pair in layouts if _of_ranks(candidate, pair[1], Said(ranks=ranks))]
    yield from filter(None, (stated, [pair for pair in layouts if pair not in stated]))


def _of_ranks(candidate: Candidate, layout: Layout, known: Said) -> bool:
    """Whether the arrays of a layout have as many axes as is said: two or more where they are turned."""
    whole = len(layout.entries) == len(candidate.inputs)
    orders = [layout.entries if whole else layout.inputs]
    if whole and layout.params and candidate.kind != "layer":  # a function may take its weights first
        orders.append((*layout.params, *layout.inputs))
    return any(all(_is_of_rank(n, e, known) for n, e in zip(candidate.inputs, o, strict=False)) for o in orders)


def _is_of_rank(name: str, entry: Entry, known: Said) -> bool:
    rank = len(entry.dims)
    if name in known.matrices and rank < 2:
        return False
    return known.ranks.get(name, rank) in (rank, len([d for d in entry.dims if d != "1"]))


# arrays of references that not everybody has: where the user's code has none they are zero. One group of each row
_NOT_EVERYWHERE = ((("c0",), ("h0", "c0")), (("bh",), ("brh", "bzh", "bnh"), ("bq", "bk", "bv", "bo")), (("mask",),))


def _layouts(spec: LayerSpec) -> Iterator[list[tuple[Variant, Layout]]]:
    """The layouts of a reference: whole, then without initial states, second biases, a mask, or several of these.

    A loss may be made with what is neither its prediction nor its labels, such as weights of classes.
    """
    names = {e.name for e in spec.layout.entries if e.domain == "real"}
    groups = [[frozenset(), *(frozenset(names.intersection(group)) for group in kind)] for kind in _NOT_EVERYWHERE]
    for left_out in dict.fromkeys(frozenset().union(*groups) for groups in itertools.product(*groups)):
        yield [(variant, _without(layout, left_out)) for variant, layout in spec.layouts()]
    if spec.kind == "loss" and len(spec.layout.inputs) > 2 and not spec.layout.params:
        pairs = ((variant, layout, layout.inputs) for variant, layout in spec.layouts())
        yield [(v, dataclasses.replace(l, inputs=given[:2], params=given[2:])) for v, l, given in pairs]


def _without(layout: Layout, names: frozenset[str]) -> Layout:
    inputs, params = (tuple(e for e in part if e.name not in names) for part in (layout.inputs, layout.params))
    return dataclasses.replace(layout, inputs=inputs, params=params)


def _in_layouts(
    candidate: Candidate,
    spec: LayerSpec,
    layouts: list[tuple[Variant, Layout]],
    quick: bool,
) -> _Attempt:
    """The first layout of `spec` that the forward agrees with; else the first that runs; else the first fault.

    Where several agree, as the mean and the sum of one loss a sample do, the backward settles which is meant; where
    one agrees exactly, it goes before those that come close.
    """
    best, chosen = _Attempt(), Variant()
    only: _Attempt | None = None
    further: list[tuple[Variant, Layout]] = []
    for variant, layout in layouts:
        claims = not variant.incidental and _claims(spec, layout)
        same = best.subject is not None and variant.options == chosen.options
        stuck = best.matches and isinstance(best.fault, UserCodeRaised)  # its backward may be written for another rank
        if best.matches and best.exact and not best.distance and not stuck and (quick or not same):
            continue
        attempt = _try(candidate, spec, variant, layout, quick)
        if variant.incidental and attempt.matches and attempt.fault is None and only is None:
            only = attempt
        fewer = stuck and attempt.matches and attempt.exact >= best.exact and _of_other_ranks(attempt, best)
        fewer = fewer and (any(e.dims for e in layout.entries) or not author_shapes.asks_for_ranks(candidate))
        if fewer and (same or (best.subject is not None and _called_alike(candidate, best.subject, variant))):
            best, chosen, further = _as_others_raise(candidate, attempt, best), variant, []
        elif best.matches and best.distance and _settles(attempt, best):
            best, chosen = attempt, variant
        elif best.matches and not best.exact and attempt.exact and attempt.fault is None:
            best, chosen, further = attempt, variant, []
        elif best.matches:
            alike = best.subject is not None and _names(layout) == _names(best.subject.layout)
            if same and alike and attempt.matches and attempt.fault is None and _works_alike(candidate, attempt, best):
                further.append((variant, layout))  # not where backward refuses labels of another form
        elif (attempt.matches and not variant.incidental) or (attempt.ran and not best.ran and claims):
            best, chosen = attempt, variant
        elif best.subject is None and (
            best.fault is None or _refused(best.fault) or _telling(candidate, attempt.fault)
        ):
            best.fault, best.tried = attempt.fault or best.fault, attempt.tried
    stuck = best.subject is None or (best.fault is not None and not best.matches)
    if only is not None and stuck:  # what others run with by the way is all that this is written for
        best, further = only, []
    if best.subject is not None and further:
        best.subject = dataclasses.replace(best.subject, further=tuple(further))
    if best.subject is not None and best.matches and best.fault is None and not quick:
        best.subject = _beside_wider(candidate, best.subject, layouts)
        best.subject = _or_as_its_gradients(candidate, best.subject, layouts)
    elif best.subject is not None and best.matches and _backward_raises(best.fault) and not quick:
        other = _or_as_its_gradients(candidate, best.subject, layouts, raises=True)
        best = best if other is best.subject else dataclasses.replace(best, subject=other, fault=None)
    return best


def _backward_raises(fault: Exception | None) -> bool:
    """Whether a call ended in the backward of the user's code."""
    return isinstance(fault, UserCodeRaised) and fault.where == "backward"


def _or_as_its_gradients(
    candidate: Candidate,
    subject: Subject,
    layouts: list[tuple[Variant, Layout]],
    raises: bool = False,
) -> Subject:
    """A subject, or one with an array of another shape that the forward takes, too, and that its gradient has.

    One slope for all channels is a slope for each of them in the forward. Where the backward is right for the one,
    and nothing says which is meant, its gradient stays open. An engine may look at shapes, and raise. What takes its
    own step repeats a gradient over its array: the numbers tell, not the shape.
    """
    if not raises and _fits(subject) and not _steps_apart(candidate, subject):
        return subject
    shapes = {e.name: e.dims for e in subject.layout.entries}
    stated = author_shapes.said(candidate).ranks
    for variant, layout in layouts:
        if _names(layout) != [*shapes] or all(e.dims == shapes[e.name] for e in layout.entries):
            continue
        if any(stated.get(subject.display(e.name), len(e.dims)) != len(e.dims) for e in layout.entries):
            continue
        if candidate.kind == "layer" and len(layout.entries[0].dims) < min(len(subject.layout.entries[0].dims), 2):
            continue  # one sample alone is right without the sum over samples
        variant = variant if variant.options else dataclasses.replace(variant, options=subject.variant.options)
        if variant.options != subject.variant.options and not _called_alike(candidate, subject, variant):
            continue  # with another axis it is called otherwise, which says nothing of this call
        attempt = _try(candidate, subject.spec, variant, layout)
        other = attempt.subject
        if not attempt.exact or attempt.fault is not None or other is None or not _fits(other):
            continue
        if not raises and not {*given_shapes(other)} >= {*given_shapes(subject)}:
            continue  # a step that cannot be read from an array of this shape is no right one
        if not _distance(attempt):
            doubts = _of_shapes(candidate, other, shapes)
            return dataclasses.replace(other, doubts={**other.doubts, **doubts})
    return subject


def _steps_apart(candidate: Candidate, subject: Subject) -> bool:
    """Whether the steps that a layer takes by itself are not those of its gradients."""
    return bool(candidate.objects.get("steps") and _distance(_Attempt(subject)))


def _called_alike(candidate: Candidate, subject: Subject, variant: Variant) -> bool:
    """Whether the options of another variant change nothing in how a candidate is called: it gives the same numbers."""
    assert subject.spec is not None
    spec, layout = subject.spec, subject.layout
    case = subject.sample(7, generic_sizes(layout, spec, spec.layout))
    try:
        ways: list[Caller] = candidate.convention.callers(candidate, layout, {**defaults(spec), **variant.options})
        ways = [TensorCaller(way) for way in ways] if candidate.objects.get("tensors") else ways
        ways = [c for w in ways for c in _reduced(w, candidate, spec, variant, layout, dict(subject.fixed))]
        outs = []
        for caller in (subject.caller, *ways):
            with frozen(case.seed):
                outs.append(numeric(caller.forward(case.arrays).output))
    except (Unbindable, UserCodeRaised):
        return False
    return any(out is not None and np.array_equal(out, outs[0], equal_nan=True) for out in outs[1:])  # type: ignore[arg-type]


def _of_shapes(candidate: Candidate, other: Subject, shapes: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The doubts about a reading in which some arrays have other shapes: all gradients, where the first array is one.

    None for the arrays of which the author says how many axes they have.
    """
    said = author_shapes.stated_ranks(candidate)
    apart = [e for e in other.layout.entries if e.dims != shapes[e.name]]
    apart = [e for e in apart if said.get(other.display(e.name)) != len(e.dims) or len(shapes[e.name]) == len(e.dims)]
    doubts: dict[str, str] = {}
    for e in apart:
        shown = other.display(e.name)
        of_all = e.name == other.layout.entries[0].name
        doubts["" if of_all else shown] = (
            f"right for `{shown}` of shape {_shown(e.dims)}, not for {_shown(shapes[e.name])}; the forward takes both"
        )
    return doubts


def _shown(dims: tuple[str, ...]) -> str:
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"


def _of_other_ranks(attempt: _Attempt, best: _Attempt) -> bool:
    """Whether a backward that raised runs on other ranks: what is for one sample takes many by broadcasting."""
    if attempt.subject is None or best.subject is None or attempt.fault is not None:
        return False
    ranks = [[len(e.dims) for e in a.subject.layout.inputs] for a in (attempt, best) if a.subject is not None]
    return ranks[0] != ranks[1]


def _as_others_raise(candidate: Candidate, attempt: _Attempt, other: _Attempt) -> _Attempt:
    """A reading, with a doubt where the backward raises in another one that the code is as much written for.

    That is so where it asks how many axes there are, and where a network sums over samples that it would not have.
    """
    if attempt.subject is None or other.subject is None:
        return attempt
    pairs = zip(attempt.subject.layout.inputs, other.subject.layout.inputs, strict=False)
    apart = next(((a, b) for a, b in pairs if len(a.dims) != len(b.dims)), None)
    shown = attempt.subject.display(apart[0].name) if apart else ""
    sums = candidate.kind == "network" and author_shapes.sums_up(candidate)
    if apart is None or shown in author_shapes.stated_ranks(candidate):
        return attempt
    if sums or author_shapes.asks_for_ranks(candidate):
        mine, theirs = (_shown(e.dims) for e in apart)
        doubt = f"right for `{shown}` of shape {mine}, not for {theirs}; the forward takes both"
        attempt.subject = dataclasses.replace(attempt.subject, doubts={"": doubt})
    return attempt


def _beside_wider(candidate: Candidate, subject: Subject, layouts: list[tuple[Variant, Layout]]) -> Subject:
    """A subject with a doubt where its backward is wrong for the same arrays without the axis of length 1 in front.

    The forward agrees with its reference for both, and what is not summed over a single row shows in the other only.
    """
    for variant, layout in layouts:
        if not narrow.is_same_but_for_rows(subject.layout, layout):
            continue
        other = _try(candidate, subject.spec, variant, layout)
        wrong = other.fault is not None or bool(_distance(other))
        if other.matches and other.exact and wrong:
            return dataclasses.replace(subject, doubts=narrow.doubts(candidate, subject.layout, layout))
    return subject


def _claims(spec: LayerSpec, layout: Layout) -> bool:
    """Whether an object that takes these arrays and computes something else is a faulty one of the kind.

    Not where it leaves out a parameter or something drawn: what stands in for that can be told from a match only.
    """
    given, entries = _names(layout), spec.layout.entries
    return not any(e.name not in given and (e in spec.layout.params or not e.differentiable) for e in entries)


def _names(layout: Layout) -> list[str]:
    return [e.name for e in layout.entries]


def _built_alike(one: _Attempt, other: _Attempt) -> bool:
    """Whether two layouts are for one object: a constructor may have been given sizes that only one of them has."""
    driven = [a.subject.caller.objects if a.subject is not None else None for a in (one, other)]
    plans = [d.built.plan if d is not None else None for d in driven]
    return plans[0] == plans[1]


def _works_alike(candidate: Candidate, one: _Attempt, other: _Attempt) -> bool:
    """Whether an object is built alike in two layouts, and takes its own steps in both.

    A step of another shape makes another array of a parameter: that is one for which it is not written.
    """
    if not _built_alike(one, other) or one.subject is None or other.subject is None:
        return False
    return not candidate.objects.get("steps") or {*given_shapes(one.subject)} >= {*given_shapes(other.subject)}


def _telling(candidate: Candidate, fault: Exception | None) -> bool:
    """Whether a forward got as far as what is wrong with it, or is not on this machine: another input raised before."""
    if not isinstance(fault, UserCodeRaised):
        return False
    return blame.always(fault, None) is not None or bool(elsewhere(candidate, fault, None))


def _says_more(candidate: Candidate, attempt: _Attempt, first: _Attempt) -> bool:
    """Whether an attempt got further than the first one, or as far as what is wrong whatever the input."""
    further = bool(attempt.subject) - bool(first.subject)
    telling = _telling(candidate, attempt.fault) - _telling(candidate, first.fault)
    return further > 0 or (further == 0 and telling > 0)


def _refused(fault: Exception) -> bool:
    """Whether a forward says by `assert` that it does not take such sizes: another layout may say more."""
    return isinstance(fault, UserCodeRaised) and isinstance(fault.cause, AssertionError)


def _try(
    candidate: Candidate,
    spec: LayerSpec | None,
    variant: Variant,
    layout: Layout,
    quick: bool = False,
    judged: bool = True,
) -> _Attempt:
    """Every way of calling the candidate with a layout; the numbers choose where there is more than one.

    `quick` is for references of other names: only a match counts.
    """
    options = dict(variant.options)
    if spec is not None:
        options = defaults(spec) | options
    try:
        ways: list[Caller] = candidate.convention.callers(candidate, layout, options)
        if candidate.objects.get("tensors"):
            ways = [TensorCaller(way) for way in ways]
        fixed = _held_sizes(candidate.objects["instance"], layout) if "instance" in candidate.objects else {}
    except (Unbindable, UserCodeRaised) as exc:
        return _Attempt(fault=exc)
    attempts = [
        _trial(_subject(candidate, caller, spec, variant, layout, fixed), quick)
        for way in ways
        for caller in _reduced(way, candidate, spec, variant, layout, fixed)
    ]
    clear = _is_clear(candidate, ways, attempts)
    for attempt in attempts:
        attempt.clear = clear
    if len(attempts) == 1:
        return attempts[0]
    good = [a for a in attempts if a.fault is None and (a.matches or spec is None)]
    if quick and not good:
        return next((a for a in attempts if a.matches), attempts[0])
    ran = [a for a in attempts if a.ran and a.fault is None]
    best, distance = _nearest(good or ran or [a for a in attempts if a.ran] or attempts, judged)
    best.distance = distance
    return best


def _subject(
    candidate: Candidate,
    caller: Caller,
    spec: LayerSpec | None,
    variant: Variant,
    layout: Layout,
    fixed: Mapping[str, int],
) -> Subject:
    own = candidate.objects.get("thresholds", ())
    return Subject(candidate.name, caller, layout, (), {}, spec=spec, variant=variant, fixed=fixed, thresholds=own)


def _is_clear(candidate: Candidate, ways: list[Caller], attempts: list[_Attempt]) -> bool:
    """Whether a backward was called as it is meant: there is one way, or all raise the same on the same line."""
    if getattr(candidate.convention, "FORWARD_IS_OURS", False) or not all(getattr(w, "clear", True) for w in ways):
        return False
    found = {_where(a.fault) for a in attempts if a.subject is not None}
    return len(ways) == 1 or (len(found) == 1 and None not in found)


def _where(fault: Exception | None) -> tuple[str, int] | None:
    place = place_of(fault.cause, None) if isinstance(fault, UserCodeRaised) else None
    return (type(fault.cause).__name__, place[1]) if place and isinstance(fault, UserCodeRaised) else None


def _nearest(attempts: list[_Attempt], judged: bool) -> tuple[_Attempt, float]:
    """The attempt whose backward comes closest to being the gradient of its forward, and how far it is from that."""
    best, nearest = attempts[0], np.inf
    for attempt in attempts:
        distance = _distance(attempt, far=True, judged=judged)
        if distance < nearest:
            best, nearest = attempt, distance
        if not distance:
            break
    return best, nearest


def _settles(attempt: _Attempt, best: _Attempt) -> bool:
    """Whether another variant of the same arrays explains what the best so far does not: a sum for a mean."""
    if attempt.subject is None or best.subject is None or attempt.subject.layout != best.subject.layout:
        return False
    return attempt.matches and attempt.fault is None and attempt.distance < best.distance


def _reduced(
    way: Caller, candidate: Candidate, spec: LayerSpec | None, variant: Variant, layout: Layout, fixed: dict[str, int]
) -> list[Caller]:
    """A loss that gives one number a sample stands for its mean, or its sum."""
    if way.upstream or layout.output.dims:
        return [way]
    subject = _subject(candidate, way, spec, variant, layout, fixed)
    case = subject.sample(7, generic_sizes(layout, spec, spec.layout if spec else None))
    try:
        with frozen(case.seed):
            out = numeric(way.forward(case.arrays).output)
    except (Unbindable, UserCodeRaised):
        return [way]
    return [way] if out is None else reduced(way, out, next(iter(case.arrays.values())))


def _trial(subject: Subject, quick: bool) -> _Attempt:
    """Two forwards at generic sizes, more where one gives few numbers, and one backward.

    With `quick` it ends at the first forward that does not agree with the reference.
    """
    spec, layout, attempt = subject.spec, subject.layout, _Attempt()
    try:
        agrees, exact = [], []
        for shift in itertools.count():
            sizes = generic_sizes(layout, spec, spec.layout if spec else None, shift % 2)
            case = subject.sample(7 + shift, sizes)
            attempt.tried = Tried(subject, case)
            with frozen(case.seed):
                tape = subject.caller.forward(case.arrays)
            out = numeric(tape.output)
            if tape.output is None and blame.forgets_return(subject.caller.code().forward):
                raise NothingReturned("forward returns nothing")
            if out is None:
                raise Unbindable(f"forward returned {describe(tape.output)}, not an array of numbers")
            if spec is None and (not out.size or np.isnan(out).any()):
                raise NotFinite("its forward gives nothing, or no number, for every input that was tried")
            if spec is None and not layout.output.dims and not of_axes(out, next(iter(case.arrays.values()))):
                raise Unbindable(f"a loss gives one number, or one a sample, not an array of shape {out.shape}")
            if spec is None and stretched(layout, sizes, out) and not repeats(subject.caller.code().forward):
                raise Unbindable("an axis of length 1 is stretched to a size that nothing of the input has")
            attempt.ran = True
            if spec is not None:
                subject = subject if shift else _with_its_own(subject, case)
                want = subject.reference(case)
                assert want is not None
                attempt.shaped = out.shape == want.shape or out.size == want.size == 1
                agrees.append(attempt.shaped and equal(out, want))
                exact.append(agrees[-1] and equal(out, want, ROUNDING))
                if quick and not agrees[-1]:
                    return attempt
            if shift >= 1 and (spec is None or not all(agrees) or shift * out.size >= ENOUGH):
                break
        attempt.matches, attempt.exact = (bool(all_) and all(all_) for all_ in (agrees, exact))
    except (Unbindable, UserCodeRaised) as exc:
        attempt.fault = exc
        attempt.ran = False
        return attempt
    notes = (*subject.notes, *subject.caller.readings)
    attempt.subject = dataclasses.replace(subject, names=subject.caller.user_names(), notes=notes)
    try:
        if spec is None or spec.kind != "update":
            attempt.subject = dataclasses.replace(attempt.subject, judged=_judged(subject, case))
    except (Unbindable, UserCodeRaised) as exc:
        attempt.fault = exc
    return attempt


def _with_its_own(subject: Subject, case: Case) -> Subject:
    """The subject with the options that its forward was seen to have inside: an eps that no argument gives it."""
    assert subject.spec is not None
    entries, usual = {e.name for e in subject.spec.layout.entries}, defaults(subject.spec)
    own = {n: v for n, v in subject.inside(case, subject.layout).items() if n not in entries}
    seen = [f"{n} {v:.2g}" for n, v in own.items() if f"{v:.2g}" != f"{usual[n]:.2g}"]
    note = ", ".join(filter(None, [subject.variant.note, *seen]))
    options = dict(subject.variant.options) | own
    return dataclasses.replace(subject, variant=dataclasses.replace(subject.variant, note=note, options=options))


def _held_sizes(instance: Any, layout: Layout) -> dict[str, int]:
    """The axis sizes that an instance's parameters fix."""

    held = [(state.label(p), a) for p, a in state.leaves(instance) if state.is_parameter(p)]
    sizes: dict[str, int] = {}
    for entry in layout.params:
        array = next((a for label, a in held if state.same(label, entry.name) and a.ndim == len(entry.dims)), None)
        if array is not None:
            sizes.update({d: s for d, s in zip(entry.dims, array.shape, strict=True) if not d.isdigit()})
    return sizes


def defaults(spec: LayerSpec) -> dict[str, Any]:
    """The reference's options with their defaults, for arguments of the user's that carry them."""
    return dict(spec.defaults)


def _judged(subject: Subject, case: Any) -> tuple[str, ...]:
    """The arrays whose gradient a backward gives: it is run once to see. Raises Unbindable when it gives nothing."""
    with frozen(case.seed):
        tape = subject.caller.forward(case.arrays)
        dy = np.random.default_rng(3).standard_normal(np.shape(tape.output))
        given = tape.backward(np.asarray(dy) if np.ndim(dy) else 1.0)
    present = [e.name for e in subject.layout.entries if e.differentiable and e.name in given]
    if not [n for n in present if given[n] is not None]:
        raise GivesNothing
    return tuple(present)


def _alone(candidate: Candidate, judged: bool = True) -> _Attempt:
    """Bind without a reference: the forward is the only authority on what it computes.

    The first shape of input that runs is the natural one. The form of labels is settled by the backward, where the
    forward takes several: where one form makes it the gradient of the forward, that form is meant, and it stays open
    whether the others are.
    """
    first, other = _Attempt(), None
    for layouts in guesses(candidate):
        ran: list[tuple[_Attempt, bool]] = []
        raised, broke = first.fault, first.tried
        for layout in layouts:
            if ran and candidate.kind == "layer" and _same_arrays(layout, ran[0][0]):
                continue
            attempt = _try(candidate, None, Variant(), layout, judged=judged)
            if isinstance(attempt.fault, NotFinite):
                gentle = _try(candidate, None, Variant(), positive(layout), judged=judged)
                attempt = gentle if gentle.subject is not None and gentle.fault is None else attempt
            if attempt.subject is not None and attempt.fault is None:
                if _not_as_turned(candidate, attempt.subject):
                    other = other or attempt
                    continue
                attempt = _with_trained(candidate, _with_masks(candidate, attempt, judged))
                assert attempt.subject is not None
                notes = [*attempt.subject.notes, "no reference: checked numerically"]
                if isinstance(raised, UserCodeRaised) and raised.where == "backward":
                    notes.append("its backward raises for inputs of other shapes")
                    doubts = narrow.doubts(candidate, attempt.subject.layout, broke.subject.layout if broke else None)
                    attempt.subject = dataclasses.replace(attempt.subject, doubts=doubts)
                if other is not None:
                    notes.append("its backward gives other shapes for inputs of fewer axes")
                attempt.subject = _also(candidate, dataclasses.replace(attempt.subject, notes=tuple(notes)), judged)
                fits = _fits(attempt.subject)
                if candidate.kind == "layer" and other is not None and not (fits and _is_wider(attempt, other)):
                    continue
                if fits and not _distance(attempt, judged=judged) and not _rescued(candidate, attempt, ran):
                    wrong = next((a.subject for a, fitted in ran if fitted), None)
                    doubts = _of_labels(attempt.subject, wrong) if candidate.kind == "loss" else {}
                    doubts = {**attempt.subject.doubts, **doubts}
                    attempt.subject = dataclasses.replace(attempt.subject, doubts=doubts)
                    return attempt
                ran.append((attempt, fits))
            elif first.fault is None or _says_more(candidate, attempt, first):
                first = attempt if not _not_as_turned(candidate, attempt.subject) else first
        if ran:
            best, fitting = max(ran, key=lambda pair: pair[1])
            if fitting or candidate.kind == "network" or (candidate.kind == "loss" and len(candidate.inputs) <= 2):
                return best
            other = other or best  # weights one by one: their gradients may say that they have other shapes
    if other is None or (_backward_raises(first.fault) and _not_as_turned(candidate, other.subject)):
        return first
    strange = _of_unknown_shape(other.subject) if candidate.kind == "loss" else []
    strange += _not_as_turned(candidate, other.subject)
    if not strange:
        return other
    reason = f"nothing says what shape `{strange[0]}` has; its gradient has another one than what was tried"
    return _Attempt(fault=Unbindable(reason))


_EVEN = {"7": "8", "9": "10"}


def _also(candidate: Candidate, subject: Subject, judged: bool) -> Subject:
    """A layer without a reference that is tried on images, too, which may show more than what it was found to take.

    A step of 2 leaves entries behind the last one it takes where sides are even, not where they are odd as those that
    were made up; and rows show nothing of how images are flattened. A backward that raises there is open.
    """
    first, *others = subject.layout.inputs
    if candidate.kind != "layer":
        return subject
    if ("7", "9") in itertools.pairwise(first.dims) or first.dims == ("N", "C", "9"):
        shapes = [tuple(tuple(_EVEN.get(d, d) for d in axis) for axis in e.axes) for e in subject.layout.inputs]
        note = "sides of even length"
    elif first.dims == ("N", "D") and not others and not subject.layout.params and _gives_back(subject):
        shapes, note = [(("N",), ("C",), ("7",), ("9",))], "images"
    else:
        return subject
    inputs = (dataclasses.replace(e, axes=axes) for e, axes in zip(subject.layout.inputs, shapes, strict=True))
    layout = dataclasses.replace(subject.layout, inputs=tuple(inputs))
    attempt = _try(candidate, None, Variant(), layout, judged=judged)
    if attempt.subject is None or not _built_alike(attempt, _Attempt(subject)):
        return subject
    if _backward_raises(attempt.fault):
        doubt = f"its backward raises for {note}, which its forward takes"
        return dataclasses.replace(subject, doubts={**subject.doubts, "": doubt})
    return subject if attempt.fault else dataclasses.replace(subject, further=((Variant(note=note), layout),))


def _agrees_by_chance(subject: Subject) -> bool:
    """Whether what agrees with a reference for one row does not for others, or gives back the very row that it gets."""
    for seed in range(8, 15):
        case = subject.sample(seed, generic_sizes(subject.layout, None, None))
        with frozen(case.seed):
            out = numeric(subject.caller.forward(case.arrays).output)
        want = subject.reference(case)
        if out is None or (want is not None and not equal(out, want)):
            return True
    return _gives_back(subject)


def _gives_back(subject: Subject) -> bool:
    """Whether a layer gives back the very numbers that it gets, as the maximum of each column of one row does."""
    case = subject.sample(7, generic_sizes(subject.layout, None, None))
    with frozen(case.seed):
        out = numeric(subject.caller.forward(case.arrays).output)
    return out is not None and np.array_equal(out.ravel(), next(iter(case.arrays.values())).ravel())


def _is_wider(attempt: _Attempt, other: _Attempt) -> bool:
    """Whether the first input of an attempt has more axes than in another, and the same arrays have fewer than it."""
    assert attempt.subject is not None
    assert other.subject is not None
    (first, *rest), (before, *others) = (
        [len(e.dims) for e in a.subject.layout.inputs] for a in (attempt, other) if a.subject is not None
    )
    pairs = list(zip(rest, others, strict=False))
    return first > before and len(rest) == len(others) and all((a < first) == (b < before) for a, b in pairs)


def _not_as_turned(candidate: Candidate, subject: Subject | None) -> list[str]:
    """The arrays that got one axis, and that the author turns: nothing was found that they are written for."""
    turned = author_shapes.turned(candidate)
    entries = {e.name: e for e in subject.layout.inputs} if subject is not None else {}
    return [n for n in candidate.inputs if n in turned and n in entries and len(entries[n].dims) < 2]


def _of_unknown_shape(subject: Subject | None) -> list[str]:
    """The arrays of a loss whose gradients have another shape than was guessed, and whose names do not say which."""
    if subject is None:
        return []
    given, sizes = given_shapes(subject), generic_sizes(subject.layout, None, None)
    entries = [e for e in subject.layout.inputs[1:] if e.name in given and not names_parameter(e.name)]
    return [e.name for e in entries if np.prod(given[e.name]) != np.prod(e.shape(sizes))]


def _with_masks(candidate: Candidate, attempt: _Attempt, judged: bool) -> _Attempt:
    """The attempt with any numbers for a mask that the forward moves with and that the backward gives a gradient of.

    What is added to scores is named a mask, too; its gradient, where there is one, is as good a claim as any.
    """
    subject = attempt.subject
    inputs = subject.layout.inputs if subject is not None else ()
    masks = [e for e in inputs if not e.differentiable and "mask" in e.name.lower()]
    if candidate.kind != "layer" or subject is None or not masks:
        return attempt
    inputs = tuple(dataclasses.replace(e, domain="real") if e in masks else e for e in inputs)
    moved = _try(candidate, None, Variant(), dataclasses.replace(subject.layout, inputs=inputs), judged=judged)
    if moved.subject is None or moved.fault is not None:
        return attempt
    case, given = (
        moved.subject.sample(7, generic_sizes(moved.subject.layout, None, None)),
        given_gradients(moved.subject),
    )
    claims = all(e.name in given and given[e.name].any() for e in masks)
    return moved if claims and all(depends(moved.subject, e.name, case) for e in masks) else attempt


def _with_trained(candidate: Candidate, attempt: _Attempt) -> _Attempt:
    """The attempt with the parameters that the object trains, instead of those whose names look like it."""
    assert attempt.subject is not None
    found = trained.survey(attempt.subject)
    if found is None:
        return attempt
    notes = attempt.subject.notes
    if found.constants:
        notes = (*notes, f"nobody trains {', '.join(found.constants)}")
    if found.layout != attempt.subject.layout:
        again = _try(candidate, None, Variant(), found.layout, judged=False)
        if again.subject is None or again.fault is not None:
            return attempt
        attempt = again
    assert attempt.subject is not None
    attempt.subject = dataclasses.replace(attempt.subject, open=found.open, notes=notes)
    return attempt


def _fits(subject: Subject) -> bool:
    """Whether every gradient has as many entries as its array: what has not is one of another reading."""
    sizes, given = generic_sizes(subject.layout, None, None), given_shapes(subject)
    return all(np.prod(given[n]) == np.prod(subject.layout[n].shape(sizes)) for n in subject.judged if n in given)


def _rescued(candidate: Candidate, attempt: _Attempt, ran: list[tuple[_Attempt, bool]]) -> bool:
    """Whether a loss is right for probabilities only, takes all numbers, and nothing says that it is for probabilities.

    A far branch that the backward forgets is never reached by them.
    """
    firsts = [a.subject.layout.inputs[0].domain for a in (attempt, *(a for a, fits in ran if fits)) if a.subject]
    if candidate.kind != "loss" or firsts[0] not in ("prob", "unit") or "real" not in firsts[1:]:
        return False
    return not author_shapes.takes_probabilities(candidate)


_FORMS = {"onehot": "one-hot rows", "label": "numbers of classes", "binary": "zeros and ones", "real": "any numbers"}


def _of_labels(right: Subject, wrong: Subject | None) -> dict[str, str]:
    """The doubt about a loss whose forward takes labels of two forms, and whose backward is right for one of them."""
    for one, other in zip(right.layout.inputs, wrong.layout.inputs if wrong else (), strict=False):
        if (one.domain, len(one.dims)) != (other.domain, len(other.dims)) and "real" not in (one.domain, other.domain):
            forms = [_FORMS.get(e.domain, e.domain) for e in (one, other)]
            return {"": f"right for labels as {forms[0]}, wrong for {forms[1]}; the forward takes both"}
    return {}


def _same_arrays(layout: Layout, other: _Attempt) -> bool:
    """Whether two layouts are for the same arrays, and differ in their sizes only."""
    assert other.subject is not None
    return [e.name for e in layout.params] == [e.name for e in other.subject.layout.params]


def _distance(attempt: _Attempt, far: bool = False, judged: bool = True) -> float:
    """0 where the gradients of an attempt are right, else more, and if `far`, the more the less they look like it."""
    if not judged or attempt.subject is None or attempt.fault is not None:
        return np.inf
    base = attempt.subject.spec.layout if attempt.subject.spec else None
    sizes = generic_sizes(attempt.subject.layout, attempt.subject.spec, base)
    return misfit(attempt.subject, attempt.subject.sample(11, sizes), far)


def _alike(spec: LayerSpec, named: LayerSpec | None) -> bool:
    """Whether people call two references by one name: the numbers choose."""
    return named is not None and bool({*spec.aliases} & {named.name, *named.aliases})
