"""Whose fault it is that the user's code raised: proof that it is the code's own, or what else may be behind it.

A call that the checker invents may raise in right code. So an exception is a fault only with proof: it is wrong
whatever the input is (a name that nothing defines, a function that NumPy never had, an attribute that nothing sets, a
body that is not written yet), or it comes from a backward that was called in the one way that it can be, behind a
forward that ran.
"""

from __future__ import annotations

import ast
import builtins
import copy
import difflib
import inspect
import linecache
import math
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import numpy as np

from gradcheck_plugin.loading.notebook import from_python_2, parses
from gradcheck_plugin.loading.stand_in import StandIn, StandInModule
from gradcheck_plugin.names.words import BACKWARD, FORWARD
from gradcheck_plugin.running.calls import UserCodeRaised, own_frame, place_of

PYTHON_2 = ("xrange", "unicode", "raw_input", "reduce", "basestring", "long", "unichr", "cmp", "file", "execfile")
_ONCE_IN_NUMPY = frozenset(
    [
        "int",
        "float",
        "bool",
        "object",
        "str",
        "complex",
        "long",
        "unicode",
        "int0",
        "uint0",
        "bool8",
        "object0",
        "void0",
        "bytes0",
        "str0",
        "float_",
        "complex_",
        "longfloat",
        "singlecomplex",
        "cfloat",
        "clongfloat",
        "longcomplex",
        "string_",
        "unicode_",
        "Inf",
        "Infinity",
        "NaN",
        "infty",
        "NINF",
        "PINF",
        "NZERO",
        "PZERO",
        "product",
        "cumproduct",
        "sometrue",
        "alltrue",
        "row_stack",
        "trapz",
        "in1d",
        "asscalar",
        "asfarray",
        "msort",
        "mat",
        "rank",
        "alen",
        "round_",
        "cast",
        "source",
        "lookfor",
        "who",
        "disp",
        "find_common_type",
        "issctype",
        "issubclass_",
        "issubsctype",
        "obj2sctype",
        "sctype2char",
        "sctypes",
        "maximum_sctype",
        "nbytes",
        "typeDict",
        "set_string_function",
        "set_numeric_ops",
        "recfromcsv",
        "recfromtxt",
        "deprecate",
        "deprecate_with_doc",
        "safe_eval",
        "byte_bounds",
        "compare_chararrays",
        "DataSource",
        "fastCopyAndTranspose",
        "get_array_wrap",
        "add_docstring",
        "add_newdoc",
        "add_newdoc_ufunc",
        "tracemalloc_domain",
        "loads",
        "math",
        "fv",
        "pv",
        "pmt",
        "ipmt",
        "ppmt",
        "irr",
        "mirr",
        "npv",
        "nper",
        "rate",
        "Tester",
        "numarray",
        "oldnumeric",
        "core",
        "chararray",
        "format_parser",
        "unsafe",
        "random_integers",
        "bench",
        "pkgload",
        "float96",
        "complex256",
        "Bytes0",
        "Datetime64",
        "Str0",
        "Uint64",
    ]
)
_ONCE_IN_ARRAYS = ("itemset", "newbyteorder", "ptp", "tostring")
_LIBRARIES = {"numpy": np, "math": math}


@dataclass(frozen=True)
class Proof:
    """Why what raised is the fault of the code: what is wrong, for the help of a report."""

    help: str
    code: str = "raised"


_MODULE = re.compile(r"unsupported operand type\(s\) for (?P<operator>[^:]+): .*'module'")


def always(fault: UserCodeRaised, root: Path | None) -> Proof | None:
    """Proof that what raised is wrong whatever the input is; None where there is none."""
    if fault.seen is not None:
        return Proof(fault.seen.help) if fault.seen.always else None
    cause, frame = fault.cause, own_frame(fault.cause, root)
    if isinstance(cause, AttributeError) and isinstance(cause.obj, ModuleType):  # which NumPy itself raises
        return _unknown_function(cause.obj, cause.name or "")
    if frame is None:
        return None
    if isinstance(cause, NameError):
        return _unknown_name(cause, frame)
    if isinstance(cause, AttributeError) and isinstance(cause.obj, np.ndarray | np.generic):
        return _misspelt_method(cause)
    if isinstance(cause, AttributeError) and cause.name:
        return _unknown_attribute(cause.obj, cause.name, root)
    if isinstance(cause, NotImplementedError):
        return _not_written(frame)
    if isinstance(cause, TypeError) and (found := _MODULE.match(str(cause))):
        return Proof(f"a module is no number: nothing can be done with one and `{found['operator']}`")
    return None


# --- names ---


