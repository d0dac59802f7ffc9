"""The report as HTML: a small table and the findings, as a notebook cell shows it, or as a page of its own."""

from __future__ import annotations

import html

from gradcheck_plugin.model import Result, Verdict
from gradcheck_plugin.report import Report, text

NAME = "html"
COLOURS = {
    Verdict.PASS: "#1a7f37",
    Verdict.FAIL: "#cf222e",
    Verdict.INCONCLUSIVE: "#9a6700",
    Verdict.NOT_JUDGED: "#6e7781",
}
STYLE = """
body { font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
pre { background: #f6f8fa; padding: 1em; overflow: auto }
td { padding: 0.2em 0.8em 0.2em 0; vertical-align: top }
"""


def page(report: Report) -> str:
    """A file of its own."""
    head = f'<meta charset="utf-8"><title>gradcheck</title><style>{STYLE}</style>'
    return f"<!doctype html>\n<html><head>{head}</head><body><h1>gradcheck</h1>{fragment(report)}</body></html>\n"


def fragment(report: Report) -> str:
    """One HTML fragment without scripts or outside resources; everything of the user's is escaped."""
    rows: dict[tuple[str, str], list[Result]] = {}
    for r in report.results:
        rows.setdefault((r.file, r.target), []).append(r)
    body = []
    for (_, target), group in rows.items():
        cells = " ".join(
            f'<span style="color:{COLOURS[r.verdict]}">{html.escape(r.property)} {text.MARK[r.verdict]}</span>'
            for r in group
        )
        body.append(
            f'<tr><td style="text-align:left"><b>{html.escape(target)}</b></td>'
            f'<td style="text-align:left">{cells}</td></tr>'
        )
    for n in report.not_driven:
        body.append(f"<tr><td>{html.escape(n.target)}</td><td>not driven: {html.escape(n.reason)}</td></tr>")
    failures = [f"<pre>{html.escape(text.finding(r.finding))}</pre>" for r in report.results if r.finding]
    lines = [f"<p>{html.escape(p.message)}</p>" for p in report.problems]
    summary = html.escape(text.totals(list(report.results), list(report.not_driven)))
    return f"<div><table>{''.join(body)}</table>{''.join(failures)}{''.join(lines)}<p>{summary}</p></div>"
