"""Code that was written for an older Python or NumPy, read as its author ran it.

In Python 2 `/` of two integers is `//`, and dictionaries have `iteritems`. Until NumPy 2.3 `int(x)` took an array with
one entry. Both are done only for a file that does not run without, and the first only where something in its folder
shows that it is Python 2.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_plugin.loading.notebook import from_python_2, parses

_PYTHON_2 = re.compile(r"'float' object cannot be interpreted as an integer|'dict' object has no attribute")
_DIVISION = re.compile(r"from __future__ import [\w, (]*\bdivision\b")
_ONE_ENTRY = re.compile(r"only length-1 arrays|only 0-dimensional arrays")


@dataclass(frozen=True)
class Era:
    """What of the past a file needs to run."""

    python_2: bool = False
    one_entry: bool = False

    def __bool__(self) -> bool:
        return self.python_2 or self.one_entry

    def source(self, source: str) -> str:
        return (from_python_2(source) if self.python_2 else None) or source

    def tree(self, tree: ast.Module, text: str) -> ast.Module:
        """The tree of a file whose text, before any conversion, was `text`."""
        divides = self.python_2 and not _DIVISION.search(text)
        _AsWritten(divides, self.one_entry).visit(tree)
        return ast.fix_missing_locations(tree)

    def notes(self) -> list[str]:
        told = {
            "it does not run as Python 3 and was read as Python 2, where / of two integers is //": self.python_2,
            "int() of an array with one entry was allowed, as in NumPy before 2.4": self.one_entry,
        }
        return [note for note, done in told.items() if done]


PRESENT = Era()


def era_of(path: Path, reasons: list[str]) -> Era:
    """What would make the objects of a file run that do not run here for these reasons."""
    python_2 = any(_PYTHON_2.search(r) for r in reasons) and is_python_2(path.parent)
    return Era(python_2, any(_ONE_ENTRY.search(r) for r in reasons))


def is_python_2(folder: Path) -> bool:
    """Whether a file in a folder could not be run by Python 3."""
    texts = (f.read_text(encoding="utf-8", errors="replace") for f in sorted(folder.glob("*.py")) if f.is_file())
    return any(".iteritems()" in t if parses(t) else from_python_2(t) is not None for t in texts)


# --- what the old expressions mean ---


def divide(a: Any, b: Any) -> Any:
    return a // b if _whole(a) and _whole(b) else a / b


def divide_in_place(a: Any, b: Any) -> Any:
    if _whole(a) and _whole(b):
        a //= b
    else:
        a /= b
    return a


def _whole(x: Any) -> bool:
    return isinstance(x, int | np.integer) or (isinstance(x, np.ndarray) and x.dtype.kind in "iu")


def to_int(x: Any) -> int:
    return int(_entry(x))


def to_float(x: Any) -> float:
    return float(_entry(x))


def _entry(x: Any) -> Any:
    if isinstance(x, np.ndarray) and x.size != 1:
        raise TypeError(f"an array with {x.size} entries is made one number")
    return x.item() if isinstance(x, np.ndarray) else x


NAMES = {"_old_divide": divide, "_old_divide_in_place": divide_in_place, "_old_int": to_int, "_old_float": to_float}


class _AsWritten(ast.NodeTransformer):
    """Calls of the functions above in the place of `a / b`, `a /= b`, `int(x)` and `float(x)`."""

    def __init__(self, divides: bool, one_entry: bool) -> None:
        self.divides, self.one_entry = divides, one_entry

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not self.divides or not isinstance(node.op, ast.Div):
            return node
        return ast.copy_location(_call("_old_divide", node.left, node.right), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not self.divides or not isinstance(node.op, ast.Div):
            return node
        read = ast.parse(ast.unparse(node.target), mode="eval").body
        divided = _call("_old_divide_in_place", read, node.value)
        return ast.copy_location(ast.Assign([node.target], divided), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        one = len(node.args) == 1 and not node.keywords and isinstance(node.func, ast.Name)
        if self.one_entry and one and node.func.id in ("int", "float"):  # type: ignore[attr-defined]
            node.func = ast.copy_location(ast.Name(f"_old_{node.func.id}", ast.Load()), node)  # type: ignore[attr-defined]
        return node


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
