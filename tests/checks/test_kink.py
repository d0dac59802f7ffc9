"""On a kink any slope between the two is right, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_plugin.api import Report, check
from gradcheck_plugin.model import Verdict


class Relu:
    slope_at_zero = 0.0

    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout * np.where(self.x == 0, self.slope_at_zero, self.x > 0)


class ReluByQuotient(Relu):
    def backward(self, dout):
        return dout * (self.x + np.abs(self.x)) / (2 * self.x)


class LeakyRelu:
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, 0.01 * x)

    def backward(self, dout):
        return dout * np.where(self.x > 0, 1, 0.01)


def with_slope(value: float) -> Report:
    return check(type("Relu", (Relu,), {"slope_at_zero": value, "__init__": lambda self: None}), cases=10)


def kink(report: Report) -> object:
    return next(r for r in report.results if r.property == "kink")


SIDES = {0.0: "the slope from the left", 1.0: "the slope from the right", 0.5: "a slope between the two"}


@pytest.mark.parametrize("value", SIDES)
def test_any_slope_between_the_two_passes_and_is_named(value: float) -> None:
    result = kink(with_slope(value))
    assert result.verdict is Verdict.PASS
    assert result.reason == f"on the kink x = 0 it takes {SIDES[value]}; torch takes the slope from the left"


@pytest.mark.parametrize("value", [-0.1, 1.1, 100.0])
def test_any_other_fails(value: float) -> None:
    report = with_slope(value)
    assert [r.property for r in report.failed] == ["kink"]
    assert report.failed[0].finding.code == "kink"


def test_nan_on_the_kink_fails_there_only() -> None:
    report = check(type("Relu", (ReluByQuotient,), {"__init__": lambda self: None}), cases=10)
    assert [r.property for r in report.failed] == ["kink"]


def test_leaky_relu_takes_the_left_as_torch_does() -> None:
    result = kink(check(LeakyRelu))
    assert result.reason == "on the kink x = 0 it takes the slope from the left; torch takes the slope from the left"
