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
import re
import sys
import tokenize
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

from gradcheck_plugin.submission.limits import TimeLimit, time_limit
from gradcheck_plugin.submission.stand_in import (
    StandIn,
    StandInLoader,
    StandInModule,
    builtins_for,
    is_wanted,
    old_names,
)
from gradcheck_plugin.submission.surroundings import Surroundings

PRIVATE = "_gradcheck_submission"

_numbers = itertools.count(1)
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
    The modules that it imported from its own folders do not stay, but its functions can import them when they run.
    """
    path = Path(os.path.abspath(path))
    source = read(path)
    tree = parse(source, path)
    if not tree.body:
        raise LoadError("empty-file", f"{path.name} is empty: no code was found in it; is the file saved?", path)
    session = _Session(path, tree, seconds)
    with session.surroundings.entered(session.first, session.last):
        module = session.attempt()
    _publish(module)
    others = session.surroundings.kept.values()
    own = (other for other in others if other is not module and not isinstance(other, StandInModule))
    return Loaded(path, module.__dict__, source, tuple(session.notes), (module, *own))


def _publish(module: ModuleType) -> None:
    """Put the module into `sys.modules`, where `inspect` and `pickle` look for the module of a class."""
    home = module.__name__
    if not home.startswith(PRIVATE):
        module.__name__ = f"{PRIVATE}_{next(_numbers)}_{home}"
        for value in vars(module).values():
            if _is_code(value, home):
                value.__module__ = module.__name__
    sys.modules[module.__name__] = module


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


# --- one load ---


def _entry(path: Path, tree: ast.Module) -> tuple[str, Path | None]:
    """The name to import the file under and, when it uses relative imports, the folder of its outermost package."""
    levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    if not levels:
        return f"{PRIVATE}_{next(_numbers)}_{path.stem}", None
    packages = len(list(itertools.takewhile(lambda folder: (folder / "__init__.py").exists(), path.parents)))
    depth = min(max(packages, *levels, 1), len(path.parents) - 1)
    names = [*(folder.name for folder in reversed(path.parents[:depth])), path.stem]
    return ".".join(names[:-1] if path.stem == "__init__" else names), path.parents[depth]


class _Session:
    """One load: what was tried, and what was done to make the user's modules importable."""

    def __init__(self, path: Path, tree: ast.Module, seconds: float) -> None:
        self.path, self.seconds = path, seconds
        self.notes: dict[str, None] = {}  # an ordered set
        self.reduced: set[Path] = set()  # files of which only the definitions are executed
        self.trees = {str(path): tree}
        self.entry, self.top = _entry(path, tree)
        self.surroundings = Surroundings(path, self.entry, self.top)
        self.first, self.last = _Finder(self.find), _Finder(self.find_last)

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
            self.surroundings.purge()

    def _note_reduced(self, file: Path, line: int, error: BaseException) -> None:
        did = (
            f"did not finish within {self.seconds:g} s"
            if isinstance(error, TimeLimit)
            else f"raised {type(error).__name__}"
        )
        where = "" if file == self.path else f"{file.name}: "
        self.notes[f"{where}only definitions were executed, because line {line} {did}"] = None
        if last := self.surroundings.printed.last_line():
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
        return LoadError(
            "import-raised", f"{where}: {type(error).__name__}: {' '.join(str(error).split())[:200]}", file, line
        )

    # finding

    def find(self, name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
        """First of all finders: the user's files, before installed packages of the same name."""
        if name.partition(".")[0] in self.surroundings.reserved:
            return None
        if name == self.entry and path is None:
            return self._spec(name, self.path)
        if self.top is not None and self.entry.startswith(f"{name}."):
            return self._package(name, self.top.joinpath(*name.split(".")))
        if path is None and not self._asking()[0]:
            return None
        return self._spec(name, self.surroundings.find(name, path))

    def find_last(self, name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
        """After all finders: the user's file in another folder of the repository, else a stand-in."""
        tree, line = self._asking()
        if path is not None and not isinstance(sys.modules.get(name.rpartition(".")[0]), StandInModule):
            return None
        if tree and path is None and (file := self.surroundings.find_elsewhere(name)):
            self.notes[f"`{name}` was taken from {os.path.relpath(file, self.path.parent)}"] = None
            return self._spec(name, file)
        if not tree or not is_wanted(name, tree, line):
            return None
        self.notes[f"{name.partition('.')[0]} is not installed; a stand-in was imported"] = None
        return importlib.machinery.ModuleSpec(name, StandInLoader(), is_package=True)

    def _asking(self) -> tuple[ast.Module | None, int]:
        """The file, if it is one of the user's, and the line with the import statement that is being executed."""
        frame: FrameType | None = sys._getframe(1)
        while frame and (frame.f_code.co_filename == __file__ or "importlib" in frame.f_code.co_filename):
            if frame.f_code is importlib.util.find_spec.__code__:
                return None, 0  # `find_spec`: the file only asks whether there is such a package
            frame = frame.f_back
        return (self.trees.get(frame.f_code.co_filename), frame.f_lineno) if frame else (None, 0)

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
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec

    # executing

    def execute(self, module: ModuleType, file: Path) -> None:
        """Execute a file of the user's in the module's namespace."""
        tree = self.trees.get(str(file)) or parse(read(file), file)
        self.trees[str(file)] = tree
        old = old_names(tree)
        for name in old:
            self.notes[f"`{name}` is not in the installed version; its old meaning was used"] = None
        module.__dict__["__builtins__"] = builtins_for(old, self.import_)
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

    def import_(
        self,
        name: str,
        namespace: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        members: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` in the user's files, which finds the user's modules also after the load."""
        arguments, around = (name, namespace, variables, members or (), level), self.surroundings
        outermost = name.partition(".")[0]
        if around.active or (not level and outermost in around.reserved):
            return builtins.__import__(*arguments)
        package = (namespace or {}).get("__package__")
        found = around.kept.get(importlib.util.resolve_name("." * level + name, package))
        if found and all(hasattr(found, member) for member in members or ()):  # nothing needs to be looked for
            return found if members else around.kept[outermost]
        with around.entered(self.first, self.last):
            return builtins.__import__(*arguments)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, find: Callable[[str, Sequence[str] | None], importlib.machinery.ModuleSpec | None]) -> None:
        self.find = find

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return self.find(name, path)


class _OwnLoader(importlib.abc.Loader):
    def __init__(self, session: _Session, file: Path) -> None:
        self.session, self.file = session, file

    def exec_module(self, module: ModuleType) -> None:
        self.session.execute(module, self.file)
