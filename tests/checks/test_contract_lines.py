"""Every clause of the contract: its code on the user's own line, and right code of the same look that passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from benchmarks import references
from reference_subject import target

from gradcheck_plugin.api import Report, check
from gradcheck_plugin.diagnosis.codes import CODES
from gradcheck_plugin.judging import contract
from gradcheck_plugin.model import Finding, Severity, Verdict
from gradcheck_plugin.sizes import generic_sizes
from reference_impls import specs


class Kept:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)


# state


class ClassAttribute:
    cache = None

    def forward(self, x):
        ClassAttribute.cache = np.tanh(x)
        return ClassAttribute.cache

    def backward(self, dout):
        return dout * (1 - ClassAttribute.cache**2)  # line


class MutableDefault:
    def __init__(self, kept={}):  # noqa: B006
        self.kept = kept

    def forward(self, x):
        self.kept["y"] = np.tanh(x)
        return self.kept["y"]

    def backward(self, dout):
        return dout * (1 - self.kept["y"] ** 2)  # line


class OwnDictionary:
    def __init__(self):
        self.kept = {}

    forward, backward = MutableDefault.forward, MutableDefault.backward


_STACK = []


class GlobalStack:
    """A stack for all objects: whoever goes back first gets what the last one left."""

    def forward(self, x):
        _STACK.append(np.tanh(x))
        return _STACK[-1]

    def backward(self, dout):
        y = _STACK.pop()
        _STACK.append(y)
        return dout * (1 - y**2)  # line


_OUT = {}


class GlobalBuffer(Kept):
    def forward(self, x):
        self.y = np.tanh(x)
        out = _OUT.setdefault(x.shape, np.empty(x.shape))
        out[...] = self.y
        return out  # line


class OwnBuffer(Kept):
    def __init__(self):
        self.out = {}

    def forward(self, x):
        self.y = np.tanh(x)
        out = self.out.setdefault(x.shape, np.empty_like(self.y))
        out[...] = self.y
        return out


class FirstForward(Kept):
    def forward(self, x):
        y = np.tanh(x)
        self.y = getattr(self, "y", y)
        return y

    def backward(self, dout):
        return dout * (1 - self.y**2)  # line


class Counter(Kept):
    count = 0

    def forward(self, x):
        Counter.count += 1
        return super().forward(x) + Counter.count  # line


class Running:
    """Adds up over all calls, of every object."""

    total = {}

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        dW = self.x.T @ dout
        self.dW = Running.total[dW.shape] = Running.total.get(dW.shape, 0) + dW  # line
        return dout @ self.W.T


class Momentum(Kept):
    """The gradient of the last call goes into this one."""

    before = {}

    def backward(self, dout):
        dx = dout * (1 - self.y**2)  # line
        mixed = dx + 0.5 * Momentum.before.get(dx.shape, 0)
        Momentum.before[dx.shape] = dx
        return mixed


# linearity


class Squares(Kept):
    def backward(self, dout):
        return np.sign(dout) * dout**2 * (1 - self.y**2)  # line


class Clips(Kept):
    def backward(self, dout):
        return np.clip(dout * (1 - self.y**2), -100, 100)  # line


class Norms(Kept):
    def backward(self, dout):
        return dout / np.abs(dout).max() * (1 - self.y**2)  # line


class OneAtZero(Kept):
    def backward(self, dout):
        if not np.any(dout):
            dout = np.ones_like(dout)
        return dout * (1 - self.y**2)  # line


class Mixes(Kept):
    """Homogeneous, and not additive."""

    def backward(self, dout):
        return dout * (1 - self.y**2) * (np.abs(dout).max() / np.abs(dout).sum() + 1)  # line


class ChecksZero(Kept):
    def backward(self, dout):
        if not np.any(dout):
            return np.zeros_like(dout)
        return dout * (1 - self.y**2)


# memory


class WritesUpstream(Kept):
    def backward(self, dout):
        scale = 1 - self.y**2
        dout *= scale  # line
        return dout.copy()


class ReluInPlace:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0  # line
        return dout + 0


class CopiesUpstream(ReluInPlace):
    def backward(self, dout):
        dout = dout.copy()
        dout[self.mask] = 0
        return dout


class WritesInput(Kept):
    def forward(self, x):
        self.y = np.tanh(x)
        x *= 0  # line
        return self.y


class WritesHelper(Kept):
    def forward(self, x):
        self.y = np.tanh(x)
        np.asarray(x).sort()  # line
        return self.y


class CopiesFlags(Kept):
    """A copy that is as writable as what it was made from: a write into it is no write into the input."""

    def forward(self, x):
        out = np.array(x, dtype=np.result_type(x, np.float32))
        out.flags.writeable = x.flags.writeable
        out[...] = np.tanh(out)
        self.y = out
        return out


class Restores(Kept):
    def forward(self, x):
        try:
            x += 0
        except ValueError as exc:
            raise RuntimeError("cannot work with this") from exc
        return super().forward(x)


class WritesParameter:
    def __init__(self, W):
        self.W = W.copy()

    def forward(self, x):
        self.W /= np.linalg.norm(self.W)  # line
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


class WritesOutput(Kept):
    def backward(self, dout):
        self.y **= 2
        return dout * (1 - self.y)  # line


class SharedGradients:
    def forward(self, a, b):
        return a + b

    def backward(self, dout):
        dout = dout * 1
        return dout, dout  # line


class OwnGradients(SharedGradients):
    def backward(self, dout):
        return dout * 1, dout * 1


class Passes:
    def forward(self, x):
        return x * 1

    def backward(self, dout):
        return dout  # line


class KeepsView:
    """The output is the input, and the backward reads it again."""

    def forward(self, x):
        self.x, self.before = x, x.copy()
        return x  # line

    def backward(self, dout):
        return dout * (self.x == self.before)


class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout):
        return dout.reshape(self.shape).copy()


class GlobalGradient:
    """Two layers of a network write their dW into one array."""

    buffers = {}

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = GlobalGradient.buffers.setdefault(self.W.shape, np.zeros(self.W.shape))  # line
        self.dW[...] = self.x.T @ dout
        return dout @ self.W.T


class OwnGradient(GlobalGradient):
    def __init__(self, W):
        self.W, self.dW = W, np.zeros_like(W)

    def backward(self, dout):
        self.dW[...] = self.x.T @ dout
        return dout @ self.W.T


class ReadsMemory(Kept):
    def forward(self, x):
        self.y = np.tanh(x)
        self.order = x.flags.c_contiguous
        return self.y

    def backward(self, dout):
        scale = 1 - self.y**2
        return dout * (scale if self.order else scale[::-1])  # line


class NeedsContiguous(Kept):
    def forward(self, x):
        if not x.flags.c_contiguous:
            raise ValueError("contiguous arrays only")  # line
        return super().forward(x)


class FortranCopy(Kept):
    def forward(self, x):
        self.y = np.asfortranarray(np.tanh(x))
        return self.y


# dtypes


class Wide(Kept):
    def forward(self, x):
        self.y = np.zeros(x.shape)
        self.y[...] = np.tanh(x)
        return self.y  # line


class WideGradient:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = np.zeros(self.W.shape) + self.x.T @ dout  # line
        return dout @ self.W.T


class Narrow(Kept):
    def backward(self, dout):
        return (dout * (1 - self.y**2)).astype(np.float32)  # line


class CutsOutput(Kept):
    def forward(self, x):
        out = np.zeros_like(x)
        out[...] = np.tanh(x)
        self.y = np.tanh(x)
        return out  # line


class RefusesIntegers(Kept):
    def forward(self, x):
        if x.dtype.kind != "f":
            raise TypeError("floats only")
        out = np.zeros_like(x)
        out[...] = np.tanh(x)
        self.y = out
        return out


# batches


class Squeezes(Kept):
    def forward(self, x):
        self.y = np.tanh(x)
        return np.squeeze(self.y)  # line

    def backward(self, dout):
        return np.reshape(dout, self.y.shape) * (1 - self.y**2)


class SqueezesGradient(Kept):
    def backward(self, dout):
        return np.squeeze(dout * (1 - self.y**2))  # line


class ForgetsKeepdims:
    """Softmax of one sample: the sum over the wrong axis does not show in its shape."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        total = e.sum(axis=1)
        self.y = (e.T / total).T if len(x) > 1 else e / e.sum(axis=0)
        return self.y  # line

    def backward(self, dout):
        return self.y * (dout - (dout * self.y).sum(axis=1, keepdims=True))


