"""과제 2: 오차역전파 (homework 2, backpropagation). 학번 20231234"""

import math

import numpy as np

# ---------------------------------------------------------------- layers as classes


class Affine:
    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout
        return dout @ self.W.T


class Relu:
    def forward(self, x):
        self.mask = x > 0  # 양수만 통과
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class MulLayer:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dout):
        return dout * self.x, dout * self.y


class AddLayer:
    def forward(self, x, y):
        return x + y

    def backward(self, dout):
        return dout * 1, dout * 1


class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        self.t = np.eye(x.shape[1])[t] if t.ndim == 1 else t
        return -np.sum(self.t * np.log(self.y + 1e-7)) / len(x)

    def backward(self, dout=1):
        return self.y - self.t


# ---------------------------------------------------------------- layers as functions


def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    return out, x


def sigmoid_backward(dout, cache):
    x = cache
    return dout * x * (1 - x)  # s' = s (1 - s)


def tanh_forward(x):
    out = np.tanh(x)
    return out, out


def tanh_backward(dout, cache):
    return dout * (1 - cache**2)


def mse_loss(y, t):
    difference = y - t
    return np.mean(difference**2), 2 * difference / difference.size


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    layer = Affine(rng.normal(0, 1 / math.sqrt(3), (3, 1)), np.zeros(1))
    x = rng.normal(size=(16, 3))
    for epoch in range(200):
        loss, gradient = mse_loss(layer.forward(x), x.sum(axis=1, keepdims=True))
        layer.backward(gradient)
        layer.W -= 0.1 * layer.dW
    print("loss:", loss)
