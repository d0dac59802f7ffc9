"""What a file that nobody prepared finds around it while it is executed; everything is put back afterwards.

That is the folders to import from, the modules, the working folder, the environment, the arguments, the streams and
the state of the random generators.
"""

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import itertools
import os
import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType

from gradcheck_plugin.loading.process import contained, modes
from gradcheck_plugin.loading.stand_in import LIKE_NUMPY, Replacement, StandInLoader, is_guarded, is_wanted

PRIVATE = "_gradcheck_submission"
LEVELS = 6  # folders above the file that are searched
FOLDERS = 2000  # folders of a repository that are looked through for a module that is not on the path

_HERE = os.path.join(os.path.dirname(__file__), "")
numbers = itertools.count(1)
_FOREIGN = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})
_NEVER_THE_USERS = sys.stdlib_module_names | {
    *("gradcheck_plugin", "reference_impls", "numpy", "torch", "pytest", "_pytest", "hypothesis")
}


class Surroundings:
    """The folders of one file, and the user's modules that were imported from them."""

    def __init__(self, path: Path, trees: dict[str, ast.Module], execute: Callable[[ModuleType, Path], None]) -> None:
        """`trees` are those of the user's files that were executed so far, `path` among them."""
        self.path, self.trees, self.execute = path, trees, execute
        self.entry, self.top = _entry(path, trees[str(path)])
        self.outermost = self.entry.partition(".")[0]
        self.first, self.last = _Finder(self.find), _Finder(self.find_last)
        self.notes: dict[str, None] = {}  # an ordered set
        self.folders, in_repository = _folders(path)
        if self.top is not None and self.top not in self.folders:
            self.folders.append(self.top)
        self.searched = self.folders if in_repository else self.folders[:1]
        self.reserved = _NEVER_THE_USERS - {self.outermost}
        self.kept: dict[str, ModuleType] = {}  # the user's modules and the stand-ins, while they are not in sys.modules
        self.active = False
        self.modes = modes()  # under which the file wants its code to run
        self.printed = _Printed()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The process as the file expects it."""
        hidden = self._hide()
        self.modules_before = set(sys.modules)
        sys.modules.update(self.kept)
        try:
            with contained(), _restored(), _random_restored():
                warnings.simplefilter("ignore")
                importlib.invalidate_caches()
                sys.path = [*map(str, self.folders), *sys.path]
                self.path_before = list(sys.path)
                sys.meta_path[:] = [self.first, *sys.meta_path, self.last]
                sys.argv = [str(self.path)]
                sys.stdin, sys.stdout, sys.stderr = io.StringIO(), self.printed.stream(), self.printed.stream()
                os.environ["MPLBACKEND"] = "Agg"
                os.chdir(self.path.parent)
                self.active = True
                try:
                    yield
                finally:
                    self.active = False
                    self.modes = modes()
                    self.kept |= self.purge()
        finally:
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in (self.first, self.last)]
            sys.modules.update(hidden)

    def _hide(self) -> dict[str, ModuleType]:
        """Take out modules from elsewhere that have the name of one of the user's files."""
        names = {
            name.removesuffix(".py")
            for folder in self.folders
            for name in _listed(folder)
            if name.endswith(".py") or _exists(folder / name / "__init__.py")
        }
        names = (names | {self.outermost}) - self.reserved
        hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
        for name in hidden:
            del sys.modules[name]
        return hidden

    def purge(self) -> dict[str, ModuleType]:
        """Take the user's modules, and the stand-ins, out of `sys.modules`."""
        new = {name: module for name, module in sys.modules.items() if name not in self.modules_before}
        own = {name: module for name, module in new.items() if self.is_own(name, module)}
        for name in own:
            del sys.modules[name]
        return own

    def is_own(self, name: str, module: ModuleType) -> bool:
        if name.partition(".")[0] in self.reserved or isinstance(module, Replacement):
            return isinstance(module, Replacement)
        file = getattr(module, "__file__", None)
        places = [file] if isinstance(file, str) else _places(module)
        return any(self._is_users_folder(Path(place).parent) for place in places)

    def _is_users_folder(self, folder: Path) -> bool:
        """Whether the folder is in the tree of the file, and not that of an environment inside the tree."""
        tops = [self.folders[-1], *self._added_folders()]
        return not _FOREIGN & set(folder.parts) and any(top == folder or top in folder.parents for top in tops)

    def _added_folders(self) -> list[Path]:
        """What the user's code appended to `sys.path`."""
        added = [place for place in sys.path if isinstance(place, str) and place not in self.path_before]
        return [Path(os.path.abspath(place)) for place in added]

    def find(self, name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
        """First of all finders: the user's files, before installed packages of the same name."""
        if name.partition(".")[0] in self.reserved:
            return None
        if name == self.entry and path is None:
            return self._spec(name, self.path)
        if self.top is not None and self.entry.startswith(f"{name}."):
            return self._package(name, self.top.joinpath(*name.split(".")))
        tree, _ = self.asking()
        if path is None and tree is None:
            return None
        if path is None and (whole := self._implicitly(name)):
            return importlib.machinery.ModuleSpec(name, _SameModule(whole))
        return self._beside(name, path, _inside(tree, name) if tree else set())

    def _implicitly(self, name: str) -> str:
        """The full name of a module of the asking file's own package, which Python 2 finds by its last name alone.

        That is how it is meant where the module imports from the package itself: it cannot be loaded otherwise.
        """
        frame = self._asker()
        package = frame.f_globals.get("__package__") if frame else ""
        file = _in_folder(Path(frame.f_code.co_filename).parent, name) if frame and package else None
        if file is None or file.name == "__init__.py":
            return ""
        text = file.read_text(encoding="utf-8", errors="replace")
        return f"{package}.{name}" if re.search(r"^\s*from\s+\.", text, re.MULTILINE) else ""

    def find_last(self, name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
        """After all finders: the user's file in another folder of the repository, else a stand-in."""
        tree, line = self.asking()
        if path is not None and not isinstance(sys.modules.get(name.rpartition(".")[0]), Replacement):
            return None
        if tree and path is None and (file := self._elsewhere(name) or self._of_another_case(name, tree, line)):
            self.notes[f"`{name}` was taken from {os.path.relpath(file, self.path.parent)}"] = None
            return self._spec(name, file)
        if tree and path is None and _holds(self.path.parent, _inside(tree, name)):
            self.notes[f"there is no folder `{name}`; the folder of the file was taken for it"] = None
            return _namespace(name, self.path.parent)
        notebook = self.path.suffix == ".ipynb"  # only definitions are executed, and many do without the package
        if not tree or not (notebook or is_wanted(name, tree, line)):
            return None
        package = name.partition(".")[0]
        instead = "NumPy was used in its place" if package in LIKE_NUMPY else "a stand-in was imported"
        self.notes[f"{package} is not installed; {instead}"] = None
        return importlib.machinery.ModuleSpec(name, StandInLoader(), is_package=True)

    def asking(self) -> tuple[ast.Module | None, int]:
        """The file, if it is one of the user's, and the line with the import statement that is being executed."""
        frame = self._asker()
        return (self.trees[frame.f_code.co_filename], frame.f_lineno) if frame else (None, 0)

    def _asker(self) -> FrameType | None:
        """The frame of the import statement that is being executed, if it is in one of the user's files."""
        frame: FrameType | None = sys._getframe(1)
        while frame and (frame.f_code.co_filename.startswith(_HERE) or "importlib" in frame.f_code.co_filename):
            if frame.f_code is importlib.util.find_spec.__code__:
                return None  # `find_spec`: the file only asks whether there is such a package
            frame = frame.f_back
        return frame if frame and frame.f_code.co_filename in self.trees else None

    def _spec(self, name: str, file: Path | None) -> importlib.machinery.ModuleSpec | None:
        if file is None:
            return None
        inside = [str(file.parent)] if file.name == "__init__.py" else None
        loader = _OwnLoader(self, file)
        return importlib.util.spec_from_file_location(name, file, loader=loader, submodule_search_locations=inside)

    def _package(self, name: str, folder: Path) -> importlib.machinery.ModuleSpec | None:
        """A package that the file is in, with or without `__init__.py`."""
        if (folder / "__init__.py").exists():
            return self._spec(name, folder / "__init__.py")
        return _namespace(name, folder)

    def _beside(self, name: str, path: Sequence[str] | None, inside: set[str]) -> importlib.machinery.ModuleSpec | None:
        """The user's own module of that full name; `path` is that of its package, `inside` what it has to hold.

        A package is not what its own insides are imported from: such a folder is asked after the others. A module
        that holds nothing is not the package whose modules are asked for, though it has its name.
        """
        folders = [*self.folders, *self._added_folders()] if path is None else [Path(place) for place in path]
        own = [folder for folder in folders if self._is_users_folder(folder)]
        own.sort(key=lambda folder: folder != self.path.parent and (folder / "__init__.py").exists())
        last = name.rpartition(".")[2]
        found = [file for folder in own if (file := _in_folder(folder, last))]
        fitting = (file for file in found if not inside or _holds(_package_of(file), inside))
        if file := next(fitting, None):
            return self._spec(name, file)
        if package := next((folder / last for folder in own if inside and _holds(folder / last, inside)), None):
            return _namespace(name, package)
        return self._spec(name, next(iter(found), None))

    def _of_another_case(self, name: str, tree: ast.Module, line: int) -> Path | None:
        """The file of a module that is `Layer.py` where `layer` is imported, as some file systems allow."""
        if is_guarded(tree, line):
            return None
        return next(filter(None, (_in_folder(folder, name, str.lower) for folder in self.folders)), None)

    def _elsewhere(self, name: str) -> Path | None:
        """The file of a module of that name in any folder of the repository, the nearest first."""
        folders = itertools.islice(_walk(self.searched), FOLDERS)
        return next(filter(None, (_in_folder(folder, name) for folder in folders)), None)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, find: Callable[[str, Sequence[str] | None], importlib.machinery.ModuleSpec | None]) -> None:
        self.find = find

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return self.find(name, path)


class _OwnLoader(importlib.abc.Loader):
    def __init__(self, around: Surroundings, file: Path) -> None:
        self.around, self.file = around, file

    def exec_module(self, module: ModuleType) -> None:
        self.around.execute(module, self.file)


class _SameModule(importlib.abc.Loader):
    """Gives the module of another name: one module that is known by two."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.name)
        self.own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own  # that of its full name, which the machinery has replaced


# --- folders ---


def _entry(path: Path, tree: ast.Module) -> tuple[str, Path | None]:
    """The name to import the file under and, when it imports from its own package, the folder of the outermost one."""
    levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    packages = len(list(itertools.takewhile(lambda folder: (folder / "__init__.py").exists(), path.parents)))
    outermost = {name.partition(".")[0] for name in _imported(tree)}
    if not levels and not (packages and path.parents[packages - 1].name in outermost):
        return f"{PRIVATE}_{next(numbers)}_{path.stem}", None
    depth = min(max(packages, *levels, 1), len(path.parents) - 1)
    names = [*(folder.name for folder in reversed(path.parents[:depth])), path.stem]
    return ".".join(names[:-1] if path.stem == "__init__" else names), path.parents[depth]


def _imported(tree: ast.Module) -> set[str]:
    """The modules that a file imports by their full names."""
    full = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module and not n.level}
    return full | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}


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


def folders_around(path: Path) -> Iterator[Path]:
    """The folders in which a file's author may have used it: those of its repository, the nearest first."""
    folders, in_repository = _folders(path)
    yield from _walk(folders if in_repository else folders[:1])


def _in_folder(folder: Path, name: str, alike: Callable[[str], str] | None = None) -> Path | None:
    """The file of a module or of a regular package of that name, or of one that is `alike`."""
    names = [name]
    if alike is not None:
        names = sorted({n.removesuffix(".py") for n in _listed(folder) if alike(n.removesuffix(".py")) == alike(name)})
    for file in (place for n in names for place in (folder / n / "__init__.py", folder / f"{n}.py")):
        if file.is_file():
            return file
    return None


def _inside(tree: ast.Module, package: str) -> set[str]:
    """The modules that a file imports from a package by their full names."""
    starts = f"{package}."
    return {n.removeprefix(starts).partition(".")[0] for n in _imported(tree) if n.startswith(starts)}


def _holds(package: Path | None, modules: set[str]) -> bool:
    """Whether a folder has all of some modules and packages; none are in every folder's power to give."""
    if package is None or not modules:
        return False
    return all(_in_folder(package, name) or (package / name).is_dir() for name in modules)


def _package_of(file: Path) -> Path | None:
    return file.parent if file.name == "__init__.py" else None


def _namespace(name: str, folder: Path) -> importlib.machinery.ModuleSpec:
    """A package without `__init__.py`."""
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return spec


def _places(module: ModuleType) -> list[str]:
    """The folders of a package. One without `__init__.py` looks for them in its parent, which may be gone by now."""
    path = getattr(module, "__path__", ())
    try:
        return list(path)
    except KeyError:
        return list(getattr(path, "_path", ()))


def _walk(folders: Sequence[Path]) -> Iterator[Path]:
    """The folders below those given, the nearest to the first one first."""
    seen: set[Path] = set()
    for start in folders:
        for folder, below, _ in os.walk(start):
            below[:] = sorted(n for n in below if n[0] != "." and n not in _FOREIGN and Path(folder, n) not in seen)
            seen.add(Path(folder))
            yield Path(folder)


def _listed(folder: Path) -> list[str]:
    """The names in a folder; none where it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _exists(file: Path) -> bool:
    """Whether there is such a file; not where the folder cannot be looked into."""
    try:
        return file.exists()
    except OSError:
        return False


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
    try:
        yield
    finally:
        sys.path, sys.argv, sys.stdin, sys.stdout, sys.stderr = state


@contextmanager
def _random_restored() -> Iterator[None]:
    """The global generators; NumPy is not imported for that."""
    state, numpy = random.getstate(), sys.modules.get("numpy")
    kept = numpy.random.get_state() if numpy else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy and kept is not None:
            numpy.random.set_state(kept)
