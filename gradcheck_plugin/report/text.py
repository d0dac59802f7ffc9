"""The report in a terminal: ASCII, at most 90 columns, one finding about twenty lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradcheck_plugin.model import Comparison, Finding, NotDriven, Problem, Result, Severity, Verdict
from gradcheck_plugin.report import Report
from gradcheck_plugin.report.columns import columns, cut, padded, wrapped
from gradcheck_plugin.report.numbers import LARGEST, shape, short, telling

NAME = "text"
WIDTH = 90


def page(report: Report) -> str:
    """The text of a file."""
    return whole(report, verbose=True) + "\n"


def whole(report: Report, *, verbose: bool) -> str:
    """The findings, and below them one row a target with what is to be said of it."""
    results, refused = list(report.results), list(report.not_driven)
    blocks = [finding(r.finding) for r in results if r.finding]
    lines = rows(results, refused, list(report.passed_over), report.notes, report.problems, verbose)
    return "\n\n".join([*blocks, "\n".join([*lines, *hint(refused), totals(results, refused)])])


def sentence(result: Result) -> str:
    """The one sentence of a result, without newlines: short summary, JUnit message and JSON message."""
    return " ".join((result.finding.message if result.finding else result.reason).split())


def finding(found: Finding, target: str = "") -> str:
    """One finding: code and sentence, the line, the smallest case, evidence, help, reproducer."""
    lines = _wrap(f"{found.severity.value}[{found.code}]: ", found.message)
    if found.file:
        place = f"{found.file}:{found.line}" if found.line else found.file
        lines += _wrap("  --> ", place + (f", in {found.function}" if found.function else ""))
    if found.source:
        lines.append(cut(f"   |     {found.source}", WIDTH))
    if found.case:
        shapes = "  ".join(f"{name} {shape(value)}" for name, value in found.case.items())
        after = f"found after {found.cases} case{'s' if found.cases != 1 else ''}" if found.cases else ""
        gap = " " * max(2, WIDTH - 26 - columns(shapes) - len(after))
        lines += [f"  smallest failing case   {shapes}{gap}{after}".rstrip()]
        if columns(lines[-1]) > WIDTH:
            lines[-1:] = [*_wrap("  smallest failing case   ", shapes), f"    {after}"]
        lines += [line for name, value in found.case.items() for line in _wrap(f"    {name} = ", short(value))]
    if found.comparison:
        lines += _comparison(found.comparison)
    lines += [line for text in found.evidence for line in _wrap("  ", text)]
    if found.agrees:
        lines += _wrap("  agrees: ", ", ".join(found.agrees))
    if found.output.strip():
        printed = found.output.strip().splitlines()[-3:]
        lines += ["  printed by your code:", *(cut(f"    {line}", WIDTH) for line in printed)]
    if found.help:
        lines += _wrap("help: ", found.help)
    if found.reproduce:
        lines += ["reproduce:", *(f"    {line}" for line in found.reproduce.splitlines())]
    return "\n".join(lines)


def _comparison(c: Comparison) -> list[str]:
    digits = telling(c.yours, c.expected if c.expected is not None else c.numerical)
    parts = [("yours", short(c.yours, digits)), ("expected", _text(c.expected, digits))]
    bar = f" (+-{max(c.error, 1e-15):.0e})" if c.error else ""
    parts += [
        ("numerical", _text(c.numerical, digits) + bar if c.numerical is not None else ""),
        ("torch", _text(c.torch, digits)),
    ]
    shown = [(label, text) for label, text in parts if text]
    line = f"  {padded(c.name, 9)} " + "   ".join(f"{label} {text}" for label, text in shown)
    lines = [line] if columns(line) <= WIDTH else []
    if not lines:
        lines = [f"  {c.name}", *(x for label, text in shown for x in _wrap(f"    {label:<9} ", text))]
    return lines + _wrong(c)


def _text(value: Any, digits: int) -> str:
    return short(value, digits) if value is not None else ""


def _wrong(c: Comparison) -> list[str]:
    """How many entries differ and where; their numbers too, where the array is too large to be shown."""
    if c.total <= 1 or not c.wrong:
        return []
    more = c.at_least or c.wrong > len(c.where.split("), "))
    where = c.where + (", ..." if more else "") if c.where else ""
    places = [c.place] if c.total > LARGEST and c.entries else [c.place, where]
    if c.place == "everywhere":
        places = [c.place]
    count = f"{'at least ' if c.at_least else ''}{c.wrong} of {c.total} entries differ"
    lines = _wrap("  ", ": ".join(filter(None, [count, *places])))
    if c.total > LARGEST and c.entries:
        shown = [(e, telling(e.yours, e.expected)) for e in c.entries]
        rows = [
            f"{c.name}{list(e.index)} yours {short(e.yours, digits)} expected {short(e.expected, digits)}"
            for e, digits in shown
        ]
        lines += [cut(f"    {row}", WIDTH) for row in rows]
    return lines


def _wrap(start: str, text: str) -> list[str]:
    return wrapped(start + text, WIDTH, " " * min(columns(start), 14))


def advice(results: Iterable[Result], *, notes: bool = False) -> list[str]:
    """The habits to mend, one line each; `notes` are shown only to who asks for them."""
    lines: list[tuple[str, str]] = []
    for result in results:
        for found in result.advice:
            minor = found.severity is Severity.NOTE
            if minor and not notes:
                continue
            kind = "note" if minor else "advice"
            place = f" ({found.file}:{found.line})" if found.file and found.line else ""
            lines.append((f"{kind}[{found.code}]: ", f"{result.target}: {found.message}{place}"))
    return [line for start, text in dict.fromkeys(lines) for line in _wrap(start, text)]


MARK = {Verdict.PASS: "ok", Verdict.FAIL: "FAIL", Verdict.INCONCLUSIVE: "?", Verdict.NOT_JUDGED: "-"}


def table(results: list[Result], not_driven: list[NotDriven]) -> list[str]:
    """One row a layer: every property with its mark, and the coarsest resolution of what passed."""
    rows: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        rows.setdefault((result.file, result.target), []).append(result)
    lines = []
    for file in dict.fromkeys(f for f, _ in [*rows, *((n.file, "") for n in not_driven)]):
        lines.append(file)
        named = [t for f, t in rows if f == file] + [n.target for n in not_driven if n.file == file]
        width = max(5, *map(columns, named))
        for (where, target), group in rows.items():
            if where != file:
                continue
            cells = " ".join(f"{r.property}:{MARK[r.verdict]}" for r in group)
            finest = [
                r.resolution for r in group if r.resolution and r.verdict is Verdict.PASS and r.property[:1] == "d"
            ]
            checked = f"  checked to {max(finest):.0e}" if finest else ""
            layer = f" [{group[0].layer}]" if group[0].layer else " [no reference]"
            lines += _wrap(f"  {padded(target, width)} ", f"{cells}{checked}{layer}")
        for n in not_driven:
            if n.file == file:
                lines += _wrap(f"  {padded(n.target, width)} ", f"not driven: {n.reason}")
    return lines


def hint(not_driven: Iterable[NotDriven]) -> list[str]:
    """How to name an object, where there is one that was not driven."""
    said = "an object that stands for a known layer under another name: --gradcheck-as NAME=LAYER"
    return _wrap("", said) if list(not_driven) else []


def rows(
    results: list[Result],
    not_driven: list[NotDriven],
    over: list[NotDriven],
    found: Iterable[str],
    faults: Iterable[Problem],
    verbose: bool,
) -> list[str]:
    """Everything but the findings and the totals: the table, what is in doubt, advice, notes, problems."""
    lines = table(results, not_driven) + (details(results) + passed_over(over) if verbose else [])
    lines += doubts(results) + advice(results, notes=verbose) + notes(found)
    return lines + problems((p.code, p.message) for p in faults)


def details(results: Iterable[Result]) -> list[str]:
    """What was found out about each target, for -v: convention, variant, how it was made and called."""
    seen = {(r.file, r.target): r for r in results}
    lines = []
    for r in seen.values():
        lines += _wrap(f"  {r.target}: ", "; ".join(filter(None, [r.convention, r.variant])))
        lines += _wrap(f"  {r.target}: ", f"made with {r.made}") if r.made else []
        lines += _wrap(f"  {r.target}: ", f"called with {r.called}") if r.called else []
    return lines


def passed_over(objects: Iterable[NotDriven]) -> list[str]:
    """The objects that have no gradient of their own, for -v."""
    return [line for n in objects for line in _wrap(f"  {n.target}: ", f"passed over: {n.reason}")]


def doubts(results: Iterable[Result]) -> list[str]:
    """The reasons of what is inconclusive."""
    return [
        line
        for r in results
        if r.verdict is Verdict.INCONCLUSIVE
        for line in _wrap("inconclusive: ", f"{r.target}::{r.property}: {r.reason}")
    ]


def notes(found: Iterable[str]) -> list[str]:
    """How files were loaded, where that needed help."""
    return [line for text in found for line in _wrap("note: ", text)]


def problems(found: Iterable[tuple[str, str]]) -> list[str]:
    """Files that could not be checked, by code and message."""
    return [line for code, message in found for line in _wrap(f"error[{code}]: ", message)]


def totals(results: list[Result], not_driven: list[NotDriven]) -> str:
    """`12 passed, 3 failed, 1 inconclusive, 2 not judged; 1 object not driven`."""
    names = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.INCONCLUSIVE: "inconclusive"}
    names[Verdict.NOT_JUDGED] = "not judged"
    counts = [(sum(r.verdict is v for r in results), n) for v, n in names.items()]
    text = ", ".join(f"{count} {name}" for count, name in counts if count) or "nothing checked"
    if not_driven:
        text += f"; {len(not_driven)} object{'s' if len(not_driven) > 1 else ''} not driven"
    return text
