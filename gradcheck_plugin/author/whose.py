"""Whether a name in one file of the author's means a class of another: by what is defined and imported there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

Whose = Literal["mine", "perhaps", ""]
_DEFINES = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
PARTS = 5  # of the path of a file that an import may name


def means(called: ast.expr, name: str, tree: ast.Module, file: Path, home: Path) -> Whose:
    """Whether `called`, in the `tree` of a `file`, is the class of this `name` that the file `home` defines.

    A class of that name from elsewhere, `nn.Linear` of a library, is another one; what a file of the repository hands
    on may be the same.
    """
    if isinstance(called, ast.Attribute):
        if called.attr != name:
            return ""
        owner = ast.unparse(called.value).split(".")
        found = [(parts, level) for n, parts, level in bound(tree) if n == owner[0]]
        if not found:  # a module of a package that is imported with a star
            found = [((*filter(None, (n.module or "").split(".")), owner[0]), n.level) for n in _stars(tree)]
        return _best(_from((*parts, *owner[1:]), level, file, home) for parts, level in found)
    if not isinstance(called, ast.Name):
        return ""
    if called.id == name and name in _defined(tree):
        return "mine" if file == home else ""
    imported = [(parts[:-1], level) for n, parts, level in bound(tree) if n == called.id and parts[-1:] == (name,)]
    if imported:
        return _best(_from(parts, level, file, home) for parts, level in imported)
    if called.id != name or any(n == name for n, _, _ in bound(tree)):
        return ""
    stars = [(tuple((node.module or "").split(".")), node.level) for node in _stars(tree)]
    return _best(_from(tuple(filter(None, parts)), level, file, home) for parts, level in stars) or "perhaps"


def _best(found: Iterator[Whose]) -> Whose:
    all_ = set(found)
    return "mine" if "mine" in all_ else "perhaps" if "perhaps" in all_ else ""


def _from(parts: tuple[str, ...], level: int, file: Path, home: Path) -> Whose:
    """Whether a module, or a package that hands it on, is the file `home`; any other file of the author's may do so."""
    own = (*home.parent.parts, home.stem)
    if level:
        place = file.parents[level - 1] if level <= len(file.parents) else file.parent
        whole = (*place.parts, *parts)
        return "mine" if own[: len(whole)] == whole else "perhaps"
    near = own[-PARTS:]
    if parts and any(near[i : i + len(parts)] == parts for i in range(len(near))):
        return "mine"
    local = (folder / f"{parts[0]}{end}" for folder in file.parents[:3] for end in ("", ".py")) if parts else ()
    return "perhaps" if any(place.exists() for place in local) else ""


@lru_cache(maxsize=64)
def _defined(tree: ast.Module) -> frozenset[str]:
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, _DEFINES))


@lru_cache(maxsize=64)
def bound(tree: ast.Module) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """The names that a file imports, what each is as parts of a dotted name, and how many dots stand before that."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                parts = tuple(a.name.split("."))
                found.append((a.asname, parts, 0) if a.asname else (parts[0], parts[:1], 0))
        elif isinstance(node, ast.ImportFrom):
            module = tuple(filter(None, (node.module or "").split(".")))
            found += [(a.asname or a.name, (*module, a.name), node.level) for a in node.names if a.name != "*"]
    return tuple(found)


def _stars(tree: ast.Module) -> Iterator[ast.ImportFrom]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield node
