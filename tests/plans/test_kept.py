"""Plans that are kept: nothing of an unchanged file is tried again, and everything of a changed one is."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from gradcheck_plugin import suite
from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.plans import kept
from gradcheck_plugin.plans.kept import Shelf

LAYERS = """
    import numpy as np
    from shapes import times


    class Affine:
        def __init__(self, W, b):
            self.W, self.b = W, b

        def forward(self, x):
            self.x = x
            return times(x, self.W) + self.b

        def backward(self, dout):
            self.dW = self.x.T @ dout
            self.db = dout.sum(axis=0)
            return dout @ self.W.T


    class Picky:
        def forward(self, x):
            if x.shape[0] != 77:
                raise ValueError("77 samples, please")
            return 2 * x

        def backward(self, dout):
            return 2 * dout
"""
TIMES = "def times(x, W):\n    return x @ W\n"


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens the file in a folder with what is kept of it, and tells which objects had to be bound."""
    held: dict[str, str] = {}
    shelf = Shelf(lambda name: json.loads(held.get(name, "null")), lambda n, data: held.update({n: json.dumps(data)}))
    bound: list[str] = []
    bind = suite.bind.bind
    monkeypatch.setattr(suite.bind, "bind", lambda candidate, **a: bound.append(candidate.name) or bind(candidate, **a))
    path = tmp_path / "layers.py"
    path.write_text(textwrap.dedent(LAYERS))
    (tmp_path / "shapes.py").write_text(TIMES)

    def opened(**settings: Any) -> tuple[list[str], suite.FileSuite]:
        bound.clear()
        found = suite.open_file(path, Settings(cases=3, **settings), shelf=shelf)
        return list(bound), found

    opened.kept = held  # type: ignore[attr-defined]
    return opened


def verdicts(found: suite.FileSuite) -> list[tuple[str, str, Verdict]]:
    return [(r.target, r.property, r.verdict) for t in found.targets for r in t.check_all()]


def test_an_unchanged_file_is_not_bound_again(counted: Any) -> None:
    tried, first = counted()
    assert tried == ["Affine", "Picky"]
    again, second = counted()
    assert again == []
    assert verdicts(first) == verdicts(second)
    assert {v for _, _, v in verdicts(second)} == {Verdict.PASS}
    assert [(n.target, n.reason, n.line) for n in first.not_driven] == [
        (n.target, n.reason, n.line) for n in second.not_driven
    ]


def test_a_fault_shows_also_with_a_plan_that_is_kept(counted: Any, tmp_path: Path) -> None:
    path = tmp_path / "layers.py"
    path.write_text(path.read_text().replace("dout.sum(axis=0)", "dout.mean(axis=0)"))
    counted()
    tried, found = counted()
    assert tried == []
    assert [p for _, p, v in verdicts(found) if v is Verdict.FAIL] == ["db"]


def test_what_changes_is_bound_again(counted: Any, tmp_path: Path) -> None:
    counted()
    path = tmp_path / "layers.py"
    path.write_text(path.read_text().replace("2 * x", "3 * x"))
    assert counted()[0] == ["Affine", "Picky"]
    assert counted()[0] == []
    (tmp_path / "shapes.py").write_text(
        TIMES.replace("x @ W", "np.dot(x, W)").replace("def", "import numpy as np\n\ndef")
    )
    assert counted()[0] == ["Affine", "Picky"]
    (tmp_path / "train.py").write_text("from layers import Affine\n\nlayer = Affine(W, b)\n")  # shows how it is called
    assert counted()[0] == ["Affine", "Picky"]
    assert counted(pinned={"Picky": "relu"})[0] == ["Affine", "Picky"]


def test_the_time_of_a_file_counts(counted: Any, tmp_path: Path) -> None:
    counted()
    os.utime(tmp_path / "shapes.py", ns=(1, 1))
    assert counted()[0] == ["Affine", "Picky"]


@pytest.mark.parametrize("spoil", ["{}", '{"schema": 0}', '{"schema": 1, "caller": {"$": "user", "name": "nobody"}}',
                                   '{"schema": 1, "caller": {"$": "os.system"}}', "[]"])  # fmt: skip
def test_a_plan_that_cannot_be_read_is_found_anew(counted: Any, spoil: str) -> None:
    counted()
    for name, page in counted.kept.items():
        held = json.loads(page)
        held["plans"]["Affine"] = json.loads(spoil)
        counted.kept[name] = json.dumps(held)
    tried, found = counted()
    assert tried == ["Affine"]
    assert {v for t, _, v in verdicts(found) if t == "Affine"} == {Verdict.PASS}


def test_what_the_clock_decided_is_not_kept(counted: Any, tmp_path: Path) -> None:
    path = tmp_path / "layers.py"
    path.write_text(path.read_text().replace('raise ValueError("77 samples, please")', "[0 for _ in iter(int, 1)]"))
    assert counted(seconds=0.3)[0] == ["Affine", "Picky"]
    assert counted(seconds=0.3)[0] == ["Picky"]


def test_what_is_installed_is_seen(counted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused for a package that is missing is tried again when it is there."""
    place = tmp_path / "lib" / "site-packages"
    place.mkdir(parents=True)
    monkeypatch.syspath_prepend(place)
    kept._versions.cache_clear()
    counted()
    assert counted()[0] == []
    (place / "new_package").mkdir()
    kept._versions.cache_clear()
    assert counted()[0] == ["Affine", "Picky"]
    kept._versions.cache_clear()
