"""What the plugin says of the sample submissions: each file is checked once in a process."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gradcheck_plugin.api import Report, check_paths
from gradcheck_plugin.model import Settings

HERE = Path(__file__).parent / "submissions"


@cache
def report(folder: str, file: str) -> Report:
    cases = 5 if folder == "wrong" else 2  # enough to bind right code in every layout, and to name what is wrong
    return check_paths([HERE / folder / file], Settings(cases=cases, seconds=2.0))


def grouped(rows: Iterable[tuple[str, ...]]) -> list[Any]:
    """Rows that begin with a file, as parameters: the tests of a file of that name run in one process."""
    return [pytest.param(*row, marks=pytest.mark.xdist_group(row[0]), id="-".join(row)) for row in rows]
