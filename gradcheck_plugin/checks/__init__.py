"""What is checked of an object, one kind of property a file; a module with an ORDER is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from gradcheck_plugin.model import Result
from gradcheck_plugin.session import Session
from gradcheck_plugin.subject import Subject


class Check(Protocol):
    """A module of this package."""

    ORDER: int

    def properties(self, subject: Subject) -> list[str]:
        """The properties of a subject that it checks, by name."""

    def check(self, session: Session) -> Result:
        """The result of one of them."""


@cache
def every() -> tuple[Check, ...]:
    """All checks, in their order."""
    modules = (importlib.import_module(m.name) for m in pkgutil.iter_modules(__path__, __name__ + "."))
    found = [cast(Check, m) for m in modules if hasattr(m, "ORDER")]
    return tuple(sorted(found, key=lambda check: check.ORDER))
