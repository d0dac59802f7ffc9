"""Every result as JSON, schema 1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradcheck_plugin.model import SCHEMA, NotDriven, Result, plain
from gradcheck_plugin.report.text import sentence


def document(
    results: Sequence[Result],
    not_driven: Sequence[NotDriven],
    problems: Sequence[Any] = (),
    passed_over: Sequence[NotDriven] = (),
) -> dict[str, Any]:
    """The report as a plain dictionary."""
    rows = []
    for r in results:
        row = plain(r)
        row["code"] = r.finding.code if r.finding else r.code
        row["message"] = sentence(r)
        rows.append(row)
    return {
        "schema": SCHEMA,
        "results": rows,
        "not_driven": plain(list(not_driven)),
        "passed_over": plain(list(passed_over)),
        "problems": plain(list(problems)),
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the document. Raises OSError as the file system gives it.

    A file name that is no UTF-8 has characters that cannot be encoded: as `\\udcff` JSON can hold them.
    """
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    path.write_bytes(text.encode("utf-8", "backslashreplace"))
