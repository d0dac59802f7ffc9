"""What becomes an item, and what is left alone."""

from __future__ import annotations

import json

import pytest

from .conftest import Run

NAMES = ["Affine::contract", "Affine::forward", "Affine::dx", "Affine::dW", "Affine::db"]


def test_one_item_a_property(layers: pytest.Pytester, run: Run) -> None:
    result = run("layers.py", "--collect-only", "-q")
    assert [line for line in result.outlines if "Affine" in line] == [f"layers.py::{n}" for n in NAMES]


def test_without_the_option_nothing_happens(layers: pytest.Pytester) -> None:
    result = layers.runpytest("layers.py")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.no_fnmatch_line("*gradcheck:*")


def test_ini_turns_it_on(layers: pytest.Pytester) -> None:
    layers.makeini("[pytest]\ngradcheck = true\ngradcheck_cases = 5\n")
    result = layers.runpytest("layers.py")
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["gradcheck: 5 cases a property*"])


def test_a_folder(pytester: pytest.Pytester, layers: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(plot="import os\n")
    run(".").assert_outcomes(passed=7, failed=1)


def test_ordinary_tests_of_the_run_and_of_the_file_itself(pytester: pytest.Pytester, run: Run) -> None:
    from .conftest import LAYERS

    pytester.makepyfile(
        layers=LAYERS + "\n\ndef test_inside():\n    assert Tanh().forward(0.0) == 0\n",
        test_other="def test_other():\n    assert True\n",
    )
    result = run("layers.py", "test_other.py", "-v")
    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(["layers.py::test_inside PASSED*", "test_other.py::test_other PASSED*"])


def test_a_test_file_in_a_folder_is_only_a_test_file(pytester: pytest.Pytester, run: Run) -> None:
    from .conftest import LAYERS

    pytester.makepyfile(test_layers=LAYERS + "\n\ndef test_it():\n    pass\n")
    run(".").assert_outcomes(passed=1)


def test_a_module_that_pytest_cannot_import(pytester: pytest.Pytester, run: Run) -> None:
    from .conftest import LAYERS

    pytester.makepyfile(
        layers="import no_such_package.plots as plots\n" + LAYERS + "\n\ndef test_inside():\n    pass\n"
    )
    result = run("layers.py")
    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines(["note: layers.py: no_such_package* is not installed*"])


def test_the_name_is_pinned(pytester: pytest.Pytester, run: Run) -> None:
    from .conftest import LAYERS

    pytester.makepyfile(layers=LAYERS.replace("class Affine", "class Dichte"))
    run("layers.py", "--gradcheck-as", "Dichte=affine").stdout.fnmatch_lines(["*Dichte*[[]affine[]]*"])


def test_the_marker_is_registered_and_selects(layers: pytest.Pytester, run: Run) -> None:
    run("layers.py", "-m", "gradcheck", "--strict-markers").assert_outcomes(passed=7, failed=1)


def test_a_notebook(pytester: pytest.Pytester, run: Run) -> None:
    cell = "import numpy as np\nclass Tanh:\n    def forward(self, x):\n        self.y = np.tanh(x)\n"
    cell += "        return self.y\n"
    cell += "    def backward(self, dout):\n        return dout * (1 - self.y)\n"
    notebook = {"cells": [{"cell_type": "code", "source": ["%pylab\n"]}, {"cell_type": "code", "source": cell}]}
    (pytester.path / "hw.ipynb").write_text(json.dumps(notebook))
    result = run("hw.ipynb")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*--> hw.ipynb, cell 2:7, in Tanh.backward"])
    run("hw.ipynb::Tanh::dx").assert_outcomes(failed=1)
