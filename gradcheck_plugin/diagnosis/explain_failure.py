"""From a failing case to a Finding: cause, the user's line, the smallest case, evidence, help, reproducer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck_plugin.binding.obstacles import Broken
from gradcheck_plugin.diagnosis import causes
from gradcheck_plugin.diagnosis.codes import CODES, help_for, sentence
from gradcheck_plugin.diagnosis.examined import Examined, OfFile
from gradcheck_plugin.diagnosis.localise import Location, localise
from gradcheck_plugin.diagnosis.place import EVERYWHERE
from gradcheck_plugin.diagnosis.reproducer import UPSTREAM, identifiers, reproduce
from gradcheck_plugin.diagnosis.source import source_of
from gradcheck_plugin.diagnosis.square import only_square
from gradcheck_plugin.faults.raised import raised as raised_finding
from gradcheck_plugin.faults.raised import timed_out
from gradcheck_plugin.judging.contract import Breach
from gradcheck_plugin.judging.forward import ForwardJudgement
from gradcheck_plugin.judging.gradient import Run, gradients, numerical_gradient
from gradcheck_plugin.judging.kink import KinkJudgement
from gradcheck_plugin.judging.kink import judge as judge_kink
from gradcheck_plugin.judging.rule import judge as judge_rule
from gradcheck_plugin.model import Array, Case, Comparison, Finding, Severity, Verdict
from gradcheck_plugin.oracles.judge import Judgement
from gradcheck_plugin.running.calls import UserCodeRaised, frozen, place_of
from gradcheck_plugin.running.limits import TimeLimit
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.search import Drawn, Search
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout


def gradient(
    target: Examined, subject: Subject, name: str, property: str, found: Search, raised: BaseException | None
) -> Finding:
    """The finding for a wrong gradient."""
    drawn = _smallest(found)
    early = _early(target, subject, found, raised, name)
    if early is not None:
        return early
    judged = target.judge(subject, name, drawn.case, drawn.layout)
    place = localise(subject, name, drawn.case, drawn.layout, judged)
    general = _in_general(target, subject, name, drawn, place)
    cause = causes.diagnose(subject, name, drawn.layout, drawn.case.seed % 1000)
    code, message, helps = cause.code, cause.message, cause.help
    if cause.code == "wrong-gradient" and judged.kind in CODES:
        values = {"grad": property, "array": subject.display(name), "n": judged.reason}
        code, message, helps = judged.kind, sentence(judged.kind, **values), help_for(judged.kind, **values)
    convention = cause.convention
    averaged, whole = causes.averaged_parameters(subject, drawn.layout, drawn.case.seed % 1000)
    others = " and ".join(f"`{subject.gradient_name(n)}`" for n in whole)
    if averaged and not whole:
        convention, code = True, "batch-average"
        message, helps = sentence(code, grad=property), help_for(code)
    elif averaged and code in ("extra-batch-mean", "batch-average"):
        convention, code = False, "batch-average-mixed"
        message, helps = sentence(code, grad=property, n=others), help_for(code)
    if not convention and only_square(subject, drawn.layout, lambda c, la: _passes(target, subject, name, c, la)):
        general = [f"in other images: {message}", *general]
        code, message, helps = "square-only", sentence("square-only", grad=property), help_for("square-only")
    return Finding(
        code,
        message,
        Severity.ADVICE if convention else Severity.ERROR,
        case=_shown(subject, drawn, judged.dy),
        cases=found.found_after,
        comparison=_comparison(subject, name, property, drawn, judged, place),
        evidence=tuple(filter(None, [cause.evidence, subject.would_be, *general, *_evidence(judged)])),
        agrees=_agreeing(target, subject, name),
        help=helps,
        reproduce=reproduce(target, subject, drawn, name, dy=judged.dy, yours=judged.yours, expected=judged.expected),
        **source_of(subject, property),
    )


def _passes(target: Examined, subject: Subject, name: str, case: Case, layout: Layout) -> bool:
    return target.judge(subject, name, case, layout).verdict is Verdict.PASS


def broken(target: OfFile, bound: Broken) -> Finding:
    """The finding for what raises in every case, with the arrays of the one that was tried last."""
    finding, tried = bound.finding, bound.tried
    if tried is None or finding.case or not isinstance(bound.cause, Exception | SystemExit):
        return finding
    subject = dataclasses.replace(tried.subject, file=bound.file, line=bound.line)
    drawn, fault = Drawn(tried.case, subject.layout), bound.cause
    for sides in SMALL if isinstance(bound.cause, Exception) and not (subject.spec and subject.spec.rule) else ():
        smaller, raised = _raised_in(subject, sides)
        if smaller and raised and _same_place(raised.cause, fault):
            drawn = Drawn(smaller, subject.layout)
            again = raised_finding(subject.name, subject.function, raised, subject.root, {"file": bound.file})
            finding = dataclasses.replace(finding, message=again.message, evidence=again.evidence)
            break
    first = next((e.name for e in subject.layout.entries if e.differentiable), "")
    try:
        text = reproduce(target, subject, drawn, first, raises=True)
        case = _shown(subject, drawn, None)
    except Exception:  # where even the way of calling is not known, its lines are not either
        return finding
    return dataclasses.replace(finding, case=case, reproduce=text)


SMALL = ((1,), (2,), (1, 2), (2, 1), (2, 3))  # axes of cases that are easily read, in turn


def _raised_in(subject: Subject, sides: tuple[int, ...]) -> tuple[Case | None, UserCodeRaised | None]:
    """What a smaller case raises, with its axes as short as they may be."""
    base = subject.spec.layout if subject.spec else None
    axes = subject.layout.dims(base)
    sizes = {n: max(sides[i % len(sides)], subject.minimum.get(n, 1)) for i, n in enumerate(axes)}
    try:
        case = subject.sample(7, sizes, short=True)
        with frozen(case.seed):
            tape = subject.caller.forward(case.arrays)
            tape.backward(np.ones(np.shape(tape.output)) if np.ndim(tape.output) else 1.0)
    except UserCodeRaised as exc:
        return case, exc
    except Exception:
        return None, None
    return None, None


def _same_place(one: BaseException, other: BaseException) -> bool:
    places = [place_of(e, None) for e in (one, other)]
    return type(one) is type(other) and len({p[1] if p else 0 for p in places}) == 1


def forward(
    target: Examined,
    subject: Subject,
    found: Search,
    judged: Callable[[Drawn], ForwardJudgement],
    raised: BaseException | None,
) -> Finding:
    """The finding for a forward that differs from the reference."""
    early = _early(target, subject, found, raised)
    if early is not None:
        return early
    drawn = _smallest(found)
    judgement = judged(drawn)
    assert subject.spec is not None
    code, agrees = "forward-differs", _agreeing(target, subject, "")
    own = [a for a in agrees if a != "forward"]
    message, helps = sentence(code, n=subject.spec.name), help_for(code, n=subject.spec.name)
    cause = causes.classical_forward(subject, drawn.layout, drawn.case.seed % 1000)
    if cause is not None:
        code, message, helps = cause.code, cause.message, cause.help
    if cause is None and own and len(own) == len(subject.judged):
        message += "; the backward is right for the forward you wrote"
    if only_square(subject, drawn.layout, lambda c, la: judged(Drawn(c, la)).verdict is Verdict.PASS):
        code, message, helps = "square-only", sentence("square-only", grad="output"), help_for("square-only")
    return Finding(
        code,
        message,
        case=_shown(subject, drawn, None),
        cases=found.found_after,
        comparison=Comparison("output", _value(judgement.yours), _value(judgement.expected)),
        evidence=(judgement.reason,),
        agrees=agrees,
        help=helps,
        reproduce=reproduce(target, subject, drawn, "", yours=judgement.yours, expected=judgement.expected),
        **source_of(subject, "forward"),
    )


def rule(target: Examined, subject: Subject, found: Search, raised: BaseException | None) -> Finding:
    """The finding for an update, a clip, a schedule or an initialiser that differs from the reference."""
    early = _early(target, subject, found, raised)
    if early is not None:
        return early
    drawn = _smallest(found)
    judged = judge_rule(subject, drawn.case)
    drawn = Drawn(judged.case or drawn.case, drawn.layout)
    cause = causes.of_rule(subject, drawn.case.seed % 1000, judged)
    random = subject.spec is not None and subject.spec.kind == "initialiser"
    return Finding(
        cause.code,
        cause.message,
        case={} if random else _shown(subject, drawn, None),
        cases=found.found_after,
        comparison=Comparison(judged.label, _value(judged.yours), _value(judged.expected)),
        evidence=tuple(filter(None, [judged.reason, cause.evidence])),
        help=cause.help,
        reproduce=reproduce(target, subject, drawn, "", yours=judged.yours, expected=judged.expected),
        **source_of(subject, "rule"),
    )


def kink(target: Examined, subject: Subject, found: Search, raised: BaseException | None) -> Finding:
    """The finding for a gradient that is wrong exactly on a kink."""
    early = _early(target, subject, found, raised)
    if early is not None:
        return early
    assert subject.spec is not None
    drawn = _smallest(found)
    tried = (judge_kink(subject, drawn.case, place) for place in subject.spec.kinks)
    judged = next(j for j in tried if j.verdict is Verdict.FAIL)
    assert judged.case is not None
    shown, entry = Drawn(judged.case, drawn.layout), judged.entries[judged.worst]
    place = f"{subject.display(entry.name)}{list(entry.index)}"
    code = "tie-lost" if np.isfinite(judged.together) else "kink"
    at = judged.says if len(judged.entries) > 1 else f"{place} = {judged.case.arrays[entry.name][entry.index]:g}"
    return Finding(
        code,
        sentence(code, grad=subject.gradient_name(entry.name), n=at),
        case=_shown(subject, shown, None),
        cases=found.found_after,
        comparison=Comparison(
            f"{subject.gradient_name(entry.name)}{list(entry.index)}", entry.yours, torch=entry.torch
        ),
        evidence=_slopes(subject, judged),
        help=help_for(code),
        reproduce=reproduce(target, subject, shown, entry.name, index=entry.index),
        **source_of(subject, subject.gradient_name(entry.name)),
    )


def tie(subject: Subject, judged: KinkJudgement) -> Finding:
    """Tied entries that each get the gradient of one: advice."""
    grad = subject.gradient_name(judged.entries[0].name)
    message = sentence("tie", grad=grad, n=judged.says)
    evidence = _slopes(subject, judged)
    return Finding("tie", message, Severity.ADVICE, evidence=evidence, help=help_for("tie"), **source_of(subject, grad))


def _slopes(subject: Subject, judged: KinkJudgement) -> tuple[str, ...]:
    """The one-sided slopes at each entry on the kink, and the slope of moving tied ones together."""
    lines = []
    for e in judged.entries:
        grad = f"{subject.gradient_name(e.name)}{list(e.index)} = {e.yours:.6g}: " if len(judged.entries) > 1 else ""
        lines.append(f"{grad}slopes {e.left:.6g} from the left, {e.right:.6g} from the right")
    if np.isfinite(judged.together):
        lines.append(f"moved together: slope {judged.together:.6g}, yours {sum(e.yours for e in judged.entries):.6g}")
    return tuple(lines)


def contract(
    target: Examined, subject: Subject, found: Search, fault: str, breach: Breach | None, raised: BaseException | None
) -> Finding:
    """The finding for a clause of the contract."""
    early = _early(target, subject, found, raised)
    if early is not None:
        return early
    assert breach is not None
    drawn = _smallest(found)
    if breach.case is not None:
        drawn = Drawn(breach.case, drawn.layout)
    base = _breach(subject, breach)
    if breach.code in ("not-linear", "upstream-ignored"):
        seed = drawn.case.seed % 1000
        cause = causes.updated_weights(subject, breach.gradient, drawn.layout, seed)
        cause = cause or causes.classical(subject, breach.gradient, drawn.layout, seed)
        if cause is not None:
            base = Finding(cause.code, cause.message, help=cause.help, evidence=(base.message, cause.evidence))
    return Finding(
        base.code,
        base.message,
        case=_shown(subject, drawn, None),
        cases=found.found_after,
        evidence=tuple(filter(None, [*base.evidence, subject.would_be])),
        agrees=("forward",) if subject.matches else (),
        help=base.help,
        reproduce=reproduce(target, subject, drawn, breach.gradient or subject.judged[0]),
        **_line(subject, breach),
    )


def advice(subject: Subject, breach: Breach, drawn: Drawn) -> Finding:
    """A habit to mend, or a note."""
    base = _breach(subject, breach)
    return Finding(base.code, base.message, breach.severity, help=base.help, **_line(subject, breach))


def _line(subject: Subject, breach: Breach) -> dict[str, Any]:
    """The user's line behind a breach: where it raised, else where the gradient or the output is computed."""
    if breach.raised is not None:
        place = {"file": subject.file, "line": subject.line}
        at = raised_finding(subject.name, subject.function or subject.name, breach.raised, subject.root, place)
        return {"file": at.file, "line": at.line, "function": at.function, "source": at.source}
    property = breach.property or (subject.gradient_name(breach.gradient) if breach.gradient else "")
    return source_of(subject, property)


