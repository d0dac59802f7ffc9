"""What the command shows while a file is checked: findings as they come, its rows at the end, a line of status."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from gradcheck_plugin.api import Report
from gradcheck_plugin.checking import Doing, Opened, Step
from gradcheck_plugin.model import NotDriven, Problem, Result
from gradcheck_plugin.report import text
from gradcheck_plugin.report.columns import cut
from gradcheck_plugin.suite import shown


class Progress:
    """Gathers the steps of one file; `say` prints a block of lines."""

    def __init__(self, path: Path, count: str, say: Callable[[str], None]) -> None:
        self.file, self.count, self.say = shown(path), count, say
        self.results: list[Result] = []
        self.not_driven: list[NotDriven] = []
        self.passed_over: list[NotDriven] = []
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.status = _Status()
        self.closed = False

    def tell(self, step: Step) -> None:
        if isinstance(step, Doing):
            what = "::".join(filter(None, [step.target, step.property]))
            self.status.show(" ".join(filter(None, [f"{self.count}{self.file}", what])))
        elif isinstance(step, Opened):
            self.not_driven += [n for n in step.not_driven if n not in self.not_driven]
            self.passed_over += [n for n in step.passed_over if n not in self.passed_over]
            self.notes += [n for note in step.notes if (n := f"{step.file}: {note}") not in self.notes]
            self.problems += [step.problem] if step.problem else []
        elif isinstance(step, Result):
            self.results.append(step)
            if step.finding is not None:
                self.status.clear()
                self.say(text.finding(step.finding) + "\n")

    def close(self, verbose: bool) -> None:
        """Print the rows of the file, once."""
        self.status.clear()
        lines = text.rows(self.results, self.not_driven, self.passed_over, self.notes, self.problems, verbose)
        if lines and not self.closed:
            self.say("\n".join(lines))
        self.closed = True

    def add_to(self, report: Report) -> None:
        """Add what this file gave to the report of all."""
        report.results += self.results
        report.not_driven += self.not_driven
        report.passed_over += self.passed_over
        report.problems += self.problems
        report.notes += self.notes


class _Status:
    """One line on a terminal, written over by the next."""

    def __init__(self) -> None:
        self.stream = sys.stderr
        self.on = self.stream is not None and self.stream.isatty() and sys.stdout is not None
        self.shown = False

    def show(self, line: str) -> None:
        if self.on:
            self.clear()
            self.stream.write(cut(line.encode("ascii", "backslashreplace").decode(), 78))
            self.stream.flush()
            self.shown = True

    def clear(self) -> None:
        if self.on and self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self.shown = False
