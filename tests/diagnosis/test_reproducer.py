"""A reproducer runs when pasted, in a process of its own, and prints the value that the finding calls yours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from submission_reports import HERE, grouped, report

from gradcheck_plugin.api import check
from gradcheck_plugin.model import Finding, Settings
from gradcheck_plugin.suite import open_file
from reference_impls.spec import RULES

WRONG = sorted(path.name for path in (HERE / "wrong").glob("*.py"))
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:nan|inf|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.]*\w)")

HEAD = "import numpy as np\n\n\n"
AFFINE_BODY = """
    def forward(self, x):
        W, b = {W}, {b}
        self.x = x
        return x @ W + b

    def backward(self, dout):
        {dW} = self.x.T @ dout
        {db} = -dout.sum(axis=0)
        return dout @ {W}.T
"""


def affine(init: str, **places: str) -> str:
    return f"class Affine:\n    def __init__(self, {init}" + AFFINE_BODY.format(**places)


SIZES = "n_in, n_out):\n        "
SMALL = {
    "params and grads lists": affine(
        "W, b):\n        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]\n",
        W="self.params[0]", b="self.params[1]", dW="self.grads[0]", db="self.grads[1]",
    ),
    "lists made by the constructor": affine(
        SIZES + "self.params = [np.random.randn(n_in, n_out), np.zeros(n_out)]\n        self.grads = [None, None]\n",
        W="self.params[0]", b="self.params[1]", dW="self.grads[0]", db="self.grads[1]",
    ),
    "a list beside attributes": affine(
        SIZES + "self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)\n"
        "        self.params, self.grads = [self.W, self.b], [None, None]\n",
        W="self.W", b="self.b", dW="self.grads[0]", db="self.grads[1]",
    ),
    "Param objects": "class Param:\n    def __init__(self, value):\n        self.value, self.grad = value, None\n\n\n"
    + affine(
        SIZES + "self.W, self.b = Param(np.random.randn(n_in, n_out)), Param(np.zeros(n_out))\n",
        W="self.W.value", b="self.b.value", dW="self.W.grad", db="self.b.grad",
    ),
    "dictionaries": affine(
        SIZES + "self.params = {'weight': np.random.randn(n_in, n_out), 'bias': np.zeros(n_out)}\n"
        "        self.grads = {}\n",
        W="self.params['weight']", b="self.params['bias']", dW="self.grads['weight']", db="self.grads['bias']",
    ),
    "float32 parameters": affine(
        SIZES + "self.W, self.b = np.ones((n_in, n_out), np.float32), np.zeros(n_out, np.float32)\n",
        W="self.W", b="self.b", dW="self.dW", db="self.db",
    ),
    "an unknown layer with a list": """
class Scale:
    def __init__(self):
        self.params, self.grads = [np.ones(3)], [np.zeros(3)]

    def forward(self, x):
        self.x = x
        return np.sin(x * self.params[0])

    def backward(self, dout):
        d = dout * np.cos(self.x * self.params[0])
        self.grads[0][...] = (d * self.x).sum(axis=0) * 3
        return d * self.params[0]
""",
    "a layer that returns a dictionary": """
class Mul:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dout):
        return {"dx": dout * self.x, "dy": dout * self.x}
""",
    "a layer that returns a tuple": """
class Mul:
    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, dout):
        return dout * self.b, dout * self.b
""",
    "results left on the object": """
class Tanh:
    def forward(self, inputs):
        self.output = np.tanh(inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues * (1 + self.output**2)
""",
    "a wrong forward": """
class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(x))
        return self.out

    def backward(self, dout):
        return -dout * self.out * (1 - self.out)
""",
    "names that are taken": """
class Dense:
    def __init__(self, np_, layer):
        self.W, self.b = np_, layer

    def forward(self, out):
        self.x = out
        return out @ self.W + self.b

    def backward(self, dx):
        self.dW, self.db = self.x.T @ dx, dx
        return dx @ self.W.T
""",
    "a static pair": """
class Tanh:
    @staticmethod
    def forward(x):
        return np.tanh(x), np.tanh(x)

    @staticmethod
    def backward(dout, y):
        return dout * (1 + y**2)
""",
    "a pair with a cache": """
def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, -dout.sum(axis=0)
""",
    "a pair with three results": """
def affine_forward(x, w, b):
    return x @ w + b, x, w


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, -dout.sum(axis=0)
""",
    "a pair without a cache": """
def relu_forward(x):
    return np.maximum(x, 0)


def relu_backward(dout, x):
    return -dout * (x > 0)
