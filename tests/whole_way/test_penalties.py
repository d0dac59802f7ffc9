"""The penalty of the weights is judged where it shows: wherever its strength comes from, whatever its default."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import Checked, checked

FUNCTION = """
import numpy as np

def softmax_loss_vectorized(W, X, y, reg={default}):
    scores = X.dot(W)
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    N = X.shape[0]
    loss = -np.log(p[np.arange(N), y]).mean() + {loss}
    p[np.arange(N), y] -= 1
    return loss, X.T.dot(p) / N + {gradient}
"""
HALVES = "0.5 * reg * np.sum(W * W)"
# the penalty in the loss, in the gradient, and the codes that a wrong one may have
PENALTIES = {
    "right": (HALVES, "reg * W", ()),
    "right without the half": ("reg * np.sum(W * W)", "2 * reg * W", ()),
    "none": ("0.0", "0.0", ()),
    "twice": (HALVES, "2 * reg * W", ("penalty-not-in-loss",)),
    "half": ("reg * np.sum(W * W)", "reg * W", ("penalty-missing",)),
    "forgotten": (HALVES, "0.0", ("penalty-missing",)),
    "only in the gradient": ("0.0", "reg * W", ("penalty-not-in-loss",)),
}


def says(found: Checked, target: str, array: str, codes: tuple[str, ...]) -> None:
    if not codes:
        assert found.passes(target), (found.verdicts(target), found.refused)
        return
    failed = found.failed(target)
    assert array in failed, (found.verdicts(target), found.refused)
    assert failed[array] in codes


@pytest.mark.parametrize("default", ["0.05", "0.0"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_function_of_weights(tmp_path: Path, penalty: str, default: str) -> None:
    loss, gradient, codes = PENALTIES[penalty]
    found = checked(tmp_path, FUNCTION.format(default=default, loss=loss, gradient=gradient), cases=4)
    says(found, "softmax_loss_vectorized", "dW", codes)


NET = """
import numpy as np

class TwoLayerNet:
    def __init__(self, input_dim=5, hidden_dim=6, num_classes=4, weight_scale=1e-2{argument}):
        self.params = {{
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim), "b1": np.zeros(hidden_dim),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes), "b2": np.zeros(num_classes),
        }}
        {attribute}

    def loss(self, X, y=None{method}):
        W1, b1, W2, b2 = (self.params[k] for k in ("W1", "b1", "W2", "b2"))
        hidden = np.maximum(X @ W1 + b1, 0)
        scores = hidden @ W2 + b2
        if y is None:
            return scores
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        N = len(X)
        loss = -np.mean(np.log(p[np.arange(N), y])) + {loss}
        d = p.copy()
        d[np.arange(N), y] -= 1
        d /= N
        grads = {{"W2": hidden.T @ d, "b2": d.sum(axis=0)}}
        dh = d @ W2.T * (hidden > 0)
        grads["W1"], grads["b1"] = X.T @ dh, dh.sum(axis=0)
        {penalties}
        return loss, grads
"""
PLACES = {
    "an argument of the constructor": (", reg=0.5", "self.reg = reg", "", "self.reg"),
    "one that is zero": (", reg=0.0", "self.reg = reg", "", "self.reg"),
    "an argument of the loss": ("", "pass", ", reg=0.05", "reg"),
    "one of the loss that is zero": ("", "pass", ", reg=0.0", "reg"),
    "an attribute": ("", "self.reg = 0.5", "", "self.reg"),
    "an attribute that is zero": ("", "self.reg = 0.0", "", "self.reg"),
    "under another name": (", weight_decay=1e-3", "self.wd = weight_decay", "", "self.wd"),
    "in another spelling": ("", "pass", ", l2_reg=0", "l2_reg"),
}
BOTH = "0.5 * {r} * (np.sum(W1**2) + np.sum(W2**2))"
OF_NETS = {
    "right": (BOTH, 'grads["W1"] += {r} * W1; grads["W2"] += {r} * W2', "", ()),
    "the first forgotten": (BOTH, 'grads["W2"] += {r} * W2', "dW1", ("penalty-missing", "penalty-dropped")),
    "the second twice": (BOTH, 'grads["W1"] += {r} * W1; grads["W2"] += 2 * {r} * W2', "dW2", ("penalty-not-in-loss",)),
    "not in the loss": ("0", 'grads["W1"] += {r} * W1; grads["W2"] += {r} * W2', "dW1", ("penalty-not-in-loss",)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("penalty", OF_NETS)
def test_a_network(tmp_path: Path, penalty: str, place: str) -> None:
    argument, attribute, method, r = PLACES[place]
    loss, penalties, array, codes = OF_NETS[penalty]
    source = NET.format(
        argument=argument,
        attribute=attribute,
        method=method,
        loss=loss.format(r=r),
        penalties=penalties.format(r=r),
    )
    says(checked(tmp_path, source, cases=3), "TwoLayerNet", array, codes)


@pytest.mark.parametrize("penalty", ["right", "the second twice"])
def test_a_strength_that_has_no_default(tmp_path: Path, penalty: str) -> None:
    loss, penalties, array, codes = OF_NETS[penalty]
    source = NET.replace("X, y=None{method}", "X, y, reg").format(
        argument="", attribute="pass", loss=loss.format(r="reg"), penalties=penalties.format(r="reg")
    )
    says(checked(tmp_path, source, cases=3), "TwoLayerNet", array, codes)


TWO_METHODS = """
import numpy as np

