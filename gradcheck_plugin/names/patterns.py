"""What a regular expression for names is for, and what it must leave alone: its examples are its test."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """Names of one thing, in lower case but where a capital says more.

    `examples` are some of them, `others` are names that it must not take.
    """

    text: str
    examples: tuple[str, ...]
    others: tuple[str, ...]

    def fits(self, name: str) -> bool:
        """Whether a name, however it is capitalised, is one of them as a whole."""
        return any(re.fullmatch(self.text, n) is not None for n in {name, name.lower()})
