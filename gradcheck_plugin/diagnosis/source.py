"""The user's own line behind a gradient, and lines that reproduce a failure when pasted into Python."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_plugin.checks.gradient import gradients
from gradcheck_plugin.model import Array
from gradcheck_plugin.search import Drawn
from gradcheck_plugin.submission.subject import Subject

if TYPE_CHECKING:
    from gradcheck_plugin.target import Target


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
    node = _assignment(tree, property) or _last_return(tree)
    if property == "forward":
        place["function"] = f"{subject.name}.forward" if "." in subject.function else function.__name__
    line = first + node.lineno - 1 if node is not None else first
    return place | {"line": line, "source": lines[line - first].strip() if line - first < len(lines) else ""}


def _function(subject: Subject, property: str) -> Any:
    caller = subject.caller
    if property == "forward":
        return getattr(caller, "forward_function", None) or getattr(
            getattr(caller, "cls", None), "loss" if hasattr(caller, "gradient") else "forward", None
        )
    for attribute in ("backward_function", "function"):
        if hasattr(caller, attribute):
            return getattr(caller, attribute)
    cls = getattr(caller, "cls", None)
    method = getattr(caller, "gradient", None) or ("loss" if hasattr(caller, "gradient") else "backward")
    return getattr(cls, method, None) or getattr(caller, "rule", None)


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


def _last_return(tree: ast.AST) -> ast.stmt | None:
    returns = [n for n in ast.walk(tree) if isinstance(n, ast.Return)]
    return max(returns, key=lambda n: n.lineno, default=None)


def reproduce(
    target: Target, subject: Subject, drawn: Drawn, dy: Array | None, name: str, expected: Array | None
) -> str:
    """Lines that run when pasted into Python, and print yours and the expected value."""
    arrays: Mapping[str, str] = {e.name: e.name for e in drawn.layout.entries}
    lines = subject.caller.reproduce(arrays, "dout", name)
    if not lines or target.path is None:
        return ""
    top = ["import sys, numpy as np"]
    wanted = getattr(getattr(subject.caller, "cls", None), "__name__", None) or getattr(
        getattr(subject.caller, "rule", None), "__name__", None
    )
    functions = [
        getattr(subject.caller, a).__name__
        for a in ("forward_function", "backward_function", "function")
        if hasattr(subject.caller, a)
    ]
    names = getattr(subject.caller, "owner", "") or ", ".join(functions or [str(wanted)])
    if target.plain_import:
        top += [f"sys.path.insert(0, {str(target.path.parent)!r})", f"from {target.path.stem} import {names}"]
    else:
        top += ["import gradcheck_plugin", f"globals().update(gradcheck_plugin.namespace({str(target.path)!r}))"]
    values = [f"{e.name} = {literal(drawn.case.arrays[e.name])}" for e in drawn.layout.entries]
    if getattr(subject.caller, "tensors", False):
        top[0] += ", torch"
        lines = [f"{n} = torch.tensor({n})" for n in (*(e.name for e in drawn.layout.entries), "dout")] + lines
    if dy is None and subject.caller.upstream:
        try:
            dy = gradients(subject, drawn.case)[1]
        except Exception:
            dy = None
    if dy is not None and subject.caller.upstream:
        values.append(f"dout = {literal(dy)}")
    if any("dout" in line for line in lines) and not any(v.startswith("dout") for v in values):
        values.append("dout = 1.0")
    tail = [f"print('expected', {literal(expected)})"] if expected is not None else []
    return "\n".join([*top, *values, *lines, *tail])


def literal(value: Array) -> str:
    """An array as Python source, exactly."""
    if np.ndim(value) == 0:
        return repr(np.asarray(value).item())
    text = repr(np.asarray(value).tolist())
    return f"np.array({text})" if np.asarray(value).size else f"np.zeros({np.shape(value)})"
