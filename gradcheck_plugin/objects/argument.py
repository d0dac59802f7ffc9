"""What an argument of a constructor gets, and what says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gradcheck_plugin.author.reasons import NAME

Kind = Literal["array", "size", "shape", "window", "flat", "value", "written", "made", "object"]


@dataclass(frozen=True)
class Argument:
    """An array or a size of the layout, by its name there; or a constant, ours or the author's.

    ("array", name), ("size", axis), ("shape", name), ("window", name), ("flat", name), ("value", constant), ("written",
    a constant of the author's), ("made", as the author makes it), or ("object", a neighbour) for what is made of other
    classes. `by` is what decided that, for the reader.
    """

    kind: Kind
    what: Any
    by: str = field(default=NAME, compare=False)

    @property
    def shown(self) -> str:
        """What it is, in a word or two."""
        if self.kind in ("value", "written"):
            return getattr(self.what, "__name__", None) or repr(self.what)
        if self.kind == "made":
            return str(self.what.text)
        if self.kind == "size":
            return str(self.what) if str(self.what).isdigit() else f"size {self.what}"
        texts = {"array": "an array", "shape": "the shape of {}", "window": "the shape of a window"}
        return {**texts, "flat": "the length of {}", "object": "an object"}[self.kind].format(self.what)


Plan = Mapping[str, Argument]


def decided(plan: Plan) -> str:
    """How an object is made, and by which evidence: `n_in = size D (its name), reg = 0.3 (the author's call)`."""
    return ", ".join(f"{name} = {a.shown} ({a.by})" for name, a in plan.items())
