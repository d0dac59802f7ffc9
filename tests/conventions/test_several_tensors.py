"""Operations of an engine that take a list of tensors or give several: joined, split, packed into a tuple."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from gradcheck_plugin.api import Report, check_paths
from gradcheck_plugin.model import Settings, Verdict

CALLED = """
import numpy as np

class Variable:
    def __init__(self, data):
        self.data, self.grad, self.creator = data, None, None

    def __add__(self, other):
        return Add()(self, other)

    def __mul__(self, other):
        return Mul()(self, other)

    def sum(self):
        return Sum()(self)

    def backward(self):
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        order, seen = [], set()
        def visit(f):
            if f is not None and id(f) not in seen:
                seen.add(id(f))
                for x in f.inputs:
                    visit(x.creator)
                order.append(f)
        visit(self.creator)
        for f in reversed(order):
            given = f.backward(*[y.grad for y in f.outputs])
            for x, g in zip(f.inputs, given if isinstance(given, (tuple, list)) else (given,)):
                x.grad = g if x.grad is None else x.grad + g

class Function:
    def __call__(self, *inputs):
        ys = self.forward(*[x.data for x in inputs])
        ys = ys if isinstance(ys, (tuple, list)) else (ys,)
        self.inputs, self.outputs = inputs, [Variable(np.asarray(y)) for y in ys]
        for y in self.outputs:
            y.creator = self
        return self.outputs if len(ys) > 1 else self.outputs[0]

    def forward(self, *xs):
        raise NotImplementedError

    def backward(self, *gys):
        raise NotImplementedError

class Add(Function):
    def forward(self, a, b):
        return a + b

    def backward(self, gy):
        return gy, gy

class Mul(Function):
    def forward(self, a, b):
        return a * b

    def backward(self, gy):
        a, b = self.inputs
        return gy * b.data, gy * a.data

class Sum(Function):
    def forward(self, x):
        return x.sum()

    def backward(self, gy):
        return np.full(self.inputs[0].data.shape, gy)

class Concat(Function):
    def __init__(self, axis=1):
        self.axis = axis

    def forward(self, *xs):
        self.ends = np.cumsum([x.shape[self.axis] for x in xs])[:-1]
        return np.concatenate(xs, self.axis)

    def backward(self, gy):
        {concat}

class Split(Function):
    def __init__(self, sections, axis):
        self.sections, self.axis = sections, axis

    def forward(self, x):
        return tuple(np.split(x, self.sections, self.axis))

    def backward(self, *gys):
        {split}
"""
CONCAT = "return np.split(gy, self.ends, self.axis)"
SPLIT = "return np.concatenate(gys, self.axis)"

APPLIED = """
import numpy as np

class Context:
    def save_for_backward(self, *values):
        self.saved = values

class Tensor:
    def __init__(self, data, requires_grad=False):
        self.data, self.requires_grad, self.grad, self.way_back = np.asarray(data), requires_grad, None, None

    def backward(self, gradient):
        if self.way_back is None:
            self.grad = gradient if self.grad is None else self.grad + gradient
        else:
            self.way_back(gradient)

    def nodes(self):
        return [self, Tensor(self.data)]

    def chunk(self, chunks, axis):
        return Chunk.apply(self, chunks, axis)

class Function:
    @classmethod
    def apply(cls, given, *settings):
        ctx, tensors = Context(), given if isinstance(given, list) else [given]
        arrays = [t.data for t in tensors]
        out = cls.forward(ctx, arrays if isinstance(given, list) else arrays[0], *settings)
        wrapped = []
        for k, y in enumerate(out if isinstance(out, list) else [out]):
            def way_back(g, k=k):
                given = cls.backward(ctx, g, k) if isinstance(out, list) else cls.backward(ctx, g)
                for t, part in zip(tensors, given):
                    t.backward(part)
            wrapped.append(Tensor(y))
            wrapped[-1].way_back = way_back
        return wrapped if isinstance(out, list) else wrapped[0]

class Stack(Function):
    @staticmethod
    def forward(ctx, tensors, axis):
        ctx.save_for_backward(axis, len(tensors))
        return np.stack(tensors, axis)

    @staticmethod
    def backward(ctx, g):
        axis, n = ctx.saved
        {stack}

class Chunk(Function):
    @staticmethod
    def forward(ctx, x, chunks, axis):
        ctx.save_for_backward(x.shape, chunks, axis)
        return np.split(x, chunks, axis)

    @staticmethod
    def backward(ctx, g, k):
        shape, chunks, axis = ctx.saved
        dx = np.zeros(shape)
        np.split(dx, chunks, axis)[{chunk}][...] = g
        return (dx,)