class RefusesOne(Kept):
    def forward(self, x):
        if len(x) == 1:
            raise ValueError("at least two samples")  # line
        return super().forward(x)


class Unknown:
    """No reference: what it takes is a guess."""

    def forward(self, x):
        if len(x) == 1:
            raise ValueError("at least two samples")  # line
        self.x = x
        return x * np.tanh(x) + x**2

    def backward(self, dout):
        t = np.tanh(self.x)
        return dout * (t + self.x * (1 - t**2) + 2 * self.x)


class EmptyRaises(Kept):
    def forward(self, x):
        self.top = x.max()
        return super().forward(x)


class Accumulates:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW += self.x.T @ dout  # line
        self.db += dout.sum(axis=0)
        return dout @ self.W.T


LAYERS: dict[type, str] = {
    Running: "",
    SharedGradients: "add",
    OwnGradients: "add",
    Squeezes: "tanh",
    SqueezesGradient: "tanh",
    ForgetsKeepdims: "softmax",
    RefusesOne: "tanh",
    Accumulates: "affine",
}
ERRORS = {
    ClassAttribute: "shared-state",
    MutableDefault: "shared-state",
    GlobalStack: "shared-state",
    GlobalBuffer: "overwrites-output",
    FirstForward: "earlier-forward",
    Counter: "not-reproducible",
    Running: "accumulates",
    Momentum: "stale-state",
    Squares: "not-linear",
    Clips: "not-linear",
    Norms: "not-linear",
    OneAtZero: "not-linear",
    Mixes: "not-linear",
    GlobalGradient: "aliased-gradients",
    ReadsMemory: "memory-layout",
    Squeezes: "batch-of-one",
    SqueezesGradient: "batch-of-one",
    ForgetsKeepdims: "batch-of-one",
    RefusesOne: "batch-of-one",
}
ADVICE = {
    WritesUpstream: "mutates-upstream",
    ReluInPlace: "mutates-upstream",
    WritesInput: "mutates-input",
    WritesHelper: "mutates-input",
    WritesParameter: "mutates-parameter",
    WritesOutput: "mutates-output",
    SharedGradients: "aliased-gradients",
    Passes: "aliased-gradients",
    KeepsView: "aliased-output",
    NeedsContiguous: "memory-layout",
    Wide: "promotes-float32",
    WideGradient: "promotes-float32",
    Narrow: "dtype-changed",
    CutsOutput: "cuts-integers",
    Unknown: "batch-of-one",
    Accumulates: "accumulates",
}
RIGHT = [
    Kept,
    OwnDictionary,
    OwnBuffer,
    ChecksZero,
    CopiesUpstream,
    CopiesFlags,
    Restores,
    OwnGradients,
    OwnGradient,
    FortranCopy,
    RefusesIntegers,
    EmptyRaises,
    Flatten,
]


