"""What a diagnosis asks about the target that it explains."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from gradcheck_plugin.judging import Run
from gradcheck_plugin.model import Case, Settings
from gradcheck_plugin.oracles.judge import Judgement
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout


class Examined(Protocol):
    """A target whose properties can be judged again, and whose file a reproducer imports."""

    settings: Settings
    path: Path | None
    plain_import: bool

    def judge(
        self, subject: Subject, name: str, case: Case, layout: Layout, run: Run | None = None, measured: bool = True
    ) -> Judgement:
        """Judge a gradient for one case."""
