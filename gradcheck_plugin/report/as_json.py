"""Every result as JSON, schema 1."""

from __future__ import annotations

import json
from typing import Any

from gradcheck_plugin.model import SCHEMA, plain
from gradcheck_plugin.report import Report
from gradcheck_plugin.report.text import sentence

NAME = "json"


def document(report: Report) -> dict[str, Any]:
    """The report as a plain dictionary."""
    rows = []
    for r in report.results:
        row = plain(r)
        row["code"] = r.finding.code if r.finding else r.code
        row["message"] = sentence(r)
        rows.append(row)
    return {
        "schema": SCHEMA,
        "results": rows,
        "not_driven": plain(list(report.not_driven)),
        "passed_over": plain(list(report.passed_over)),
        "problems": plain(list(report.problems)),
    }


def page(report: Report) -> str:
    """The text of the file."""
    return json.dumps(document(report), ensure_ascii=False, indent=1) + "\n"