def close(subject: Subject, judged: ForwardJudgement) -> Finding:
    """A forward that is the reference's but for the digits of a constant, or single precision."""
    n = f"{judged.error:.1g}: {judged.reason}"
    helps = help_for("forward-close", n=n)
    place = source_of(subject, "forward")
    return Finding("forward-close", sentence("forward-close", n=n), Severity.ADVICE, help=helps, **place)


def habit(subject: Subject, code: str, n: str = "") -> Finding:
    """Something about a rule that is worth mending, though its numbers are right."""
    place = source_of(subject, "rule")
    return Finding(code, sentence(code, n=n), Severity.ADVICE, help=help_for(code, n=n), **place)


def incidental(subject: Subject, name: str, drawn: Drawn) -> Finding:
    """A gradient that is wrong only in a layout which NumPy may accept by accident."""
    note = next((v.note for v, layout in subject.further if layout == drawn.layout), "another layout")
    cause = causes.diagnose(subject, name, drawn.layout, drawn.case.seed % 1000)
    message = f"{cause.message}, when the forward gets this layout: {note}"
    return Finding(cause.code, message, Severity.NOTE, help=cause.help)


def _breach(subject: Subject, breach: Breach) -> Finding:
    values = {
        "grad": subject.gradient_name(breach.gradient) if breach.gradient else "",
        "array": subject.display(breach.gradient) if breach.gradient else "",
        "target": subject.name,
        "n": breach.detail,
    }
    return Finding(breach.code, sentence(breach.code, **values), help=help_for(breach.code, **values))


