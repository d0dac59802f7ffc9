"""What looks wrong and is not: the convention passes or is left open, the bug of the same look fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gradcheck_plugin.api import check
from gradcheck_plugin.model import Verdict


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, dout):
        return dout


class Relu:
    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout


class Sigmoid:
    """The derivative of the wrong thing: neither of the output nor of the input."""

    def forward(self, x):
        return 1 / (1 + np.exp(-x))

    def backward(self, output):
        return output * (1 + output)


class Guarded:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(t * np.log(self.y + 1e-7)) / len(x)

    def backward(self, dout=1):
        return (self.y - self.t) / len(self.t)


class Normalised:
    """An eps inside the root belongs to the function: it is no guard that a backward may leave out."""

    def forward(self, x):
        self.n, self.s = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-6), x.std(0)
        return self.n

    def backward(self, dout):
        n = self.n
        return (dout - dout.mean(0) - n * (dout * n).mean(0)) / self.s


def test_a_fused_softmax_is_left_open() -> None:
    (dx,) = [r for r in check(Softmax).results if r.property == "dx"]
    assert dx.verdict is Verdict.INCONCLUSIVE
    assert dx.finding is not None
    assert dx.finding.code == "fused-gradient"
    assert check(Softmax).exit_code == 3


def test_the_same_in_a_relu_is_a_bug() -> None:
    assert [r.property for r in check(Relu).failed] == ["dx"]


def test_a_derivative_of_neither_output_nor_input_is_a_bug() -> None:
    assert check(Sigmoid).failed


def test_a_guard_in_the_logarithm_is_said_and_passes() -> None:
    report = check(Guarded)
    assert report.ok, str(report)
    assert any("without its guard 1e-07" in r.reason for r in report.results)


def test_an_eps_under_a_root_is_no_guard() -> None:
    assert [r.property for r in check(Normalised).failed] == ["dx"]


class MatMul:
    """Its parameter lies in a list, under another name than the constructor's."""

    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return x @ W

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = self.x.T @ dout
        return dout @ W.T


class Picky:
    """Its backward raises whatever its forward was given."""

    def forward(self, x, t):
        self.x, self.t = x, t
        return float((x * 2).sum())

    def backward(self, dout=1):
        raise ValueError("operands could not be broadcast together")


def test_an_array_held_under_another_name_is_one_parameter() -> None:
    report = check(MatMul)
    assert report.ok, str(report)
    assert [r.property for r in report.results] == ["contract", "forward", "dx", "dW"]


def test_a_backward_that_raises_behind_a_forward_that_ran_fails() -> None:
    report = check(Picky)
    assert [(r.property, r.finding.code) for r in report.failed if r.finding] == [("contract", "raised")]
    assert report.not_driven == []


class Linear:
    """The mean over the batch is taken in the layer, for all of its parameters."""

    def __init__(self, in_features, out_features):
        self.W, self.b = np.random.randn(in_features, out_features), np.zeros((1, out_features))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        self.dW = self.x.T @ delta / len(delta)
        self.db = delta.mean(axis=0, keepdims=True)
        return delta @ self.W.T


class OnlyTheWeights(Linear):
    def backward(self, delta):
        dx = super().backward(delta)
        self.db = delta.sum(axis=0, keepdims=True)
        return dx


def test_parameters_averaged_over_the_batch_are_a_convention() -> None:
    report = check(Linear)
    assert {r.verdict for r in report.results} == {Verdict.PASS}, str(report)
    assert {r.property: a.code for r in report.results for a in r.advice if r.property != "contract"} == {
        "dW": "batch-average",
        "db": "batch-average",
    }


def test_one_of_them_averaged_is_a_bug() -> None:
    only = type("Linear", (OnlyTheWeights,), {"__init__": Linear.__init__})
    assert [r.property for r in check(only).failed] == ["dW"]


class SigmoidWithLoss(Picky):
    """A known name whose forward is no variant of the reference, and whose backward raises."""

    def forward(self, x, t):
        self.x, self.t = x, t
        return float((x**3).sum())


def test_so_it_does_under_a_known_name() -> None:
    report = check(SigmoidWithLoss)
    assert [(r.property, r.finding.code) for r in report.failed if r.finding] == [("contract", "raised")]


