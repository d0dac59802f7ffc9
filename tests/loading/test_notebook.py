"""Notebooks: definitions of every cell, no magics, lines told as cell and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradcheck_plugin.api import check_paths
from gradcheck_plugin.cli import main
from gradcheck_plugin.loading.load import LoadError, load
from gradcheck_plugin.model import Settings

CELLS = [
    "%matplotlib inline\nimport numpy as np\nimport matplotlib.pyplot as plt\n!pip install nothing",
    "from homework_utils_v2 import *\nsigmoid?",
    "class Affine:\n    def __init__(self, W, b):\n        self.W, self.b = W, b\n\n    def forward(self, x):\n"
    "        self.x = x\n        return x @ self.W + self.b\n\n    def backward(self, dout):\n"
    "        self.dW = self.x.T @ dout\n        self.db = dout\n        return dout @ self.W.T",
    "rate = compute()\nlosses = [train(rate) for _ in range(10)]\nfrom __future__ import division",
    "%%bash\nrm -rf /nowhere",
    "def relu(x):\n    return np.maximum(0, x), x\n\ndef relu_backward(dout, x):\n    return dout * (x > 0)\n"
    "plt.plot(rate)",
    "this is no Python at all (",
]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cells = [{"cell_type": "code", "source": c.splitlines(keepends=True)} for c in CELLS]
    cells.insert(1, {"cell_type": "markdown", "source": ["# 과제 1"]})
    path = tmp_path / "hw1.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}), encoding="utf-8")
    return path


def test_layers_of_cells_are_checked(notebook: Path) -> None:
    report = check_paths([notebook], Settings(cases=8))
    verdicts = {(r.target, r.property): r.verdict.value for r in report.results}
    assert verdicts["Affine", "dW"] == verdicts["relu", "dx"] == "PASS"
    finding = next(r.finding for r in report.results if r.property == "db")
    assert finding is not None
    assert (finding.code, finding.line) == ("missing-batch-sum", 11)
    assert finding.file.endswith("hw1.ipynb, cell 3")
    assert finding.source == "self.db = dout"
    assert any("cell 7 was left out" in note for note in report.notes)


def test_the_command_takes_notebooks_and_folders_with_them(notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(notebook.parent)]) == 1
    assert "hw1.ipynb" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{}", "[1, 2]", "<html>", '{"cells": 3}'])
def test_what_is_no_notebook_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text(text)
    with pytest.raises(LoadError, match=r"broken\.ipynb"):
        load(path)


def test_what_uses_a_package_that_is_not_there_is_not_driven(tmp_path: Path) -> None:
    code = [
        "import numpy as np\nfrom dnn_utils_v2 import relu_of_the_course",
        "def act_forward(Z):\n    A, cache = relu_of_the_course(Z)\n    return A, cache\n\n"
        "def act_backward(dA, cache):\n    return dA * (cache > 0)",
        "def double_forward(x):\n    return 2 * x, x\n\ndef double_backward(dout, cache):\n    return 2 * dout",
    ]
    path = tmp_path / "hw.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": c} for c in code]}))
    report = check_paths([path], Settings(cases=4))
    assert {r.target for r in report.results} == {"double"}
    assert report.failed == []
    assert ["relu_of_the_course" in n.reason for n in report.not_driven] == [True]
