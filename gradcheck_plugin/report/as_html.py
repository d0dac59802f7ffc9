"""The report of a notebook cell: a small table and the findings."""

from __future__ import annotations

import html

from gradcheck_plugin.model import NotDriven, Result, Verdict
from gradcheck_plugin.report import text

COLOURS = {
    Verdict.PASS: "#1a7f37",
    Verdict.FAIL: "#cf222e",
    Verdict.INCONCLUSIVE: "#9a6700",
    Verdict.NOT_JUDGED: "#6e7781",
}


def fragment(results: list[Result], not_driven: list[NotDriven], problems: list[str]) -> str:
    """One HTML fragment without scripts or outside resources; everything of the user's is escaped."""
    rows: dict[tuple[str, str], list[Result]] = {}
    for r in results:
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
    for n in not_driven:
        body.append(f"<tr><td>{html.escape(n.target)}</td><td>not driven: {html.escape(n.reason)}</td></tr>")
    failures = [f"<pre>{html.escape(text.finding(r.finding))}</pre>" for r in results if r.finding]
    lines = [f"<p>{html.escape(p)}</p>" for p in problems]
    summary = html.escape(text.totals(results, not_driven))
    return f"<div><table>{''.join(body)}</table>{''.join(failures)}{''.join(lines)}<p>{summary}</p></div>"
