"""A second run of an unchanged file finds nothing out again, and says the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gradcheck_plugin.binding import bind

from .conftest import Run


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The objects whose calls are found out."""
    seen: list[str] = []
    original: Callable[..., Any] = bind.bind

    def noted(candidate: Any, **rest: Any) -> Any:
        seen.append(candidate.name)
        return original(candidate, **rest)

    monkeypatch.setattr(bind, "bind", noted)
    return seen


def test_a_second_run_binds_nothing(layers: pytest.Pytester, run: Run, bound: list[str]) -> None:
    first = run("layers.py")
    assert bound == ["Affine", "Tanh"]
    bound.clear()
    second = run("layers.py")
    assert bound == []
    assert second.parseoutcomes() == first.parseoutcomes()
    assert second.parseoutcomes()["failed"] == 1
    run("layers.py", "--cache-clear")
    assert bound == ["Affine", "Tanh"]


@pytest.mark.parametrize("spoiled", ["", "{", "[]", '{"key": 1}', '{"plans": null}'])
def test_a_cache_that_is_spoiled_hinders_nothing(layers: pytest.Pytester, run: Run, spoiled: str) -> None:
    first = run("layers.py")
    kept = list((layers.path / ".pytest_cache" / "v" / "gradcheck").iterdir())
    assert len(kept) == 1
    kept[0].write_text(spoiled)
    assert run("layers.py").parseoutcomes() == first.parseoutcomes()


def test_without_a_cache_it_runs_as_well(layers: pytest.Pytester, run: Run, bound: list[str]) -> None:
    for _ in range(2):
        run("layers.py", "-p", "no:cacheprovider")
    assert bound == ["Affine", "Tanh"] * 2


def test_a_cache_that_cannot_be_written_hinders_nothing(layers: pytest.Pytester, run: Run) -> None:
    first = run("layers.py", "-p", "no:cacheprovider")
    (layers.path / ".pytest_cache" / "v").mkdir(parents=True)
    (layers.path / ".pytest_cache" / "v" / "gradcheck").write_text("a file, where a folder is to be")
    found = run("layers.py", "-W", "error", "-p", "no:stepwise")
    assert found.parseoutcomes()["failed"] == first.parseoutcomes()["failed"] == 1
    assert found.parseoutcomes()["passed"] == first.parseoutcomes()["passed"]
