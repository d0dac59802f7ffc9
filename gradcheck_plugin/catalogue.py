"""What the references say of their layers: `gradcheck list` and `gradcheck explain`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from itertools import groupby

from gradcheck_plugin.diagnosis.codes import CODES
from gradcheck_plugin.report.columns import padded, wrapped
from reference_impls.shapes import Entry, Layout
from reference_impls.spec import LayerSpec, Mistake

WIDTH = 90
_WORDS = {
    "en": {"arrays": "arrays", "output": "output", "variants": "written as well", "backward": "backward in NumPy",
           "mistakes": "classical mistakes", "also": "also called", "kink": "kinks at"},
    "ko": {"arrays": "배열", "output": "출력", "variants": "다른 표기", "backward": "NumPy 역전파",
           "mistakes": "흔한 실수", "also": "다른 이름", "kink": "꺾이는 점"},
}  # fmt: skip
_BLANKS = {
    "en": {"{grad}": "the gradient", "{array}": "the array", "{target}": "the layer", "{n}": "..."},
    "ko": {"{grad}": "기울기", "{array}": "배열", "{target}": "층", "{n}": "..."},
}
LANGUAGES = tuple(_WORDS)
_DOMAINS = {
    "positive": "above 0", "unit": "between 0 and 1", "prob": "rows that sum to 1", "onehot": "one-hot rows",
    "binary": "0 or 1", "sign": "-1 or +1",
}  # fmt: skip


def listing(specs: Iterable[LayerSpec]) -> str:
    """All references by family: name, Korean name, shapes, aliases, variants."""
    lines = []
    for family, members in groupby(sorted(specs, key=lambda s: (s.kind == "update", s.family)), key=lambda s: s.family):
        lines += ["", family]
        for spec in members:
            name = padded(f"  {spec.name}", 32) + padded(spec.korean, 20)
            lines += wrapped(f"{name} {spec.shapes}", WIDTH, " " * 33)
            if spec.aliases:
                lines += wrapped("      also " + ", ".join(spec.aliases), WIDTH, " " * 11)
            if spec.variants:
                lines += wrapped("      variants: " + "; ".join(v.note for v in spec.variants), WIDTH, " " * 16)
    return "\n".join(lines[1:])


def explanation(spec: LayerSpec, language: str = "en") -> str:
    """One reference: formula and gradients, shapes, conventions, the backward, the classical mistakes."""
    words = _WORDS[language]
    title = f"{spec.name} ({spec.korean})" if spec.korean else spec.name
    lines = [title, "=" * 8, *inspect.cleandoc(sys.modules[spec.forward.__module__].__doc__ or "").splitlines(), ""]
    lines += [f"{words['arrays']}:", *(f"    {_entry(e)}" for e in spec.layout.entries)]
    lines += [f"{words['output']}:", *(f"    {text}" for text in _outputs(spec.layout))]
    if spec.aliases:
        lines += wrapped(f"{words['also']}: {', '.join(spec.aliases)}", WIDTH, "    ")
    if spec.variants:
        lines += [f"{words['variants']}:"]
        lines += [line for v in spec.variants for line in wrapped(f"    {v.note}", WIDTH, " " * 8)]
    numbers = [f"{k:g}" for k in spec.kinks if not callable(k)]
    if numbers:
        lines += [f"{words['kink']}: {', '.join(numbers)}"]
    if spec.kind not in ("layer", "loss", "network"):
        lines += ["", *_source(spec.forward)]
    else:
        lines += ["", f"{words['backward']}:", *(f"    {line}" for line in _source(spec.backward))]
    if spec.mistakes:
        lines += ["", f"{words['mistakes']}:"]
        lines += [line for m in spec.mistakes for line in _mistake(m, language)]
    return "\n".join(lines)


def _entry(entry: Entry) -> str:
    axes = ", ".join(" ".join(axis) for axis in entry.axes)
    domain = f"integers below {entry.classes}" if entry.domain == "label" else _DOMAINS.get(entry.domain, "")
    return f"{entry.name} ({axes})" + (f"  {domain}" if domain else "")


def _outputs(layout: Layout) -> list[str]:
    if layout.outputs:
        return [_entry(e) for e in layout.outputs]
    return [f"({', '.join(' '.join(a) for a in layout.output.axes)})" if layout.output.axes else "a number"]


def _source(function: object) -> list[str]:
    try:
        return inspect.getsource(function).rstrip().splitlines()  # type: ignore[arg-type]
    except (OSError, TypeError):
        return []


def _mistake(mistake: Mistake, language: str) -> list[str]:
    korean = language == "ko" and bool(mistake.says_ko)
    language = "ko" if korean else "en"
    says = mistake.says_ko if korean else mistake.says or CODES[mistake.code].says
    helps = mistake.help_ko if korean else mistake.help or CODES[mistake.code].help
    lines = wrapped(f"    {mistake.code}: {_plain(says, language)}", WIDTH, " " * 8)
    return [*lines, *wrapped(f"        {_plain(helps, language)}", WIDTH, " " * 8)]


def _plain(text: str, language: str) -> str:
    """A sentence of a report with its blanks named."""
    for blank, word in _BLANKS[language].items():
        text = text.replace(f"`{blank}`", word).replace(blank, word)
    return text
