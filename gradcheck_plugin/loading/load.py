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
import linecache
import os
import re
import stat
import sys
import tokenize
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from gradcheck_plugin.loading import older, stand_in
from gradcheck_plugin.loading.notebook import Notebook, from_python_2, read_notebook
from gradcheck_plugin.loading.process import Modes
from gradcheck_plugin.loading.stand_in import Replacement, StandIn, StandInModule
from gradcheck_plugin.loading.surroundings import PRIVATE, Surroundings, numbers
from gradcheck_plugin.running.limits import TimeLimit, time_limit

SUFFIXES = (".py", ".ipynb")
LONGEST = 1_000_000  # characters; nobody writes so much by hand, and its tree takes 300 times as much memory
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
    notebook: Notebook | None = None
    modes: Modes = field(default_factory=dict)  # under which its code is to be called

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

    @property
    def plain(self) -> bool:
        """Whether the file can be imported from its own folder, with nothing done for it."""
        if self.notes or self.notebook is not None:
            return False
        outermost = [module.__name__.partition(".")[0] for module in self.modules[1:]]
        if "." in self.namespace["__name__"]:
            return False
        beside = self.path.parent
        return all((beside / name).is_dir() or (beside / f"{name}.py").exists() for name in outermost)

    def _is_alias(self, name: str, value: Any) -> bool:
        return value.__name__ != name and self.namespace.get(value.__name__) is value


def _is_code(value: Any, home: str) -> bool:
    return isinstance(value, type | FunctionType) and value.__module__ == home


def load(path: Path, *, seconds: float = 20.0, era: older.Era = older.PRESENT) -> Loaded:
    """Execute the file at `path`, each attempt for at most `seconds`; raises `LoadError`.

    `era` is what of an older Python or NumPy the user's files are to be given.

    The module stays in `sys.modules` under a private name, so that `inspect` and `pickle` find its classes.
    The modules that it imported from its own folders do not stay, but its functions can import them when they run.
    """
    path = Path(os.path.abspath(path))
    text = read(path)
    notebook = _notebook(text, path) if path.suffix == ".ipynb" else None
    if notebook and any("Python 2" in note for note in notebook.notes):
        era = replace(era, python_2=True)
    source = notebook.source if notebook else text
    if len(source) > LONGEST:
        size = f"{len(source) / 1e6:.1f} million characters of code, where {LONGEST / 1e6:g} million are read at most"
        raise LoadError("too-large", f"{path.name} has {size}; put the data in it into a file of their own", path)
    tree, source, notes = _parsed(source, path, era, text)
    if not tree.body:
        raise LoadError("empty-file", f"{path.name} is empty: no code was found in it; is the file saved?", path)
    if _imports_torch(tree):  # in the middle of its import torch must not be interrupted, it cannot be imported again
        with suppress(Exception):
            importlib.import_module("torch")
    session = _Session(path, tree, seconds, era)
    session.notes.update(dict.fromkeys([*(notebook.notes if notebook else ()), *notes, *era.notes()]))
    if notebook:
        session.reduced.add(path)  # cells train and plot; what is to be checked is defined in them
    with session.surroundings.entered():
        module = session.attempt()
    _publish(module)
    others = session.surroundings.kept.values()
    own = (other for other in others if other is not module and not isinstance(other, Replacement))
    modes = session.surroundings.modes
    return Loaded(path, module.__dict__, source, tuple(session.notes), (module, *own), notebook, modes)


def _imports_torch(tree: ast.Module) -> bool:
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    names = [a.name for n in imports if isinstance(n, ast.Import) for a in n.names]
    names += [n.module or "" for n in imports if isinstance(n, ast.ImportFrom)]
    return any(name.partition(".")[0] == "torch" for name in names)


def _publish(module: ModuleType) -> None:
    """Put the module into `sys.modules`, where `inspect` and `pickle` look for the module of a class."""
    home = module.__name__
    if not home.startswith(PRIVATE):
        module.__name__ = f"{PRIVATE}_{next(numbers)}_{home.replace('.', '_')}"
        for value in vars(module).values():
            if _is_code(value, home):
                line = vars(value).get("__firstlineno__")
                value.__module__ = module.__name__
                if line is not None:  # which Python 3.13 forgets with that, and `inspect` needs
                    value.__firstlineno__ = line
    sys.modules[module.__name__] = module


