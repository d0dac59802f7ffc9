"""Code that runs in another process is judged as it is in this one, and says the same of what goes wrong in it."""

from __future__ import annotations

import multiprocessing
import textwrap
from pathlib import Path
from typing import Any

import pytest

from gradcheck_plugin.model import Result, Settings, Verdict
from gradcheck_plugin.runner.child import elsewhere
from gradcheck_plugin.suite import open_file

SOURCE = """
    import os
    import numpy as np

    HERE = []


    class Right:
        def forward(self, x):
            HERE.append(os.getpid())
            self.x = x
            return np.sin(x)

        def backward(self, dout):
            return dout * np.cos(self.x)


    class Drops:
        def __init__(self, ratio=0.5):
            self.ratio = ratio

        def forward(self, x, train_flg=True):
            self.mask = np.random.rand(*x.shape) > self.ratio
            return x * self.mask

        def backward(self, dout):
            return dout * self.mask


    class Guarded:
        def forward(self, x):
            self.x = np.abs(x)
            return np.log(self.x + 1e-7)

        def backward(self, dout):
            return dout / self.x


    class Wrong(Right):
        def backward(self, dout):
            print("about to go wrong")
            return dout * np.sin(self.x)


    class Writes(Right):
        def backward(self, dout):
            dout *= np.cos(self.x)
            return dout


    class Keeps:
        buffer = np.zeros(1)

        def forward(self, x):
            self.x = x
            return x**2

        def backward(self, dout):
            if Keeps.buffer.shape != dout.shape:
                Keeps.buffer = np.zeros(dout.shape)
            Keeps.buffer[...] = 2 * self.x * dout
            return Keeps.buffer


    class Raises(Right):
        def backward(self, dout):
            if self.x.shape[-1] == 5:
                return dout * np.zeros(7)
            return dout * np.cos(self.x)


    class Hangs(Right):
        def backward(self, dout):
            while dout.shape[-1] > 3:
                pass
            return dout * np.cos(self.x)


    class Square:
        def forward(self, W, b, x):
            self.kept = x
            return x @ W + b

        def backward(self, dout):
            return dout
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Result], list[Result]]:
    """The results of a file whose code runs in this process, and in another one."""
    path = tmp_path_factory.mktemp("elsewhere") / "layers.py"
    path.write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    settings = Settings(cases=4, seconds=0.3)
    here = [r for t in open_file(path, settings).targets for r in t.check_all()]
    suite = open_file(path, settings)
    ran_here = vars(suite.modules[0])["HERE"]
    before = len(ran_here)
    with elsewhere(suite, path, settings.seconds) as moved:
        there = [r for t in moved.targets for r in t.check_all()]
    assert len(ran_here) == before  # nothing of the file has run in this process
    return here, there


def told(result: Result) -> tuple[Any, ...]:
    found = result.finding
    said = (
        (found.code, found.message, found.line, found.source, found.function, found.help, found.evidence, found.cases,
         found.output[-20:]) if found else ()
    )  # fmt: skip
    advice = [(a.code, a.line, a.message) for a in result.advice]
    return result.target, result.property, result.verdict, result.reason, said, advice, result.evaluations


def test_both_say_the_same(both: tuple[list[Result], list[Result]]) -> None:
    here, there = both
    assert [told(r) for r in here] == [told(r) for r in there]


def test_they_say_something(both: tuple[list[Result], list[Result]]) -> None:
    _, there = both
    found = {(r.target, r.property): r for r in there}
    codes = {key: r.finding.code for key, r in found.items() if r.finding}
    assert codes[("Wrong", "dx")] != "raised"
    assert found[("Wrong", "dx")].finding.output.strip().endswith("about to go wrong")  # type: ignore[union-attr]
    assert "mutates-upstream" in {a.code for a in found[("Writes", "contract")].advice}
    assert "raised" in {c for (t, _), c in codes.items() if t == "Raises"}
    assert {t for t, _ in found} >= {"Right", "Drops", "Guarded", "Wrong", "Writes", "Keeps", "Raises", "Hangs"}
    assert "aliased-gradients" in {a.code for a in found[("Keeps", "contract")].advice} | set(codes.values())


def test_the_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "layers.py"
    path.write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    settings = Settings(cases=2, seconds=0.3)
    with elsewhere(open_file(path, settings), path, settings.seconds) as suite:
        assert next(t for t in suite.targets if t.name == "Right").check("dx").verdict is Verdict.PASS
        started = multiprocessing.active_children()
        assert started
    assert not any(p.is_alive() for p in started)
