"""The ladder: right within its own error bar, and honest where it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_plugin.oracles.numerical import KAPPA, Ladder, direction, floored

V = np.ones(1)
SMOOTH = {
    "linear": (lambda t: 3 * (t + 0.7), 3.0),
    "tanh": (lambda t: np.tanh(t + 0.3), 1 - np.tanh(0.3) ** 2),
    "exp of 15": (lambda t: np.exp(t + 15), np.exp(15)),
    "sin of 50 x": (lambda t: np.sin(50 * (t + 0.2)), 50 * np.cos(10)),
    "a million squared": (lambda t: (t * 1e6 + 1e6) ** 2, 2e12),
    "large offset": (lambda t: (t + 1.5) ** 2 + 1e8, 3.0),
    "tiny gradient": (lambda t: 1e-12 * np.tanh(t + 0.3), 1e-12 * (1 - np.tanh(0.3) ** 2)),
    "single precision": (lambda t: float(np.float32(np.tanh(np.float32(t + 0.3)))), 1 - np.tanh(0.3) ** 2),
    "square root": (lambda t: np.sqrt(t + 0.01), 5.0),
    "noise of a solver": (lambda t: np.tanh(t + 0.3) + 1e-9 * np.sin(1e12 * (t + 0.1)), 1 - np.tanh(0.3) ** 2),
}


def ladder(f: object) -> Ladder:
    def line(t: float) -> np.ndarray | None:
        with np.errstate(invalid="ignore"):
            value = np.atleast_1d(f(t)).astype(float)  # type: ignore[operator]
        return value if np.isfinite(value).all() else None

    start = line(0.0)
    assert start is not None
    return Ladder(line, start)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_error_bar_holds(name: str) -> None:
    f, slope = SMOOTH[name]
    found = ladder(f).estimate(V)
    assert found.ok, found.reason
    assert abs(found.value - slope) <= KAPPA * found.error


@pytest.mark.parametrize("name", ["linear", "tanh", "exp of 15", "sin of 50 x", "a million squared"])
def test_it_is_sharp_where_the_function_is_smooth(name: str) -> None:
    f, slope = SMOOTH[name]
    assert abs(ladder(f).estimate(V).value - slope) <= 1e-10 * abs(slope)


@pytest.mark.parametrize("name", ["linear", "tanh", "exp of 15", "a million squared"])
def test_the_fast_path_agrees(name: str) -> None:
    f, slope = SMOOTH[name]
    assert min(abs(t - slope) for t in ladder(f).fast(V)) <= 1e-8 * abs(slope)


KINKS = {
    "relu": lambda t: max(t, 0.0),
    "abs": abs,
    "hinge": lambda t: max(0.0, 1 - (1 + t)),
    "max": lambda t: max(t, 2 * t),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_at_the_point_is_seen(name: str) -> None:
    assert ladder(KINKS[name]).kinked()


@pytest.mark.parametrize("name", [n for n in SMOOTH if n != "noise of a solver"])
def test_a_smooth_function_has_no_kink(name: str) -> None:
    assert not ladder(SMOOTH[name][0]).kinked()


def test_a_kink_between_two_steps_is_vetoed() -> None:
    found = ladder(lambda t: abs(t + 1e-3)).estimate(V)
    assert not found.ok or abs(found.value - 1.0) <= KAPPA * found.error


def test_a_jump_is_called_one() -> None:
    assert ladder(lambda t: float(t > 0)).jumps()
    assert not ladder(np.tanh).jumps()


def test_outside_the_domain_it_says_so() -> None:
    found = Ladder(lambda t: None, np.zeros(1)).estimate(V)
    assert not found.ok
    assert "finite" in found.reason


@pytest.mark.parametrize("start", [-1.5, -1.0, 0.0, 0.5, 2.0])
def test_single_precision_is_seen_where_the_value_itself_is_a_round_number(start: float) -> None:
    """Measured by itself the noise would be zero: the steps of float32 agree with each other and with no slope."""
    for slope in np.random.default_rng(0).standard_normal(200):
        found = ladder(lambda t, slope=slope: float(np.float32(start + t * slope))).estimate(V)
        assert not found.ok or abs(found.value - slope) <= KAPPA * found.error, slope


def test_directions_leave_no_entry_out() -> None:
    rng = np.random.default_rng(0)
    assert np.abs(floored(rng, (1000,))).min() >= 0.1
    x = np.full(1000, 7.0)
    assert np.abs(direction(rng, x)).min() >= 0.7
    assert np.abs(direction(rng, np.zeros(5))).min() >= 0.1


def test_taylor_separates_right_from_wrong() -> None:
    made = ladder(SMOOTH["tanh"][0])
    right = [e for _, e in made.taylor(V, SMOOTH["tanh"][1])]
    wrong = [e for _, e in made.taylor(V, 2 * SMOOTH["tanh"][1])]
    assert right[0] / right[1] == pytest.approx(100, rel=0.1)
    assert wrong[0] / wrong[-1] == pytest.approx(1, rel=0.01)


def test_a_faint_kink_leaves_room_for_its_slopes() -> None:
    made = ladder(lambda t: (t + 1) ** 2 + 1e-4 * max(t, 0.0))
    found = made.estimate(V)
    assert made.kink_size(V, found.noise) >= 0.99e-4
    assert ladder(np.tanh).kink_size(V, 1e-17) <= 1e-6


def test_values_that_move_in_steps_of_rounding_are_noise() -> None:
    """1 + 5e-14 t, less 1: below a change of 2e-16 nothing moves, and the slope is not 0 +- 0."""
    found = ladder(lambda t: (1.0 + 5e-14 * t) - 1.0 + 1e-6).estimate(V)
    assert not found.ok or abs(found.value - 5e-14) <= KAPPA * found.error
