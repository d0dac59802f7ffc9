"""Constants of few digits, an eps in another place and single precision are habits with a size, and no faults."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

from gradcheck_plugin.model import Verdict
from gradcheck_plugin.report import numbers, text

GELU = """
import numpy as np


class GELU:
    def forward(self, x):
        self.x = x
        self.t = np.tanh({c} * (x + {a} * x**3))
        return {half} * x * (1 + self.t)

    def backward(self, dout):
        x, t = self.x, self.t
        return dout * ({half} * (1 + t) + {half} * x * (1 - t**2) * {c} * (1 + 3 * {a} * x**2))
"""
EXACT = {"c": "np.sqrt(2 / np.pi)", "a": "0.044715", "half": "0.5"}
CLOSE = {
    "eight digits": {"c": "0.79788456"},
    "seven digits": {"c": "0.7978846"},
    "five digits": {"c": "0.79788"},
    "four digits": {"c": "0.7979"},
    "pi with few digits": {"c": "(2 / np.pi) ** 0.5 * 3.1416 / np.pi"},
}
WRONG = {"another factor": {"half": "0.5002"}, "another constant": {"a": "0.0448"}, "no pi": {"c": "0.8"}}


@pytest.mark.parametrize("name", CLOSE)
def test_a_constant_of_few_digits_is_advice_with_its_size(tmp_path: Path, name: str) -> None:
    found = checked(tmp_path, GELU.format(**{**EXACT, **CLOSE[name]}))
    assert found.passes("GELU")
    advice = found.result("GELU", "forward").advice
    assert [a.code for a in advice] == ["forward-close"]
    assert "a relative " in advice[0].message


def test_the_exact_constant_has_no_advice(tmp_path: Path) -> None:
    found = checked(tmp_path, GELU.format(**EXACT))
    assert found.passes("GELU")
    assert not found.result("GELU", "forward").advice


@pytest.mark.parametrize("name", WRONG)
def test_another_formula_differs(tmp_path: Path, name: str) -> None:
    found = checked(tmp_path, GELU.format(**{**EXACT, **WRONG[name]}))
    assert found.failed("GELU") == {"forward": "forward-differs"}


BACKWARD_ALONE = """
import numpy as np


class Circle:
    def forward(self, x):
        self.x = x
        return np.pi * x**2

    def backward(self, dout):
        return dout * 2 * {pi} * self.x
"""


@pytest.mark.parametrize(("pi", "right"), [("3.14159", True), ("3.1416", True), ("3.2", False), ("3.15", False)])
def test_a_constant_of_few_digits_in_the_backward(tmp_path: Path, pi: str, right: bool) -> None:
    found = checked(tmp_path, BACKWARD_ALONE.format(pi=pi))
    assert found.passes("Circle") if right else "dx" in found.failed("Circle")
    if right:
        assert f"for your {pi}" in found.result("Circle", "dx").reason


SWISH = """
import numpy as np


class Swish:
    def forward(self, x):
        self.x = x
        self.s = (1 / (1 + np.exp(-x.astype(np.float32)))).astype(np.float64)
        return x * self.s

    def backward(self, dout):
        return {factor}dout * (self.s + self.x * self.s * (1 - self.s))
"""


@pytest.mark.parametrize(("factor", "right"), [("", True), ("1.05 * ", False)])
def test_single_precision_inside(tmp_path: Path, factor: str, right: bool) -> None:
    found = checked(tmp_path, SWISH.format(factor=factor))
    assert "single precision" in found.result("Swish", "forward").advice[0].message
    assert found.passes("Swish") if right else set(found.failed("Swish")) == {"dx"}


def test_the_digits_that_differ_are_printed(tmp_path: Path) -> None:
    found = checked(tmp_path, GELU.format(**{**EXACT, "half": "0.50001"}))
    comparison = found.result("GELU", "forward").finding
    assert comparison is not None
    shown = next(line for line in text.finding(comparison).splitlines() if "yours" in line)
    yours, expected = (shown.split(word)[1].split("]]")[0].split("[[")[1] for word in ("yours", "expected"))
    assert yours != expected


@pytest.mark.parametrize(("one", "other"), [(1.4, 1.4000001), ([1.4, 2.0], [1.4, 2.00000003]), ([1e9 + 1e-1], [1e9])])
def test_numbers_that_differ_look_different(one: object, other: object) -> None:
    digits = numbers.telling(one, other)
    assert numbers.short(one, digits) != numbers.short(other, digits)


def test_numbers_that_are_one_stay_short() -> None:
    assert numbers.telling([1.4], [1.4]) == numbers.telling([1.4], None) == numbers.telling([1.0], [2.0]) == 4


TYPED = """
    import numpy as np


    class GELU:
        def forward(self, x):
            self.x = x
            return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))

        def backward(self, grad):
            x = self.x
            inside = 0.0356774 * x ** 3 + 0.797885 * x
            slope = (0.0535161 * x ** 3 + 0.398942 * x) / np.cosh(inside) ** 2
            return grad * (0.5 * np.tanh(inside) + slope + 0.5)
"""


def test_products_of_known_constants_with_six_digits_are_no_fault(tmp_path: Path) -> None:
    report = checked(tmp_path, TYPED)
    assert not report.failed("GELU")
    assert report.verdicts("GELU")["dx"] is Verdict.PASS


def test_a_wrong_constant_of_six_digits_is_one(tmp_path: Path) -> None:
    assert set(checked(tmp_path, TYPED.replace("0.0535161", "0.0533161")).failed("GELU")) == {"dx"}