def _unknown_name(cause: NameError, frame: FrameType) -> Proof | None:
    tree, name = tree_of(frame.f_code.co_filename), cause.name or ""
    if tree is None or isinstance(cause, UnboundLocalError) or name in PYTHON_2 or not name:
        return None
    if _in_a_cell_left_out(frame.f_code.co_filename, name):
        return None
    if name in _bound(tree) or name in frame.f_globals or _stars_give(tree, Path(frame.f_code.co_filename), name):
        return None
    near = _near(name, {*frame.f_locals, *frame.f_globals, *dir(builtins)})
    if hasattr(frame.f_locals.get("self"), name):
        near = f"; did you mean `self.{name}`?"
    return Proof(f"nothing in the file defines `{name}`{near}")


def _in_a_cell_left_out(file: str, name: str) -> bool:
    """Whether a notebook has such a name in any of its cells: not all of them can be read."""
    if not file.endswith(".ipynb"):
        return False
    raw = Path(file).read_text(encoding="utf-8", errors="replace")
    return re.search(rf"\b{name}\s*=[^=]|(def|class|import|as) +{name}\b", raw) is not None


@lru_cache(maxsize=16)
def _bound(tree: ast.Module) -> frozenset[str]:
    """Names of a module that some line of it defines or imports, also lines that were not executed."""
    found: set[str] = set()
    for node, inside in _walk(tree, False):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).split(".")[0] for a in node.names}
        elif isinstance(node, ast.Global):
            found |= set(node.names)
        elif inside:
            continue
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
    return frozenset(found)


