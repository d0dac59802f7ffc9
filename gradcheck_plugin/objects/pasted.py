"""Source text of calls, for lines that a person pastes into Python."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from gradcheck_plugin.author.written import tree_of
from gradcheck_plugin.objects.argument import Plan
from gradcheck_plugin.objects.state import Path
from reference_impls.shapes import Layout

_FUNCTIONS = {"tanh": "np.tanh", "_tanh_slope": "lambda x: 1 - np.tanh(x) ** 2"}
_INITIALISER = "lambda *s: np.zeros(s[0] if s and isinstance(s[0], tuple) else s)"


def constructed(cls: Any, plan: Plan, layout: Layout, names: Mapping[str, str]) -> str:
    """The call that builds an object by a plan: `Affine(W=W, b=b)`; `names` are those of the arrays."""
    given = []
    engine = next((n for n, a in plan.items() if a.kind == "object" and a.what.is_engine), "")
    for argument, known in sorted(plan.items(), key=lambda item: item[0] != engine):
        kind, what = known.kind, known.what
        if kind == "object":
            text = what.source(engine)
            text = f"({argument} := {text})" if argument == engine else text  # the others share it
        elif kind == "array":
            text = names[what]
        elif kind == "size":
            text = str(what) if str(what).isdigit() else _size(layout, what, names)
        elif kind == "made":
            text = what.text
        elif kind == "flat":
            text = f"({names[what]}.size, 1)"
        elif kind == "window":
            text = f"({names[what]}.shape[1], 3, 3)"
        elif kind == "shape":
            text = f"{names[what]}.shape" + ("[1:]" if layout[what].dims[:1] == ("N",) else "")
        else:
            text = _FUNCTIONS.get(getattr(what, "__name__", ""), _INITIALISER) if callable(what) else repr(what)
        given.append(f"{argument}={text}")
    return f"{cls.__name__}({', '.join(given)})"


def _size(layout: Layout, axis: str, names: Mapping[str, str]) -> str:
    """The size of an axis, `W.shape[0]`, read off a parameter where one has it: inputs may have further axes."""
    for entry in (*layout.params, *layout.inputs):
        if axis in entry.dims:
            return f"{names[entry.name]}.shape[{entry.dims.index(axis)}]"
    return "5"


def place(path: Path) -> str:
    """Source text of a place in an object: `.params['W1']`."""
    texts = {"attr": ".{}", "call": ".{}()", "item": "[{!r}]"}
    return "".join(texts[kind].format(key) for kind, key in path)


def returned_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names in the last `return` of a function, of attributes the last part; () where one of them has none."""
    value = _returned(function)
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    names = [p.id if isinstance(p, ast.Name) else p.attr if isinstance(p, ast.Attribute) else "" for p in parts]
    return tuple(names) if all(names) else ()


def returned_count(function: Callable[..., Any]) -> int:
    """How many values the last `return` of a function gives at once; 0 where that is one, or cannot be read."""
    value = _returned(function)
    return len(value.elts) if isinstance(value, ast.Tuple) else 0


@cache
def _returned(function: Callable[..., Any]) -> ast.expr | None:
    if (tree := tree_of(function)) is None:
        return None
    returns = [n for n in ast.walk(tree) if isinstance(n, ast.Return)]
    last = max(returns, key=lambda n: n.lineno, default=None)
    return last.value if last is not None else None
