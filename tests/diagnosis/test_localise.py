"""Localisation: every wrong entry and no right one, with few forwards, and the place in one phrase."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.api import Report, check
from gradcheck_plugin.diagnosis import localise
from gradcheck_plugin.diagnosis.localise import FORWARDS, Location, against, numerically
from gradcheck_plugin.diagnosis.place import describe
from gradcheck_plugin.model import Comparison, Verdict, plain, result_from_plain
from gradcheck_plugin.report import text
from gradcheck_plugin.report.columns import columns

Pair = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]
TANH: Pair = (lambda x: np.atleast_1d(np.tanh(x).sum()), lambda x: 1 - np.tanh(x) ** 2)
SQUARES: Pair = (lambda x: np.atleast_1d(np.vdot(x, x)), lambda x: 2 * x)


def found(
    pair: Pair,
    shape: tuple[int, ...],
    wrong: Callable[[np.ndarray], None] = lambda g: None,
    dims: Sequence[str] = (),
    seed: int = 0,
    **limits: Any,
) -> Location | None:
    """What the search says of the right gradient after `wrong` has changed it."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    forward, slope = pair
    out = np.asarray(forward(x))
    v = np.ones(out.shape)
    yours = np.array(np.broadcast_to(slope(x), shape), dtype=float)
    wrong(yours)
    dims = dims or tuple("NDEF")[: len(shape)]
    return numerically(lambda a: np.ravel(forward(a)), x, yours, v, dims, rng, **limits)


def planted(pair: Pair, shape: tuple[int, ...], count: int, seed: int) -> int:
    """Plant wrong entries, find exactly these, and give how many forwards that took."""
    at = np.sort(np.random.default_rng(seed + 1000).choice(int(np.prod(shape)), count, replace=False))

    def spoil(g: np.ndarray) -> None:
        g.ravel()[at] += 1.5

    got = found(pair, shape, spoil, seed=seed)
    assert got is not None
    assert (got.wrong, got.total, got.at_least) == (count, int(np.prod(shape)), False)
    assert [e.index for e in got.entries] == [tuple(map(int, np.unravel_index(j, shape))) for j in at]
    return got.forwards


@pytest.mark.parametrize("pair", [TANH, SQUARES], ids=["tanh", "squares"])
@pytest.mark.parametrize("count", [1, 3])
def test_few_forwards_for_ten_thousand_entries(pair: Pair, count: int, record_property: Callable[..., None]) -> None:
    spent = [
        planted(pair, shape, count, seed) for seed in range(5) for shape in ((10_000,), (100, 100), (4, 5, 20, 25))
    ]
    record_property("median forwards", float(np.median(spent)))
    assert max(spent) <= 700
    assert np.median(spent) <= {1: 230, 3: 456}[count]


@pytest.mark.parametrize("count", [1, 3])
def test_few_forwards_for_a_million_entries(count: int, record_property: Callable[..., None]) -> None:
    spent = [planted(SQUARES, (1000, 1000), count, seed) for seed in range(3)]
    record_property("median forwards", float(np.median(spent)))
    assert max(spent) <= FORWARDS
    assert np.median(spent) <= {1: 300, 3: 696}[count]


def mask(shape: tuple[int, ...], *index: Any) -> np.ndarray:
    made = np.zeros(shape, dtype=bool)
    made[index] = True
    return made


BORDER = ~mask((2, 3, 7, 9), ..., slice(1, -1), slice(1, -1))
PHRASES: dict[str, tuple[np.ndarray, str]] = {
    "only the last row": (mask((4, 5), -1), "D M"),
    "only the first row": (mask((4, 5), 0), "D M"),
    "only rows 1 to 2": (mask((4, 5), slice(1, 3)), "D M"),
    "only rows from 2 on": (mask((4, 5), slice(2, None)), "D M"),
    "only rows before the last": (mask((4, 5), slice(0, 3)), "D M"),
    "only column 3": (mask((4, 5), ..., 3), "N D"),
    "only samples after the first": (mask((4, 5), slice(1, None)), "N D"),
    "only the last sample": (mask((4, 5), -1), "N D"),
    "only channel 1": (mask((4, 3, 7, 9), slice(None), 1), "N C 7 9"),
    "only the last filter": (mask((4, 3, 2, 2), -1), "F C 2 2"),
    "only time steps after the first": (mask((4, 3, 2), slice(None), slice(1, None)), "N T D"),
    "only index 1 of axis 2": (mask((2, 3, 4), ..., 1), "N T D"),
    "only the last entry": (mask((6,), -1), "M"),
    "every second entry of axis 1, from 0 on": (mask((4, 6), ..., slice(0, None, 2)), "N D"),
    "every second entry of axis 0, from 1 on": (mask((6,), slice(1, None, 2)), "M"),
    "only the border of the image": (BORDER, "N C 7 9"),
    "only the interior of the image": (~BORDER, "N C H W"),
    "only the border of the window": (BORDER, "F C 7 9"),
    "only the diagonal": (np.eye(4, 5, dtype=bool), "D M"),
    "only above the diagonal": (np.triu(np.ones((5, 5), dtype=bool), 1), "T T"),
    "everywhere": (mask((4, 5), ...), "N D"),
}


