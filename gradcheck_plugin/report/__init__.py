"""What people and programs read: one format a file, found by itself.

A format is a module of this folder with a `NAME` and `page(report)`, which gives its text.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from gradcheck_plugin.model import NotDriven, Problem, Result


class Report(Protocol):
    """What a run found: results, objects that are not driven or passed over, problems, and notes about files."""

    @property
    def results(self) -> Sequence[Result]: ...
    @property
    def not_driven(self) -> Sequence[NotDriven]: ...
    @property
    def passed_over(self) -> Sequence[NotDriven]: ...
    @property
    def problems(self) -> Sequence[Problem]: ...
    @property
    def notes(self) -> Sequence[str]: ...


@cache
def formats() -> dict[str, Callable[[Report], str]]:
    """The formats by their names."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return {m.NAME: m.page for m in sorted(modules, key=lambda m: m.__name__) if "NAME" in vars(m)}


def asked(pairs: Sequence[str]) -> list[tuple[str, Path]]:
    """`FORMAT=PATH` pairs. Raises ValueError that names the pair and the mend."""
    found = []
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not (name and equals and path):
            raise ValueError(f"cannot read {pair!r}: write FORMAT=PATH, for instance html=report.html")
        if name not in formats():
            raise ValueError(f"{pair}: there is no format {name!r}; there are {', '.join(formats())}")
        if complaint := unwritable(Path(path)):
            raise ValueError(f"{name}={complaint}")
        found.append((name, Path(path)))
    return found


def unwritable(path: Path) -> str:
    """Why a report cannot be written to that path; "" where nothing is known against it."""
    if path.is_dir():
        return f"{path}: this is a folder; name a file"
    folder = path.resolve().parent
    return "" if folder.is_dir() else f"{path}: there is no folder {folder}"


def write(report: Report, name: str, path: Path) -> None:
    """Write a report in a format. Raises OSError as the file system gives it.

    A file name that is no UTF-8 has characters that cannot be encoded: they stand there as `\\udcff`.
    """
    path.write_bytes(formats()[name](report).encode("utf-8", "backslashreplace"))
