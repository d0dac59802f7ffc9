"""Which reference an update rule, a clip, a schedule or an initialiser is, in which form: its numbers decide.

Every form of a reference is tried with every way of calling the object. A rule whose name promises a reference is bound
to it even where no form fits: the nearest is one with a classical mistake. What no reference explains is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck_plugin.binding.obstacles import Tried, doubt
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.conventions.tensor_caller import TensorCaller
from gradcheck_plugin.faults import blame
from gradcheck_plugin.judging import rule_output
from gradcheck_plugin.model import Array, Case, Unbindable
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.values import describe, numeric
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls import specs
from reference_impls.spec import LayerSpec

# names under which people also write other rules, such as SGD with momentum, or clipping by value
ROUGH = re.compile(r"(update_?(lr|parameters?|params)|clip_?grad(s|ients?)?|gradient_?clipping)\d*", re.I)


@dataclass
class Found:
    """What was found: a subject that agrees, or that comes nearest, or why there is none."""

    subject: Subject | None = None
    matches: bool = False
    fault: Exception | None = None
    tried: Tried | None = None  # the call that raised, where there is no doubt that it was meant like this


@dataclass
class _Runs:
    """What the user's code gave, run once for every way of calling it."""

    seen: dict[str, list[Array] | Exception] = field(default_factory=dict)
    raised: list[tuple[UserCodeRaised, Tried]] = field(default_factory=list)

    def outputs(self, subject: Subject, cases: list[Case]) -> list[Array] | Exception:
        caller: Any = subject.caller
        key = f"{subject.layout} {caller.key()}"
        if key not in self.seen:
            self.seen[key] = self._run(subject, cases)
        return self.seen[key]

    def _run(self, subject: Subject, cases: list[Case]) -> list[Array] | Exception:
        found = []
        try:
            for case in cases:
                with frozen(case.seed):
                    output = subject.caller.forward(case.arrays).output
                array = numeric(output)
                if array is None:
                    return Unbindable(f"it gave {describe(output)}, not arrays of numbers")
                found.append(array)
        except (Unbindable, UserCodeRaised) as exc:
            fault = exc if isinstance(exc, UserCodeRaised) else exc.__cause__
            if isinstance(fault, UserCodeRaised):
                self.raised.append((fault, Tried(subject, case)))
            return exc
        return found


def search(candidate: Candidate, named: LayerSpec | None, pinned: bool = False) -> Found:
    """The reference that the candidate's numbers are; else the named one with a mistake; else a fault."""
    runs, best = _Runs(), Found()
    if named is None and "setting" in candidate.objects:
        named = _with_setting(candidate)
    rough = named is not None and not pinned
    rough &= "setting" in candidate.objects or named is specs()["sgd"] or bool(ROUGH.fullmatch(candidate.name))
    others = [s for s in specs().values() if s.kind == candidate.kind and s is not named]
    ran: list[tuple[Subject, list[Case], list[Array]]] = []
    for spec in [*([named] if named else []), *(others if named is None or rough else [])]:
        for subject in _subjects(candidate, spec, best, spec is not named):
            cases = _cases(subject)
            outputs = runs.outputs(subject, cases)
            if isinstance(outputs, Exception):
                best.fault = best.fault or outputs  # of the likeliest way
                continue
            if all(rule_output.agrees(subject, c, o) for c, o in zip(cases, outputs, strict=True) if c.short):
                note = (
                    () if spec is named else (f"{'computes' if named else 'recognised:'} what `{spec.name}` computes",)
                )
                return Found(replace(subject, notes=note), matches=True)
            if spec is named:
                ran.append((subject, cases, outputs))
    for subject, cases, outputs in ran:
        if rule_output.mistake_in(subject, cases, outputs) is not None:
            return Found(subject)
    strange = getattr(candidate.convention, "strange", lambda candidate: "")(candidate) if ran else ""
    if strange and named:
        return Found(fault=Unbindable(f"no form of `{named.name}` explains its numbers; `{strange}` may be why"))
    if ran:
        return Found(ran[0][0])
    fault = best.fault
    if "setting" not in candidate.objects and (own := _own_fault(candidate, runs)):
        return Found(fault=own[0], tried=own[1])
    if isinstance(getattr(fault, "cause", None), NotImplementedError) and named is None:
        fault = Unbindable("it is a base class, or not implemented yet")
    elif isinstance(fault, UserCodeRaised) and (named is None or "setting" in candidate.objects):
        fault = Unbindable(f"it raised {fault}")
    elif named is None and runs.seen:
        fault = Unbindable(_unexplained(candidate))
    return Found(fault=fault)


