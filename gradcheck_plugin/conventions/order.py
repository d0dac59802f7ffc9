"""The convention modules, in the order in which they are asked."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from gradcheck_plugin import conventions as _home


@cache
def conventions() -> tuple[ModuleType, ...]:
    """The modules below this package that say an ORDER, in that order."""
    names = [info.name for info in pkgutil.walk_packages(_home.__path__, f"{_home.__name__}.") if not info.ispkg]
    modules = [importlib.import_module(name) for name in names]
    return tuple(sorted((m for m in modules if hasattr(m, "ORDER")), key=lambda m: m.ORDER))