@pytest.mark.parametrize("phrase", PHRASES)
def test_phrases(phrase: str) -> None:
    wrong, dims = PHRASES[phrase]
    assert describe(wrong, dims.split()) == phrase


@pytest.mark.parametrize(
    "wrong",
    [mask((1, 1), 0), np.zeros((4, 5), bool), mask((4, 5), 1, 2), mask((6,), [0, 1, 4]), mask((3, 4), [0, 1], [2, 0])],
)
def test_what_is_no_structure_has_no_phrase(wrong: np.ndarray) -> None:
    assert describe(wrong, ("N", "D")[: wrong.ndim]) == ""


@pytest.mark.parametrize(
    ("shape", "dims", "index", "phrase"),
    [
        ((6, 7), "D M", (-1,), "only the last row"),
        ((400, 300), "D M", (-1,), "only the last row"),
        ((400, 300), "N D", (slice(1, None),), "only samples after the first"),
        ((8, 16, 30, 30), "N C H W", (slice(None), 2), "only channel 2"),
        ((400, 300), "D M", (..., slice(0, None, 2)), "every second entry of axis 1, from 0 on"),
        ((400, 300), "D M", (...,), "everywhere"),
        ((60, 20), "D M", (..., 3), "only column 3"),
    ],
)
def test_structures_are_found(shape: tuple[int, ...], dims: str, index: Any, phrase: str) -> None:
    def spoil(g: np.ndarray) -> None:
        g[index] *= 1.25

    got = found(TANH, shape, spoil, dims.split())
    assert got is not None
    assert got.place == phrase
    assert len(got.entries) == 5
    exact = int(mask(shape, *index).sum())
    assert got.wrong == exact if not got.at_least else got.wrong < exact
    assert got.at_least == (exact > 150)


def test_a_wrong_border_of_large_images() -> None:
    def spoil(g: np.ndarray) -> None:
        g[..., [0, -1], :] = 0
        g[..., [0, -1]] = 0

    got = found(TANH, (4, 3, 40, 50), spoil, ("N", "C", "H", "W"))
    assert got is not None
    assert got.place == "only the border of the image"
    assert got.forwards <= FORWARDS


def test_a_right_gradient_has_no_wrong_place() -> None:
    for shape in ((5, 6), (60, 70)):
        for pair in (TANH, SQUARES, (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0)):
            assert found(pair, shape) is None


@pytest.mark.parametrize("shape", [(5, 6), (60, 70)])
def test_an_entry_that_is_wrong_by_little(shape: tuple[int, ...]) -> None:
    def spoil(g: np.ndarray) -> None:
        g[2, 3] *= 1 + 1e-6

    got = found(TANH, shape, spoil)
    assert got is not None
    assert [e.index for e in got.entries] == [(2, 3)]


def test_a_tiny_entry_beside_large_ones() -> None:
    sizes = np.where(np.arange(12) == 7, 1e-7, 1.0)
    pair: Pair = (lambda x: sizes * np.tanh(x), lambda x: sizes * (1 - np.tanh(x) ** 2))

    def spoil(g: np.ndarray) -> None:
        g[7] *= 2

    got = found(pair, (12,), spoil)
    assert got is not None
    assert [e.index for e in got.entries] == [(7,)]


def test_single_precision_makes_no_false_entries() -> None:
    pair: Pair = (lambda x: np.tanh(x.astype(np.float32)).astype(float), TANH[1])

    def spoil(g: np.ndarray) -> None:
        g[2, 3] *= 2

    for seed in range(4):
        assert found(pair, (6, 7), seed=seed) is None
        assert found(pair, (60, 70), seed=seed) is None
        got = found(pair, (6, 7), spoil, seed=seed)
        assert got is not None
        assert [e.index for e in got.entries] == [(2, 3)]


def test_noise_and_kinks_say_nothing() -> None:
    rng = np.random.default_rng(0)
    noisy: Pair = (lambda x: np.tanh(x) + 1e-3 * rng.standard_normal(x.shape), TANH[1])
    assert found(noisy, (4, 5)) is None
    kinked: Pair = (lambda x: np.abs(x - x.copy().clip(-0.5, 0.5)), lambda x: (np.abs(x) > 0.5) * np.sign(x) * 1.0)
    assert found(kinked, (4, 5)) is None
    x = np.zeros((3, 4))
    assert numerically(lambda a: np.maximum(a, 0).ravel(), x, x, np.ones(12), "ND", rng) is None


def test_kinks_between_the_steps_hide_no_entry() -> None:
    rng = np.random.default_rng(1)
    w, first = rng.standard_normal((50, 7)), rng.standard_normal((5, 60))
    v = np.full((5, 7), 1.5)
    pair: Pair = (
        lambda x: 1.5 * np.maximum(first @ x, 0) @ w,
        lambda x: first.T @ ((v @ w.T) * (first @ x > 0)),
    )
    for seed in range(4):
        at = np.sort(np.random.default_rng(seed).choice(3000, 3, replace=False))

        def spoil(g: np.ndarray, at: np.ndarray = at) -> None:
            g.ravel()[at] += 0.5

        got = found(pair, (60, 50), spoil, seed=seed)
        assert got is not None
        assert [np.ravel_multi_index(e.index, (60, 50)) for e in got.entries] == list(at)
        assert found(pair, (60, 50), seed=seed) is None


