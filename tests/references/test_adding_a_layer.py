"""A layer is added in one place: one file, and it is recognised, checked, named, listed and explained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REFERENCE = '''"""Cube.

    y = x^3        dx = 3 x^2 dy

Shapes: x (N, D), y (N, D).
"""

from reference_impls.spec import LayerSpec, Mistake


def forward(x):
    return x**3


def backward(dy, x):
    return {"x": 3 * x**2 * dy}


def torch_forward(x):
    return x**3


def exponent_kept(dy, x):
    return {"x": 3 * x**3 * dy}


SPEC = LayerSpec(
    name="cube", family="powers", aliases=("ThirdPower",),
    forward=forward, backward=backward, torch_forward=torch_forward, shapes="x: N D -> N D",
    mistakes=(Mistake("exponent-kept", exponent_kept, says="`{grad}` keeps the exponent 3", help="It is 3 x^2."),),
)
'''

HOMEWORK = """import numpy as np


class ThirdPower:
    def forward(self, x):
        self.x = x
        return x * x * x

    def backward(self, dout):
        return dout * 3 * self.x ** 2


class Cube(ThirdPower):
    def backward(self, dout):
        return dout * 3 * self.x ** 3
"""

RUN = """
import sys
import reference_impls
reference_impls.__path__.append(sys.argv[1])
from gradcheck_plugin.cli import main
codes = [main(["check", sys.argv[2], "-v"]), main(["list"]), main(["explain", "ThirdPower"])]
sys.exit(codes != [1, 0, 0])
"""


def test_one_file_is_enough(tmp_path: Path) -> None:
    family = tmp_path / "more" / "powers"
    family.mkdir(parents=True)
    (family / "__init__.py").write_text("")
    (family / "cube.py").write_text(REFERENCE)
    homework = tmp_path / "homework.py"
    homework.write_text(HOMEWORK)
    command = [sys.executable, "-c", RUN, str(tmp_path / "more"), str(homework)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "error[exponent-kept]: `dx` keeps the exponent 3" in done.stdout
    assert "  ThirdPower contract:ok forward:ok dx:ok" in done.stdout
    assert "\npowers\n  cube " in done.stdout
    assert "y = x^3        dx = 3 x^2 dy" in done.stdout
    assert "exponent-kept: the gradient keeps the exponent 3" in done.stdout
