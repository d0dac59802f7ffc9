"""Operations of an engine of the author's own: what their arguments are is told by gradients and names."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

from gradcheck_plugin.model import Verdict

ENGINE = """
import numpy as np


class Ctx:
    saved_tensors = ()

    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors


class Tensor:
    def __init__(self, data, requires_grad=True):
        self.data = np.asarray(data)
        self.requires_grad = requires_grad
        self.grad = None
        self.grad_fn = None
        self.inputs = ()

    def backward(self, grad=None):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.inputs:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.data) if grad is None else grad
        for node in reversed(order):
            if node.grad_fn is None:
                continue
            function, ctx = node.grad_fn
            for parent, g in zip(node.inputs, function.backward(ctx, node.grad)):
                if g is not None and parent.requires_grad:
                    parent.grad = g if parent.grad is None else parent.grad + g


class Function:
    @classmethod
    def apply(cls, *args):
        ctx = Ctx()
        out = Tensor(cls.forward(ctx, *(a.data for a in args)))
        out.grad_fn = (cls, ctx)
        out.inputs = args
        return out
"""

SLOPES = (
    ENGINE
    + """

class ParametricReLU(Function):
    @staticmethod
    def forward(ctx, x, a):
        ctx.save_for_backward(x, a)
        return np.where(x > 0, x, a[:, None] * x)

    @staticmethod
    def backward(ctx, gy):
        x, a = ctx.saved_tensors
        da = (gy * np.minimum(x, 0)).sum(axis=(0, 2))
        return gy * np.where(x > 0, 1, a[:, None]), DA
"""
)


def test_one_slope_for_all_stays_open(tmp_path: Path) -> None:
    assert checked(tmp_path, SLOPES.replace("DA", "da"), "each.py").passes("ParametricReLU")
    found = checked(tmp_path, SLOPES.replace("DA", "da.sum(keepdims=True)"), "one.py")
    assert found.failed("ParametricReLU") == {}
    assert "the forward takes both" in found.result("ParametricReLU", "da").reason


def test_what_is_wrong_as_one_slope_too_fails(tmp_path: Path) -> None:
    for wrong in ("2 * da.sum(keepdims=True)", "da[:1]", "da[:, None] * da"):
        assert "da" in checked(tmp_path, SLOPES.replace("DA", wrong), "wrong.py").failed("ParametricReLU")


FILL = (
    ENGINE
    + """

class Layer(Function):
    @staticmethod
    def forward(ctx, inputs, mask):
        ctx.save_for_backward(mask)
        return np.where(mask == 0, -5.0, inputs)

    @staticmethod
    def backward(ctx, dout):
        (mask,) = ctx.saved_tensors
        return DX, None
"""
)


def test_a_mask_has_zeros_where_no_reference_is_known_by_the_name(tmp_path: Path) -> None:
    assert checked(tmp_path, FILL.replace("DX", "np.where(mask == 0, 0, dout)"), "right.py").passes("Layer")
    for wrong in ("dout * 1.0", "np.where(mask == 0, dout, 0)"):
        assert "dinputs" in checked(tmp_path, FILL.replace("DX", wrong), "wrong.py").failed("Layer")


def test_what_backward_gives_a_gradient_of_is_a_tensor_whatever_its_name(tmp_path: Path) -> None:
    source = SLOPES.replace("(x, a)", "(x, alpha)").replace("ctx, x, a)", "ctx, x, alpha)").replace("a[:", "alpha[:")
    source = source.replace("x, a = ctx", "x, alpha = ctx")
    assert checked(tmp_path, source.replace("DA", "da"), "right.py").passes("ParametricReLU")
    assert "dalpha" in checked(tmp_path, source.replace("DA", "2 * da"), "wrong.py").failed("ParametricReLU")


AT_TEST_TIME = (
    ENGINE
    + """

class BatchNorm(Function):
    @staticmethod
    def forward(ctx, x, mean, var, gamma, beta):
        ctx.save_for_backward(x, mean, var, gamma)
        return gamma * (x - mean) / np.sqrt(var + 1e-3) + beta

    @staticmethod
    def backward(ctx, dout):
        x, mean, var, gamma = ctx.saved_tensors
        s = np.sqrt(var + 1e-3)
        return DX, None, None, (dout * (x - mean) / s).sum(axis=0), dout.sum(axis=0)
"""
)


def test_none_in_front_of_a_gradient_holds_the_place_of_a_tensor(tmp_path: Path) -> None:
    assert checked(tmp_path, AT_TEST_TIME.replace("DX", "dout * gamma / s"), "right.py").passes("BatchNorm")
    assert "dx" in checked(tmp_path, AT_TEST_TIME.replace("DX", "dout * gamma"), "wrong.py").failed("BatchNorm")


OUTER = """
import numpy as np


class Tensor:
    def __init__(self, data):
        self.data, self.grad, self.creator = np.asarray(data, dtype=float), None, None

    def backward(self, grad=None):
        self.grad = np.ones_like(self.data) if grad is None else grad
        if self.creator is not None:
            function, context, inputs = self.creator
            for tensor, g in zip(inputs, function.backward(context, self.grad)):
                tensor.grad = g if tensor.grad is None else tensor.grad + g


class Context:
    pass


class Function:
    @classmethod
    def apply(cls, *tensors):
        context = Context()
        out = Tensor(cls.forward(context, *(t.data for t in tensors)))
        out.creator = (cls, context, tensors)
        return out


class Unit(Function):
    @staticmethod
    def forward(context, x, y):
        context.saved = x, y
        return np.outer(x, y)

    @staticmethod
    def backward(context, grad):
        x, y = context.saved
        return grad @ y, {dy}
"""


def test_what_is_made_of_two_vectors_is_given_two_vectors(tmp_path: Path) -> None:
    assert checked(tmp_path, OUTER.format(dy="grad.T @ x")).passes("Unit")
    assert set(checked(tmp_path, OUTER.format(dy="-grad.T @ x")).failed("Unit")) == {"dy"}


INNER = (
    ENGINE
    + """

class Node(Function):
    @staticmethod
    def forward(ctx, left, right):
        ctx.save_for_backward(left, right)
        return {forward}

    @staticmethod
    def backward(ctx, grad):
        left, right = ctx.saved_tensors
        {backward}
"""
)


def test_the_inner_product_of_two_vectors_is_not_failed_for_rows(tmp_path: Path) -> None:
    forward = "(left[None, :] * right[None, :]).sum(axis=1)[0]"
    backward = "grad = np.reshape(grad, (1,)); return grad * right, grad * left"
    found = checked(tmp_path, INNER.format(forward=forward, backward=backward))
    assert found.failed("Node") == {}
    assert found.result("Node", "dleft").verdict is Verdict.INCONCLUSIVE
    assert "right for vectors" in found.result("Node", "dleft").reason
    wrong = checked(tmp_path, INNER.format(forward=forward, backward=backward.replace("* right", "* left")))
    assert wrong.failed("Node")


def test_what_gives_an_entry_for_each_entry_is_meant_for_rows(tmp_path: Path) -> None:
    backward = "return grad * right.T, grad * left"
    found = checked(tmp_path, INNER.format(forward="left * right", backward=backward))
    assert found.failed("Node")
