"""Networks and costs of one method: loss and gradients together, words as input, the cost of a linear model."""

from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import open_namespace


def verdicts(**defined: Any) -> dict[str, Verdict]:
    suite = open_namespace(defined, Settings(cases=4))
    assert suite.not_driven == []
    return {r.property: r.verdict for r in suite.targets[0].check_all()}


def failed(**defined: Any) -> set[str]:
    return {p for p, v in verdicts(**defined).items() if v is Verdict.FAIL}


def softmax(z):
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


class Param:
    def __init__(self, value):
        self.value = value
        self.grad = np.zeros_like(value)


class Linear:
    def __init__(self, n_input, n_output):
        self.W = Param(0.001 * np.random.randn(n_input, n_output))
        self.B = Param(0.001 * np.random.randn(1, n_output))


class ComputeLossAndGradients:
    """The loss is returned, the gradients lie in the parameters."""

    share = 1.0

    def __init__(self, n_input, n_output, hidden_layer_size, reg):
        self.reg = reg
        self.first = Linear(n_input, hidden_layer_size)
        self.second = Linear(hidden_layer_size, n_output)

    def compute_loss_and_gradients(self, X, y):
        h = X @ self.first.W.value + self.first.B.value
        a = np.maximum(h, 0)
        p = softmax(a @ self.second.W.value + self.second.B.value)
        rows = np.arange(len(y))
        loss = -np.mean(np.log(p[rows, y])) + self.reg * np.sum(self.second.W.value**2)
        p[rows, y] -= 1
        d = p / len(y)
        self.second.W.grad = a.T @ d + self.share * 2 * self.reg * self.second.W.value
        self.second.B.grad = d.sum(axis=0, keepdims=True)
        dh = (d @ self.second.W.value.T) * (h > 0)
        self.first.W.grad = X.T @ dh
        self.first.B.grad = dh.sum(axis=0, keepdims=True)
        return loss


class WithoutPenalty(ComputeLossAndGradients):
    share = 0.0


def test_gradients_in_the_parameters() -> None:
    assert failed(Net=ComputeLossAndGradients) == set()


def test_a_penalty_that_has_no_gradient() -> None:
    assert len(failed(Net=WithoutPenalty)) == 1


class TrainStep:
    """The gradients come first, and no step is taken."""

    def __init__(self, D, C, H):
        self.model = {"W1": np.random.randn(D, H), "W2": np.random.randn(H, C), "b2": np.zeros((1, C))}

    def train_step(self, X_train, y_train):
        h = np.tanh(X_train @ self.model["W1"])
        p = softmax(h @ self.model["W2"] + self.model["b2"])
        rows = np.arange(len(y_train))
        loss = -np.mean(np.log(p[rows, y_train]))
        p[rows, y_train] -= 1
        p /= len(y_train)
        grad = {"W1": X_train.T @ ((p @ self.model["W2"].T) * self.slope(h)), "W2": h.T @ p, "b2": p.sum(axis=0)}
        return grad, loss

    def slope(self, h):
        return 1 - h**2


class TrainStepWrong(TrainStep):
    def slope(self, h):
        return 1 - h


def test_gradients_and_loss_of_a_step() -> None:
    assert failed(Net=TrainStep) == set()
    assert failed(Net=TrainStepWrong) == {"dW1"}


class GradientAlone:
    """What is called after loss and gradient is the gradient only, and the loss has another name."""

    def value(self, x, t):
        return np.sum((x - t) ** 2)

    def loss_grad(self, x, t):
        return 2 * (x - t)


def test_a_gradient_is_not_taken_for_a_loss() -> None:
    suite = open_namespace({"GradientAlone": GradientAlone}, Settings(cases=4))
    assert suite.targets == []


class Characters:
    """A recurrent network over the numbers of characters, which is given the state it starts from."""

    carried = 1.0

    def __init__(self, D, H, char2idx, idx2char):
        self.H = H
        self.D = len(char2idx)
        assert len(idx2char) == D == self.D
        self.model = {"Wx": np.random.randn(D, H), "Wh": np.random.randn(H, H), "Wy": np.random.randn(H, D)}

    def initial_state(self):
        return np.zeros((1, self.H))

    def train_step(self, X_train, y_train, h):
        wx, wh, wy = self.model["Wx"], self.model["Wh"], self.model["Wy"]
        steps, loss = [], 0.0
        for x, y in zip(X_train, y_train, strict=True):
            before, one = h, np.eye(self.D)[[x]]
            h = np.tanh(one @ wx + before @ wh)
            p = softmax(h @ wy)
            loss -= np.log(p[0, y])
            p[0, y] -= 1
            steps.append((one, before, h, p))
        grads = {n: np.zeros_like(w) for n, w in self.model.items()}
        dh = np.zeros_like(h)
        for one, before, now, dy in reversed(steps):
            grads["Wy"] += now.T @ dy
            dz = (dy @ wy.T + self.carried * dh) * (1 - now**2)
            grads["Wx"] += one.T @ dz
            grads["Wh"] += before.T @ dz
            dh = dz @ wh.T
        return grads, loss, h


class CharactersWrong(Characters):
    carried = 0.0


def test_characters() -> None:
    assert failed(Net=Characters) == set()
    assert failed(Net=CharactersWrong) == {"dWx", "dWh"}


