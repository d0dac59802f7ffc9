"""Load a Python file that nobody prepared, and leave the process as it was.

The file's own folder and the folders above it, up to the repository, are importable while it loads.
A package that is missing is replaced by a stand-in, and a file whose body fails is reduced to its definitions.
"""

import ast
import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import itertools
import linecache
import os
import random
import re
import sys
import tokenize
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

from gradcheck_plugin.submission.limits import TimeLimit, time_limit

LEVELS = 6  # folders above the file that are searched
FOLDERS = 2000  # folders of a repository that are looked through for a module that is not on the path
PRIVATE = "_gradcheck_submission"

_numbers = itertools.count(1)
_FOREIGN = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})
_NEVER_THE_USERS = sys.stdlib_module_names | {
    *("gradcheck_plugin", "reference_impls", "numpy", "torch", "pytest", "_pytest", "hypothesis")
}
_OWN_WORDS = re.compile(
    r"(activation|affine|classifier|dataset|function|func|gradient|helper|layer|loss|losse|model|module|network|net|"
    r"optimizer|util)s?|common|config|convnet|conv|data|fc|grad|homework|hw|im2col|linear|lstm|my|mytorch|neural|nn|"
    r"optim|relu|rnn|sigmoid|softmax|solver|tensor|train|trainer"
)
_FLAT = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.BinOp),
    *(ast.operator, ast.unaryop, ast.expr_context),
)


class LoadError(Exception):
    """The file cannot be loaded; `message` is one line that names the thing and the mend."""

    def __init__(self, code: str, message: str, path: Path, line: int | None = None) -> None:
        super().__init__(code, message, path, line)
        self.code, self.message, self.path, self.line = code, message, path, line

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Loaded:
    """A loaded file: its globals, its text, what had to be done for it, and the user's modules that it brought."""

    path: Path
    namespace: dict[str, Any]
    source: str
    notes: tuple[str, ...]
    modules: tuple[ModuleType, ...]

    def defined(self) -> dict[str, Any]:
        """The classes and functions written in this very file, without aliases and star imports."""
        decorated = {
            node.name
            for node in ast.walk(ast.parse(self.source))
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list
        }
        home = self.namespace["__name__"]
        return {
            name: value
            for name, value in self.namespace.items()
            if name in decorated or (_is_code(value, home) and not self._is_alias(name, value))
        }

    def _is_alias(self, name: str, value: Any) -> bool:
        return value.__name__ != name and self.namespace.get(value.__name__) is value


def _is_code(value: Any, home: str) -> bool:
    return isinstance(value, type | FunctionType) and value.__module__ == home


def load(path: Path, *, seconds: float = 20.0) -> Loaded:
    """Execute the file at `path`, each attempt for at most `seconds`; raises `LoadError`.

    The module stays in `sys.modules` under a private name, so that `inspect` and `pickle` find its classes.
    The modules that it imported from its own folders do not stay.
    """
    path = Path(os.path.abspath(path))
    source = read(path)
    tree = parse(source, path)
    if not tree.body:
        raise LoadError("empty-file", f"{path.name} is empty: no code was found in it; is the file saved?", path)
    session = _Session(path, tree, seconds)
    with session.surroundings():
        module = session.attempt()
        modules = session.own_modules()
    if module.__name__.startswith(PRIVATE):
        sys.modules[module.__name__] = module
    others = tuple(other for other in modules if other is not module)
    return Loaded(path, module.__dict__, source, tuple(session.notes), (module, *others))


# --- text ---


def read(path: Path) -> str:
    """The text of a file in the encoding that it declares, else UTF-8, else the Korean code page."""
    if path.is_dir():
        raise LoadError("not-python", f"{path.name} is a folder; name one .py file in it", path)
    if not path.exists():
        raise LoadError("no-such-file", f"{path} does not exist; check the spelling and the folder", path)
    data = path.read_bytes()
    if path.suffix != ".py" or b"\0" in data:
        raise LoadError("not-python", f"{path.name} is not a Python source file; give a .py file", path)
    source = io.IncrementalNewlineDecoder(None, translate=True).decode(_decode(data), final=True)
    lines = source.splitlines(keepends=True)
    linecache.cache[str(path)] = (len(source), None, lines, str(path))  # None: not to be read again in another encoding
    return source


