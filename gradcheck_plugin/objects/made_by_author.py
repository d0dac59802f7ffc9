"""How the author makes the objects of a class, where a name alone does not say what a constructor wants.

The files of the repository are looked through for calls of the constructor. What stands there as a constant, or as a
class or function that the file imports, is what the author gives; and what an argument is compared with in the body of
the class is what it may be.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.author.written import nodes_of
from gradcheck_plugin.loading.notebook import read_notebook
from gradcheck_plugin.loading.surroundings import folders_around

FILES, FOLDERS, BYTES = 400, 200, 300_000  # that are looked through; a longer file holds data
_NODES = (ast.Name, ast.Attribute, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Call, ast.keyword, ast.expr_context)


@dataclass(frozen=True)
class Made:
    """An argument that is made anew for every object, as the author's text makes it."""

    text: str
    names: Mapping[str, Any]

    def make(self) -> Any:
        return eval(self.text, {}, dict(self.names))


_known: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def given(cls: Any) -> Mapping[str, Any]:
    """What the author gives for the arguments of a constructor: constants, and `Made`; the nearest call first."""
    if cls not in _known:
        found = _known[cls] = {}
        for call, tree, file in _calls(cls):
            for name, node in _by_name(cls, call):
                value = _value(node, tree, cls, file) if name not in found else None
                if value is not None:
                    found[name] = value
        for name in arguments(cls.__init__, method=True).required:
            if name not in found and (compared := _compared(cls, name)):
                found[name] = compared
    return _known[cls]


def _by_name(cls: Any, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    plain = list(itertools.takewhile(lambda a: not isinstance(a, ast.Starred), call.args))
    yield from zip(arguments(cls.__init__, method=True).names, plain, strict=False)
    yield from ((k.arg, k.value) for k in call.keywords if k.arg)


# --- where the calls are ---


def _calls(cls: Any) -> Iterator[tuple[ast.Call, ast.Module, Path]]:
    home = _file_of(cls)
    for file in _files(home) if home else ():
        tree = _tree(file, cls.__name__)
        for node in ast.walk(tree) if tree else ():
            called = node.func if isinstance(node, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if isinstance(node, ast.Call) and name == cls.__name__ and tree:
                yield node, tree, file


def _file_of(cls: Any) -> Path | None:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    own = next((m.__code__.co_filename for m in vars(cls).values() if inspect.isfunction(m)), file)
    return Path(own) if own and Path(own).is_file() else None


@lru_cache(maxsize=8)
def _files(home: Path) -> tuple[Path, ...]:
    """The file of a class, and the others of the repository, the nearest first."""
    folders = itertools.islice(folders_around(home), FOLDERS)
    others = (f for d in folders for f in sorted(d.iterdir()) if f.suffix in (".py", ".ipynb") and f.is_file())
    with suppress(OSError):
        return tuple(dict.fromkeys((home, *itertools.islice(others, FILES))))
    return (home,)


def _tree(file: Path, name: str) -> ast.Module | None:
    """The tree of a file that calls something of this name."""
    try:
        state = file.stat()
        text = _text(file, state.st_mtime_ns) if state.st_size < BYTES else ""
    except OSError:
        return None
    return _parsed(text) if f"{name}(" in text else None


@lru_cache(maxsize=FILES)
def _text(file: Path, _changed: int) -> str:
    text = file.read_text(encoding="utf-8", errors="replace")
    with suppress(ValueError):
        return read_notebook(text).source if file.suffix == ".ipynb" else text
    return ""


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


# --- what stands there ---


def _value(node: ast.expr, tree: ast.Module, cls: Any, file: Path) -> Any:
    """A constant, or what makes it of classes and functions; None where it is anything else."""
    with suppress(ValueError, TypeError, SyntaxError):
        return ast.literal_eval(node)
    if not all(isinstance(part, _NODES) for part in ast.walk(node)):
        return None
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    space = {name: found for name in names if (found := _named(name, tree, cls, file)) is not None}
    made = Made(ast.unparse(node), space)
    called = [ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)]
    try:
        if len(space) == len(names) and all(inspect.isclass(eval(c, {}, dict(space))) for c in called):
            value = made.make()
            return made if value is not None and not inspect.ismodule(value) else None
    except Exception:  # the author's text, run outside its place
        return None
    return None


def _named(name: str, tree: ast.Module, cls: Any, file: Path) -> Any:
    """The class, function or module of a name, as the class's own module has it or the file of the call imports it."""
    home = next((m.__globals__ for m in vars(cls).values() if inspect.isfunction(m)), {})
    found = home.get(name)
    if found is None:
        found = next(filter(None, (_imported(n, name, home, file) for n in _imports(tree))), None)
    return found if inspect.isclass(found) or callable(found) or inspect.ismodule(found) else None


def _imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    yield from (n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom))


def _imported(node: ast.Import | ast.ImportFrom, name: str, home: Mapping[str, Any], file: Path) -> Any:
    """What one import of a file gives for a name. It is done as the file of the class does its own."""
    bound = [a.asname or a.name.partition(".")[0] for a in node.names]
    if name not in bound and bound != ["*"]:
        return None
    if isinstance(node, ast.ImportFrom) and node.level and file.parent != Path(str(home.get("__file__", ""))).parent:
        return None
    space = {"__builtins__": home.get("__builtins__", {}), "__package__": home.get("__package__")}
    try:
        exec(compile(ast.Module([node], []), str(home.get("__file__", "")), "exec"), space)
    except (Exception, SystemExit):
        return None
    return space.get(name)


def _compared(cls: Any, name: str) -> str:
    """The first text that an argument of a constructor is compared with, itself or as the attribute of that name."""
    for node in nodes_of(cls):
        if isinstance(node, ast.Compare) and len(node.comparators) == 1 and isinstance(node.ops[0], ast.Eq):
            left, right = node.left, node.comparators[0]
            asked = left.attr if isinstance(left, ast.Attribute) else getattr(left, "id", "")
            if asked == name and isinstance(right, ast.Constant) and isinstance(right.value, str):
                return right.value
    return ""
