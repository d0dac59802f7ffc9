"""Every classical mistake of every row of the catalogue, and what catches it.

The tables are in the files `test_mistakes_*.py`: for each row, each mistake with its answer. Most are wrong backwards
of a reference, written `reference.function`; `test_references` shows that each is caught and named. What is no wrong
backward - code that raises, a wrong dtype, a graph around the layer, a tie of the numerical check - has a test there.
`catalogue.tsv` beside this file has the rows: id, tier, group, the names that a reference has to have (`=name`: a
variant of that one), how many mistakes are known.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from reference_impls import load, specs

HERE = Path(__file__).parent
MODULES = [importlib.import_module(path.stem) for path in sorted(HERE.glob("test_mistakes_*.py"))]
ROWS = {row: module for module in MODULES for row in module.MISTAKES}
ITEMS = [
    pytest.param(module, answer, id=f"{row}: {item}")
    for row, module in ROWS.items()
    for item, answer in module.MISTAKES[row].items()
]
CALLED = {  # exports whose reference has another name, because a reference of another kind has this one
    ("lr_step", "step"): "step_decay",
    ("lr_step", "multistep"): "multistep_decay",
    ("lr_step", "exponential"): "exponential_decay",
    ("lr_step", "lambda"): "lambda_decay",
    ("lr_step", "multiplicative"): "multiplicative_decay",
    ("lr_step", "constant"): "constant_rate",
    ("lr_step", "inverse_time"): "inverse_time_decay",
}
with (HERE / "catalogue.tsv").open(encoding="utf-8") as file:
    CATALOGUE = {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}


def functions(reference: str) -> Iterator[str]:
    for mistake in load(reference).mistakes:
        for function in (mistake.backward, mistake.forward):
            yield getattr(function, "__name__", "")


@pytest.mark.parametrize(("module", "answer"), ITEMS)
def test_is_executable(module: ModuleType, answer: str) -> None:
    if answer.startswith("test_"):
        assert callable(getattr(module, answer))
        return
    reference, function = answer.split(".")
    assert function in functions(reference)


@pytest.mark.parametrize("row", ROWS)
def test_no_known_mistake_is_left_out(row: str) -> None:
    assert row in CATALOGUE
    assert len(ROWS[row].MISTAKES[row]) >= int(CATALOGUE[row]["mistakes"])


@pytest.mark.parametrize("row", ROWS)
def test_row_has_its_references(row: str) -> None:
    known = {name for spec in specs().values() for name in (spec.name, *spec.aliases)}
    exports = {name.removeprefix("=") for name in CATALOGUE[row]["exports"].split()}
    assert {CALLED.get((row, name), name) for name in exports} <= {*known, "-"}


@pytest.mark.parametrize("module", MODULES)
def test_every_test_answers_an_item(module: ModuleType) -> None:
    answers = {answer for items in module.MISTAKES.values() for answer in items.values()}
    assert {n for n in vars(module) if n.startswith("test_")} <= answers