class MultiLayerNet:
    def __init__(self, input_size, hidden_size, output_size, weight_decay_lambda={default}):
        self.weight_decay_lambda = weight_decay_lambda
        self.params = {{
            "W1": 0.01 * np.random.randn(input_size, hidden_size), "b1": np.zeros(hidden_size),
            "W2": 0.01 * np.random.randn(hidden_size, output_size), "b2": np.zeros(output_size),
        }}

    def predict(self, x):
        self.h = np.maximum(x @ self.params["W1"] + self.params["b1"], 0)
        return self.h @ self.params["W2"] + self.params["b2"]

    def probabilities(self, x):
        s = self.predict(x)
        e = np.exp(s - s.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        p = self.probabilities(x)
        decay = 0
        for i in (1, 2):
            decay += 0.5 * self.weight_decay_lambda * np.sum(self.params["W" + str(i)] ** 2)
        return -np.sum(np.log(p[np.arange(len(x)), t])) / len(x) + decay

    def gradient(self, x, t):
        d = self.probabilities(x)
        d[np.arange(len(x)), t] -= 1
        d /= len(x)
        W1, W2 = self.params["W1"], self.params["W2"]
        dh = d @ W2.T * (self.h > 0)
        return {{
            "W1": x.T @ dh + {factor} * W1, "b1": dh.sum(axis=0),
            "W2": self.h.T @ d + {factor} * W2, "b2": d.sum(axis=0),
        }}
"""


@pytest.mark.parametrize("default", ["0", "0.1"])
@pytest.mark.parametrize(
    ("factor", "codes"),
    [("self.weight_decay_lambda", ()), ("2 * self.weight_decay_lambda", ("penalty-not-in-loss",))],
)
def test_a_network_of_two_methods(tmp_path: Path, factor: str, codes: tuple[str, ...], default: str) -> None:
    found = checked(tmp_path, TWO_METHODS.format(default=default, factor=factor), cases=3)
    says(found, "MultiLayerNet", "dW1", codes)


FUNCTIONS = """
import numpy as np

def forward_propagation(X, parameters):
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    A2 = 1 / (1 + np.exp(-Z2))
    return A2, (A1, A2)

def compute_cost(A2, Y, parameters, lambd{default}):
    m = Y.shape[1]
    penalty = lambd / (2 * m) * (np.sum(parameters["W1"] ** 2) + np.sum(parameters["W2"] ** 2))
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m + penalty

def backward_propagation(X, Y, parameters, cache, lambd{default}):
    m = X.shape[1]
    A1, A2 = cache
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {{
        "dW2": dZ2 @ A1.T / m + {factor} * parameters["W2"], "db2": dZ2.sum(axis=1, keepdims=True) / m,
        "dW1": dZ1 @ X.T / m + lambd / m * parameters["W1"], "db1": dZ1.sum(axis=1, keepdims=True) / m,
    }}
"""


@pytest.mark.parametrize("default", ["", "=0.1", "=0"])
@pytest.mark.parametrize(
    ("factor", "codes"), [("lambd / m", ()), ("2 * lambd / m", ("penalty-not-in-loss", "wrong-gradient"))]
)
def test_a_network_in_functions(tmp_path: Path, factor: str, codes: tuple[str, ...], default: str) -> None:
    found = checked(tmp_path, FUNCTIONS.format(default=default, factor=factor), cases=3)
    says(found, "backward_propagation", "dW2", codes)


LABELLED = """
import numpy as np

class Network:
    def __init__(self, n_in, n_out, weight_decay={default}):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)
        self.dW, self.db = np.zeros((n_in, n_out)), np.zeros(n_out)
        self.weight_decay = weight_decay

    def forward(self, x):
        self.x = x
        self.out = x @ self.W + self.b
        return self.out

    def loss(self, labels):
        return 0.5 * np.sum((self.out - labels) ** 2) + 0.5 * self.weight_decay * np.sum(self.W**2)

    def backward(self, labels):
        d = self.out - labels
        self.dW = self.x.T @ d + {factor} * self.W
        self.db = d.sum(axis=0)
        return d @ self.W.T
