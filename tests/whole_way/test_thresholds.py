"""A layer that does something else beyond a number is tried there, however far out that number lies."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

CUT = """
import numpy as np

LIMIT = 6.0


class {name}:
    def __init__(self, top=6.0):
        self.top = top
        self.bottom = -4

    def forward(self, x):
        self.x = x
        return {forward}

    def backward(self, dout):
        return dout * {slope}
"""
CUTS = [
    ("np.clip(x, 0, 6)", "(self.x > 0)", "((self.x > 0) & (self.x < 6))"),
    ("np.minimum(np.maximum(x, 0), LIMIT)", "(self.x > 0)", "((self.x > 0) & (self.x < LIMIT))"),
    ("np.clip(x, 0, self.top)", "(self.x > 0)", "((self.x > 0) & (self.x < self.top))"),
    ("x.clip(self.bottom, 8)", "np.ones_like(self.x)", "((self.x > self.bottom) & (self.x < 8))"),
    ("np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20))))", "(self.x < 20) / (1 + np.exp(-self.x))",
     "1 / (1 + np.exp(-self.x))"),
    ("np.where(np.abs(x) > 5, 5 * np.abs(x) - 12.5, 0.5 * x ** 2)", "self.x",
     "np.where(np.abs(self.x) > 5, 5 * np.sign(self.x), self.x)"),
]  # fmt: skip


@pytest.mark.parametrize("name", ["Block", "MyActivation"])
@pytest.mark.parametrize(("forward", "forgotten", "right"), CUTS)
def test_a_limit_that_the_backward_forgets(tmp_path: Path, name: str, forward: str, forgotten: str, right: str) -> None:
    assert checked(tmp_path, CUT.format(name=name, forward=forward, slope=right), "right.py").passes(name)
    assert "dx" in checked(tmp_path, CUT.format(name=name, forward=forward, slope=forgotten), "wrong.py").failed(name)


@pytest.mark.parametrize("test", ["(self.x > 0) * (self.x < 6)", "np.where(self.x > 3, 0.5, self.x > 0)"])
def test_a_limit_that_only_the_backward_has(tmp_path: Path, test: str) -> None:
    source = CUT.format(name="ReLU", forward="np.maximum(x, 0)", slope=test)
    assert set(checked(tmp_path, source).failed("ReLU")) == {"dx"}


@pytest.mark.parametrize("limit", [0.25, 0.5, 1])
@pytest.mark.parametrize("name", ["Op", "Block"])
def test_a_relu_that_is_cut_off_is_no_relu(tmp_path: Path, name: str, limit: float) -> None:
    """Nor is it one where a row happens to have no number beyond the limit."""
    source = """
        import numpy as np

        class {name}:
            def __init__(self, high={limit}):
                self.high = high

            def forward(self, x):
                self.x = x
                return np.clip(x, 0, self.high)

            def backward(self, dout, learning_rate):
                return dout * ((self.x > 0) & (self.x < self.high))
    """
    assert checked(tmp_path, source.format(name=name, limit=limit)).passes(name)


def test_a_limit_for_gradients_is_none_for_inputs(tmp_path: Path) -> None:
    source = CUT.format(name="Tanh", forward="np.tanh(x)", slope="np.clip(1 - np.tanh(self.x) ** 2, -50, 50)")
    assert checked(tmp_path, source).passes("Tanh")


def test_numbers_of_axes_and_sizes_are_no_limits(tmp_path: Path) -> None:
    source = """
        import numpy as np

        class Growth:
            def forward(self, x):
                assert x.ndim < 60 and len(x) < 90 and x.shape[0] <= 99
                self.out = np.exp(x ** 3)
                self.x = x
                return self.out

            def backward(self, dout):
                return dout * self.out * 3 * self.x ** 2
    """
    assert checked(tmp_path, source).passes("Growth")


ENGINE = """
import numpy as np


