"""pytest-gradcheck: property tests for hand-written backward functions.

    pytest --gradcheck layers.py          every layer, loss and network of a file
    gradcheck check layers.py             the same without pytest
    gradcheck_plugin.check(Affine)        the same in Python and in notebooks

The names below are imported when they are first used, so that an installed and unused plugin costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck_plugin.api import Report, check, explain, namespace
    from gradcheck_plugin.model import Finding, Result, Verdict
    from reference_impls.spec import LayerSpec

__all__ = ["Finding", "LayerSpec", "Report", "Result", "Verdict", "check", "explain", "namespace"]

_HOMES = {
    "check": "gradcheck_plugin.api",
    "explain": "gradcheck_plugin.api",
    "namespace": "gradcheck_plugin.api",
    "Report": "gradcheck_plugin.api",
    "Finding": "gradcheck_plugin.model",
    "Result": "gradcheck_plugin.model",
    "Verdict": "gradcheck_plugin.model",
    "LayerSpec": "reference_impls.spec",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