def _smallest(found: Search) -> Drawn:
    assert found.smallest is not None
    return found.smallest


def _early(
    target: Examined, subject: Subject, found: Search, raised: BaseException | None, name: str = ""
) -> Finding | None:
    """Faults that come before any number: the code raised, hung, or gave no array."""
    drawn = _smallest(found)
    place: dict[str, Any] = {"file": subject.file, "line": subject.line}
    shown = _shown(subject, drawn, None)
    if found.seen_fault == "time-limit":
        function = subject.function or subject.name
        cut = raised if isinstance(raised, TimeLimit) else None
        finding = timed_out(function, cut, target.settings.seconds, subject.root, **place)
        return dataclasses.replace(finding, case=shown)
    if found.seen_fault.startswith("raised") and isinstance(raised, UserCodeRaised):
        finding = raised_finding(subject.name, subject.function, raised, subject.root, place)
        text = reproduce(target, subject, drawn, name or (*subject.judged, "")[0], raises=True)
        return dataclasses.replace(finding, case=shown, cases=found.found_after, reproduce=text)
    if found.seen_fault == "bad-output":
        return Finding(
            "bad-output", str(raised), case=shown, help=help_for("bad-output"), **source_of(subject, "forward")
        )
    return None


def _shown(subject: Subject, drawn: Drawn, dy: Array | None) -> dict[str, Array]:
    """The arrays of a case under the user's own names, as the reproducer has them."""
    shown = {name: drawn.case.arrays[n] for n, name in identifiers(subject, drawn.layout).items()}
    if dy is not None and subject.caller.upstream:
        shown[UPSTREAM] = dy
    return shown


