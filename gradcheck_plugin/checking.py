"""A file is checked step by step, and whoever wants to know is told of each step as it is done."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from gradcheck_plugin.model import NotDriven, Problem, Result, Settings
from gradcheck_plugin.suite import open_file


@dataclass(frozen=True)
class Doing:
    """What is being done now: nothing named while the file is loaded, no property while the object is bound."""

    target: str = ""
    property: str = ""


@dataclass(frozen=True)
class Opened:
    """What is known of a file before anything in it is checked."""

    file: str
    not_driven: tuple[NotDriven, ...] = ()
    notes: tuple[str, ...] = ()
    problem: Problem | None = None
    passed_over: tuple[NotDriven, ...] = ()


@dataclass(frozen=True)
class Finished:
    """All properties of one object are decided."""

    target: str


Step = Doing | Opened | Result | Finished
Tell = Callable[[Step], None]


def check_file(path: Path, settings: Settings, tell: Tell, skip: Container[str] = ()) -> None:
    """Open a file and check every property of its targets, but for the objects named in `skip`."""
    tell(Doing())
    suite = open_file(path, settings, skip=skip, announce=lambda name: tell(Doing(name)))
    tell(Opened(suite.file, tuple(suite.not_driven), suite.notes, suite.problem, tuple(suite.passed_over)))
    for target in suite.targets:
        for property in target.properties():
            tell(Doing(target.name, property))
            tell(target.check(property))
        tell(Finished(target.name))