class Captions:
    """An image starts the sentence; words that are padding do not count."""

    masked = True

    def __init__(self, word_to_idx, input_dim=12, wordvec_dim=6, hidden_dim=8):
        self._null = word_to_idx["<NULL>"]
        self._start = word_to_idx.get("<START>", None)
        size = len(word_to_idx)
        shapes = {"W_proj": (input_dim, hidden_dim), "W_embed": (size, wordvec_dim), "Wx": (wordvec_dim, hidden_dim)}
        self.params = {n: np.random.randn(*s) for n, s in {**shapes, "W_vocab": (hidden_dim, size)}.items()}

    def loss(self, features, captions):
        words, right = captions[:, :-1], captions[:, 1:]
        mask = right != self._null
        embedded = self.params["W_embed"][words]
        h0 = features @ self.params["W_proj"]
        h = embedded @ self.params["Wx"] + h0[:, None, :]
        p = softmax(h @ self.params["W_vocab"])
        rows = np.ogrid[: p.shape[0], : p.shape[1]]
        loss = -np.sum(np.log(p[rows[0], rows[1], right]) * mask) / len(features)
        p[rows[0], rows[1], right] -= 1
        d = p * (mask[:, :, None] if self.masked else 1) / len(features)
        dh = d @ self.params["W_vocab"].T
        embedding = np.zeros_like(self.params["W_embed"])
        np.add.at(embedding, words, dh @ self.params["Wx"].T)
        grads = {
            "W_vocab": np.einsum("nth,ntv->hv", h, d),
            "Wx": np.einsum("ntd,nth->dh", embedded, dh),
            "W_proj": features.T @ dh.sum(axis=1),
            "W_embed": embedding,
        }
        return loss, grads


class CaptionsWithPadding(Captions):
    masked = False


def test_captions() -> None:
    assert failed(Net=Captions) == set()
    assert "dW_vocab" in failed(Net=CaptionsWithPadding)


class FilterSize:
    """A network for images of one data set: nothing else fits its second layer."""

    scale = 1.0

    def __init__(self, C, H):
        self.params = {
            "W1": np.random.randn(2, 1, 3, 3),
            "W2": np.random.randn(2 * 14 * 14, H) * 0.1,
            "W3": np.random.randn(H, C),
        }

    def loss(self, X, y):
        small = X[:, 0].reshape(len(X), 14, 2, 14, 2).mean(axis=(2, 4))
        taps = np.sum(self.params["W1"], axis=(1, 2, 3))
        flat = (small[:, None] * taps[None, :, None, None]).reshape(len(X), -1)
        h = np.tanh(flat @ self.params["W2"])
        p = softmax(h @ self.params["W3"])
        rows = np.arange(len(y))
        loss = -np.mean(np.log(p[rows, y]))
        p[rows, y] -= 1
        p /= len(y)
        dh = (p @ self.params["W3"].T) * (1 - h**2)
        dflat = (dh @ self.params["W2"].T).reshape(len(X), 2, 14, 14)
        dtaps = self.scale * np.einsum("nfij,nij->f", dflat, small)
        grads = {"W1": np.broadcast_to(dtaps[:, None, None, None], (2, 1, 3, 3)), "W2": flat.T @ dh, "W3": h.T @ p}
        return loss, grads


class FilterSizeWrong(FilterSize):
    scale = 2.0


def test_images_of_a_data_set() -> None:
    assert failed(Net=FilterSize) == set()
    assert failed(Net=FilterSizeWrong) == {"dW1"}


def cost(X, y, theta):
    return np.sum((X @ theta - y) ** 2) / (2 * len(y))


def cost_gradient(X, y, theta):
    return X.T @ (X @ theta - y) / len(y)


def cost_prime(X, y, theta):
    return X.T @ (X @ theta - y)


class Absolute:
    """Weights first, labels in a row."""

    @staticmethod
    def loss(W, X, Y):
        return np.mean(np.abs((X @ W).T - Y))

    @staticmethod
    def derivative(W, X, Y):
        return (np.sign((X @ W).T - Y) @ X).T / len(X)


class AbsoluteWrong(Absolute):
    @staticmethod
    def derivative(W, X, Y):
        return (Y - np.sign((X @ W).T) @ X).T / len(X)


def test_cost_of_a_linear_model() -> None:
    assert verdicts(cost=cost, cost_gradient=cost_gradient)["dtheta"] is Verdict.PASS
    assert failed(cost=cost, cost_prime=cost_prime) == {"dtheta"}


def test_cost_of_a_class() -> None:
    assert verdicts(Absolute=Absolute)["dW"] is Verdict.PASS


class Penalty:
    def __init__(self, alpha):
        self.alpha = alpha

    def norm(self, weights):
        return self.alpha * np.sum(weights**2)

    def calculate_gradient(self, weights):
        return 2 * self.alpha * weights


class PenaltyWrong(Penalty):
    def calculate_gradient(self, weights):
        return self.alpha * weights


@pytest.mark.parametrize(("cls", "wrong"), [(Penalty, set()), (PenaltyWrong, {"dweights"})])
def test_norm_and_its_gradient(cls: type, wrong: set[str]) -> None:
    assert failed(Penalty=cls) == wrong