def _walk(node: ast.AST, inside: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes, and whether they are inside a function."""
    yield node, inside
    deeper = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, deeper)


def _stars_give(tree: ast.Module, file: Path, name: str, depth: int = 3) -> bool:
    """Whether a `from ... import *` may have given a name: what could not be found may hold it."""
    stars = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and any(a.name == "*" for a in n.names)]
    for node in stars:
        module = sys.modules.get(node.module or "") if not node.level else None
        if module is not None and not isinstance(module, StandInModule):
            if hasattr(module, name):
                return True
            continue
        parts = (node.module or "__init__").split(".")
        places = [folder.joinpath(*parts).with_suffix(".py") for folder in list(file.parents)[:3]]
        found = next((p for p in places if p.is_file()), None)
        inner = tree_of(str(found)) if found else None
        if inner is None or found is None or not depth:
            return True
        if name in _bound(inner) or _stars_give(inner, found, name, depth - 1):
            return True
    return False


def _near(name: str, known: set[str]) -> str:
    turned = [k for k in sorted(known) if sorted(k) == sorted(name)]  # two letters have changed places
    known = {k for k in known if len(k) > 2}
    found = turned or (difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6) if len(name) > 2 else [])
    return f"; did you mean `{found[0]}`?" if found else ""


# --- functions of libraries, methods of arrays ---


def _unknown_function(module: ModuleType, name: str) -> Proof | None:
    outermost = module.__name__.split(".")[0]
    if outermost not in _LIBRARIES or was_in_numpy(module, name):
        return None
    return Proof(f"`{module.__name__}` has no `{name}`{_near(name, set(dir(module)))}")


def was_in_numpy(thing: Any, name: str) -> bool:
    """Whether an older NumPy had a name that this one has not."""
    if isinstance(thing, ModuleType):
        return thing.__name__.split(".")[0] == "numpy" and name in _ONCE_IN_NUMPY
    return isinstance(thing, np.ndarray | np.generic) and name in _ONCE_IN_ARRAYS


def _misspelt_method(cause: AttributeError) -> Proof | None:
    """`x.shpae`. What is no such slip may be a tensor's, and the array was our choice."""
    name = cause.name or ""
    known = {n for n in dir(cause.obj) if not n.startswith("_")}
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    if not near or name.endswith("_") or was_in_numpy(cause.obj, name) or near[0] in name or name in near[0]:
        return None
    return Proof(f"an array has no `{name}`; did you mean `{near[0]}`?")


# --- attributes ---


def _unknown_attribute(obj: Any, name: str, root: Path | None) -> Proof | None:
    """An attribute of an object of the user's that no code sets: most likely misspelt."""
    cls = type(obj)
    files = {_file(c) for c in cls.__mro__[:-1]}
    dynamic = any("__getattr__" in vars(c) or isinstance(c, StandIn) for c in cls.__mro__[:-1])
    if not files or dynamic or any(f is None or "site-packages" in f for f in files):
        return None
    for tree in map(tree_of, filter(None, files)):
        if tree is None or any(_may_set(node, name, inside) for node, inside in _walk(_without(tree, cls), False)):
            return None
    if any(re.search(rf"(?<!\bself)\.{re.escape(name)}\s*(:[^=\n]+)?=[^=]", text) for text in _beside(root)):
        return None
    known = {n for n in (*vars(obj), *dir(cls)) if not n.startswith("__")} if hasattr(obj, "__dict__") else set()
    return Proof(f"nothing sets `{name}` of {cls.__name__}{_near(name, known)}")


def _without(tree: ast.Module, cls: type) -> ast.Module:
    """The tree without what other classes do to themselves: `self.dW = ...` in one of them sets nothing of this one."""
    own = {c.__name__ for c in cls.__mro__}

    class Others(ast.NodeTransformer):
        def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
            return node if node.name in own else _OfOthers().visit(node)

    return Others().visit(copy.deepcopy(tree))  # type: ignore[no-any-return]


class _OfOthers(ast.NodeTransformer):
    """Takes the attributes of `self` for something else."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if getattr(node.value, "id", "") == "self" and node.attr != "__dict__":
            return ast.copy_location(ast.Name("_", node.ctx), node)
        return self.generic_visit(node)


def _file(cls: type) -> str | None:
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or _file_of_methods(cls)


def _file_of_methods(cls: type) -> str | None:
    return next((m.__code__.co_filename for m in vars(cls).values() if inspect.isfunction(m)), None)


def _may_set(node: ast.AST, name: str, inside: bool) -> bool:
    """Whether a piece of code gives something an attribute of this name, or any attribute by its name.

    `inside` a function a plain name is a variable of that function.
    """
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.For | ast.With | ast.NamedExpr | ast.comprehension):
        parts = ast.walk(node) if not isinstance(node, ast.For | ast.With) else ast.iter_child_nodes(node)
        kinds = ast.Attribute if inside else ast.Attribute | ast.Name
        stored = [p for p in parts if isinstance(p, kinds) and isinstance(p.ctx, ast.Store)]
        if any((p.attr if isinstance(p, ast.Attribute) else p.id) == name for p in stored):
            return True
    if isinstance(node, ast.Attribute) and node.attr == "__dict__":
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "vars":
        return True
    if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setattr":
        given = node.args[1] if len(node.args) > 1 else None
        return not isinstance(given, ast.Constant) or given.value == name
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name


def _beside(root: Path | None) -> Iterator[str]:
    """The texts of the files beside the user's: another of them may set an attribute."""
    if root is None:
        return
    for path in [*sorted(root.glob("*.py"))[:100], *sorted(root.parent.glob("*.py"))[:100]]:
        try:
            if path.is_file():
                yield path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue


def setter_of(fault: UserCodeRaised) -> tuple[str, bool]:
    """The method that sets the attribute which is missing, and whether it does so in every call; "" for none."""
    cause = fault.cause
    if not isinstance(cause, AttributeError) or not cause.name or isinstance(cause.obj, type | ModuleType):
        return "", False
    for method in _methods(type(cause.obj)):
        if any(_sets_own(n, cause.name) for n in ast.walk(method)):
            return method.name, any(_sets_own(n, cause.name) for n in method.body)
    return "", False


def is_outermost(fault: UserCodeRaised, root: Path | None) -> bool:
    """Whether the object that lacks an attribute is the one that was called, and no part of it."""
    frames = [f for f, _ in traceback.walk_tb(fault.cause.__traceback__)]
    own = [f for f in frames if root is None or f.f_code.co_filename.startswith(str(root))]
    called = next((f.f_locals["self"] for f in own if "self" in f.f_locals and not _is_ours(f)), None)
    return bool(called is getattr(fault.cause, "obj", None))


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("gradcheck_plugin.")


def _sets_own(node: ast.AST, name: str) -> bool:
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(p, ast.Attribute) and p.attr == name for t in targets for p in ast.walk(t))


def left_empty(frame: FrameType, line: int) -> tuple[str, str] | None:
    """The method to run first, for it sets an attribute of `self` that is None on a line; and that attribute."""
    obj, statement = frame.f_locals.get("self"), statement_at(frame, line)
    if obj is None or statement is None:
        return None
    for node in ast.walk(statement):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        if getattr(node.value, "id", "") != "self" or vars_of(obj).get(node.attr, obj) is not None:
            continue
        setters = [m.name for m in _methods(type(obj)) if any(_sets_own(n, node.attr) for n in ast.walk(m))]
        others = [m for m in setters if m not in ("__init__", frame.f_code.co_name, *FORWARD, *BACKWARD)]
        if others and not set(setters) & set(FORWARD):
            return others[0], node.attr
    return None


def vars_of(obj: Any) -> dict[str, Any]:
    return getattr(obj, "__dict__", {})


