"""Plans as JSON: every layout in its one line, every kind of value, and nothing that has no name."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.plans import codec
from gradcheck_plugin.subject import Subject
from gradcheck_plugin.suite import FileSuite, open_file
from gradcheck_plugin.target import Target
from reference_impls import specs
from reference_impls.shapes import Layout

LAYERS = """
    import numpy as np


    class Affine:
        def __init__(self, W, b):
            self.W, self.b = W, b

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, dout):
            self.dW = self.x.T @ dout
            self.db = dout.sum(axis=0)
            return dout @ self.W.T


    class Norms:
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return np.sqrt((x**2).sum(axis=1))

        @staticmethod
        def backward(ctx, dout):
            return dout[:, None] * ctx.x / np.sqrt((ctx.x**2).sum(axis=1, keepdims=True))


    def sigmoid(x):
        return 1 / (1 + np.exp(-x))


    def sigmoid_prime(x):
        return sigmoid(x) * (1 - sigmoid(x))
"""


def opened(path: Path, text: str) -> FileSuite:
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return open_file(path, Settings(cases=3))


@pytest.mark.parametrize("spec", specs().values(), ids=lambda s: s.name)
def test_layouts_are_read_back_from_their_one_line(spec: Any) -> None:
    for _, layout in spec.layouts():
        assert Layout.parse(layout.text) == layout


def test_a_plan_is_short_plain_and_names_the_users_things(tmp_path: Path) -> None:
    suite = opened(tmp_path / "layers.py", LAYERS)
    plans = {t.name: json.dumps(codec.written(t.subject, suite.modules)) for t in suite.targets}
    assert set(plans) == {"Affine", "Norms", "sigmoid"}
    affine = json.loads(plans["Affine"])
    assert affine["layout"] == {"$": "layout", "of": "x: N D; W: D M, b: M -> N M"}
    assert affine["spec"] == {"$": "reference", "name": "affine"}
    assert affine["caller"]["built"]["cls"] == {"$": "user", "name": "Affine"}
    assert '"name": "Norms.forward"' in plans["Norms"]
    assert str(tmp_path) not in "".join(plans.values())
    assert max(map(len, plans.values())) < 4000


def test_a_plan_calls_another_file_that_is_written_alike(tmp_path: Path) -> None:
    """So a submission is called as the solution shows it, whatever it does with that."""
    solution = opened(tmp_path / "solution.py", LAYERS)
    wrong = LAYERS.replace("dout.sum(axis=0)", "dout.mean(axis=0)").replace("* (1 - sigmoid(x))", "")
    other = opened(tmp_path / "submission.py", wrong)
    failed = []
    for target in solution.targets:
        plan = json.loads(json.dumps(codec.written(target.subject, solution.modules)))
        subject = codec.read(plan, other.modules, "submission.py", tmp_path)
        assert isinstance(subject, Subject)
        results = Target(subject, Settings(cases=3)).check_all()
        failed += [(r.target, r.property) for r in results if r.verdict is Verdict.FAIL and r.property != "kink"]
    assert failed == [("Affine", "db"), ("sigmoid", "dx")]


def test_a_plan_for_what_is_not_there_says_so(tmp_path: Path) -> None:
    suite = opened(tmp_path / "layers.py", LAYERS)
    plan = codec.written(suite.targets[0].subject, suite.modules)
    other = opened(tmp_path / "other.py", LAYERS.replace("class Affine", "class Linear"))
    with pytest.raises(LookupError, match="nothing is called Affine"):
        codec.read(plan, other.modules)
    for path in ("suite.os.system", "suite.nothing", "conventions.base.copy.deepcopy"):
        with pytest.raises((LookupError, ImportError)):
            codec._ours(path)
    with pytest.raises(ValueError, match="a plan of version 0"):
        codec.read({**plan, "schema": 0}, suite.modules)


def test_what_has_no_name_is_not_written(tmp_path: Path) -> None:
    suite = opened(tmp_path / "layers.py", LAYERS)
    writer = codec._Writer(codec.Namespace.of(suite.modules))
    for value in (object(), lambda x: x, open_file):
        if value is not open_file:
            with pytest.raises(codec.Unwritable):
                writer.value(value)
    assert writer.value(open_file) == {"$": "ours", "name": "suite.open_file"}


VALUES = [
    (1, (2.5, "x")), [None, True], {"a": 1}, {("attr", "W"): 2}, {1, 2}, frozenset({"x"}), float("inf"),
    np.float32(0.1), np.arange(6.0).reshape(2, 3), np.tanh, int, {"$": "tag"},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_values(tmp_path: Path, value: Any) -> None:
    names = codec.Namespace.of(opened(tmp_path / "layers.py", LAYERS).modules)
    got = codec._Reader(names, {}).value(json.loads(json.dumps(codec._Writer(names).value(value))))
    assert type(got) is type(value)
    assert np.array_equal(got, value) if isinstance(value, np.ndarray) else got == value
