"""NumPy reference implementations of backprop layers and losses, one place a layer.

`names()` lists them, `load(name)` gives one. A module of this package that defines `SPEC` (or `SPECS`, a tuple, for
a family of one-line rules) is a reference; nothing else has to be registered.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference_impls.spec import LayerSpec

__all__ = ["load", "names", "specs"]


@cache
def specs() -> dict[str, LayerSpec]:
    """Every reference by name, in the order of families and files.

    Raises ValueError when two files claim one name.
    """
    found: dict[str, LayerSpec] = {}
    for info in pkgutil.walk_packages(__path__, __name__ + "."):
        if info.ispkg:
            continue
        module = importlib.import_module(info.name)
        own = getattr(module, "SPECS", ()) or ((module.SPEC,) if hasattr(module, "SPEC") else ())
        for spec in own:
            if spec.name in found:
                raise ValueError(f"two references are called {spec.name!r}; the second is {info.name}")
            found[spec.name] = spec
    return found


def names() -> list[str]:
    """The names of all references."""
    return list(specs())


def load(name: str) -> LayerSpec:
    """The reference called `name`.

    Raises KeyError with the nearest names when there is none.
    """
    if name in specs():
        return specs()[name]
    import difflib

    near = difflib.get_close_matches(name, names(), n=3)
    raise KeyError(f"no reference called {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))