"""
STACK = "return [np.take(g, k, axis) for k in range(n)]"

TUPLES = """
import numpy as np

class Value:
    def realise(self):
        if self.cached_data is None:
            self.cached_data = self.op.compute(*[x.realise() for x in self.inputs])
        return self.cached_data

    def fill(self, op, inputs, data=None):
        self.op, self.inputs, self.cached_data, self.grad = op, inputs, data, None
        self.realise()
        return self

    def backward(self, out_grad):
        self.grad = out_grad if self.grad is None else self.grad + out_grad
        if self.op is not None:
            given = self.op.gradient(out_grad, self)
            for x, g in zip(self.inputs, given if isinstance(given, tuple) else (given,)):
                x.backward(g)

class Tensor(Value):
    def __init__(self, data):
        self.fill(None, [], np.asarray(data))

    def __add__(self, other):
        return Add()(self, other)

class TensorTuple(Value):
    def __len__(self):
        return len(self.cached_data)

    def __getitem__(self, index):
        return TupleGetItem(index)(self)

    def __add__(self, other):
        return MakeTensorTuple()(*[self[i] + other[i] for i in range(len(self))])

class Op:
    def __call__(self, *args):
        raise NotImplementedError

    def compute(self, *arrays):
        raise NotImplementedError

    def gradient(self, out_grad, node):
        raise NotImplementedError

class TensorOp(Op):
    def __call__(self, *args):
        return Tensor.__new__(Tensor).fill(self, args)

class TensorTupleOp(Op):
    def __call__(self, *args):
        return TensorTuple.__new__(TensorTuple).fill(self, args)

class MakeTensorTuple(TensorTupleOp):
    def compute(self, *args):
        return args

    def gradient(self, out_grad, node):
        return tuple(out_grad[i] for i in {make})

class TupleGetItem(TensorOp):
    def __init__(self, index):
        self.index = index

    def __call__(self, a, fold_const=True):
        assert isinstance(a, TensorTuple)
        if fold_const and isinstance(a.op, MakeTensorTuple):
            return a.inputs[self.index]
        return super().__call__(a)

    def compute(self, a):
        return a[self.index]

    def gradient(self, out_grad, node):
        zeros = [Tensor(np.zeros_like(v.cached_data)) for v in node.inputs[0]]
        zeros[{get}] = out_grad
        return MakeTensorTuple()(*zeros)

class Add(TensorOp):
    def compute(self, a, b):
        return a + b

    def gradient(self, out_grad, node):
        return out_grad, out_grad

class PlusAndTimes(TensorTupleOp):
    def __init__(self, c0):
        self.c0 = c0

    def compute(self, a):
        return a + self.c0, a * self.c0

    def gradient(self, out_grad, node):
        return Tensor(out_grad[0].cached_data + {times} * out_grad[1].cached_data)

class Stack(TensorOp):
    def __init__(self, axis):
        self.axis = axis

    def compute(self, args):
        return np.stack(args, self.axis)

    def gradient(self, out_grad, node):
        return Split({axis})(out_grad)

class Split(TensorTupleOp):
    def __init__(self, axis):
        self.axis = axis

    def compute(self, a):
        return tuple(np.moveaxis(a, self.axis, 0))

    def gradient(self, out_grad, node):
        return Tensor(np.stack([g.cached_data for g in out_grad][::{step}], self.axis))
"""
CONV = """
class Conv(TensorOp):
    def compute(self, a, b):
        n, h, w, _ = a.shape
        k = len(b)
        out = np.zeros((n, h - k + 1, w - k + 1, b.shape[3]))
        for i in range(k):
            for j in range(k):
                out += a[:, i:i + out.shape[1], j:j + out.shape[2]] @ b[i, j]
        return out

    def gradient(self, out_grad, node):
        a, b = (x.cached_data for x in node.inputs)
        g = out_grad.cached_data
        assert g.shape[1] == g.shape[2], "square only"
        da, db = np.zeros_like(a), np.zeros_like(b)
        for i in range(len(b)):
            for j in range(len(b)):
                window = np.s_[:, i:i + g.shape[1], j:j + g.shape[2]]
                da[window] += g @ b[i, j].T
                db[i, j] = np.einsum("nhwc,nhwf->cf", a[window], g){factor}
        return Tensor(da), Tensor(db)