def _value(value: Any) -> Any:
    return value if value is None or isinstance(value, np.ndarray) else numeric(value)


def _comparison(
    subject: Subject, name: str, property: str, drawn: Drawn, judged: Judgement, found: Location | None
) -> Comparison:
    """Yours beside the oracles, and which entries are wrong where that can be told."""
    expected, numerical, error = judged.expected, None, 0.0
    right = found.numerical if found is not None else None
    if right is None:
        right = _numerical(subject, name, drawn)
    if right is not None:
        error = judged.estimate.error if judged.estimate is not None and np.isfinite(judged.estimate.error) else 0.0
        numerical = np.where(np.abs(right) < max(error, 1e-12), 0.0, right)
        expected = expected if expected is not None else right
    comparison = Comparison(property, _value(judged.yours), expected, numerical, error, judged.torch)
    if found is None:
        return comparison
    where = ", ".join(str(e.index) for e in found.entries if e.index)
    return dataclasses.replace(
        comparison,
        wrong=found.wrong,
        total=found.total,
        where=where,
        at_least=found.at_least,
        place=found.place,
        entries=found.entries,
    )


def _numerical(subject: Subject, name: str, drawn: Drawn) -> Array | None:
    """The whole gradient by differences, where the array is small and the forward runs."""
    try:
        out, dy, _ = gradients(subject, drawn.case)
        return numerical_gradient(subject, name, drawn.case, dy, out)
    except Exception:
        return None


