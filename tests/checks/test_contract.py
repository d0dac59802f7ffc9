"""Every clause of the contract: broken once on purpose, and kept by right code of the same look."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_plugin.api import check


class Kept:
    """Right in every clause."""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)


class FirstForward(Kept):
    def forward(self, x):
        y = np.tanh(x)
        self.y = getattr(self, "y", y)
        return y


class Shared(Kept):
    first: dict[tuple[int, ...], np.ndarray] = {}

    def forward(self, x):
        y = np.tanh(x)
        self.y = Shared.first.get(x.shape, y)
        Shared.first[x.shape] = y
        return y


class Square(Kept):
    def backward(self, dout):
        return dout**2


class Constant(Kept):
    def backward(self, dout):
        return 1 - self.y**2


class Shifted(Kept):
    def backward(self, dout):
        return dout * (1 - self.y**2) + 1e-3


class Clipped(Kept):
    def backward(self, dout):
        return np.clip(dout, -5, 5) * (1 - self.y**2)


class Overwrites(Kept):
    def backward(self, dout):
        dout *= 1 - self.y**2
        return dout.copy()


class OverwritesInput(Kept):
    def forward(self, x):
        self.y = np.tanh(x)
        x[...] = 0
        return self.y


class Memory(Kept):
    def forward(self, x):
        self.y = np.tanh(x)
        if not x.flags.c_contiguous:
            self.y = self.y[::-1]
        return np.tanh(x)


class Integers(Kept):
    def backward(self, dout):
        dx = np.zeros_like(self.x)
        dx[...] = dout
        return dx

    def forward(self, x):
        self.x = x
        return x * 1


class Wide(Kept):
    def forward(self, x):
        self.y = np.zeros(x.shape)
        self.y[...] = np.tanh(x)
        return self.y


class Narrow(Kept):
    def backward(self, dout):
        return (dout * (1 - self.y**2)).astype(np.float32)


class Clock(Kept):
    count = 0

    def forward(self, x):
        Clock.count += 1
        return super().forward(x) + Clock.count


class Accumulates:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db += dout.sum(axis=0)
        return dout @ self.W.T


ERRORS = {
    FirstForward: "earlier-forward",
    Shared: "stale-state",
    Square: "not-linear",
    Constant: "upstream-ignored",
    Shifted: "not-linear",
    Clipped: "not-linear",
    Memory: "memory-layout",
    Clock: "not-reproducible",
}
ADVICE = {
    Overwrites: "mutates-upstream",
    OverwritesInput: "mutates-input",
    Integers: "cuts-integers",
    Wide: "promotes-float32",
    Narrow: "dtype-changed",
    Accumulates: "accumulates",
}


@pytest.mark.parametrize("cls", ERRORS, ids=lambda c: c.__name__)
def test_an_error_fails_the_contract(cls: type) -> None:
    contract = check(cls, cases=8).results[0]
    assert contract.property == "contract"
    assert contract.finding is not None
    assert contract.finding.code == ERRORS[cls], contract.finding.message


@pytest.mark.parametrize("cls", ADVICE, ids=lambda c: c.__name__)
def test_advice_passes_and_is_said(cls: type) -> None:
    report = check(cls, cases=8)
    assert report.failed == [], str(report)
    assert ADVICE[cls] in [a.code for r in report.results for a in r.advice]


@pytest.mark.parametrize("cls", ADVICE, ids=lambda c: c.__name__)
def test_advice_fails_when_asked_for(cls: type) -> None:
    assert check(cls, cases=8, strict=True).failed


def test_right_code_breaks_no_clause() -> None:
    report = check(Kept, strict=True)
    assert report.ok, str(report)
    assert [a for r in report.results for a in r.advice] == []
