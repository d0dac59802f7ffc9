"""The user's own line behind a gradient."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any

from gradcheck_plugin.subject import Subject


def source_of(subject: Subject, property: str) -> dict[str, Any]:
    """The user's line that computes a gradient: where it is assigned in the backward, else where that returns."""
    place: dict[str, Any] = {"file": subject.file, "line": subject.line, "function": subject.function}
    function = _function(subject, property)
    if function is None:
        return place
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return place
    node = (_last_write(tree) if property == "rule" else _assignment(tree, property)) or _last_return(tree)
    if property == "forward":
        place["function"] = f"{subject.name}.forward" if "." in subject.function else function.__name__
    line = first + node.lineno - 1 if node is not None else first
    return place | {"line": line, "source": lines[line - first].strip() if line - first < len(lines) else ""}


def _function(subject: Subject, property: str) -> Any:
    """The function or method that computes a property."""
    code = subject.caller.code()
    return code.forward if property == "forward" else code.backward


def _assignment(tree: ast.AST, property: str) -> ast.stmt | None:
    """The last assignment to the gradient: `self.db = ...`, `db = ...`, `grads["b"] = ...`."""
    bare = property.removeprefix("d")
    names = {s.lower() for s in (property, f"grad_{bare}", f"{bare}_grad", f"d{bare}s", f"self.d{bare}")}
    hit: ast.stmt | None = None
    for node in ast.walk(tree):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        flat = [t for target in targets for t in (target.elts if isinstance(target, ast.Tuple) else [target])]
        for target in flat:
            text = ast.unparse(target)
            key = re.search(r"\[['\"]?(\w+)['\"]?\]$", text)
            last = key[1] if key else re.split(r"[.\[]", text)[-1]
            if (last.lower() in names or (key and last == bare)) and isinstance(node, ast.stmt):
                hit = node if hit is None or node.lineno > hit.lineno else hit
    return hit


def _last_write(tree: ast.AST) -> ast.stmt | None:
    """The last line of a rule that writes into something it was given: `params[key] -= ...`, `p.data = ...`."""
    writes: list[ast.stmt] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            text = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
            if not text.startswith("self.") and (isinstance(node, ast.AugAssign) or re.search(r"[.\[]", text)):
                writes.append(node)
    return max(writes, key=lambda n: n.lineno, default=None)


def _last_return(tree: ast.AST) -> ast.stmt | None:
    returns = [n for n in ast.walk(tree) if isinstance(n, ast.Return)]
    return max(returns, key=lambda n: n.lineno, default=None)