def report(cls: type, **options: bool) -> Report:
    return check(cls, LAYERS.get(cls) or None, cases=8, **options)


def marked(cls: type, finding: Finding) -> None:
    """The line of a finding is the one that the class marks."""
    import inspect

    lines, first = inspect.getsourcelines(cls)
    wanted = [first + i for i, text in enumerate(lines) if text.rstrip().endswith("# line")]
    assert not wanted or finding.line == wanted[0], (finding.line, wanted, finding.source)


@pytest.mark.parametrize("cls", ERRORS, ids=lambda c: c.__name__)
def test_an_error_has_its_code_and_line(cls: type) -> None:
    contract = report(cls).results[0]
    assert contract.finding is not None, contract
    assert contract.verdict is Verdict.FAIL
    assert contract.finding.code == ERRORS[cls], contract.finding.message
    assert contract.finding.severity is Severity.ERROR
    marked(cls, contract.finding)


@pytest.mark.parametrize("cls", ADVICE, ids=lambda c: c.__name__)
def test_advice_has_its_code_and_line_and_fails_nothing(cls: type) -> None:
    found = report(cls)
    contract = found.results[0]
    assert contract.verdict is Verdict.PASS, str(found)
    said = {a.code: a for a in contract.advice if a.severity is Severity.ADVICE}
    assert ADVICE[cls] in said, str(found)
    marked(cls, said[ADVICE[cls]])