""",
    "a pair that returns a dictionary": """
def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return {"dx": dout @ w.T, "dw": x.T @ dout, "db": -dout.sum(axis=0)}
""",
    "a function of loss and gradient": """
def mse_loss(y, t):
    diff = y - t
    return np.mean(diff**2), diff / diff.size
""",
    "a function with a wrong loss": """
def mse_loss(y, t):
    dy = 6 * (y - t) / y.size
    return 3 * np.mean((y - t) ** 2), dy
""",
    "a network with W1": """
class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size):
        self.W1, self.b1 = np.random.randn(input_size, hidden_size), np.zeros(hidden_size)
        self.W2, self.b2 = np.random.randn(hidden_size, output_size), np.zeros(output_size)

    def loss(self, x, t):
        self.h = np.maximum(x @ self.W1 + self.b1, 0)
        s = self.h @ self.W2 + self.b2
        p = np.exp(s - s.max(axis=1, keepdims=True))
        self.p = p / p.sum(axis=1, keepdims=True)
        return -np.sum(t * np.log(self.p)) / len(x)

    def gradient(self, x, t):
        self.loss(x, t)
        d = (self.p - t) / len(x)
        dh = d @ self.W2.T * (self.h > 0)
        return {"W1": x.T @ dh, "b1": dh.sum(axis=0), "W2": self.h.T @ d, "b2": -d.sum(axis=0)}
""",
    "a network with a params list": """
class LinearNet:
    def __init__(self, input_size, output_size):
        self.params = [np.random.randn(input_size, output_size), np.zeros(output_size)]

    def loss(self, x, t):
        W, b = self.params
        return 0.5 * np.sum((x @ W + b - t) ** 2) / len(x)

    def gradient(self, x, t):
        W, b = self.params
        d = (x @ W + b - t) / len(x)
        return [x.T @ d, -d.sum(axis=0)]
""",
    "a rule on dictionaries": """
class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for key in params:
            params[key] += self.lr * grads[key]
""",
    "a rule on lists": """
class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            params[i] += self.lr * grads[i]
""",
    "a rule that goes wrong later": """
class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for key in params.keys():
            params[key] -= self.lr * np.where(np.abs(grads[key]) * 2 % 1 == 0, 1, 2) * grads[key]
""",
    "a function as a rule": """
def sgd(w, dw, config=None):
    w = w + config["learning_rate"] * dw
    return w, config
""",
    "a derivative of the output": """
class Sigmoid:
    def forward(self, x):
        return 1 / (1 + np.exp(-x))

    def backward(self, output):
        return output * (1 - output)


class LeakyReLU:
    def forward(self, x):
        return np.where(x > 0, x, 0.01 * x)

    def backward(self, output):
        return np.where(output > 0, 1.0, np.where(output < 0, 0.01, 7.0))
""",
    "random numbers in the forward": """
class Noisy:
    def forward(self, x):
        self.mask = np.random.rand(*x.shape)
        return x * self.mask

    def backward(self, dout):
        return 3 * dout * self.mask
""",
    "infinite gradients": """
class Relu:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        return np.where(self.x > 0, dout, np.inf)
""",
}  # fmt: skip


def findings(path: Path) -> list[tuple[str, Finding]]:
    suite = open_file(path, Settings(cases=8, seconds=3.0))
    assert suite.targets, suite.not_driven
    return [(f"{r.target}::{r.property}", r.finding) for t in suite.targets for r in t.check_all() if r.finding]


PASTE = """
import contextlib, io, json, sys, traceback
done = []
for text in json.load(sys.stdin):
    out, error = io.StringIO(), ""
    with contextlib.redirect_stdout(out):
        try:
            exec(compile(text, "<pasted>", "exec"), {"__name__": "__main__"})
        except BaseException:
            error = traceback.format_exc()
    done.append((out.getvalue(), error))
