"""A gradient that a backward does not give is missed where the forward depends on the array, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import Checked, checked

from gradcheck_plugin.model import Verdict

HEAD = "import numpy as np\n\n\n"

MUL = """
class Mul:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dout):
        return {returned}
"""

CELL = """
class Cell:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, x, h_prev):
        self.x, self.h_prev = x, h_prev
        self.h = np.tanh(x @ self.Wx + h_prev @ self.Wh + self.b)
        return self.h

    def backward(self, dh):
        da = dh * (1 - self.h**2)
        self.dWx, self.dWh, self.db = self.x.T @ da, self.h_prev.T @ da, da.sum(axis=0)
        return {returned}
"""

GATE = """
def gate_forward(x, y, z):
    s = 1 / (1 + np.exp(-z))
    return s * x + (1 - s) * y**2, (x, y, s)


def gate_backward(dout, cache):
    x, y, s = cache
    dx, dy, dz = dout * s, dout * (1 - s) * 2 * y, dout * (x - y**2) * s * (1 - s)
    return {returned}
"""

STATIC = """
class Gate:
    @staticmethod
    def forward(x, y):
        return x * np.tanh(y), (x, y)

    @staticmethod
    def backward(dout, cache):
        x, y = cache
        dx, dy = dout * np.tanh(y), dout * x / np.cosh(y) ** 2
        return {returned}
"""

CONTEXT = """
class Gate:
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * np.tanh(b)

    @staticmethod
    def backward(ctx, grad):
        a, b = ctx.saved_tensors
        da, db = grad * np.tanh(b), grad * a / np.cosh(b) ** 2
        return {returned}
"""

PAIR_LOSS = """
class PairLoss:
    def forward(self, {first}, {second}):
        self.d = {first} - {second}
        return float(np.sum(self.d**4))

    def backward(self):
        da = 4 * self.d**3
        return {returned}
"""

ENGINE = """
class Tensor:
    def __init__(self, data, parents=(), back=None):
        self.data, self.grad = np.asarray(data, dtype=float), None
        self.parents, self.back = parents, back

    def collect(self, grad):
        self.grad = grad if self.grad is None else self.grad + grad

    def __mul__(self, other):
        def back(g):
            self.collect(g * other.data)
            {returned}

        return Tensor(self.data * other.data, (self, other), back)

    def exp(self):
        out = Tensor(np.exp(self.data), (self,))
        out.back = lambda g: self.collect(g * out.data)
        return out

    def sum(self):
        return Tensor(self.data.sum(), (self,), lambda g: self.collect(g * np.ones_like(self.data)))

    def backward(self, grad=1.0):
        order, seen = [], set()

        def visit(t):
            if id(t) not in seen:
                seen.add(id(t))
                for parent in t.parents:
                    visit(parent)
                order.append(t)

        visit(self)
        self.grad = np.ones_like(self.data) * grad
        for t in reversed(order):
            if t.back is not None and t.grad is not None:
                t.back(t.grad)
"""

NETWORK = """
class TwoLayers:
    def __init__(self, input_size=3, hidden_size=5, output_size=4):
        self.params = {{
            "W1": np.random.randn(input_size, hidden_size), "b1": np.zeros(hidden_size),
            "W2": np.random.randn(hidden_size, output_size), "b2": np.zeros(output_size),
        }}

    def predict(self, x):
        p = self.params
        self.h = np.tanh(x @ p["W1"] + p["b1"])
        z = np.exp(self.h @ p["W2"] + p["b2"])
        return z / z.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        return -np.mean(np.log(self.predict(x)[np.arange(len(t)), t]))

    def gradient(self, x, t):
        d = self.predict(x)
        d[np.arange(len(t)), t] -= 1
        d = d / len(t)
        dh = d @ self.params["W2"].T * (1 - self.h**2)
        grads = {{"W1": x.T @ dh, "b1": dh.sum(axis=0), "W2": self.h.T @ d, "b2": d.sum(axis=0)}}
        {returned}
        return grads
"""

STEPS = """
class Downhill:
    def __init__(self, n_in, n_out):
        self.weights = np.random.randn(n_in, n_out)
        self.bias = np.zeros((1, n_out))

    def forward(self, x):
        self.x = np.tanh(x)
        return self.x @ self.weights + self.bias

    def backward(self, grad, learning_rate):
        dx = grad @ self.weights.T * (1 - self.x**2)
        self.weights = self.weights - learning_rate * self.x.T @ grad
        {returned}
        return dx
