"""What a diagnosis asks about the object that it explains."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from gradcheck_plugin.judging.gradient import Run
from gradcheck_plugin.model import Case, Settings
from gradcheck_plugin.oracles.judge import Judgement
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout


class OfFile(Protocol):
    """An object of a file, which a reproducer imports."""

    @property
    def settings(self) -> Settings: ...

    @property
    def path(self) -> Path | None: ...

    @property
    def plain_import(self) -> bool: ...


class Examined(OfFile, Protocol):
    """One whose gradients can be judged again."""

    def judge(
        self, subject: Subject, name: str, case: Case, layout: Layout, run: Run | None = None, measured: bool = True
    ) -> Judgement:
        """Judge a gradient for one case."""
