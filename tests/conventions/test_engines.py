"""Autograd engines through their public API: tensors, upstream gradients, and what is not driven."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from gradcheck_plugin.api import Report, check_paths
from gradcheck_plugin.model import Settings, Verdict

VALUE = """
class Value:
    def __init__(self, data, children=()):
        self.data, self.grad, self.children = data, 0, children
        self._backward = lambda: None

    def __add__(self, other):
        out = Value(self.data + other.data, (self, other))
        def _backward():
            self.grad += out.grad
            other.grad += out.grad
        out._backward = _backward
        return out

    def __mul__(self, other):
        out = Value(self.data * other.data, (self, other))
        def _backward():
            {mul}
        out._backward = _backward
        return out

    def double(self):
        out = Value(2 * self.data, (self,))
        def _backward():
            self.grad += {double}
        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()
        def visit(v):
            if v not in seen:
                seen.add(v)
                for child in v.children:
                    visit(child)
                order.append(v)
        visit(self)
        self.grad = 1
        for v in reversed(order):
            v._backward()
"""
MUL = "self.grad += other.data * out.grad; other.grad += self.data * out.grad"

FUNCTION = """
import numpy as np

class Variable:
    def __init__(self, data):
        self.data, self.grad = data, None

class Function:
    def __call__(self, *inputs):
        self.inputs = inputs
        return Variable(self.forward(*[x.data for x in inputs]))

    def forward(self, *xs):
        raise NotImplementedError()

    def backward(self, gy):
        raise NotImplementedError()

class Cube(Function):
    def forward(self, x):
        return x ** 3

    def backward(self, gy):
        return 3 * self.inputs[0].data ** 2 * gy

class Cosh(Function):
    def forward(self, x):
        return np.cosh(x)
"""

TENSOR = """
import numpy as np

class Tensor:
    '''A tensor that remembers its creators and the name of the operation.'''

    def __init__(self, data, autograd=False, creators=None, creation_op=None):
        self.data, self.autograd = np.array(data), autograd
        self.creators, self.creation_op, self.grad = creators, creation_op, None
        self.waiting = 0
        for c in creators or ():
            c.waiting += 1

    def backward(self, grad=None):
        grad = Tensor(np.ones_like(self.data)) if grad is None else grad
        self.grad = grad if self.grad is None else Tensor(self.grad.data + grad.data)
        self.waiting -= 1
        if self.creators is None or self.waiting > 0:
            return
        g = self.grad
        if self.creation_op == "add":
            for c in self.creators:
                c.backward(g)
        if self.creation_op == "mul":
            a, b = self.creators
            a.backward(Tensor(g.data * b.data))
            b.backward(Tensor(g.data * a.data))
        if self.creation_op == "mm":
            a, b = self.creators
            a.backward(Tensor(g.data @ b.data.T))
            b.backward(Tensor({mm}))
        if "sum" in self.creation_op:
            (a,) = self.creators
            axis = int(self.creation_op.split("_")[1])
            a.backward(Tensor(np.repeat(np.expand_dims(g.data, axis), a.data.shape[axis], axis)))

    def __add__(self, other):
        return Tensor(self.data + other.data, True, [self, other], "add")

    def __mul__(self, other):
        return Tensor(self.data * other.data, True, [self, other], "mul")

    def mm(self, x):
        return Tensor(self.data @ x.data, True, [self, x], "mm")

    def sum(self, dim):
        return Tensor(self.data.sum(dim), True, [self], "sum_" + str(dim))

    def zero_grad(self):
        self.grad = None