"""

LISTS = """
class Listed:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        W, b = self.params
        self.x = np.tanh(x)
        return self.x @ W + b

    def backward(self, dout):
        self.grads = [{returned}]
        return dout @ self.params[0].T * (1 - self.x**2)
"""

LOSS_FUNCTION = """
def pair_loss({first}, {second}):
    d = {first} - {second}
    loss = np.sum(d**4)
    dfirst = 4 * d**3
    return loss, {returned}
"""

PRIME = """
def quartic({first}, {second}):
    return np.sum(({first} - {second}) ** 4)


def quartic_grad({first}, {second}):
    d = 4 * ({first} - {second}) ** 3
    return {returned}
"""


def named(source: str, first: str, second: str) -> str:
    return source.replace("{first}", first).replace("{second}", second)


# source, its right form, the wrong one, the target and the property that is missing
MISSING = {
    "one of two inputs of a layer": (MUL, "dout * self.y, dout * self.x", "dout * self.y", "Mul", "dy"),
    "none for an input": (MUL, "dout * self.y, dout * self.x", "dout * self.y, None", "Mul", "dy"),
    "a state of a cell": (CELL, "da @ self.Wx.T, da @ self.Wh.T", "da @ self.Wx.T", "Cell", "dh_prev"),
    "one of three of a pair": (GATE, "dx, dy, dz", "dx, dy", "gate", "dz"),
    "the middle one of a pair": (GATE, "dx, dy, dz", "dx, dz", "gate", "dy"),
    "of a static pair": (STATIC, "dx, dy", "dx", "Gate", "dy"),
    "of a pair with a context": (CONTEXT, "da, db", "da", "Gate", "db"),
    "none of a pair with a context": (CONTEXT, "da, db", "da, None", "Gate", "db"),
    "of a loss of two embeddings": (named(PAIR_LOSS, "z1", "z2"), "da, -da", "da", "PairLoss", "dz2"),
    "of a loss function": (named(LOSS_FUNCTION, "u", "v"), "(dfirst, -dfirst)", "dfirst", "pair_loss", "dv"),
    "of a function and its derivative": (named(PRIME, "x1", "x2"), "d, -d", "d", "quartic", "dx2"),
    "of an operand in an engine": (ENGINE, "other.collect(g * self.data)", "pass", "Tensor.mul", "dother"),
    "a parameter of a network": (NETWORK, "pass", "del grads['b2']", "TwoLayers", "db2"),
    "a parameter that takes no step": (
        STEPS, "self.bias = self.bias - learning_rate * grad.sum(0, keepdims=True)", "pass", "Downhill", "dbias",
    ),
    "a parameter in a list": (LISTS, "self.x.T @ dout, dout.sum(axis=0)", "self.x.T @ dout", "Listed", "db"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MISSING)
def test_what_the_forward_depends_on_has_a_gradient(tmp_path: Path, kind: str) -> None:
    source, right, wrong, target, missing = MISSING[kind]
    found = checked(tmp_path, HEAD + source.format(returned=right), "right.py")
    assert found.passes(target), found.verdicts(target) or found.refused
    found = checked(tmp_path, HEAD + source.format(returned=wrong), "wrong.py")
    assert found.failed(target) == {missing: "missing-gradient"}, found.verdicts(target)
    finding = found.result(target, missing).finding
    assert finding is not None
    assert finding.message == f"backward gives no gradient for `{missing[1:]}`, which the forward depends on"
    assert finding.line > 0


FIRST = """
class Table:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return np.tanh(x) @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = np.tanh(self.x).T @ dout, dout.sum(axis=0)
        {returned}
