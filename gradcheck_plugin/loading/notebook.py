"""Jupyter notebooks as one Python text: code cells one after another, without magics, Python 2 turned into 3."""

from __future__ import annotations

import ast
import importlib
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

_MAGIC = re.compile(r"^\s*([%!?]|.*\?\s*$|get_ipython\(|from __future__ )")


@dataclass(frozen=True)
class Notebook:
    """The text of a notebook's code, and the cell and the line in it for every line of that text."""

    source: str
    places: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]

    def place(self, line: int) -> tuple[int, int]:
        """The number of the code cell, from 1, and the line in it."""
        return self.places[line - 1] if 0 < line <= len(self.places) else (0, line)


def read_notebook(text: str) -> Notebook:
    """Raises ValueError where the text is no notebook."""
    try:
        document = json.loads(text, strict=False)
        cells = document["cells"] if "cells" in document else document["worksheets"][0]["cells"]
        codes = [_text(c.get("source", c.get("input", ""))) for c in cells if c.get("cell_type") == "code"]
    except (json.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError("it is not a notebook that can be read") from error
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    notes: list[str] = []
    for number, code in enumerate(codes, 1):
        plain = _without_magics(code)
        if not parses(plain):
            converted = from_python_2(plain)
            if converted is None:
                notes.append(f"cell {number} was left out, because it is no valid Python")
                continue
            notes.append(f"cell {number} was read as Python 2")
            plain = converted
        own = plain.splitlines()
        lines += own
        places += [(number, i) for i in range(1, len(own) + 1)]
    return Notebook("\n".join(lines) + "\n", tuple(places), tuple(notes))


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _without_magics(code: str) -> str:
    """The cell without `%matplotlib inline`, `!pip install ...` and `name?`; a cell of another language is empty."""
    if code.lstrip().startswith("%%") and not code.lstrip().startswith(("%%time", "%%capture", "%%writefile")):
        return ""
    # a line keeps its number, and a block that holds nothing else keeps a body
    return "\n".join(
        re.match(r"\s*", line)[0] + "pass" if _MAGIC.match(line) else line  # type: ignore[index]
        for line in code.splitlines()
    )


def parses(code: str) -> bool:
    """Whether a text is Python 3."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return True


@cache
def _converter() -> Callable[[str], str] | None:
    """The standard library's 2to3, where this Python still has it (up to 3.12)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refactor = importlib.import_module("lib2to3.refactor")
    except ImportError:
        return None
    fixers = refactor.get_fixers_from_package("lib2to3.fixes")
    tool = refactor.RefactoringTool(fixers)
    return lambda code: str(tool.refactor_string(code, "submission"))


def from_python_2(code: str) -> str | None:
    """Python 2 text as Python 3; None where it is not Python 2 either, or nothing here can convert it."""
    convert = _converter()
    if convert is None:
        return None
    try:
        plain = convert(code if code.endswith("\n") else code + "\n")
    except Exception:  # the parser and the fixers of 2to3 raise whatever they like
        return None
    return plain if parses(plain) else None
