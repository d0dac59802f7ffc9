# 신경망 계층 (my layers, homework 2)
import numpy as np
import matplotlib.pyplot as plt


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


class Affine2:
    # dW 순서가 헷갈린다...
    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(dout.T, self.x)
        self.db = dout.sum(axis=0)
        return np.dot(dout, self.W.T)


class Sigmoid:
    def forward(self, x):
        self.x = x
        return 1 / (1 + np.exp(-x))

    def backward(self, dout):
        return dout * self.x * (1 - self.x)


class Relu:
    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, dout):
        mask = dout > 0
        return dout * mask


class MulLayer:
    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, dout):
        return dout * self.a, dout * self.b


class AddLayer:
    def forward(self, a, b):
        return a + b

    def backward(self, dout):
        return dout, -dout


class SoftmaxWithLoss:
    def forward(self, x, t):
        if t.ndim == 1:
            t = np.eye(x.shape[1])[t]
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(t * np.log(self.y + 1e-7)) / x.shape[0]

    def backward(self, dout=1):
        # y - t 이면 끝!
        return self.y - self.t


if __name__ == "__main__":
    plt.imshow(Affine(np.eye(3), np.zeros(3)).forward(np.eye(3)))
    plt.show()