"""


@pytest.mark.parametrize("default", ["0.0", "0.1"])
@pytest.mark.parametrize(("factor", "codes"), [("self.weight_decay", ()), ("0", ("penalty-missing",))])
def test_a_network_that_goes_back_from_labels(
    tmp_path: Path, factor: str, codes: tuple[str, ...], default: str
) -> None:
    says(checked(tmp_path, LABELLED.format(default=default, factor=factor), cases=3), "Network", "dW", codes)


MODEL_COST = """
import numpy as np

def cost(X, y, theta, lam={default}):
    return np.sum((X @ theta - y) ** 2) / (2 * len(y)) + lam * np.sum(theta**2)

def cost_gradient(X, y, theta, lam={default}):
    return X.T @ (X @ theta - y) / len(y) + {factor} * theta
"""


@pytest.mark.parametrize("default", ["0.0", "0.1"])
@pytest.mark.parametrize(("factor", "codes"), [("2 * lam", ()), ("lam", ("penalty-missing",))])
def test_the_cost_of_a_linear_model(tmp_path: Path, factor: str, codes: tuple[str, ...], default: str) -> None:
    says(checked(tmp_path, MODEL_COST.format(default=default, factor=factor), cases=3), "cost", "dtheta", codes)


FLAGGED = NET.replace("X, y=None{method}", "X, y=None, reg=0.1, regularize={flag}")


@pytest.mark.parametrize(("flag", "right"), [("True", True), ("False", False)])
def test_a_penalty_under_a_flag_is_where_the_forward_has_it(tmp_path: Path, flag: str, right: bool) -> None:
    source = FLAGGED.format(
        argument="", attribute="pass", flag=flag, loss=BOTH.format(r="reg * regularize"),
        penalties=OF_NETS["right"][1].format(r="reg"),
    )  # fmt: skip
    assert checked(tmp_path, source, cases=3).passes("TwoLayerNet") is right


LAYER = """
import numpy as np

class Layer_Dense:
    def __init__(self, n_inputs, n_neurons, weight_regularizer_l2=0):
        self.weights, self.biases = np.random.randn(n_inputs, n_neurons), np.zeros((1, n_neurons))
        self.weight_regularizer_l2 = weight_regularizer_l2

    def forward(self, inputs):
        self.inputs, self.output = inputs, inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights, self.dbiases = self.inputs.T @ dvalues, dvalues.sum(axis=0, keepdims=True)
        if self.weight_regularizer_l2 > 0:
            self.dweights += 2 * self.weight_regularizer_l2 * self.weights
        self.dinputs = dvalues @ self.weights.T
"""


def test_a_layer_keeps_the_strength_that_its_author_gave_it(tmp_path: Path) -> None:
    """Its penalty is in a loss that it does not know."""
    assert checked(tmp_path, LAYER).passes("Layer_Dense")


OTHER = """
import numpy as np

class Regressor:
    def __init__(self, n_in, l1=6, reg="l2", dropout=0.0, regularized=True):
        self.params = {"W": np.random.randn(n_in, 1)}
        self.l1, self.reg, self.regularized = l1, reg, regularized

    def loss(self, X, y):
        assert self.l1 == 6 and self.reg == "l2" and self.regularized is True
        e = X @ self.params["W"] - y.reshape(-1, 1)
        loss, grads = 0.5 * np.sum(e**2), {"W": X.T @ e}
        return loss, grads
"""


def test_sizes_names_and_flags_are_no_strengths(tmp_path: Path) -> None:
    assert checked(tmp_path, OTHER, cases=3).passes("Regressor")


def test_what_is_wrong_can_be_run_as_it_is_printed(tmp_path: Path) -> None:
    argument, attribute, method, r = PLACES["an attribute that is zero"]
    loss, penalties, _, _ = OF_NETS["the first forgotten"]
    source = NET.format(
        argument=argument, attribute=attribute, method=method, loss=loss.format(r=r), penalties=penalties.format(r=r)
    )
    finding = checked(tmp_path, source, cases=3).result("TwoLayerNet", "dW1").finding
    assert finding is not None
    assert "net.reg = 0.7" in finding.reproduce
    assert any("reg = 0.7" in line for line in finding.evidence)