class Tensor:
    def __init__(self, data, children=()):
        self.data, self.children = np.asarray(data, dtype=float), children
        self.grad, self._backward = np.zeros_like(self.data), lambda: None

    def relu6(self):
        out = Tensor(np.clip(self.data, 0, 6), (self,))

        def _backward():
            self.grad += {mask} * out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        out = Tensor(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            node._backward()
"""
TORCH = """
import torch


class {name}(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return {forward}

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * {mask}
"""


def test_a_limit_that_a_method_of_an_engine_forgets(tmp_path: Path) -> None:
    right = checked(tmp_path, ENGINE.format(mask="((self.data > 0) & (self.data < 6))"), "right.py")
    assert right.passes("Tensor.relu6")
    assert "dself" in checked(tmp_path, ENGINE.format(mask="(self.data > 0)"), "wrong.py").failed("Tensor.relu6")


@pytest.mark.parametrize("name", ["ReLU6", "Mine"])
@pytest.mark.parametrize("forward", ["torch.clamp(x, 0, 6)", "x.clamp(min=0, max=6)", "torch.nn.functional.relu6(x)"])
def test_a_limit_that_a_function_of_torch_forgets(tmp_path: Path, name: str, forward: str) -> None:
    right = checked(tmp_path, TORCH.format(name=name, forward=forward, mask="((x > 0) & (x < 6))"), "right.py")
    assert right.passes(name)
    wrong = checked(tmp_path, TORCH.format(name=name, forward=forward, mask="(x > 0)"), "wrong.py")
    assert "dx" in wrong.failed(name) or (name == "Mine" and "relu6" in forward)  # nothing shows that limit


HUBER = """
import numpy as np


class Huber:
    def __init__(self, delta=6.0):
        self.delta = delta

    def forward(self, y, t):
        self.d = y - t
        a = np.abs(self.d)
        return np.mean(np.where(a <= self.delta, 0.5 * a ** 2, self.delta * (a - 0.5 * self.delta)))

    def backward(self, dout=1):
        return dout * {of_class} / self.d.size


def {name}(y, t, delta=6.0):
    d = y - t
    a = np.abs(d)
    loss = np.mean(np.where(a <= delta, 0.5 * a ** 2, delta * (a - 0.5 * delta)))
    return loss, {of_function} / d.size
"""


@pytest.mark.parametrize("name", ["huber_loss", "robust_loss", "my_loss"])
def test_a_loss_is_tried_where_its_far_branch_is(tmp_path: Path, name: str) -> None:
    clipped = {"of_class": "np.clip(self.d, -self.delta, self.delta)", "of_function": "np.clip(d, -delta, delta)"}
    right = checked(tmp_path, HUBER.format(name=name, **clipped), "right.py")
    assert right.passes("Huber")
    assert right.passes(name), right.failed(name)  # with the delta of its author
    wrong = checked(tmp_path, HUBER.format(name=name, of_class="self.d", of_function="d"), "wrong.py")
    assert "dy" in wrong.failed("Huber")
    assert "dy" in wrong.failed(name)


HELPED = """
import numpy as np


def capped(x):
    return np.minimum(np.maximum(x, 0), 6)


class ByFunction:
    def forward(self, x):
        self.x = x
        return capped(x)

    def backward(self, dout):
        return dout * {mask}


class ByMethod:
    def cut(self, x):
        return np.minimum(np.maximum(x, 0), 6)

    def forward(self, x):
        self.x = x
        return self.cut(x)

    def backward(self, dout):
        return dout * {mask}
"""


@pytest.mark.parametrize("name", ["ByFunction", "ByMethod"])
def test_a_limit_in_what_the_forward_calls(tmp_path: Path, name: str) -> None:
    assert checked(tmp_path, HELPED.format(mask="((self.x > 0) & (self.x < 6))"), "right.py").passes(name)
    assert "dx" in checked(tmp_path, HELPED.format(mask="(self.x > 0)"), "wrong.py").failed(name)


CONTEXT = """
import numpy as np


class Function:
    pass


class ReLU6(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.x = x
        return np.clip(x, 0, 6)

    @staticmethod
    def backward(ctx, g):
        return g * {mask}


class IndexSelect(Function):
    @staticmethod
    def forward(ctx, x, i):
        ctx.kept = x, i
        return x.T[i].T

    @staticmethod
    def backward(ctx, g):
        x, i = ctx.kept
        dx = np.zeros(x.T.shape)
        np.add.at(dx, i, {given})
        return dx.T, None
"""


def test_static_methods_with_a_context_show_limits_and_axes_too(tmp_path: Path) -> None:
    right = checked(tmp_path, CONTEXT.format(mask="((ctx.x > 0) & (ctx.x < 6))", given="g.T"), "right.py")
    assert right.passes("ReLU6")
    assert right.passes("IndexSelect")
    wrong = checked(tmp_path, CONTEXT.format(mask="(ctx.x > 0)", given="g"), "wrong.py")
    assert set(wrong.failed("ReLU6")) == {"dx"}
    assert wrong.failed("IndexSelect")


GUARDED = """
import numpy as np


def sigmoid(x):
    x = np.clip(x, -{far}, {far})
    return 1 / (1 + np.exp(-x))


class ByFunction:
    def forward(self, x):
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        return {factor} * dout * self.out * (1 - self.out)


class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-np.clip(x, -{far}, {far})))
        return self.out

    def backward(self, dout):
        return {factor} * dout * self.out * (1 - self.out)


class Softmax:
    def forward(self, x):
        e = np.exp(np.minimum(x, {far}))
        self.y = e / e.sum(axis=1, keepdims=True)
        return self.y

    def backward(self, dout):
        return {factor} * self.y * (dout - (dout * self.y).sum(axis=1, keepdims=True))


class CrossEntropy:
    def forward(self, x, t):
        self.p, self.t = sigmoid(x), t
        return -np.mean(t * np.log(self.p) + (1 - t) * np.log(1 - self.p))

    def backward(self, dout=1):
        return {factor} * dout * (self.p - self.t) / self.t.size
"""
NAMES = ("ByFunction", "Sigmoid", "Softmax", "CrossEntropy")


@pytest.mark.parametrize("far", [10, 20, 50])
def test_a_guard_against_overflow_is_no_limit(tmp_path: Path, far: int) -> None:
    right = checked(tmp_path, GUARDED.format(far=far, factor=1), "right.py")
    assert [n for n in NAMES if right.failed(n)] == []
    assert all(map(right.passes, NAMES))
    wrong = checked(tmp_path, GUARDED.format(far=far, factor=2), "wrong.py")
    assert all(map(wrong.failed, NAMES))


SPELLED = """
import numpy as np


def safe(x):
    return np.clip(x, -20, 20)


class Sigmoid:
    def forward(self, x):
        {guard}
        self.out = 1 / (1 + np.exp(-z))
        return self.out

    def backward(self, dout):
        return {factor} * dout * self.out * (1 - self.out)
"""
GUARDS = [
    "z = x.copy(); z[z > 20] = 20; z[z < -20] = -20",
    "z = np.where(x > 20, 20, x); z = np.where(z < -20, -20, z)",
    "z = np.minimum(np.maximum(x, -20), 20)",
    "z = safe(x)",
    "z = x.clip(-20, 20)",
]


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_may_be_spelled_otherwise(tmp_path: Path, guard: str) -> None:
    assert checked(tmp_path, SPELLED.format(guard=guard, factor=1), "right.py").passes("Sigmoid")
    assert checked(tmp_path, SPELLED.format(guard=guard, factor=2), "wrong.py").failed("Sigmoid")


CAPPED = """
import numpy as np


class {name}:
    def forward(self, x):
        self.x = x
        self.y = np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)
        return np.minimum(self.y, 6)

    def backward(self, dout):
        return dout * {mask}np.where(self.x > 0, 1, self.y + 1)
"""


@pytest.mark.parametrize("name", ["Block", "CappedELU"])
def test_a_limit_beside_an_exponential_is_one(tmp_path: Path, name: str) -> None:
    assert checked(tmp_path, CAPPED.format(name=name, mask="(self.y < 6) * "), "right.py").passes(name)
    assert "dx" in checked(tmp_path, CAPPED.format(name=name, mask=""), "wrong.py").failed(name)