def _own_fault(candidate: Candidate, runs: _Runs) -> tuple[UserCodeRaised, Tried] | None:
    """What a rule raised by its own fault: wrong whatever it is given, or raised in the way for which it is written."""
    for fault, tried in runs.raised:
        if blame.always(fault, None) and not isinstance(fault.cause, NotImplementedError):
            return fault, tried
    wanted = _written_for(candidate, runs)
    for fault, tried in runs.raised if wanted else ():
        if tried.subject.caller.way is wanted and fault.where != "__init__":  # type: ignore[attr-defined]
            stub = isinstance(fault.cause, NotImplementedError)
            return None if stub or doubt(fault, None) else (fault, tried)
    return None


def _written_for(candidate: Candidate, runs: _Runs) -> Any:
    """The way of calling an update that its code shows; None where it may be one of several."""
    if candidate.kind != "update":
        return None
    ways = list(dict.fromkeys(t.subject.caller.way for _, t in runs.raised))  # type: ignore[attr-defined]
    function = candidate.objects.get("function") or getattr(candidate.objects["class"], candidate.objects["method"])
    if {"keys", "items"} & set(function.__code__.co_names):
        ways = [w for w in ways if "dictionar" in w.says]
    return ways[0] if len(ways) == 1 else None


def _with_setting(candidate: Candidate) -> LayerSpec | None:
    """`Optimizer_SGD with momentum` is `momentum`, because `SGD with momentum` is; Adam with a rate decay is `adam`."""
    name, _, setting = candidate.name.partition(" with ")
    bare = spec_named(name, candidate.kind)
    return (spec_named(f"{bare.name} with {setting}", candidate.kind) or bare) if bare else None


def _subjects(candidate: Candidate, spec: LayerSpec, best: Found, strange: bool) -> Iterator[Subject]:
    """The candidate as `spec`, in every form and way."""
    seen: list[Any] = []
    for variant, layout in spec.layouts():
        if strange and variant.options.get("distribution") == "unit":
            continue  # weights that are never negative are nobody's aim, where the name does not say so
        try:
            ways = candidate.convention.callers(candidate, layout, {**spec.defaults, **variant.options})
        except (Unbindable, UserCodeRaised) as exc:
            best.fault = best.fault or exc
            continue
        for way in ways:
            if candidate.reading.tensors:
                way = TensorCaller(way)
            own = (layout, way.key(), way.options)
            if own not in seen:
                seen.append(own)
                known = replace(variant, note=_note(variant.note, way.options, spec.defaults), options=way.options)
                yield Subject(candidate.name, way, layout, (), way.user_names(), spec=spec, variant=known)


def _note(note: str, options: dict[str, Any], usual: Mapping[str, Any]) -> str:
    eps = options.get("eps")
    told = (
        f"eps {eps:g}"
        if eps is not None and eps != usual.get("eps") and "eps 1e" not in note and 0 < eps < 1e-3
        else ""
    )
    return "; ".join(filter(None, [note, told]))


def _cases(subject: Subject) -> list[Case]:
    """Generic cases; those that are marked as short decide what matches, the others help to tell mistakes apart."""
    assert subject.spec is not None
    found = []
    for i in range(rule_output.CASES):
        case = subject.sample(7 + i, generic_sizes(subject.layout, subject.spec, subject.spec.layout, i % 2))
        *others, plain = rule_output.situations(subject, case)
        found += [*others, replace(plain, short=True)]
    return found


def _unexplained(candidate: Candidate) -> str:
    kinds = {"update": "update rules", "clip": "clips", "schedule": "schedules", "initialiser": "initialisers"}
    return f"no reference explains its numbers: it is none of the {kinds[candidate.kind]} that are known, in any form"
