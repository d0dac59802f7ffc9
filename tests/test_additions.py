"""What is added lies in one place: a file in a folder, and no list, registry or test beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gradcheck_plugin
import reference_impls

REFERENCE = '''
"""x to the power of five."""

from reference_impls.spec import LayerSpec


def forward(x):
    return x**5


def backward(dy, x):
    return {"x": 5 * dy * x**4}


SPEC = LayerSpec(
    name="fifth_power", forward=forward, backward=backward, torch_forward=forward, shapes="x: N D -> N D"
)
'''

CHECK = '''
"""Whether a layer is called as it should be."""

ORDER = 15


def properties(subject):
    return ["politeness"]


def check(session):
    assert session.search(lambda drawn: "", cases=3).cases >= 3
    return session.result
'''

CONVENTION = '''
"""Classes with `push` and `pull`."""

import inspect
import sys

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.running.calls import guarded, private

ORDER = 1


def discover(defined):
    for name, cls in defined.items():
        if inspect.isclass(cls) and hasattr(cls, "push") and hasattr(cls, "pull"):
            inputs = arguments(cls.push).required[1:]
            yield Candidate(name, "layer", sys.modules[__name__], {"pushed": cls}, inputs, line_of(cls), f"{name}.pull")


def callers(candidate, layout, options):
    return [_Pushed(candidate, layout)]


class _Pushed(Caller):
    convention = "push and pull"

    def __init__(self, candidate, layout):
        self.cls, self.entry = candidate.objects["pushed"], layout.inputs[0].name

    def user_names(self):
        return {}

    def code(self):
        return Code.of(self.cls.push, self.cls.pull)

    def forward(self, arrays):
        made = self.cls()
        out = guarded("forward", made.push, private(arrays[self.entry]))
        return Tape(out, lambda dy: {self.entry: guarded("backward", made.pull, dy)})

    def reproduce(self, arrays, dy, gradient):
        return []
'''

FORMAT = '''
"""One line a verdict."""

NAME = "lines"


def page(report):
    return "".join(f"{r.target} {r.property} {r.verdict.value}\\n" for r in report.results)
'''

USER = """
class Fifth:
    def forward(self, x):
        self.x = x
        return x**5

    def backward(self, dout):
        return {factor} * dout * self.x**4


class Odd:
    def push(self, x):
        self.x = x
        return x**3

    def pull(self, dout):
        return {factor} * dout * self.x**2
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A copy of both packages that may be added to."""
    for package in (gradcheck_plugin, reference_impls):
        source = Path(package.__file__ or "").parent
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def _said(packages: Path, factor: int) -> str:
    """What the command says of a layer of each kind, run from the copy."""
    (packages / "layers.py").write_text(USER.format(factor=factor), encoding="utf-8")
    command = [sys.executable, "-m", "gradcheck_plugin", "check", "layers.py", "-v", "--cases", "5"]
    environment = {**os.environ, "PYTHONPATH": str(packages), "NO_COLOR": "1", "COLUMNS": "120"}
    run = subprocess.run(command, cwd=packages, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr, run.stderr
    return run.stdout


def test_a_reference(packages: Path) -> None:
    assert "fifth_power" not in _said(packages, 5)
    (packages / "reference_impls" / "ops" / "fifth_power.py").write_text(REFERENCE, encoding="utf-8")
    assert "Fifth contract:ok forward:ok dx:ok  checked to 1e-08 [fifth_power]" in _said(packages, 5)
    assert "dx:FAIL [fifth_power]" in _said(packages, 4)


def test_a_check(packages: Path) -> None:
    (packages / "gradcheck_plugin" / "checks" / "politeness.py").write_text(CHECK, encoding="utf-8")
    assert "Fifth contract:ok politeness:ok dx:ok" in _said(packages, 5)


def test_a_convention(packages: Path) -> None:
    assert "push and pull" not in _said(packages, 3)
    folder = packages / "gradcheck_plugin" / "conventions" / "layers"
    (folder / "pushed.py").write_text(CONVENTION, encoding="utf-8")
    right, wrong = _said(packages, 3), _said(packages, 2)
    assert "Odd: push and pull" in right
    assert "Odd   contract:ok dx:ok" in right
    assert "Odd   contract:ok dx:FAIL" in wrong


def test_a_format_of_the_report(packages: Path) -> None:
    assert "there is no format" in _failing(packages, "lines=found.txt")
    (packages / "gradcheck_plugin" / "report" / "as_lines.py").write_text(FORMAT, encoding="utf-8")
    assert _failing(packages, "lines=found.txt") == ""
    assert "Fifth dx FAIL" in (packages / "found.txt").read_text(encoding="utf-8").splitlines()


def _failing(packages: Path, pair: str) -> str:
    """What the command complains of when it is asked for a report."""
    (packages / "layers.py").write_text(USER.format(factor=4), encoding="utf-8")
    command = [sys.executable, "-m", "gradcheck_plugin", "check", "layers.py", "--cases", "5", "--report", pair]
    environment = {**os.environ, "PYTHONPATH": str(packages), "NO_COLOR": "1"}
    run = subprocess.run(command, cwd=packages, env=environment, capture_output=True, text=True, check=False)
    return run.stderr