"""


def test_a_layer_without_an_input_gradient_is_left_open(tmp_path: Path) -> None:
    found = checked(tmp_path, HEAD + FIRST.format(returned="return None"))
    assert found.verdicts("Table") == {
        "contract": Verdict.PASS, "dx": Verdict.INCONCLUSIVE, "dW": Verdict.PASS, "db": Verdict.PASS,
    }  # fmt: skip
    assert "right for a first layer only" in found.result("Table", "dx").reason


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        (("y_pred", "y_true"), None),
        (("x", "t"), None),
        (("scores", "labels"), None),
        (("y_hat", "goal"), None),
        (("z1", "z2"), Verdict.FAIL),
        (("z_i", "z_j"), Verdict.FAIL),
        (("u", "v"), Verdict.FAIL),
        (("anchor", "positive"), Verdict.FAIL),
        (("x", "c"), Verdict.INCONCLUSIVE),
    ],
)
def test_the_second_array_of_a_loss_is_data_if_its_name_says_so(
    tmp_path: Path, names: tuple[str, str], verdict: Verdict | None
) -> None:
    source = PAIR_LOSS.format(first=names[0], second=names[1], returned="da")
    found = checked(tmp_path, HEAD + source).verdicts("PairLoss")
    assert found.pop("d" + names[0]) is Verdict.PASS
    assert found.pop("d" + names[1], None) is verdict
    assert set(found.values()) == {Verdict.PASS}


def test_two_series_of_a_distance_are_no_labels(tmp_path: Path) -> None:
    source = PAIR_LOSS.format(first="x", second="y", returned="da").replace("PairLoss", "SoftDistance")
    found = checked(tmp_path, HEAD + source).verdicts("SoftDistance")
    assert found == {"contract": Verdict.PASS, "dx": Verdict.PASS, "dy": Verdict.INCONCLUSIVE}


RIGHT = {
    "documented as a target": '''
class Distance:
    """The distance of a prediction a to its target b."""

    def forward(self, a, b):
        self.d = a - b
        return float(np.sum(self.d**4))

    def backward(self):
        return 4 * self.d**3
''',
    "a mask": """
class Masked:
    def forward(self, x, mask):
        self.x, self.mask = x, mask
        return x**3 * mask

    def backward(self, dout):
        return dout * self.mask * 3 * self.x**2
""",
    "running statistics": """
def scaled_forward(x, gamma, running_mean, running_var):
    std = np.sqrt(running_var**2 + 1)
    n = (x - running_mean) / std
    return gamma * n, (gamma, n, std)


def scaled_backward(dout, cache):
    gamma, n, std = cache
    return dout * gamma / std, (dout * n).sum(axis=0)
""",
    "what is not used": """
class First:
    def forward(self, x, y):
        self.x = x
        return np.sin(x)

    def backward(self, dout):
        return dout * np.cos(self.x)
""",
    "where a condition chooses": """
class Choose:
    def forward(self, x, y):
        self.on = y > 0
        self.x = x
        return np.where(self.on, x**2, x**3)

    def backward(self, dout):
        return dout * np.where(self.on, 2 * self.x, 3 * self.x**2), None
""",
    "said to be constant": '''
class Step:
    """One step; h_prev is a constant here, since time is cut off after one step."""

    def __init__(self, Wx, Wh):
        self.Wx, self.Wh = Wx, Wh

    def forward(self, x, h_prev):
        self.x, self.h, self.y = x, h_prev, np.tanh(x @ self.Wx + h_prev @ self.Wh)
        return self.y

    def backward(self, dout):
        da = dout * (1 - self.y**2)
        self.dWx, self.dWh = self.x.T @ da, self.h.T @ da
        return da @ self.Wx.T
''',
    "weights of samples": """
class WeightedLoss:
    def forward(self, pred, target, sample_weight):
        self.d, self.w = pred - target, sample_weight
        return float(np.sum(self.w * self.d**4))

    def backward(self):
        return 4 * self.w * self.d**3
""",
    "the edges of a graph": """
class GraphMix:
    def forward(self, x, A):
        self.x, self.A = x, A
        return A * x**2

    def backward(self, dout):
        return dout * self.A * 2 * self.x
""",
    "a sum over features that a shift does not change": """
def center_forward(x, z):
    y = x**2 + z.sum()
    return y - y.mean(), (x,)


def center_backward(dout, cache):
    (x,) = cache
    return (dout - dout.mean()) * 2 * x
""",
    "a teacher": """
class Distillation:
    def forward(self, student, teacher):
        self.d = student - teacher
        return float(np.sum(self.d**4))

    def backward(self):
        return 4 * self.d**3
""",
    "a model with its data": """
def quartic_loss(w, X, y):
    d = X @ w - y
    loss = np.sum(d**4)
    grad = X.T @ (4 * d**3)
    return loss, grad
