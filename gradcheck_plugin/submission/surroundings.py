"""What a file that nobody prepared finds around it while it is executed; everything is put back afterwards.

That is the folders to import from, the modules, the working folder, the environment, the arguments, the streams and
the state of the random generators.
"""

import importlib
import importlib.abc
import io
import itertools
import os
import random
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from gradcheck_plugin.submission.stand_in import StandInModule

LEVELS = 6  # folders above the file that are searched
FOLDERS = 2000  # folders of a repository that are looked through for a module that is not on the path

_FOREIGN = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})
_NEVER_THE_USERS = sys.stdlib_module_names | {
    *("gradcheck_plugin", "reference_impls", "numpy", "torch", "pytest", "_pytest", "hypothesis")
}


class Surroundings:
    """The folders of one file, and the user's modules that were imported from them."""

    def __init__(self, path: Path, entry: str, top: Path | None) -> None:
        """`entry` is the name that the file is imported under; `top` the folder of its package, if it is in one."""
        self.path, self.outermost = path, entry.partition(".")[0]
        self.folders, in_repository = _folders(path)
        if top is not None and top not in self.folders:
            self.folders.append(top)
        self.searched = self.folders if in_repository else self.folders[:1]
        self.reserved = _NEVER_THE_USERS - {self.outermost}
        self.kept: dict[str, ModuleType] = {}  # the user's modules and the stand-ins, while they are not in sys.modules
        self.active = False
        self.printed = _Printed()

    @contextmanager
    def entered(self, first: importlib.abc.MetaPathFinder, last: importlib.abc.MetaPathFinder) -> Iterator[None]:
        """The process as the file expects it, with a finder before and one after all others."""
        hidden = self._hide()
        self.modules_before = set(sys.modules)
        sys.modules.update(self.kept)
        try:
            with _restored(), _random_restored(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.invalidate_caches()
                sys.path = [*map(str, self.folders), *sys.path]
                self.path_before = list(sys.path)
                sys.meta_path[:] = [first, *sys.meta_path, last]
                sys.argv = [str(self.path)]
                sys.stdin, sys.stdout, sys.stderr = io.StringIO(), self.printed.stream(), self.printed.stream()
                os.environ["MPLBACKEND"] = "Agg"
                os.chdir(self.path.parent)
                self.active = True
                try:
                    yield
                finally:
                    self.active = False
                    self.kept |= self.purge()
        finally:
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in (first, last)]
            sys.modules.update(hidden)

    def _hide(self) -> dict[str, ModuleType]:
        """Take out modules from elsewhere that have the name of one of the user's files."""
        names = {
            name.removesuffix(".py")
            for folder in self.folders
            for name in os.listdir(folder)
            if name.endswith(".py") or (folder / name / "__init__.py").exists()
        }
        names = (names | {self.outermost}) - self.reserved
        hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
        for name in hidden:
            del sys.modules[name]
        return hidden

    def purge(self) -> dict[str, ModuleType]:
        """Take the user's modules, and the stand-ins, out of `sys.modules`."""
        new = {name: module for name, module in sys.modules.items() if name not in self.modules_before}
        own = {name: module for name, module in new.items() if self._is_own(name, module)}
        for name in own:
            del sys.modules[name]
        return own

    def _is_own(self, name: str, module: ModuleType) -> bool:
        if name.partition(".")[0] in self.reserved or isinstance(module, StandInModule):
            return isinstance(module, StandInModule)
        file = getattr(module, "__file__", None)
        places = [file] if isinstance(file, str) else list(getattr(module, "__path__", ()))
        return any(self._is_users_folder(Path(place).parent) for place in places)

    def _is_users_folder(self, folder: Path) -> bool:
        """Whether the folder is in the tree of the file, and not that of an environment inside the tree."""
        tops = [self.folders[-1], *self._added_folders()]
        return not _FOREIGN & set(folder.parts) and any(top == folder or top in folder.parents for top in tops)

    def _added_folders(self) -> list[Path]:
        """What the user's code appended to `sys.path`."""
        return [Path(os.path.abspath(place)) for place in sys.path if place not in self.path_before]

    def find(self, name: str, path: Sequence[str] | None) -> Path | None:
        """The file of the user's own module of that full name; `path` is that of its package."""
        folders = [*self.folders, *self._added_folders()] if path is None else [Path(place) for place in path]
        own = filter(self._is_users_folder, folders)
        return next(filter(None, (_in_folder(folder, name.rpartition(".")[2]) for folder in own)), None)

    def find_elsewhere(self, name: str) -> Path | None:
        """The file of a module of that name in any folder of the repository, the nearest first."""
        folders = itertools.islice(_walk(self.searched), FOLDERS)
        return next(filter(None, (_in_folder(folder, name) for folder in folders)), None)


# --- folders ---


def _folders(path: Path) -> tuple[list[Path], bool]:
    """The file's folder and those above it up to the repository, nearest first; whether there is a repository."""
    found: list[Path] = []
    for folder in list(path.parents)[: LEVELS + 1]:
        if found and folder in (Path(folder.anchor), Path.home()):
            break
        found.append(folder)
        if (folder / ".git").exists():
            return found, True
    return found, False


def _in_folder(folder: Path, name: str) -> Path | None:
    """The file of a module or of a regular package of that name."""
    for file in (folder / name / "__init__.py", folder / f"{name}.py"):
        if file.is_file():
            return file
    return None


def _walk(folders: Sequence[Path]) -> Iterator[Path]:
    """The folders below those given, the nearest to the first one first."""
    seen: set[Path] = set()
    for start in folders:
        for folder, below, _ in os.walk(start):
            below[:] = sorted(n for n in below if n[0] != "." and n not in _FOREIGN and Path(folder, n) not in seen)
            seen.add(Path(folder))
            yield Path(folder)


# --- the process ---


class _Printed(io.BytesIO):
    """What the file prints; stays open when the user's code wraps or closes the stream."""

    def close(self) -> None:
        return None

    def stream(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self, encoding="utf-8", errors="replace", write_through=True)

    def last_line(self) -> str:
        lines = self.getvalue().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:100] if lines else ""


@contextmanager
def _restored() -> Iterator[None]:
    state = sys.path, sys.argv, sys.stdin, sys.stdout, sys.stderr
    environment, folder = dict(os.environ), os.getcwd()
    try:
        yield
    finally:
        sys.path, sys.argv, sys.stdin, sys.stdout, sys.stderr = state
        os.chdir(folder)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)


@contextmanager
def _random_restored() -> Iterator[None]:
    """The global generators, and NumPy's way of treating overflow; NumPy is not imported for that."""
    state, numpy = random.getstate(), sys.modules.get("numpy")
    kept = (numpy.random.get_state(), numpy.geterr()) if numpy else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy and kept:
            numpy.random.set_state(kept[0])
            numpy.seterr(**kept[1])