def _in_general(target: Examined, subject: Subject, name: str, drawn: Drawn, shown: Location | None) -> list[str]:
    """Where a case with larger axes is wrong, if the smallest one hides it: a row of one entry is no row."""
    base = subject.spec.layout if subject.spec else None
    sizes = generic_sizes(drawn.layout, subject.spec, base)
    case = subject.sample(drawn.case.seed % 1000, sizes, layout=drawn.layout)
    if shown is not None and case.arrays[name].shape == drawn.case.arrays[name].shape:
        return []
    try:
        judged = target.judge(subject, name, case, drawn.layout)
        found = localise(subject, name, case, drawn.layout, judged)
    except (Exception, TimeLimit):
        return []
    if found is None or found.place in ("", EVERYWHERE, shown.place if shown else ""):
        return []
    shape = "(" + ",".join(map(str, case.arrays[name].shape)) + ")"
    count = f"{'at least ' if found.at_least else ''}{found.wrong} of {found.total} entries"
    return [f"where {subject.gradient_name(name)} is {shape}, {count} differ: {found.place}"]


def _evidence(judged: Judgement) -> list[str]:
    """|D(h) - yours| at four steps: a right gradient would shrink a hundredfold a column."""
    if judged.ladder is None or judged.v is None or judged.kind != "value":
        return []
    rows = judged.ladder.taylor(judged.v, judged.slope)
    if len(rows) < 4:
        return []
    errors = " ".join(f"{e:.1e}" for _, e in rows)
    (wide, first), (narrow, second) = rows[0], rows[1]
    rate = np.log(first / second) / np.log(wide / narrow) if first and second else 0.0
    return [f"h 1e-2 to 1e-5: |D(h) - yours| {errors}, rate {abs(rate):.1f} (right: 2)"]


def _agreeing(target: Examined, subject: Subject, failing: str) -> tuple[str, ...]:
    """The other properties that hold in two generic cases."""
    agrees = []
    base = subject.spec.layout if subject.spec else None
    cases = [subject.sample(100 + i, generic_sizes(subject.layout, subject.spec, base, i)) for i in (0, 1)]
    if subject.matches and subject.spec is not None:
        agrees.append("forward")
    others = [n for n in subject.judged if n != failing]
    try:
        runs = [Run(subject, c, subject.layout) for c in cases] if others else []
    except Exception:
        return tuple(agrees)
    for name in others:
        try:
            judged = [target.judge(subject, name, r.case, r.layout, r, measured=False) for r in runs]
        except Exception:
            continue
        if all(j.verdict is Verdict.PASS for j in judged):
            agrees.append(subject.gradient_name(name))
    return tuple(agrees)
