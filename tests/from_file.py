"""Verdicts on a source file as a person writes it, opened as the command opens it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcheck_plugin.api import Report, check_paths
from gradcheck_plugin.model import Result, Settings, Verdict


@dataclass(frozen=True)
class Checked:
    """What the command would say of a file."""

    report: Report

    def verdicts(self, target: str) -> dict[str, Verdict]:
        """The verdict of every property of one object."""
        return {r.property: r.verdict for r in self.report.results if r.target == target}

    def result(self, target: str, property: str) -> Result:
        return next(r for r in self.report.results if (r.target, r.property) == (target, property))

    def failed(self, target: str) -> dict[str, str]:
        """The code of every property of one object that failed."""
        mine = [r for r in self.report.results if r.target == target and r.verdict is Verdict.FAIL]
        return {r.property: r.finding.code if r.finding else "" for r in mine}

    def passes(self, target: str) -> bool:
        """Whether an object was judged, and every property of it is right."""
        found = set(self.verdicts(target).values())
        return found == {Verdict.PASS}

    @property
    def refused(self) -> dict[str, str]:
        """The reason of every object that was not driven."""
        return {n.target: n.reason for n in self.report.not_driven}

    @property
    def exit_code(self) -> int:
        return self.report.exit_code


def checked(folder: Path, source: str, name: str = "layers.py", cases: int = 5, **settings: Any) -> Checked:
    """Write `source` into a file of `folder` and check that as `gradcheck check` does."""
    path = folder / name
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    return Checked(check_paths([path], Settings(cases=cases, **settings)))