""",
}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_the_author_shows_to_be_data_needs_no_gradient(tmp_path: Path, kind: str) -> None:
    found = checked(tmp_path, HEAD + RIGHT[kind])
    assert found.report.results, found.refused
    assert {r.verdict for r in found.report.results} == {Verdict.PASS}, [
        (r.property, r.verdict, r.reason) for r in found.report.results
    ]


def test_a_number_of_the_constructor_is_a_setting_and_an_array_is_not(tmp_path: Path) -> None:
    """Swish with a number for its beta is as LeakyReLU with its slope; an array is there to be trained."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Swish:
            def __init__(self, beta=1):
                self.beta = beta

            def forward(self, x):
                self.x = x
                return x / (1 + np.exp(-self.beta * x))

            def backward(self, grad):
                s = 1 / (1 + np.exp(-self.beta * self.x))
                return grad * (s + self.beta * self.x * s * (1 - s))


        class TrainedSwish(Swish):
            def __init__(self):
                self.beta = np.array(1.0)
        """,
    )
    assert report.passes("Swish")
    assert report.failed("TrainedSwish") == {"dbeta": "missing-gradient"}


SLOPES = """
import numpy as np


class MyLayer:
    def __init__(self, channels):
        self.alpha = np.zeros(channels)
        {place}

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha[:, None, None] * x)

    def backward(self, dout):
        dalpha = (dout * np.minimum(self.x, 0)).sum(axis=(0, 2, 3))
        {kept}
        return dout * np.where(self.x > 0, 1, self.alpha[:, None, None])
"""


def test_a_gradient_that_has_a_place_and_is_never_put_there_is_missing(tmp_path: Path) -> None:
    place = "self.dalpha = None"
    assert checked(tmp_path, SLOPES.format(place=place, kept="self.dalpha = dalpha"), "right.py").passes("MyLayer")
    assert "dalpha" in checked(tmp_path, SLOPES.format(place=place, kept="pass"), "wrong.py").failed("MyLayer")
    constant = checked(tmp_path, SLOPES.format(place="self.x = None", kept="pass"), "constant.py")
    assert "dalpha" not in constant.verdicts("MyLayer")  # nothing says that anybody trains it


SWISH = """
import numpy as np


def custom_forward(x, beta{annotation}):
    s = 1 / (1 + np.exp(-beta * x))
    return x * s, (x, beta, s)


def custom_backward(dout, cache):
    x, beta, s = cache
    return dout * (s + beta * x * s * (1 - s)), {dbeta}
"""


@pytest.mark.parametrize("annotation", ["", ": np.ndarray"])
def test_what_a_pair_gives_a_gradient_of_is_no_setting(tmp_path: Path, annotation: str) -> None:
    def found(dbeta: str, name: str) -> Checked:
        return checked(tmp_path, SWISH.format(annotation=annotation, dbeta=dbeta), name)

    right = "np.sum(dout * x * x * s * (1 - s))"
    assert "dbeta" in found(right, "right.py").verdicts("custom")
    assert found(right, "right.py").passes("custom")
    assert set(found(f"5 * {right}", "wrong.py").failed("custom")) == {"dbeta"}


def test_an_array_by_its_annotation_has_a_gradient(tmp_path: Path) -> None:
    source = SWISH.format(annotation=": np.ndarray", dbeta="None")
    assert "dbeta" in checked(tmp_path, source).failed("custom")


HIGHWAY = """
import numpy as np


class {name}:
    def __init__(self, W, b, Wt, bt):
        self.W, self.b, self.Wt, self.bt = W, b, Wt, bt

    def forward(self, x):
        self.x = x
        self.t = 1 / (1 + np.exp(-(x @ self.Wt + self.bt)))
        self.h = np.maximum(x @ self.W + self.b, 0)
        return self.t * self.h + (1 - self.t) * x

    def backward(self, dout):
        da, dc = dout * self.t * (self.h > 0), dout * (self.h - self.x) * self.t * (1 - self.t)
        dx = dout * (1 - self.t) + da @ self.W.T + dc @ self.Wt.T
        self.dW, self.db = self.x.T @ da, da.sum(axis=0)
        self.dWt, self.dbt = self.x.T @ dc, dc.sum(axis=0)
        {returns}
"""


@pytest.mark.parametrize("name", ["HighwayNetwork", "Highway"])
def test_a_layer_that_is_called_a_network_gives_a_gradient_of_its_input(tmp_path: Path, name: str) -> None:
    assert checked(tmp_path, HIGHWAY.format(name=name, returns="return dx"), "right.py").passes(name)
    found = checked(tmp_path, HIGHWAY.format(name=name, returns="pass"), "wrong.py")
    assert found.result(name, "dx").verdict is Verdict.INCONCLUSIVE
    assert "first layer" in found.result(name, "dx").reason