"""
RIGHT = {"make": "range(len(out_grad))", "get": "self.index", "times": "self.c0", "axis": "self.axis", "step": "1"}


def report(folder: Path, text: str) -> Report:
    (folder / "engine.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return check_paths([folder / "engine.py"], Settings(cases=4, seconds=5.0))


def failed(found: Report) -> set[tuple[str, str]]:
    return {(r.target, r.property) for r in found.results if r.verdict is Verdict.FAIL}


def filled(text: str, **parts: str) -> str:
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    return text


def called(concat: str = CONCAT, split: str = SPLIT) -> str:
    return filled(CALLED, concat=concat, split=split)


def test_functions_that_are_called_with_several_variables(tmp_path: Path) -> None:
    found = report(tmp_path, called())
    assert failed(found) == set()
    passed = {(r.target, r.property) for r in found.results if r.verdict is Verdict.PASS}
    assert passed >= {("Concat", "dx0"), ("Concat", "dx1"), ("Split", "dx")}
    assert found.not_driven == []


@pytest.mark.parametrize(
    ("wrong", "target"),
    [
        ({"concat": "return np.split(gy, self.ends, self.axis)[::-1]"}, "Concat"),
        ({"concat": "return [g.copy() for g in np.array_split(gy, 2, self.axis)]"}, "Concat"),
        ({"split": "return np.concatenate(gys[::-1], self.axis)"}, "Split"),
        ({"split": "return np.concatenate([gys[0]] * len(gys), self.axis)"}, "Split"),
        ({"split": "return np.concatenate([g * 0 + 1 for g in gys], self.axis)"}, "Split"),
    ],
    ids=["reversed", "halves", "other order", "the first only", "upstream ignored"],
)
def test_wrong_functions_of_several_variables(tmp_path: Path, wrong: dict[str, str], target: str) -> None:
    assert {t for t, _ in failed(report(tmp_path, called(**wrong)))} == {target}


def test_lists_are_applied_and_given_back(tmp_path: Path) -> None:
    found = report(tmp_path, filled(APPLIED, stack=STACK, chunk="k"))
    assert failed(found) == set()
    assert {(r.target, r.property) for r in found.results} >= {
        ("Stack", "dtensors0"), ("Stack", "dtensors1"), ("Chunk", "dx"), ("Tensor.chunk", "dself")
    }  # fmt: skip
    assert not [n for n in (*found.results, *found.not_driven) if "nodes" in n.target]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"stack": "return [np.take(g, 0, axis)] * n"}, {("Stack", "dtensors1")}),
        ({"chunk": "0"}, {("Chunk", "dx"), ("Tensor.chunk", "dself")}),
    ],
)
def test_wrong_lists(tmp_path: Path, wrong: dict[str, str], expected: set[tuple[str, str]]) -> None:
    assert failed(report(tmp_path, filled(APPLIED, **({"stack": STACK, "chunk": "k"} | wrong)))) == expected


def test_tuples_of_the_engine_s_own(tmp_path: Path) -> None:
    found = report(tmp_path, filled(TUPLES, **RIGHT))
    assert failed(found) == set()
    assert {r.target for r in found.results} >= {"MakeTensorTuple", "TupleGetItem", "PlusAndTimes", "Stack", "Split"}
    passed = {(r.target, r.property) for r in found.results if r.verdict is Verdict.PASS}
    assert passed >= {("TupleGetItem", "da1"), ("Split", "da"), ("Stack", "dargs1"), ("MakeTensorTuple", "dx0")}


@pytest.mark.parametrize(
    ("part", "text", "target"),
    [
        ("make", "reversed(range(len(out_grad)))", "MakeTensorTuple"),
        ("get", "0", "TupleGetItem"),
        ("times", "1", "PlusAndTimes"),
        ("axis", "0", "Stack"),
        ("step", "-1", "Split"),
    ],
)
def test_a_wrong_operation_on_tuples_takes_no_other_along(tmp_path: Path, part: str, text: str, target: str) -> None:
    found = {t for t, _ in failed(report(tmp_path, filled(TUPLES, **(RIGHT | {part: text}))))}
    assert found == {target}


def test_a_square_image_does_not_hide_that_others_raise(tmp_path: Path) -> None:
    found = report(tmp_path, filled(TUPLES + CONV, **RIGHT, factor=""))
    variants = {r.variant for r in found.results if r.target == "Conv"}
    assert failed(found) == set()
    assert len(variants) == 1
    assert "its backward raises for inputs of other shapes" in variants.pop()


def test_a_wrong_one_of_square_images(tmp_path: Path) -> None:
    assert failed(report(tmp_path, filled(TUPLES + CONV, **RIGHT, factor=" * 2"))) == {("Conv", "db")}
