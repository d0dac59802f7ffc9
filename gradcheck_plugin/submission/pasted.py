"""Source text of calls, for lines that a person pastes into Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcheck_plugin.submission.state import Path
from reference_impls.shapes import Layout

_INITIALISER = "lambda *s: np.zeros(s[0] if s and isinstance(s[0], tuple) else s)"


def constructed(cls: Any, plan: Mapping[str, tuple[str, Any]], layout: Layout, names: Mapping[str, str]) -> str:
    """The call that builds an object by a plan: `Affine(W=W, b=b)`; `names` are those of the arrays."""
    given = []
    for argument, (kind, what) in plan.items():
        if kind == "array":
            text = names[what]
        elif kind == "size":
            text = str(what) if str(what).isdigit() else _size(layout, what, names)
        else:
            text = _INITIALISER if callable(what) else repr(what)
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
    return "".join(f".{key}" if kind == "attr" else f"[{key!r}]" for kind, key in path)
