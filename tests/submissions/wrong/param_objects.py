"""layers.py - Param.value, Param.grad; 정규화 항의 기울기가 다르다."""

import numpy as np


class Param:
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
        return np.dot(X, self.W.value) + self.B.value

    def backward(self, d_out):
        self.W.grad += np.dot(self.X.T, d_out)
        self.B.grad += np.mean(d_out, axis=0, keepdims=True)
        return np.dot(d_out, self.W.value.T)

    def params(self):
        return {"W": self.W, "B": self.B}


class ReLULayer:
    def forward(self, X):
        self.mask = X > 0
        return X * self.mask

    def backward(self, d_out):
        return self.mask.astype(float)

    def params(self):
        return {}
