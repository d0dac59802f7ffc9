"""The short versions of the campaigns that have tables of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import corpus, references
from benchmarks.soundness import campaign

from reference_impls import specs

SUBMISSIONS = Path(__file__).parent / "submissions"


def test_right_code_is_never_failed() -> None:
    counts, notes = campaign(300, seed=7)
    assert notes == []
    assert counts["PASS"] > 1000


def test_right_code_in_single_precision_is_never_failed() -> None:
    counts, notes = campaign(150, seed=8, float32=True)
    assert [n for n in notes if "FAIL" in n] == []
    assert counts["PASS"] > 500


def test_the_corpus_command_finds_what_is_there() -> None:
    files = [p for p in corpus.files(SUBMISSIONS / "right") if p.name in ("dlfs_layers.py", "learning_rate_layers.py")]
    rows = [corpus.check(p, cases=4) for p in files]
    assert len(rows) == 2
    assert {o["verdict"] for r in rows for o in r["objects"]} == {"PASS"}
    marks = [(b.owner, b.name) for p in files for b in corpus.backwards(p)]
    assert ("Affine", "backward") in marks
    assert ("Layer", "backward_propagation") not in marks  # it only raises
    text = "\n".join(corpus.summary(rows, verbose=True))
    assert "files: 2, loaded 2 (100.0%)" in text
    assert " 100.0% " in next(line for line in text.splitlines() if line.startswith("  all "))


def test_a_file_that_cannot_be_read_is_an_outcome(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.py").write_text("def backward(:\n")
    rows = corpus.check_some(([str(tmp_path / "broken.py")], 4))
    assert rows[0]["problem"] == "syntax-error"
    assert "loaded 0" in corpus.summary(rows, verbose=False)[0]


NOT_EXPECTED = """
import numpy as np
import unittest

class Layer:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, dout):
        return self.forward(dout)

class Net:
    def __init__(self, layers):
        self.layers = layers

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout

class TestNet(unittest.TestCase):
    def test_backward(self):
        assert Net([]).backward(1) == 1

def numerical_gradient(f, x):
    return (f(x + 1e-4) - f(x - 1e-4)) / 2e-4

class Square:
    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dout):
        return helper_backward(dout, self.x)

def helper_backward(dout, x):
    return 2 * x * dout
"""


def test_what_somebody_would_expect_to_be_checked_is_counted(tmp_path: Path) -> None:
    """No test, abstract base, container or numerical gradient; a helper runs with what calls it."""
    path = tmp_path / "net.py"
    path.write_text(NOT_EXPECTED)
    made = list(corpus.backwards(path))
    assert [b.full for b in made] == ["helper_backward", "Square.backward"]
    assert {b.full for b in corpus.driven(made, corpus.check(path, 4)["objects"])} == {b.full for b in made}


def test_every_export_of_the_first_tiers_is_covered() -> None:
    lines = references.coverage(set(specs()))
    assert not [line for line in lines if line.startswith("not covered")]
    tiers = next(line for line in lines if line.strip().startswith("all"))
    assert "75 / 75" in tiers
    assert "103 / 103" in tiers
    assert [line for line in references.coverage(set(specs()) - {"affine"}) if line.startswith("not covered: affine")]


@pytest.mark.parametrize("name", ["relu", "mse", "maxpool2d", "rnn_cell", "two_layer_net"])
def test_a_reference_is_right_its_mistakes_are_caught_and_equivalent_code_passes(name: str) -> None:
    spec = specs()[name]
    assert references.is_right(spec, cases=3)
    assert references.is_equivalent(spec, cases=3) == []
    lines, uncaught = references.mistakes([spec], cases=6)
    assert uncaught == 0, lines


def test_the_campaign_tells_families_apart() -> None:
    counts, notes = campaign(30, seed=9, families=("pooling",))
    assert notes == []
    assert counts["samples"] == 30
    assert counts["PASS"] == 90  # contract, forward and one gradient