"""


def report(folder: Path, text: str, name: str = "engine.py") -> Report:
    (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return check_paths([folder / name], Settings(cases=8, seconds=2.0))


def verdicts(found: Report) -> dict[tuple[str, str], Verdict]:
    return {(r.target, r.property): r.verdict for r in found.results}


def failed(found: Report) -> set[str]:
    return {r.target for r in found.results if r.verdict is not Verdict.PASS}


def test_a_scalar_engine_starts_from_ones_and_is_multiplied(tmp_path: Path) -> None:
    found = report(tmp_path, VALUE.format(mul=MUL, double="2 * out.grad"))
    assert failed(found) == set()
    assert {r.target for r in found.results} == {
        "Value.add", "Value.mul", "Value.double", "Value reuse", "Value diamond"
    }  # fmt: skip
    assert {r.convention for r in found.results if r.target == "Value.double"} == {
        "scalar engine with its own `Value`, upstream gradient by (out * dout).backward()"
    }


def test_an_upstream_gradient_that_is_ignored_is_found(tmp_path: Path) -> None:
    found = report(tmp_path, VALUE.format(mul=MUL, double="2"))
    assert failed(found) == {"Value.double"}
    assert [r.finding.code for r in found.failed if r.finding] == ["upstream-ignored"]


def test_a_wrong_product_takes_no_other_operation_along(tmp_path: Path) -> None:
    wrong = "self.grad += self.data * out.grad; other.grad += other.data * out.grad"
    found = report(tmp_path, VALUE.format(mul=wrong, double="2 * out.grad"))
    assert failed(found) == {"Value.mul"}
    assert verdicts(found)["Value.double", "dself"] is Verdict.PASS


def test_functions_whose_variables_have_no_backward_are_asked_themselves(tmp_path: Path) -> None:
    found = report(tmp_path, FUNCTION)
    assert verdicts(found) == {("Cube", "contract"): Verdict.PASS, ("Cube", "dx"): Verdict.PASS}
    assert {n.target: n.reason for n in found.not_driven} == {"Cosh": "`Cosh` has no backward of its own"}


def test_functions_without_a_class_of_tensors_are_not_driven(tmp_path: Path) -> None:
    broken = "class Variable:\n    def __new__(cls, *a): raise RuntimeError('no GPU')\n"
    text = FUNCTION.replace("class Variable:", broken)
    found = report(tmp_path, text)
    assert found.results == []
    assert all("no tensor for" in n.reason for n in found.not_driven)


def test_methods_that_take_an_axis_or_a_matrix(tmp_path: Path) -> None:
    found = report(tmp_path, TENSOR.format(mm="self.creators[0].data.T @ g.data"))
    assert failed(found) == set()
    assert {r.target for r in found.results} == {
        "Tensor.add", "Tensor.mul", "Tensor.mm", "Tensor.sum", "Tensor reuse", "Tensor diamond"
    }  # fmt: skip


def test_a_wrong_gradient_of_a_matrix_is_found(tmp_path: Path) -> None:
    found = report(tmp_path, TENSOR.format(mm="2 * self.creators[0].data.T @ g.data"))
    assert [(r.target, r.property, r.finding.code) for r in found.failed if r.finding] == [
        ("Tensor.mm", "dx", "factor-two")
    ]


def test_an_engine_without_broadcasting_is_not_asked_for_it(tmp_path: Path) -> None:
    found = report(tmp_path, TENSOR.format(mm="self.creators[0].data.T @ g.data"))
    assert not [r.target for r in found.results if "broadcast" in r.target]


def test_what_is_not_written_yet_is_said_so(tmp_path: Path) -> None:
    text = VALUE.format(mul=MUL, double="2 * out.grad").replace(
        "        self.grad = 1\n", "        raise NotImplementedError('역전파')\n"
    )
    found = report(tmp_path, text)
    assert {r.finding.code for r in found.results if r.finding} == {"not-implemented"}


@pytest.mark.parametrize("name", ["Layer", "Model"])
def test_a_layer_whose_base_is_called_is_no_function_of_an_engine(tmp_path: Path, name: str) -> None:
    found = report(
        tmp_path,
        f"""
        import numpy as np

        class {name}:
            def __call__(self, x):
                return self.forward(x)

        class Tanh({name}):
            def forward(self, x):
                self.y = np.tanh(x)
                return self.y

            def backward(self, dout):
                return dout * (1 - self.y ** 2)
        """,
    )
    assert failed(found) == set()
    assert {r.convention for r in found.results} == {"class layer"}