print(json.dumps(done))
"""


def pasted(texts: list[str], folder: Path) -> list[tuple[str, str]]:
    """What each text prints and raises, pasted one after the other into a Python of its own."""
    command = [sys.executable, "-c", PASTE]
    done = subprocess.run(
        command, input=json.dumps(texts), cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return [(out, error) for out, error in json.loads(done.stdout)]


# they run on objects of the checker's, or on more than one upstream gradient, which nothing short can paste
NOTHING_TO_PASTE = {
    "initialisers.py", "layers_with_optimizer.py", "optim_dictionaries.py", "optim_layerwise.py", "optim_of_model.py",
    "optim_one_by_one.py", "optim_tensors.py", "optimizers_book.py", "recurrent_attention.py", "schedulers.py",
}  # fmt: skip


def assert_print_yours(found: list[tuple[str, Finding]], folder: Path) -> None:
    for (name, finding), printed in zip(found, pasted([f.reproduce for _, f in found], folder), strict=True):
        assert_prints_yours(name, finding, *printed)


def assert_prints_yours(name: str, finding: Finding, out: str, error: str) -> None:
    assert finding.reproduce, name
    if finding.code == "raised":
        assert finding.message.split(" raised ")[1].split(":")[0] in error
        return
    if finding.code == "not-implemented" and error:
        assert "NotImplementedError" in error
        return
    assert not error, f"{name}\n{finding.reproduce}\n{error}"
    for array in finding.case:
        assert re.search(rf"^{array} = ", finding.reproduce, re.M), f"{array}\n{finding.reproduce}"
    if finding.comparison is None or finding.comparison.yours is None:
        return
    shown = [float(n) for n in NUMBER.findall(out.split("expected")[0])]
    yours = np.ravel(finding.comparison.yours)
    if name.endswith(tuple(f"::{rule}" for rule in RULES)):  # of several steps, or of a list that goes on
        assert all(np.isclose(shown, y, rtol=1e-6, atol=1e-7, equal_nan=True).any() for y in yours), (
            f"{finding.reproduce}\n{shown}"
        )
        return
    assert len(shown) == yours.size, f"{name}\n{finding.reproduce}\n{out}"
    assert np.allclose(shown, yours, rtol=1e-6, atol=1e-7, equal_nan=True), f"{name}\n{finding.reproduce}\n{shown}"


@pytest.mark.parametrize("file", grouped((f,) for f in WRONG))
def test_submissions(file: str) -> None:
    failed = [(f"{r.target}::{r.property}", r.finding) for r in report("wrong", file).results if r.finding]
    runnable = [(n, f) for n, f in failed if f.case and f.code != "time-limit"]
    assert runnable or file in NOTHING_TO_PASTE
    pasted = [(n, f) for n, f in runnable if f.reproduce or file not in NOTHING_TO_PASTE]
    assert_print_yours(pasted, HERE / "wrong")


@pytest.mark.parametrize("kind", SMALL)
def test_every_convention(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "layers.py"
    path.write_text(HEAD + SMALL[kind].lstrip())
    found = findings(path)
    assert found
    assert_print_yours(found, tmp_path)


@pytest.mark.parametrize("file", ["02-layers.py", "random.py", "class.py"])
def test_a_file_whose_name_cannot_be_imported(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(HEAD + SMALL["a pair with a cache"].lstrip())
    assert_print_yours(findings(tmp_path / file), Path.cwd())


def test_names_are_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(HEAD + SMALL["an unknown layer with a list"].lstrip())
    ((_, finding),) = findings(tmp_path / "layers.py")
    assert set(finding.case) == {"x", "params_0", "dout"}
    assert "layer.params[0][...] = params_0" in finding.reproduce


def test_names_that_are_taken_give_way(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(HEAD + SMALL["names that are taken"].lstrip())
    ((_, finding),) = findings(tmp_path / "layers.py")
    assert set(finding.case) == {"out_", "np_", "layer_", "dout"}


def test_what_cannot_be_imported_has_no_reproducer() -> None:
    class Tanh:
        def forward(self, x):  # type: ignore[no-untyped-def]
            return np.tanh(x)

        def backward(self, dout):  # type: ignore[no-untyped-def]
            return dout

    (result,) = check(Tanh, cases=4).failed
    assert result.finding is not None
    assert result.finding.reproduce == ""


def test_a_file_that_imports_from_the_folder_above_is_reproduced(tmp_path: Path) -> None:
    """Its own folder on the path is not enough: `from Layers.Base import Base` needs the one above."""
    folder = tmp_path / "src" / "Layers"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (folder / "Base.py").write_text("class Base:\n    trainable = False\n")
    source = HEAD.replace("\n\n\n", "\nfrom Layers.Base import Base\n\n\n") + (
        "class Square(Base):\n    def forward(self, x):\n        self.x = x\n        return x**2\n\n"
        "    def backward(self, dout):\n        return 3 * self.x * dout\n"
    )
    (folder / "Square.py").write_text(source)
    target = open_file(folder / "Square.py", Settings(cases=3)).targets[0]
    finding = next(r.finding for r in target.check_all() if r.finding)
    done = subprocess.run([sys.executable, "-c", finding.reproduce], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
