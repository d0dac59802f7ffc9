"""The parts that all conventions write alike."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.whole_way.evaluate import Statements
from benchmarks.whole_way.kernels import Kernel
from benchmarks.whole_way.style import Style, direct

Arrays = Mapping[str, Any]
Run = tuple[list[Any], dict[str, Any]]
Drive = Callable[[Mapping[str, Any], Arrays, list[Any]], Run]


@dataclass
class Made:
    """One object of a file: its text, under which names a report may mention it, and how its own code is run."""

    name: str
    mentioned: tuple[str, ...]
    text: str
    backwards: tuple[str, ...]  # functions and methods that make up the backward
    drive: Drive
    gradients: tuple[str, ...]  # arrays, by their names in the reference, that the object gives a gradient of
    upstream: bool = True
    steps: bool = False  # whether it moves its parameters itself, which many do one sample at a time
    preamble: str = ""


def body(
    style: Style, kernel: Kernel, which: str, names: list[str], owner: str
) -> tuple[list[str], list[str], list[str]]:
    """Lines of a method, its values, both with the names bound from the attributes of `owner`."""
    statements: Statements = getattr(kernel, which)
    values = kernel.out if which == "forward" else list(kernel.grads.values())
    left = names
    if owner and style.attributes:
        statements, values, left = direct(statements, values, names, owner)
    else:
        statements, values = copy.deepcopy(statements), copy.deepcopy(values)
    lines = bound(left, owner) if owner else []
    return lines + style.text(statements), [unparsed(v) for v in values], left


def bound(names: list[str], owner: str) -> list[str]:
    if not names:
        return []
    return [f"{', '.join(names)} = {', '.join(f'{owner}.{n}' for n in names)}"]


def unparsed(node: ast.expr) -> str:
    return ast.unparse(ast.fix_missing_locations(node))


def helpers(style: Style, kernel: Kernel) -> str:
    blocks = ["\n".join(style.text([h])) for h in kernel.helpers]
    return "".join(f"{b}\n\n\n" if "\n" in b else f"{b}\n\n" for b in blocks)


def defaults(kernel: Kernel) -> list[str]:
    return [f"{n}={number(v)}" for n, v in kernel.settings.items()]


def number(value: Any) -> str:
    if isinstance(value, float) and np.isinf(value):
        return "np.inf" if value > 0 else "-np.inf"
    return repr(value)


def indented(lines: list[str], depth: int = 8) -> str:
    return "".join(" " * depth + line + "\n" for line in lines)


def docstring(style: Style, text: str, depth: int) -> str:
    return " " * depth + f'"""{text}"""\n' if style.docstrings else ""


def signature(style: Style, names: list[str], extra: list[str], own: str = "self", kind: str = "np.ndarray") -> str:
    annotated = [f"{n}: {kind}" if style.annotations else n for n in names]
    return ", ".join([*([own] if own else []), *annotated, *extra])


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel(name: str) -> str:
    return "".join(p[:1].upper() + p[1:] for p in re.split(r"[_ ]+", name))


def titled(kernel: Kernel) -> str:
    return (kernel.spec.name.replace("_", " ") + " layer").capitalize() + "."


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def copies(arrays: Arrays) -> dict[str, Any]:
    return {n: np.array(a, copy=True) for n, a in arrays.items()}