def _decode(data: bytes) -> str:
    encodings = ["cp949"]
    with suppress(SyntaxError):  # an unknown encoding, or bytes that are not UTF-8
        encodings.insert(0, tokenize.detect_encoding(io.BytesIO(data).readline)[0])
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            return data.decode(encoding)
    return data.decode("latin-1")


def parse(source: str, path: Path) -> ast.Module:
    """The syntax tree of the text; raises `LoadError` with the line of a syntax error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, str(path))
    except SyntaxError as error:
        reason = f"{error.msg}; the file cannot be read as Python until that line is corrected"
        if _is_python_2(error):
            reason = "this is Python 2, where `print` and `exec` are statements; rewrite it for Python 3: print(...)"
        raise LoadError("syntax-error", f"{path.name}, line {error.lineno}: {reason}", path, error.lineno) from None


def _is_python_2(error: SyntaxError) -> bool:
    known = ("Missing parentheses in call to", "multiple exception types must be parenthesized")
    return error.msg.startswith(known) or bool(re.match(r"\s*(print|exec)\s+[\w\"'%]", error.text or ""))


# --- definitions ---


def _definitions(tree: ast.Module) -> ast.Module:
    """The same file without the statements that compute: imports, functions, classes and constants remain."""
    return ast.Module([node for node in tree.body if _is_definition(node)], [])


def _is_definition(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Pass():
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.Expr(value=ast.Constant() as value):
            return value is None or _is_constant(value)
        case ast.Expr(value=ast.Call(func=function)):
            return ast.unparse(function).startswith("sys.path.")
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            nested = [statement for handler in handlers for statement in handler.body]
            return all(map(_is_definition, [*body, *nested, *orelse, *final]))
        case ast.If(test=test, body=body, orelse=orelse):
            calls = any(isinstance(part, ast.Call) for part in ast.walk(test))
            return not calls and all(map(_is_definition, [*body, *orelse]))
    return False


def _is_constant(value: ast.expr) -> bool:
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).endswith("namedtuple")
    return all(isinstance(part, _FLAT) for part in ast.walk(value))


def _assigned(tree: ast.Module) -> set[str]:
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _is_guarded(tree: ast.Module, line: int) -> bool:
    """Whether the line is in the body of a `try`, so that the file itself knows what to do without the package."""
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Try) and node.handlers]
    return any(body[0].lineno <= line <= (body[-1].end_lineno or line) for body in bodies)


# --- stand-ins ---


def _old_div(a: Any, b: Any) -> Any:
    return a // b if isinstance(a, int) and isinstance(b, int) else a / b


# names that computations use; anything else from a missing package only draws, prints or decorates
_WORKING = {
    **{"xrange": range, "prange": range, "trange": range, "range": range, "zip": zip, "map": map, "filter": filter},
    **{"unicode": str, "basestring": str, "long": int, "object": object, "old_div": _old_div},
}


class StandIn:
    """Anything of a package that is not installed: every attribute, call and `with` is harmless.

    As a decorator it returns the function unchanged; as a base class it is left out; iterated, it gives what it wraps.
    """

    def __init__(self, name: str, wrapped: Any = ()) -> None:
        self._name, self._wrapped = name, wrapped

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _WORKING.get(name) or StandIn(f"{self._name}.{name}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        if len(args) == 1 and not options and isinstance(args[0], FunctionType | type):
            return args[0]
        return StandIn(self._name, args[0] if args else ())

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._wrapped if hasattr(self._wrapped, "__iter__") else ())

    def __bool__(self) -> bool:
        return False

    def __getitem__(self, key: Any) -> Any:
        return StandIn(self._name)

    def __setitem__(self, key: Any, value: Any) -> None:
        return None

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise TypeError(f"{self!r} cannot be computed with")

    def __repr__(self) -> str:
        return f"<stand-in for {self._name}, which is not installed>"


class _StandInModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return getattr(StandIn(self.__name__), name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return StandIn(self.__name__)(*args, **options)


class _StandInLoader(importlib.abc.Loader):
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        return None


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


def _entry(path: Path, tree: ast.Module) -> tuple[str, Path | None]:
    """The name to import the file under and, when it uses relative imports, the folder of its outermost package."""
    levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    if not levels:
        return f"{PRIVATE}_{next(_numbers)}_{path.stem}", None
    packages = len(list(itertools.takewhile(lambda folder: (folder / "__init__.py").exists(), path.parents)))
    depth = min(max(packages, *levels, 1), len(path.parents) - 1)
    names = [*(folder.name for folder in reversed(path.parents[:depth])), path.stem]
    return ".".join(names[:-1] if path.stem == "__init__" else names), path.parents[depth]


# --- one load ---


@dataclass
class _Session:
    """One load: where the user's modules are looked for, and what was done to make them importable."""

    path: Path
    tree: ast.Module
    seconds: float
    notes: dict[str, None] = field(default_factory=dict)  # an ordered set
    reduced: set[Path] = field(default_factory=set)  # files of which only the definitions are executed
    trees: dict[str, ast.Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folders, in_repository = _folders(self.path)
        self.entry, self.top = _entry(self.path, self.tree)
        if self.top is not None and self.top not in self.folders:
            self.folders.append(self.top)
        self.reserved = _NEVER_THE_USERS - {self.entry.partition(".")[0]}
        self.searched = self.folders if in_repository else self.folders[:1]
        self.trees[str(self.path)] = self.tree
        self.path_before = list(sys.path)
        self.printed = _Printed()

    def attempt(self) -> ModuleType:
        """Import the file; a file whose body fails is reduced to its definitions, once, and all is tried again."""
        while True:
            try:
                with time_limit(self.seconds):
                    return importlib.import_module(self.entry)
            except LoadError:
                raise
            except (Exception, SystemExit, TimeLimit) as error:
                file, line = self._place(error, "<module>")
                if file in self.reduced:
                    raise self._failure(error) from error
                self.reduced.add(file)
                self._note_reduced(file, line, error)
            self.purge()

    def _note_reduced(self, file: Path, line: int, error: BaseException) -> None:
        did = f"did not finish within {self.seconds:g} s" if isinstance(error, TimeLimit) else _raised(error)
        where = "" if file == self.path else f"{file.name}: "
        self.notes[f"{where}only definitions were executed, because line {line} {did}"] = None
        if last := self.printed.last_line():
            self.notes[f"the last line printed before that was: {last}"] = None

    def _place(self, error: BaseException, function: str | None = None) -> tuple[Path, int]:
        """The innermost line of the user's files that the error went through."""
        place = (self.path, 0)
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename in self.trees and function in (None, frame.f_code.co_name):
                place = (Path(frame.f_code.co_filename), line)
        return place

    def _failure(self, error: BaseException) -> LoadError:
        file, line = self._place(error)
        where = f"{file.name}, line {line}"
        if isinstance(error, TimeLimit):
            message = f"did not finish importing within {self.seconds:g} s; this line was being executed"
            return LoadError("import-raised", f"{where}: {message}", file, line)
        if isinstance(error, ModuleNotFoundError) and error.name:
            name = error.name.rpartition(".")[2]
            message = f"imports `{name}`, which is neither beside the file nor installed"
            mend = f"put {name}.py beside {file.name}, or install it"
            return LoadError("missing-module", f"{where}: {message}; {mend}", file, line)
        return LoadError("import-raised", f"{where}: {type(error).__name__}: {_one_line(error)}", file, line)

    # modules

    def own_modules(self) -> list[ModuleType]:
        new = {name: module for name, module in sys.modules.items() if name not in self.modules_before}
        return [module for name, module in new.items() if self._is_own(name, module)]

    def _is_own(self, name: str, module: ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in self.reserved or isinstance(module, _StandInModule):
            return False
        places = [file] if isinstance(file, str) else list(getattr(module, "__path__", ()))
        return any(self.is_users_folder(Path(place).parent) for place in places)

    def is_users_folder(self, folder: Path) -> bool:
        """Whether the folder is in the tree of the file, and not that of an environment inside the tree."""
        tops = [self.folders[-1], *self.added_folders()]
        return not _FOREIGN & set(folder.parts) and any(top == folder or top in folder.parents for top in tops)

    def added_folders(self) -> list[Path]:
        """What the user's code appended to `sys.path`."""
        return [Path(os.path.abspath(place)) for place in sys.path if place not in self.path_before]

    def purge(self) -> None:
        """Take the user's modules, and the stand-ins, out of `sys.modules`."""
        for name, module in list(sys.modules.items()):
            if name not in self.modules_before and (self._is_own(name, module) or isinstance(module, _StandInModule)):
                del sys.modules[name]

    def _hide(self) -> dict[str, ModuleType]:
        """Take out modules from elsewhere that have the name of one of the user's files."""
        names = {
            name.removesuffix(".py")
            for folder in self.folders
            for name in os.listdir(folder)
            if name.endswith(".py") or (folder / name / "__init__.py").exists()
        }
        names = (names | {self.entry.partition(".")[0]}) - self.reserved
        hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
        for name in hidden:
            del sys.modules[name]
        return hidden

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """The process as the file expects it; everything as it was afterwards."""
        hidden = self._hide()
        self.modules_before = dict(sys.modules)
        finders = [_OwnFinder(self), _LastFinder(self)]
        try:
            with _restored(), _random_restored(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.invalidate_caches()
                sys.path = [*map(str, self.folders), *sys.path]
                self.path_before = list(sys.path)
                sys.meta_path[:] = [finders[0], *sys.meta_path, finders[1]]
                sys.argv = [str(self.path)]
                sys.stdin, sys.stdout, sys.stderr = io.StringIO(), self.printed.stream(), self.printed.stream()
                os.environ["MPLBACKEND"] = "Agg"
                os.chdir(self.path.parent)
                builtins.input = _no_input
                try:
                    yield
                finally:
                    self.purge()
        finally:
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in finders]
            sys.modules.update(hidden)

    # finding

    def find(self, name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
        """The user's own module of that full name."""
        if name == self.entry and path is None:
            return self._spec(name, self.path)
        if self.top is not None and self.entry.startswith(f"{name}."):
            return self._package(name, self.top.joinpath(*name.split(".")))
        if path is None and not self._is_asked_by_user():
            return None
        folders = [*self.folders, *self.added_folders()] if path is None else [Path(place) for place in path]
        for folder in folders:
            file = _in_folder(folder, name.rpartition(".")[2]) if self.is_users_folder(folder) else None
            if file is not None:
                return self._spec(name, file)
        return None

    def find_elsewhere(self, name: str) -> importlib.machinery.ModuleSpec | None:
        """A module of that name in any folder of the repository, the nearest first."""
        for folder in itertools.islice(_walk(self.searched), FOLDERS):
            file = _in_folder(folder, name)
            if file is not None:
                self.notes[f"`{name}` was taken from {os.path.relpath(file, self.path.parent)}"] = None
                return self._spec(name, file)
        return None

    def find_stand_in(self, name: str) -> importlib.machinery.ModuleSpec | None:
        """A stand-in, if the name is that of a package which the user's own file imports and cannot do without."""
        tree, line = self._asking()
        if tree is None or _is_guarded(tree, line) or _looks_own(tree, name):
            return None
        self.notes[f"{name.partition('.')[0]} is not installed; a stand-in was imported"] = None
        return importlib.machinery.ModuleSpec(name, _StandInLoader(), is_package=True)

    def _is_asked_by_user(self) -> bool:
        return self._asking()[0] is not None

    def _asking(self) -> tuple[ast.Module | None, int]:
        """The file, if it is one of the user's, and the line with the import statement that is being executed."""
        frame: FrameType | None = sys._getframe(1)
        while frame and (frame.f_code.co_filename == __file__ or "importlib" in frame.f_code.co_filename):
            if frame.f_code is importlib.util.find_spec.__code__:
                return None, 0  # `find_spec`: the file only asks whether there is such a package
            frame = frame.f_back
        return (self.trees.get(frame.f_code.co_filename), frame.f_lineno) if frame else (None, 0)

    def _spec(self, name: str, file: Path) -> importlib.machinery.ModuleSpec | None:
        inside = [str(file.parent)] if file.name == "__init__.py" else None
        loader = _OwnLoader(self, file)
        return importlib.util.spec_from_file_location(name, file, loader=loader, submodule_search_locations=inside)

    def _package(self, name: str, folder: Path) -> importlib.machinery.ModuleSpec | None:
        """A package that the file is in, with or without `__init__.py`."""
        if (folder / "__init__.py").exists():
            return self._spec(name, folder / "__init__.py")
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec

    def execute(self, module: ModuleType, file: Path) -> None:
        """Execute a file of the user's in the module's namespace."""
        tree = self.trees.get(str(file)) or parse(read(file), file)
        self.trees[str(file)] = tree
        if file not in self.reduced:
            exec(compile(tree, str(file), "exec", dont_inherit=True), module.__dict__)
            return
        code = compile(_definitions(tree), str(file), "exec", dont_inherit=True)
        for name in self._execute_definitions(code, module, _assigned(tree)):
            self.notes[f"`{name}` has no value, because it is computed"] = None

    def _execute_definitions(self, code: Any, module: ModuleType, computed: set[str]) -> set[str]:
        """Execute; a global that would have been computed is a stand-in (`def f(x, p=params)`). Gives those names."""
        unset: set[str] = set()
        while True:
            try:
                exec(code, module.__dict__)
            except NameError as error:
                if error.name not in computed - unset:
                    raise
                unset.add(error.name)
                setattr(module, error.name, StandIn(error.name))
            else:
                return unset


def _looks_own(tree: ast.Module, name: str) -> bool:
    """Whether a module that was not found must be the user's: by the words of its name, or imported with a star."""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    modules = {name, *(node.module for node in statements if f"{node.module}.".startswith(f"{name}."))}
    starred = any(node.module in modules and node.names[0].name == "*" for node in statements)
    words = {word for module in modules if module for word in re.split(r"[._\d]+", module.lower())}
    return starred or any(map(_OWN_WORDS.fullmatch, (name, *words)))


def _raised(error: BaseException) -> str:
    return f"raised {type(error).__name__}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


class _OwnFinder(importlib.abc.MetaPathFinder):
    """First of all finders: the user's files, before installed packages of the same name."""

    def __init__(self, session: _Session) -> None:
        self.session = session

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return None if name.partition(".")[0] in self.session.reserved else self.session.find(name, path)


class _LastFinder(importlib.abc.MetaPathFinder):
    """After all finders: the user's file in another folder of the repository, else a stand-in."""

    def __init__(self, session: _Session) -> None:
        self.session = session

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is not None:
            parent = sys.modules.get(name.rpartition(".")[0])
            return self.session.find_stand_in(name) if isinstance(parent, _StandInModule) else None
        if not self.session._is_asked_by_user():
            return None
        return self.session.find_elsewhere(name) or self.session.find_stand_in(name)


class _OwnLoader(importlib.abc.Loader):
    def __init__(self, session: _Session, file: Path) -> None:
        self.session, self.file = session, file

    def exec_module(self, module: ModuleType) -> None:
        self.session.execute(module, self.file)


# --- surroundings ---


class _Printed(io.BytesIO):
    """What the file prints; stays open when the user's code wraps or closes the stream."""

    def close(self) -> None:
        return None

    def stream(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self, encoding="utf-8", errors="replace", write_through=True)

    def last_line(self) -> str:
        lines = self.getvalue().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:100] if lines else ""


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() has no answer while the file is checked")


@contextmanager
def _restored() -> Iterator[None]:
    state = sys.path, sys.argv, sys.stdin, sys.stdout, sys.stderr, builtins.input
    environment, folder = dict(os.environ), os.getcwd()
    try:
        yield
    finally:
        sys.path, sys.argv, sys.stdin, sys.stdout, sys.stderr, builtins.input = state
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
