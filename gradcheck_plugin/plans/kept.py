"""Plans of a file that are kept from one run to the next, so that nothing of it has to be tried again.

They hold as long as nothing is changed that they were found with: the text of the file and of the user's modules, the
files around it that show how its author calls things, the data beside it, the objects that were said to stand for a
layer, and the versions of everything. What could not be called is kept with its reason, unless the clock had a part in
that.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import reference_impls
from gradcheck_plugin import outcome
from gradcheck_plugin.loading.load import SUFFIXES, Loaded
from gradcheck_plugin.loading.surroundings import folders_around
from gradcheck_plugin.model import NotDriven, Settings, plain
from gradcheck_plugin.plans.codec import Unwritable, read, written
from gradcheck_plugin.subject import Subject

FOLDERS = 200  # around a file, in which the author's calls are looked for
READ = (*SUFFIXES, ".npy", ".npz", ".pkl", ".pickle", ".csv", ".txt", ".json", ".yaml", ".yml", ".toml", ".ini", ".mat",
        ".h5", ".gz")  # of what lies beside a file, and may be read by it  # fmt: skip
_BY_THE_CLOCK = ("too-slow", "time-limit")
_Stat = tuple[str, int, int]


@dataclass
class Page:
    """What is kept of one file: `known` was found by an earlier run, `found` by this one."""

    modules: tuple[ModuleType, ...]
    known: Mapping[str, Any]
    found: dict[str, Any] = field(default_factory=dict)

    def read(self, name: str, file: str, root: Path | None) -> Subject | NotDriven | None:
        """How an object is called, or why it is not; None where that is to be found out."""
        kept = self.known.get(name)
        if kept is None:
            return None
        with suppress(
            LookupError, ValueError, TypeError, AttributeError, ImportError
        ):  # it was written by somebody else
            return (
                NotDriven(**kept["refused"], file=file) if "refused" in kept else read(kept, self.modules, file, root)
            )
        return None

    def write(self, name: str, bound: Any) -> None:
        """Keep what was found out about an object."""
        if isinstance(bound, Subject):
            with suppress(Unwritable, LookupError, TypeError, AttributeError, RecursionError):  # then it is found again
                self.found[name] = written(bound, self.modules)
        elif isinstance(bound, NotDriven) and bound.code not in (outcome.INTERNAL, *_BY_THE_CLOCK):
            self.found[name] = {"refused": {n: v for n, v in plain(bound).items() if n != "file"}}


@dataclass(frozen=True)
class Shelf:
    """Where plans are kept: what gives the data under a name, and what puts other data there."""

    get: Callable[[str], Any]
    put: Callable[[str, Any], None]

    @contextmanager
    def page(self, loaded: Loaded, settings: Settings) -> Iterator[Page]:
        """The page of a file, which is kept at the end of the block; nothing is known of a file that has changed."""
        name = hashlib.sha256(repr((str(loaded.path), loaded.notes)).encode("utf-8", "replace")).hexdigest()[:16]
        key, held = _key(loaded, settings), self.get(name)
        known = held["plans"] if isinstance(held, dict) and held.get("key") == key else {}
        page = Page(loaded.modules, known)
        yield page
        if page.found:
            self.put(name, {"key": key, "plans": {**page.known, **page.found}})


def _key(loaded: Loaded, settings: Settings) -> str:
    """What changes with everything that plans of a file are found with."""
    texts = [loaded.source, *(_text(m) for m in loaded.modules[1:])]
    asked = sorted(settings.pinned.items()), settings.seconds
    facts = (_versions(), asked, loaded.notes, texts, sorted(_around(loaded.path)))
    return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()


def _text(module: ModuleType) -> str:
    with suppress(OSError, TypeError):
        return Path(module.__file__ or "").read_bytes().hex()
    return module.__name__


def _around(path: Path) -> Iterator[_Stat]:
    """The files beside a file, and the code around it, by their sizes and times."""
    beside, above = path.parent, path.parent.parent
    near = [above, *itertools.islice((f for f in _listed(above) if f.is_dir()), FOLDERS)]
    folders = dict.fromkeys([beside, *near, *itertools.islice(folders_around(path), FOLDERS)])
    for folder in folders:
        listed = _listed(folder)
        yield from (_stat(f) for f in listed if f.suffix in (SUFFIXES if folder != beside else READ))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _stat(file: Path) -> _Stat:
    with suppress(OSError):
        state = file.stat()
        return str(file), state.st_size, state.st_mtime_ns
    return str(file), 0, 0


@cache
def _versions() -> tuple[Any, ...]:
    """Of Python, of the libraries, and of every file of the checker's own; a folder changes with what is installed."""
    installed = [_version(name) for name in ("torch", "hypothesis")]
    installed += [
        str(_stat(Path(place))) for place in sys.path if Path(place).name in ("site-packages", "dist-packages")
    ]
    homes = [Path(sys.modules[__name__.partition(".")[0]].__file__ or ""), Path(reference_impls.__file__)]
    own = sorted(_stat(f) for home in homes for f in _files(home.parent))
    return sys.version, np.__version__, os.name, installed, own


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _files(folder: Path) -> Iterable[Path]:
    return folder.rglob("*.py")
