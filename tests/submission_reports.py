"""What the plugin says of the sample submissions: each file is checked once in a process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gradcheck_plugin.api import Report, check_paths
from gradcheck_plugin.model import Settings
from gradcheck_plugin.plans.kept import Shelf
from gradcheck_plugin.runner.child import elsewhere
from gradcheck_plugin.subject import Subject
from gradcheck_plugin.suite import FileSuite, open_file

HERE = Path(__file__).parent / "submissions"


def settings(folder: str) -> Settings:
    cases = 5 if folder == "wrong" else 2  # enough to bind right code in every layout, and to name what is wrong
    return Settings(cases=cases, seconds=2.0)


@cache
def report(folder: str, file: str) -> Report:
    return check_paths([HERE / folder / file], settings(folder))


@cache
def report_from_elsewhere(folder: str, file: str) -> Report:
    """The same by the longest way.

    How the objects are called is found out, written down as JSON, and read back. Their code runs in another process,
    from which nothing but bytes comes.
    """
    path, found = HERE / folder / file, Report()
    with elsewhere(from_plans(path, settings(folder)), path, settings(folder).seconds) as suite:
        found.add(suite)
    return found


def from_plans(path: Path, chosen: Settings) -> FileSuite:
    """The file, opened with the plans that it has left when it was opened before, all of them."""
    kept: dict[str, str] = {}
    shelf = Shelf(
        lambda name: json.loads(kept.get(name, "null")), lambda name, data: kept.update({name: json.dumps(data)})
    )
    fresh = open_file(path, chosen, shelf=shelf)
    plans = [plan for page in kept.values() for plan in json.loads(page)["plans"].values() if "refused" not in plan]
    assert len(plans) == len([t for t in fresh.targets if isinstance(t.bound, Subject)])
    return open_file(path, chosen, shelf=shelf)


def grouped(rows: Iterable[tuple[str, ...]]) -> list[Any]:
    """Rows that begin with a file, as parameters: the tests of a file of that name run in one process."""
    return [pytest.param(*row, marks=pytest.mark.xdist_group(row[0]), id="-".join(row)) for row in rows]
