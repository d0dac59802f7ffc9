"""NumPy reference implementations of backprop layers and losses, one place a layer.

`names()` lists them, `load(name)` gives one. A module of this package that defines `SPEC` (or `SPECS`, a tuple, for
a family of one-line rules) is a reference; nothing else has to be registered.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
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
        for spec in _specs_in(info.name):
            if spec.name in found:
                raise ValueError(f"two references are called {spec.name!r}; the second is {info.name}")
            found[spec.name] = spec
    return found


def _specs_in(module: str) -> tuple[LayerSpec, ...]:
    found = vars(importlib.import_module(module))
    return tuple(found.get("SPECS", ())) or ((found["SPEC"],) if "SPEC" in found else ())


def _in_its_own_file(name: str) -> Iterator[LayerSpec]:
    """The reference called like its file, without a look into any other."""
    for family in pkgutil.iter_modules(__path__) if name.isidentifier() else ():
        module = f"{__name__}.{family.name}.{name}"
        if family.ispkg and importlib.util.find_spec(module) is not None:
            yield from (spec for spec in _specs_in(module) if spec.name == name)


def names() -> list[str]:
    """The names of all references."""
    return list(specs())


def load(name: str) -> LayerSpec:
    """The reference called `name`. Its own file is read; all of them where no file is called so.

    Raises KeyError with the nearest names when there is none.
    """
    if (found := next(_in_its_own_file(name), None)) is not None:
        return found
    if name in specs():
        return specs()[name]
    import difflib

    near = difflib.get_close_matches(name, names(), n=3)
    raise KeyError(f"no reference called {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))
