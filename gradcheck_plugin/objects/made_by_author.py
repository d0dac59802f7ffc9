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

import numpy as np

from gradcheck_plugin.author.alive import alive
from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.author.whose import Whose, means
from gradcheck_plugin.author.written import nodes_of
from gradcheck_plugin.loading.notebook import read_notebook
from gradcheck_plugin.loading.surroundings import folders_around
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.running.calls import UserCodeRaised, frozen, guarded
from gradcheck_plugin.running.limits import CallWatch, TimeLimit

FILES, FOLDERS, BYTES = 400, 200, 300_000  # that are looked through; a longer file holds data
TRIED, LARGE = 3, 4096  # calls that are repeated, and the largest number in one: a larger one may fill the memory
_NODES = (ast.Name, ast.Attribute, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Call, ast.keyword, ast.expr_context)


@dataclass(frozen=True)
class Made:
    """An argument that is made anew for every object, as the author's text makes it."""

    text: str
    names: Mapping[str, Any]

    def make(self) -> Any:
        return eval(self.text, {}, dict(self.names))


@dataclass(frozen=True)
class Shown:
    """What one call shows of an argument: what kind of thing it is, and the value, where that can be read."""

    kind: str
    value: Any = None


@dataclass(frozen=True)
class Call:
    """One call of a constructor; `sure` where it is of this class and runs, or cannot be run from outside."""

    shown: Mapping[str, Shown]
    sure: bool

    @property
    def readable(self) -> bool:
        """Whether every value is known, so that the call can be repeated."""
        return all(s.value is not None or s.kind == "nothing" for s in self.shown.values())

    def values(self) -> dict[str, Any]:
        return {n: s.value.make() if isinstance(s.value, Made) else s.value for n, s in self.shown.items()}


_known: WeakKeyDictionary[Any, tuple[Call, ...]] = WeakKeyDictionary()


def given(cls: Any) -> Mapping[str, Any]:
    """What the author gives for the arguments of a constructor: constants, and `Made`; the nearest call first."""
    found: dict[str, Any] = {}
    for call in calls(cls):
        found = {n: s.value for n, s in call.shown.items() if s.value is not None} | found
    for name in arguments(cls.__init__, method=True).required:
        if name not in found and (compared := compared_texts(cls, name)):
            found[name] = compared[0]
    return found


def calls(cls: Any) -> tuple[Call, ...]:
    """The author's calls of a constructor that it takes, the sure ones first, each kind with the nearest first."""
    if cls not in _known:
        found = []
        for node, tree, file, whose in _calls(cls):
            if _fits(cls, node):
                shown = {n: _shown(v, tree, cls, file) for n, v in _by_name(cls, node)}
                found.append(Call(shown, whose == "mine"))
        tried = {i: _runs(cls, c) for i, c in [(i, c) for i, c in enumerate(found) if c.sure and c.readable][:TRIED]}
        found = [Call(c.shown, c.sure and tried.get(i, True)) for i, c in enumerate(found)]
        _known[cls] = tuple(sorted(found, key=lambda c: not c.sure))
    return _known[cls]


def _runs(cls: Any, call: Call) -> bool:
    """Whether a call of the author's makes an object; one that does not was never meant, or not for here."""
    if any(_number_of(s.value) > LARGE for s in call.shown.values()):
        return True
    try:
        with frozen(0):
            guarded("__init__", cls, **call.values())
    except (Unbindable, UserCodeRaised):
        return False
    except TimeLimit as exc:
        if not isinstance(exc.watch, CallWatch):
            raise
        return False  # it is meant, but not for here
    return True


def _number_of(value: Any) -> int:
    numbers = value if isinstance(value, list | tuple) else [value]
    return max((n for n in numbers if isinstance(n, int)), default=0)


def _fits(cls: Any, call: ast.Call) -> bool:
    """Whether a constructor takes so many arguments, of these names."""
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return True
    try:
        inspect.signature(cls.__init__).bind(None, *call.args, **{str(k.arg): k for k in call.keywords})
    except (TypeError, ValueError):
        return False
    return True