# --- text ---


def read(path: Path) -> str:
    """The text of a file in the encoding that it declares, else UTF-8, else the Korean code page."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            os.listdir(path)
            raise LoadError("not-python", f"{path.name} is a folder; name one .py file in it", path)
        if not stat.S_ISREG(kind):  # to read a pipe waits for someone who writes into it
            raise LoadError("not-python", f"{path.name} is no regular file; give a .py or .ipynb file", path)
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise LoadError("no-such-file", f"{path} does not exist; check the spelling and the folder", path) from None
    except OSError as error:
        raise LoadError("unreadable", f"{path} cannot be read: {error.strerror}", path) from None
    if path.suffix not in SUFFIXES or b"\0" in data:
        raise LoadError("not-python", f"{path.name} is not a Python source file; give a .py or .ipynb file", path)
    source = io.IncrementalNewlineDecoder(None, translate=True).decode(_decode(data), final=True)
    _keep_lines(path, source)
    return source


def _keep_lines(path: Path, source: str) -> None:
    """The text that `inspect` and tracebacks show for the file."""
    lines = source.splitlines(keepends=True)
    linecache.cache[str(path)] = (len(source), None, lines, str(path))  # None: not to be read again in another encoding


def _notebook(text: str, path: Path) -> Notebook:
    try:
        return read_notebook(text)
    except ValueError as error:
        raise LoadError("not-python", f"{path.name}: {error}; save it again from Jupyter", path) from None


def _parsed(source: str, path: Path, era: older.Era, text: str) -> tuple[ast.Module, str, list[str]]:
    """The tree of a text, converted from Python 2 where it is that; raises `LoadError`."""
    notes = []
    source = era.source(source)
    try:
        tree = parse(source, path)
    except LoadError:
        converted = from_python_2(source)
        if converted is None:
            raise
        source, notes, era = converted, [f"{path.name} was read as Python 2"], replace(era, python_2=True)
        tree = parse(source, path)
    _keep_lines(path, source)
    return era.tree(tree, text) if era else tree, source, notes


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
    kept: list[ast.stmt] = []
    computed: set[str] = set()
    for node in tree.body:
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if _is_definition(node) and not (isinstance(node, ast.Assign | ast.AnnAssign) and used & computed):
            kept.append(node)
        else:
            computed |= _assigned(node)
    return ast.Module(kept, [])


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


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement gives a value: those it assigns, imports or defines."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names if alias.name != "*"]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    return sorted(_assigned(node))


def _assigned(tree: ast.AST) -> set[str]:
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


# --- one load ---


class _Session:
    """One load: what was tried, and what was done to make the user's modules importable."""

    def __init__(self, path: Path, tree: ast.Module, seconds: float, era: older.Era) -> None:
        self.path, self.seconds, self.era = path, seconds, era
        self.reduced: set[Path] = set()  # files of which only the definitions are executed
        self.trees = {str(path): tree}
        self.surroundings = Surroundings(path, self.trees, self.execute)
        self.notes = self.surroundings.notes

    def attempt(self) -> ModuleType:
        """Import the file; a file whose body fails is reduced to its definitions, once, and all is tried again."""
        circular = False
        while True:
            try:
                with time_limit(self.seconds):
                    return importlib.import_module(self.surroundings.entry)
            except LoadError:
                raise
            except (Exception, SystemExit, TimeLimit) as error:
                if isinstance(error, ImportError) and "partially initialized" in str(error) and not circular:
                    circular = True
                    self.surroundings.purge()
                    self._import_first()
                    continue
                file, line = self._place(error, "<module>")
                if file in self.reduced:
                    raise self._failure(error) from error
                self.reduced.add(file)
                self._note_reduced(file, line, error)
            self.surroundings.purge()

    def _import_first(self) -> None:
        """Import what the file imports before itself: modules that need each other load in one order only."""
        package = self.surroundings.entry.rpartition(".")[0]
        for node in self.trees[str(self.path)].body:
            named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                named = [importlib.util.resolve_name("." * node.level + (node.module or ""), package)]
            for name in named:
                try:
                    with time_limit(self.seconds):
                        importlib.import_module(name)
                except (Exception, SystemExit, TimeLimit):
                    continue

    def _note_reduced(self, file: Path, line: int, error: BaseException) -> None:
        did = f"raised {type(error).__name__}"
        if isinstance(error, TimeLimit):
            did = f"did not finish within {self.seconds:g} s"
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
        message = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return LoadError("import-raised", f"{where}: {message}", file, line)

    def execute(self, module: ModuleType, file: Path) -> None:
        """Execute a file of the user's in the module's namespace."""
        tree = self.trees.get(str(file))
        if tree is None:
            text = read(file)
            tree, _, notes = _parsed(text, file, self.era, text)
            self.notes.update(dict.fromkeys(notes))
            self.trees[str(file)] = tree
        old = stand_in.old_names(tree)
        for name in old:
            self.notes[f"`{name}` is not in the installed version; its old meaning was used"] = None
        module.__dict__["__builtins__"] = {**stand_in.builtins_for(old, self.import_), **older.NAMES}
        self._run(tree, module, file)
        stand_in.complete(module.__dict__, old)

    def _run(self, tree: ast.Module, module: ModuleType, file: Path) -> None:
        if file not in self.reduced:
            exec(compile(tree, str(file), "exec", dont_inherit=True), module.__dict__)
            return
        if file.suffix == ".ipynb":
            self._execute_cells(_definitions(tree), module, file)
            return
        code = compile(_definitions(tree), str(file), "exec", dont_inherit=True)
        for name in self._execute_definitions(code, module, _assigned(tree)):
            self.notes[f"`{name}` has no value, because it is computed"] = None

    def _execute_cells(self, tree: ast.Module, module: ModuleType, file: Path) -> None:
        """Execute a notebook's definitions one by one: what fails has no value, and takes nothing else along."""
        for node in tree.body:
            code = compile(ast.Module([node], []), str(file), "exec", dont_inherit=True)
            wanted = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            try:
                self._execute_definitions(code, module, wanted)
                sys.path[:] = [place for place in sys.path if isinstance(place, str)]  # no stand-ins to import from
            except TimeLimit:
                raise
            except (Exception, SystemExit):
                names = _bound(node)
                for name in names:
                    setattr(module, name, StandIn(name))
                if names:
                    self.notes[f"`{', '.join(names)}` has no value: line {node.lineno} failed"] = None

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
        members, around, outermost = members or (), self.surroundings, name.partition(".")[0]
        if around.active:
            return self._import(name, namespace, variables, members, level)
        if not level and outermost in around.reserved:
            return builtins.__import__(name, namespace, variables, members, level)
        package = (namespace or {}).get("__package__")
        found = around.kept.get(importlib.util.resolve_name("." * level + name, package))
        if found and all(hasattr(found, member) for member in members):  # nothing needs to be looked for
            return found if members else around.kept[outermost]
        with around.entered():
            return self._import(name, namespace, variables, members, level)

    def _import(self, name: str, namespace: Any, variables: Any, members: Sequence[str], level: int) -> ModuleType:
        """Import; what an installed package has no more, or cannot give without another package, has a stand-in."""
        try:
            module = builtins.__import__(name, namespace, variables, members, level)
        except ModuleNotFoundError:
            if level or not members or not self._may_lack(name):
                raise
            module = StandInModule(name)
        lacking = [member for member in members if member != "*" and member not in dir(module)]
        if level and lacking:
            self._take_unbuilt(module, lacking)
        if level or not lacking or not self._may_lack(name):
            return module
        self.notes[f"{name} has no `{lacking[0]}` here; a stand-in was imported"] = None
        return stand_in.Completed(module)

    def _take_unbuilt(self, package: ModuleType, members: Sequence[str]) -> None:
        """A compiled module that was never built, `backend_cpu`, is the `backend_numpy` that lies beside it."""
        for member in members:
            twin = f"{member.rpartition('_')[0]}_numpy"
            found = getattr(package, twin, None)
            if isinstance(found, ModuleType):
                setattr(package, member, found)
                self.notes[f"`{member}` is not built here; {twin} was used in its place"] = None

    def _may_lack(self, name: str) -> bool:
        """Whether the name is that of an installed package, asked by a file that does not provide for its absence."""
        outermost, (tree, line) = name.partition(".")[0], self.surroundings.asking()
        module = sys.modules.get(outermost)
        if module is None or tree is None or outermost == "numpy" or outermost in sys.stdlib_module_names:
            return False
        return not self.surroundings.is_own(outermost, module) and not stand_in.is_guarded(tree, line)