def test_a_gradient_that_is_another_one_on_purpose_is_reported_and_not_failed(tmp_path: Path) -> None:
    file = tmp_path / "layers.py"
    file.write_text(
        "import torch\nfrom torch.autograd import Function\n\n"
        "class ReverseGradient(Function):\n    @staticmethod\n    def forward(ctx, x, alpha):\n"
        "        ctx.alpha = alpha\n        return x.view_as(x)\n\n    @staticmethod\n"
        "    def backward(ctx, g):\n        return -ctx.alpha * g, None\n\n"
        "class Threshold(Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        return (x > 0).to(x.dtype)\n\n"
        "    @staticmethod\n    def backward(ctx, g):\n        return g\n"
    )
    report = check(file)
    assert report.failed == [], str(report)
    reasons = {r.target: r.reason for r in report.results if r.property == "dx"}
    assert "ReverseGradient" in reasons["ReverseGradient"]
    assert "constant in pieces" in reasons["Threshold"]
    assert {r.verdict for r in report.results if r.property == "dx"} == {Verdict.INCONCLUSIVE}


class SoftmaxBehindCrossEntropy:
    """Goes back from the first entry of the upstream gradient that is not zero: enough behind a cross-entropy."""

    def forward(self, x):
        self.y = np.exp(x) / np.exp(x).sum()
        return self.y

    def backprop(self, d_out):
        for i, g in enumerate(d_out.ravel()):
            if g == 0:
                continue
            y = self.y.ravel()
            return (g * y[i] * ((np.arange(y.size) == i) - y)).reshape(self.y.shape)
        return np.zeros_like(self.y)


class DiagonalOnly(SoftmaxBehindCrossEntropy):
    def backprop(self, d_out):
        return d_out * self.y * (1 - self.y)


def test_right_for_one_upstream_entry_only_is_said_and_neither_passed_nor_failed() -> None:
    report = check(SoftmaxBehindCrossEntropy)
    assert report.failed == [], str(report)
    gradient = next(r for r in report.results if r.property.startswith("d"))
    assert gradient.verdict is Verdict.INCONCLUSIVE
    assert "one entry" in gradient.reason


def test_a_wrong_jacobian_is_wrong_for_one_entry_too() -> None:
    only = type("DiagonalOnly", (DiagonalOnly,), {"forward": DiagonalOnly.forward, "backprop": DiagonalOnly.backprop})
    assert check(only).failed


class SingleLinear:
    """Keeps its parameters in single precision, and computes with whatever it is given."""

    def __init__(self, in_features, out_features):
        self.weight = np.random.randn(in_features, out_features).astype(np.float32)
        self.bias = np.zeros(out_features, dtype=np.float32)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, dout):
        self.dweight, self.dbias = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.weight.T


class SingleInside(SingleLinear):
    """Drops to single precision on its own."""

    def forward(self, x):
        self.x = x.astype(np.float32)
        return self.x @ self.weight.astype(np.float32) + self.bias.astype(np.float32)


def test_single_precision_is_checked_in_double_where_it_lets_itself() -> None:
    free = check(SingleLinear)
    assert {r.verdict for r in free.results} == {Verdict.PASS}, str(free)
    assert max(r.resolution or 0 for r in free.results if r.property in ("dx", "dweight", "dbias")) < 1e-7


def test_single_precision_inside_is_judged_by_its_own_noise() -> None:
    bound = type(
        "SingleInside", (SingleInside,), {"__init__": SingleLinear.__init__, "backward": SingleLinear.backward}
    )
    inside = check(bound)
    assert inside.failed == [], str(inside)
    assert max(r.resolution or 0 for r in inside.results if r.property == "dx") > 1e-6


class TwoTables:
    """Named like nothing, and with a second parameter that starts at zero."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self.W = np.random.randn(inputs, outputs)
        self.bias = np.zeros((1, 1, outputs))

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return np.asarray(x @ self.W + self.bias[0])

    def backward(self, dout: np.ndarray) -> np.ndarray:
        self.dW, self.dbias = self.x.T @ dout, dout.mean(axis=0).reshape(self.bias.shape)
        return np.asarray(dout @ self.W.T)


def test_a_parameter_that_starts_at_zero_is_not_overlooked() -> None:
    report = check(TwoTables, cases=8)
    assert {r.property: r.verdict.value for r in report.results if r.property.startswith("d")} == {
        "dx": "PASS",
        "dW": "PASS",
        "dbias": "FAIL",
    }