def test_entries_that_are_not_finite_are_wrong() -> None:
    def spoil(g: np.ndarray) -> None:
        g[-1] = np.nan

    got = found(TANH, (4, 5), spoil, ("D", "M"))
    assert got is not None
    assert (got.wrong, got.place) == (5, "only the last row")


def test_the_search_stops_at_its_budget() -> None:
    at = np.random.default_rng(3).choice(10_000, 200, replace=False)

    def spoil(g: np.ndarray) -> None:
        g.ravel()[at] = 9

    got = found(TANH, (100, 100), spoil)
    assert got is not None
    assert got.at_least
    assert 0 < got.wrong < 200
    assert got.forwards <= FORWARDS
    assert {np.ravel_multi_index(e.index, (100, 100)) for e in got.entries} <= set(at)
    assert got == found(TANH, (100, 100), spoil)
    assert found(TANH, (100, 100), spoil, forwards=0) is None


def test_the_exact_gradient_needs_no_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.random.default_rng(0).standard_normal((30, 40))
    yours = right.copy()
    yours[:, 3] *= 1 + 1e-6
    got = against(right, yours, ("N", "D"), np.ones(1))
    assert got is not None
    assert (got.wrong, got.total, got.place, got.forwards) == (30, 1200, "only column 3", 0)
    assert against(right, right * (1 + 1e-14), ("N", "D"), np.ones(1)) is None

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a search for what is known")

    monkeypatch.setattr(localise, "numerically", refuse)
    comparison = comparison_of(check_text("class Affine" + AFFINE), "dx")
    assert comparison.wrong


AFFINE = """:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        dx = dout @ self.W.T
        dx[1:] *= 2
        return dx
"""
UNKNOWN = """
class Wobble:
    def forward(self, x):
        self.x = x
        return np.sin(x) * x

    def backward(self, dout):
        dx = dout * (np.sin(self.x) + self.x * np.cos(self.x))
        dx[:, -1] = 0.5 * dx[:, -1]
        return dx
"""
LARGE = """
class Wobble:
    def __init__(self):
        self.params = [0.1 * np.random.default_rng(0).standard_normal((40, 30))]
        self.grads = [None]

    def forward(self, x):
        self.s = x.sum(axis=1)
        return np.sin(self.s[:, None, None] * self.params[0])

    def backward(self, dout):
        d = dout * np.cos(self.s[:, None, None] * self.params[0])
        self.grads[0] = (d * self.s[:, None, None]).sum(axis=0)
        self.grads[0][7, 9] *= 2
        return np.repeat((d * self.params[0]).sum(axis=(1, 2))[:, None], 3, axis=1)
"""


def check_text(source: str) -> Report:
    space: dict[str, Any] = {"np": np}
    exec("import numpy as np\n" + source, space)
    return check(next(v for n, v in space.items() if isinstance(v, type)), cases=8)


def comparison_of(report: Report, property: str) -> Comparison:
    (result,) = [r for r in report.results if r.property == property]
    assert result.verdict is Verdict.FAIL
    assert result.finding is not None
    assert result.finding.comparison is not None
    return result.finding.comparison


def test_samples_after_the_first_of_a_known_layer() -> None:
    report = check_text("class Affine" + AFFINE)
    comparison = comparison_of(report, "dx")
    assert (comparison.wrong, comparison.total, comparison.place) == (1, 2, "only the last sample")
    (result,) = report.failed
    assert result.finding is not None
    assert "where dx is (4,3), 9 of 12 entries differ: only samples after the first" in result.finding.evidence


def test_what_users_see_of_a_layer_without_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "layers.py"
    path.write_text("import numpy as np\n" + UNKNOWN)
    report = check(Path("layers.py"), cases=8)
    (result,) = report.failed
    assert result.finding is not None
    shown = text.finding(result.finding)
    assert "only the last column" in shown
    lines = shown.split("reproduce:")[0].splitlines()
    assert len(lines) <= 20
    assert max(map(columns, lines)) <= text.WIDTH
    assert result_from_plain(json.loads(json.dumps(plain(result)))).finding is not None
    comparison = plain(result)["finding"]["comparison"]
    assert {"wrong", "total", "at_least", "place", "entries"} <= set(comparison)
    assert not comparison["at_least"]
    assert comparison["entries"][0]["yours"] == pytest.approx(0.5 * comparison["entries"][0]["expected"], rel=1e-6)


def test_an_entry_of_a_large_parameter(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("import numpy as np\n" + LARGE)
    report = check(path, cases=4)
    failed = report.failed
    assert len(failed) == 1, str(report)
    assert failed[0].finding is not None
    comparison = failed[0].finding.comparison
    assert comparison is not None
    assert (comparison.wrong, comparison.total, comparison.where) == (1, 1200, "(7, 9)")
    assert "dparams[0][7, 9] yours " in text.finding(failed[0].finding)
