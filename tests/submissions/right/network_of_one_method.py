# 과제 2: 2층 신경망. 손실과 기울기를 한 번에 계산한다
import numpy as np


class Param:
    """A parameter with its gradient."""

    def __init__(self, value):
        self.value = value
        self.grad = np.zeros_like(value)


class FullyConnectedLayer:
    def __init__(self, n_input, n_output):
        self.W = Param(0.001 * np.random.randn(n_input, n_output))
        self.B = Param(0.001 * np.random.randn(1, n_output))
        self.X = None

    def forward(self, X):
        self.X = X
        return X @ self.W.value + self.B.value

    def backward(self, d_out):
        self.W.grad += self.X.T @ d_out
        self.B.grad += d_out.sum(axis=0, keepdims=True)
        return d_out @ self.W.value.T

    def params(self):
        return {"W": self.W, "B": self.B}


def l2_regularization(W, reg_strength):
    return reg_strength * np.sum(W**2), 2 * reg_strength * W


class TwoLayerNet:
    def __init__(self, n_input, n_output, hidden_layer_size, reg):
        self.reg = reg
        self.first = FullyConnectedLayer(n_input, hidden_layer_size)
        self.second = FullyConnectedLayer(hidden_layer_size, n_output)

    def params(self):
        return [*self.first.params().values(), *self.second.params().values()]

    def compute_loss_and_gradients(self, X, y):
        # 이전 배치의 기울기를 지운다
        for p in self.params():
            p.grad = np.zeros_like(p.value)
        h = self.first.forward(X)
        scores = self.second.forward(np.maximum(h, 0))
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = -np.mean(np.log(p[rows, y]))
        p[rows, y] -= 1
        self.first.backward(self.second.backward(p / len(y)) * (h > 0))
        for param in self.params():
            penalty, grad = l2_regularization(param.value, self.reg)
            loss += penalty
            param.grad += grad
        return loss


class SoftmaxRegression:
    """One step gives gradients and loss; the solver takes the step."""

    def __init__(self, D, C):
        self.model = {"W": np.random.randn(D, C) / np.sqrt(D), "b": np.zeros((1, C))}

    def train_step(self, X_train, y_train):
        scores = X_train @ self.model["W"] + self.model["b"]
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        rows = np.arange(len(y_train))
        loss = -np.mean(np.log(p[rows, y_train]))
        p[rows, y_train] -= 1
        p /= len(y_train)
        grad = {"W": X_train.T @ p, "b": p.sum(axis=0, keepdims=True)}
        return grad, loss


if __name__ == "__main__":
    net = TwoLayerNet(4, 3, 8, reg=0.01)
    for _ in range(100):
        print(net.compute_loss_and_gradients(np.random.randn(5, 4), np.random.randint(0, 3, 5)))
        for p in net.params():
            p.value -= 0.1 * p.grad