def _methods(cls: type) -> Iterator[ast.FunctionDef]:
    """The definitions of the methods of a class and of its bases."""
    for base in cls.__mro__[:-1]:
        tree = tree_of(_file(base) or "")
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.ClassDef) and node.name == base.__name__:
                yield from (m for m in node.body if isinstance(m, ast.FunctionDef))


# --- bodies that are not written ---


def _not_written(frame: FrameType) -> Proof | None:
    """`raise NotImplementedError` as a statement of the function itself, of a class that nobody inherits from."""
    statement = statement_at(frame, frame.f_lineno)
    if not isinstance(statement, ast.Raise) or not of_the_body(frame, statement) or inherited(frame):
        return None
    return Proof("", "not-implemented")


def inherited(frame: FrameType) -> bool:
    """Whether the method that runs in a frame is one of a base class, for others to write."""
    obj = frame.f_locals.get("self")
    cls = obj if inspect.isclass(obj) else type(obj) if obj is not None else None
    if cls is None or not any(_has(c, frame) for c in cls.__mro__[:-1]):
        return False
    return not _has(cls, frame) or bool(cls.__subclasses__())


def _has(cls: type, frame: FrameType) -> bool:
    methods = (getattr(m, "__func__", m) for m in vars(cls).values())
    return any(getattr(m, "__code__", None) is frame.f_code for m in methods)


def never_ends(fault: BaseException, root: Path | None) -> bool:
    """Whether code was stopped in a `while True:` that nothing inside it can leave, whatever the input."""
    found = place_of(fault, root)
    definition = function_around(found[0]) if found else None
    loops = [n for n in ast.walk(definition) if isinstance(n, ast.While)] if definition else []
    line = found[1] if found else 0
    around = [n for n in loops if n.lineno <= line <= (n.end_lineno or n.lineno)]
    return any(
        isinstance(n.test, ast.Constant)
        and n.test.value
        and not any(isinstance(p, ast.Break | ast.Return | ast.Raise) for p in ast.walk(n))
        for n in around
    )


def forgets_return(function: Any) -> bool:
    """Whether a function computes something and gives it to nobody: it returns nothing, and a result is left unused."""
    tree = tree_of(function.__code__.co_filename) if inspect.isfunction(function) else None
    definition = definition_of(function.__code__, tree) if tree else None
    if definition is None:
        return False
    nodes = [n for n in ast.walk(definition) if n is not definition]
    if any(isinstance(n, ast.Yield | ast.YieldFrom | ast.Raise) for n in nodes):
        return False
    if any(isinstance(n, ast.Return) and n.value is not None for n in nodes):
        return False
    names = [n for n in nodes if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    unused = {n.id for n in names if isinstance(n.ctx, ast.Store)} - read
    dropped = [
        n for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.BinOp | ast.UnaryOp | ast.Compare)
    ]
    told = [n for n in definition.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    return bool(unused or dropped) or all(isinstance(n, ast.Pass) for n in told)


# --- the source ---


@lru_cache(maxsize=32)
def tree_of(file: str) -> ast.Module | None:
    """The syntax tree of a file of the user's; None where its text cannot be had."""
    text = "".join(linecache.getlines(file))
    if not text:
        return None
    source = text if parses(text) else from_python_2(text)
    return ast.parse(source) if source else None


def function_around(frame: FrameType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The definition of the function that runs in a frame."""
    tree = tree_of(frame.f_code.co_filename)
    return definition_of(frame.f_code, tree) if tree else None


def definition_of(code: CodeType, tree: ast.Module) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The definition that a code object was compiled from."""
    for node in ast.walk(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name
        if named and code.co_firstlineno in (node.lineno, *(d.lineno for d in node.decorator_list)):  # type: ignore[attr-defined]
            return node  # type: ignore[return-value]
    return None


def statement_at(frame: FrameType, line: int) -> ast.stmt | None:
    """The smallest statement of a function that stands on a line."""
    definition = function_around(frame)
    found = [n for n in ast.walk(definition) if isinstance(n, ast.stmt) and n is not definition] if definition else []
    found = [n for n in found if n.lineno <= line <= (n.end_lineno or n.lineno)]
    return min(found, key=lambda n: (n.end_lineno or n.lineno) - n.lineno, default=None)


def of_the_body(frame: FrameType, statement: ast.stmt) -> bool:
    """Whether a statement is one of a function itself, that every call runs, and in no branch or loop of it."""
    definition = function_around(frame)
    return definition is not None and statement in definition.body


def reads_a_shape(statement: ast.stmt | None) -> bool:
    """Whether a line takes a shape apart: `N, C, H, W = x.shape`."""
    read = ast.walk(statement.value) if isinstance(statement, ast.Assign) else ()
    return any(getattr(n, "attr", getattr(n, "id", "")) == "shape" for n in read)
