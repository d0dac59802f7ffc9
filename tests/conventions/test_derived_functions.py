"""Functions made from another Function that has run, patches put together again, and what an exponent or index is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_plugin.api import Report, check_paths
from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import FileSuite, open_namespace

ENGINE = """
import numpy as np

class Variable:
    def __init__(self, data):
        self.data, self.grad, self.creator = data, None, None

    @property
    def shape(self):
        return self.data.shape

    def backward(self):
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        if self.creator is not None:
            given = self.creator.backward(Variable(self.grad))
            for x, g in zip(self.creator.inputs, given if isinstance(given, tuple) else (given,)):
                g = g.data if isinstance(g, Variable) else g
                x.grad = g if x.grad is None else x.grad + g
                x.backward()

class Function:
    def __call__(self, *inputs):
        y = Variable(np.asarray(self.forward(*[x.data for x in inputs])))
        self.inputs, y.creator = inputs, self
        return y

    def forward(self, *xs):
        raise NotImplementedError

    def backward(self, gy):
        raise NotImplementedError

class Halve(Function):
    def __init__(self, stride=2):
        self.stride = stride

    def forward(self, x):
        self.best = x[:, ::self.stride] > 0
        return np.where(self.best, x[:, ::self.stride], 0)

    def backward(self, gy):
        return HalveGrad(self)(gy)

class HalveGrad(Function):
    def __init__(self, source):
        self.shape, self.best, self.stride = source.inputs[0].shape, source.best, source.stride

    def forward(self, gy):
        gx = np.zeros(self.shape)
        gx[:, ::self.stride] = np.where(self.best, gy, 0)
        return gx

    def backward(self, ggx):
        {grad}

class Patches2Im(Function):
    def __init__(self, wanted):
        self.wanted = wanted

    def forward(self, x):
        return x * self.wanted

    def backward(self, gy):
        return gy

class Col2im(Function):
    def __init__(self, input_shape, kernel_size, stride, pad):
        self.input_shape, self.k, self.s, self.p = input_shape, kernel_size, stride, pad

    def windows(self, image):
        n, c, h, w = image.shape
        for i in range((h - self.k) // self.s + 1):
            for j in range((w - self.k) // self.s + 1):
                yield image[:, :, i * self.s:i * self.s + self.k, j * self.s:j * self.s + self.k]

    def bordered(self):
        n, c, h, w = self.input_shape
        return np.zeros((n, c, h + 2 * self.p, w + 2 * self.p))

    def forward(self, x):
        n, c, h, w = self.input_shape
        image = self.bordered()
        columns = x.reshape(n, -1, c, self.k, self.k)
        for i, window in enumerate(self.windows(image)):
            window += columns[:, i]
        return image[:, :, self.p:self.p + h, self.p:self.p + w]

    def backward(self, gy):
        n, c, h, w = self.input_shape
        image = self.bordered()
        image[:, :, self.p:self.p + h, self.p:self.p + w] = gy.data
        return np.stack([{window} for window in self.windows(image)], 1).reshape(-1, c * self.k ** 2)
"""
GRAD = "return np.where(self.best, ggx.data[:, ::self.stride], 0)"


def report(folder: Path, grad: str = GRAD, window: str = "window") -> Report:
    (folder / "engine.py").write_text(ENGINE.replace("{grad}", grad).replace("{window}", window), encoding="utf-8")
    return check_paths([folder / "engine.py"], Settings(cases=4, seconds=5.0))


def failed(found: Report) -> set[tuple[str, str]]:
    return {(r.target, r.property) for r in found.results if r.verdict is Verdict.FAIL}


def test_a_function_made_from_one_that_has_run(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert failed(found) == set()
    passed = {(r.target, r.property) for r in found.results if r.verdict is Verdict.PASS}
    assert passed >= {("Halve", "dx"), ("HalveGrad", "dgy"), ("Col2im", "dx")}
    assert [n.target for n in found.not_driven] == ["Patches2Im"]  # which is named after no Function of the file


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"grad": "return np.where(self.best, 1, 0) * ggx.data[:, 0:1]"}, ("HalveGrad", "dgy")),
        ({"grad": "return ggx.data[:, ::self.stride]"}, ("HalveGrad", "dgy")),
        ({"window": "window[:, :, ::-1]"}, ("Col2im", "dx")),
    ],
)
def test_wrong_ones(tmp_path: Path, wrong: dict[str, str], expected: tuple[str, str]) -> None:
    assert failed(report(tmp_path, **wrong)) == {expected}


# exponents and indices


class Pow:
    @staticmethod
    def forward(ctx, x, power):
        ctx.save_for_backward(x, power)
        return x**power

    @staticmethod
    def backward(ctx, g):
        x, power = ctx.saved_tensors
        return g * power * x ** (power - 1), (g * np.log(x) * x**power).reshape(power.shape)


class WrongPow(Pow):
    @staticmethod
    def forward(ctx, x, power):
        ctx.save_for_backward(x, power)
        return x**power

    @staticmethod
    def backward(ctx, g):
        x, power = ctx.saved_tensors
        return g * power * x ** (power - 1), (g * x**power).reshape(power.shape)


class PowNumber:
    @staticmethod
    def forward(ctx, x, power):
        ctx.save_for_backward(x, power)
        return x**power

    @staticmethod
    def backward(ctx, g):
        x, power = ctx.saved_tensors
        return g * power * x ** (power - 1)


class Slice:
    @staticmethod
    def forward(ctx, x, indices):
        ctx.save_for_backward(x.shape, indices)
        return x[tuple(slice(a, b) for a, b in indices)]

    @staticmethod
    def backward(ctx, g):
        shape, indices = ctx.saved_tensors
        dx = np.zeros(shape)
        dx[tuple(slice(a, b) for a, b in indices)] = g
        return dx


class WrongSlice(Slice):
    @staticmethod
    def forward(ctx, x, indices):
        ctx.save_for_backward(x.shape, indices)
        return x[tuple(slice(a, b) for a, b in indices)]

    @staticmethod
    def backward(ctx, g):
        shape, _ = ctx.saved_tensors
        return np.pad(g, [(0, n - k) for n, k in zip(shape, g.shape, strict=True)])


def suite(*things: type) -> FileSuite:
    for thing in things:
        thing.__module__ = __name__
    return open_namespace({t.__name__: t for t in things}, Settings(cases=3))


def verdicts(thing: type) -> dict[str, Verdict]:
    return {r.property: r.verdict for r in suite(thing).targets[0].check_all()}


def test_an_exponent_is_an_array_where_a_number_does_not_do() -> None:
    assert set(verdicts(Pow).values()) == {Verdict.PASS}
    assert {"dx", "dpower"} <= set(verdicts(Pow))
    assert {"dx"} == {p for p in verdicts(PowNumber) if p.startswith("d")}
    assert [p for p, v in verdicts(WrongPow).items() if v is Verdict.FAIL] == ["dpower"]


def test_indices_may_be_pairs() -> None:
    assert set(verdicts(Slice).values()) == {Verdict.PASS}
    assert [p for p, v in verdicts(WrongSlice).items() if v is Verdict.FAIL] == ["dx"]
