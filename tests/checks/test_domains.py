"""Forwards that are defined on one side only: logarithms, roots, probabilities close to nothing."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_plugin.conventions.base import Tape
from gradcheck_plugin.judging import gradient
from gradcheck_plugin.model import Case, Verdict
from gradcheck_plugin.subject import Subject
from reference_impls.shapes import Layout

LAYOUT = Layout.parse("x: N D -> N D")
FORWARDS = {
    "log": (np.log, lambda x: 1 / x),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "entropy": (lambda x: x * np.log(x), lambda x: np.log(x) + 1),
}


class Pair:
    convention = "pair"
    upstream = True

    def __init__(self, name: str, factor: float) -> None:
        self.forward_function, self.slope = FORWARDS[name]
        self.factor = factor

    def forward(self, arrays: dict[str, np.ndarray]) -> Tape:
        x = arrays["x"].copy()
        return Tape(self.forward_function(x), lambda dy: {"x": self.factor * dy * self.slope(x)})


@pytest.mark.parametrize("name", FORWARDS)
@pytest.mark.parametrize("smallest", [1e-2, 1e-5, 1e-9])
def test_entries_close_to_the_edge(name: str, smallest: float) -> None:
    verdicts = {}
    for factor in (1.0, 1.001):
        subject = Subject("f", Pair(name, factor), LAYOUT, ("x",), {})  # type: ignore[arg-type]
        x = np.random.default_rng(3).uniform(0.2, 2.0, (3, 4))
        x[1, 2] = smallest
        case = Case(5, {"N": 3, "D": 4}, {"x": x}, False)
        verdicts[factor] = gradient.judge(subject, "x", case, LAYOUT).verdict
    assert verdicts == {1.0: Verdict.PASS, 1.001: Verdict.FAIL}