def _by_name(cls: Any, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    plain = list(itertools.takewhile(lambda a: not isinstance(a, ast.Starred), call.args))
    yield from zip(arguments(cls.__init__, method=True).names, plain, strict=False)
    yield from ((k.arg, k.value) for k in call.keywords if k.arg)


# --- where the calls are ---


def _calls(cls: Any) -> Iterator[tuple[ast.Call, ast.Module, Path, Whose]]:
    home = _file_of(cls)
    for file in _files(home) if home else ():
        tree = _tree(file, cls.__name__)
        for node in alive(tree) if tree else ():
            if (
                isinstance(node, ast.Call)
                and tree
                and home
                and (whose := means(node.func, cls.__name__, tree, file, home))
            ):
                yield node, tree, file, whose


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
    return _parsed(text) if f"{name}(" in text or f"{name} as " in text else None


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


def _shown(node: ast.expr, tree: ast.Module, cls: Any, file: Path) -> Shown:
    """What an expression shows: a constant by its value, a name by what is assigned to it, else by how it is made."""
    value = _value(node, tree, cls, file)
    if value is None and isinstance(node, ast.Name) and len(made := _assigned(tree, node.id)) == 1:
        node, value = made[0], _value(made[0], tree, cls, file)
    if isinstance(node, ast.Constant) and node.value is None:
        return Shown("nothing")
    if value is None:
        return Shown("whole" if _counts(node) else "")
    if isinstance(value, Made):
        made_once = value.make()
        return Shown("function" if inspect.isroutine(made_once) or isinstance(made_once, np.ufunc) else "object", value)
    kinds = ((bool, "flag"), (str, "text"), (int, "whole"), (float, "number"), (list | tuple, "several"))
    return Shown(next((kind for of, kind in kinds if isinstance(value, of)), ""), value)


@lru_cache(maxsize=512)
def _assigned(tree: ast.Module, name: str) -> tuple[ast.expr, ...]:
    """What a file assigns to a name, wherever; it may be an argument, too, which says nothing."""
    nodes = list(ast.walk(tree))
    if any(isinstance(n, ast.arg) and n.arg == name for n in nodes):
        return ()
    stores = [n for n in nodes if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)]
    assigns = [n for n in nodes if isinstance(n, ast.Assign) and n.targets[0] in stores and len(n.targets) == 1]
    return tuple(n.value for n in assigns) if len(assigns) == len(stores) else ()


def _counts(node: ast.expr) -> bool:
    """Whether an expression gives a whole number by its look: a length, an entry of a shape, what comes of these."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Mult | ast.Add | ast.Sub | ast.FloorDiv) and all(
            _counts(side) or (isinstance(side, ast.Constant) and isinstance(side.value, int))
            for side in (node.left, node.right)
        )
    if isinstance(node, ast.Subscript):
        return (
            isinstance(node.value, ast.Attribute)
            and node.value.attr == "shape"
            and isinstance(node.slice, ast.Constant)
        )
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("len", "int")


def _value(node: ast.expr, tree: ast.Module, cls: Any, file: Path) -> Any:
    """A constant, or what makes it of classes and functions; None where it is anything else."""
    with suppress(ValueError, TypeError, SyntaxError):
        return ast.literal_eval(node)
    if (whole := _product(node)) is not None:
        return whole
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


def _product(node: ast.expr) -> int | None:
    """The value of a product of whole numbers: `28 * 28`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _product(node.left), _product(node.right)
        return None if left is None or right is None else left * right
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


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


def compared_texts(cls: Any, name: str) -> tuple[str, ...]:
    """The texts that an argument of a constructor is compared with, itself or as the attribute of that name."""
    found = []
    for node in nodes_of(cls):
        if isinstance(node, ast.Compare) and len(node.comparators) == 1 and isinstance(node.ops[0], ast.Eq):
            left, right = node.left, node.comparators[0]
            asked = left.attr if isinstance(left, ast.Attribute) else getattr(left, "id", "")
            if asked == name and isinstance(right, ast.Constant) and isinstance(right.value, str):
                found.append(right.value)
    return tuple(found)