@pytest.mark.parametrize("cls", RIGHT, ids=lambda c: c.__name__)
def test_right_code_of_the_same_look_passes(cls: type) -> None:
    found = report(cls, strict=True)
    assert found.results[0].verdict is Verdict.PASS, str(found)
    assert found.failed == [], str(found)


def test_every_code_has_a_sentence() -> None:
    assert {*ERRORS.values(), *ADVICE.values(), "empty-batch"} <= set(CODES)


def test_an_empty_batch_is_a_note() -> None:
    (note,) = [a for a in report(EmptyRaises).results[0].advice if a.code == "empty-batch"]
    assert note.severity is Severity.NOTE
    assert note.message == "an empty batch raises ValueError"
    assert "empty batch" not in str(report(EmptyRaises))


def test_a_batch_of_one_is_the_case_that_is_shown() -> None:
    finding = report(Squeezes).results[0].finding
    assert finding is not None
    assert finding.case["x"].shape[0] == 1
    assert "(3,)" in finding.message or "shape" in finding.message


# function pairs

_CACHE = {}


def tanh_forward(x):
    _CACHE["y"] = np.tanh(x)
    return _CACHE["y"], None


def tanh_backward(dout, cache):
    return dout * (1 - _CACHE["y"] ** 2)


def sigmoid_forward(x):
    y = 1 / (1 + np.exp(-x))
    return y, (y,)


def sigmoid_backward(dout, cache):
    (y,) = cache
    return dout * y * (1 - y)


def affine_forward(x, w, b):
    w /= 2
    return x @ (2 * w) + b, (x, 2 * w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def test_two_caches_of_a_pair() -> None:
    wrong = check((tanh_forward, tanh_backward), cases=8).results[0]
    assert wrong.finding is not None
    assert wrong.finding.code == "shared-state"
    assert wrong.finding.source == 'return dout * (1 - _CACHE["y"] ** 2)'
    assert check((sigmoid_forward, sigmoid_backward), cases=8, strict=True).ok


def test_a_pair_that_writes_into_a_weight() -> None:
    contract = check((affine_forward, affine_backward), cases=8).results[0]
    (advice,) = [a for a in contract.advice if a.code == "mutates-input"]
    assert advice.source == "w /= 2"
    assert "`w`" in advice.message


# tensors


def test_a_tensor_that_is_written_into() -> None:
    class Tanh:
        def forward(self, x):
            self.y = torch.tanh(x)
            x.mul_(0)
            return self.y

        def backward(self, dout):
            dout *= 1 - self.y**2
            return dout.clone()

    found = check(Tanh, cases=8)
    assert found.failed == [], str(found)
    assert {"mutates-input", "mutates-upstream"} <= {a.code for a in found.results[0].advice}, str(found)


def test_what_the_contract_costs() -> None:
    for cls in (Kept, OwnGradient):
        contract = check(cls).results[0]
        assert contract.verdict is Verdict.PASS
        runs = 2 * 25  # of every case that is drawn, for all the properties together: the first of them has them made
        assert contract.evaluations - runs <= 12 * contract.cases


@pytest.mark.parametrize("name", ["mean", "layernorm", "take_rows", "concat", "reshape", "matmul", "stack", "norm"])
def test_a_batch_of_one_is_judged_where_another_axis_is_as_long(name: str) -> None:
    """The axis of the samples is known from the layout, not guessed from the lengths."""
    spec = specs()[name]
    for variant, layout in spec.layouts():
        if not any("N" in entry.dims for entry in layout.entries):
            continue
        subject = target(spec, variant).subject
        for size in (2, 3, 4):
            sizes = {d: max(size, spec.minimum.get(d, 1)) for d in layout.dims(spec.layout)}
            found = [b.code for b in contract.breaches(subject, subject.sample(size, sizes))]
            assert "batch-of-one" not in found, (variant.note, sizes)


def test_the_rounding_of_a_gradient_that_is_zero_depends_on_the_memory_layout() -> None:
    """The bias of a key has no gradient: what is left of it is rounding of the others, in any order of the sums."""
    spec = specs()["mha"]
    subject = target(spec, None, references.equivalent(spec)).subject
    for seed in range(6):
        case = subject.sample(seed, generic_sizes(subject.layout, spec, spec.layout, seed % 2))
        assert [b.code for b in contract.breaches(subject, case) if b.severity is Severity.ERROR] == []
