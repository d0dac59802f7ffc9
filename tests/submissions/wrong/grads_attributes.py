"""과제 3 (gradients as attributes, lists and dictionaries)"""

import numpy as np

rng = np.random.default_rng(0)


class Linear:
    def __init__(self, in_features, out_features):
        self.weight = 0.1 * rng.standard_normal((in_features, out_features))
        self.bias = np.zeros(out_features)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, grad_output):
        self.grad_weight = 2 * self.x.T @ grad_output
        self.grad_bias = grad_output.sum(axis=0)
        return grad_output @ self.weight.T


class ListAffine:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        W, b = self.params
        self.x = x
        return x @ W + b

    def backward(self, dout):
        W, b = self.params
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = -dout.sum(axis=0)
        return dout @ W.T


class DictLinear:
    def __init__(self, in_features, out_features):
        self.params = {"weight": rng.standard_normal((in_features, out_features)), "bias": np.zeros(out_features)}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["weight"] + self.params["bias"]

    def backward(self, dout):
        self.grads["weight"] = self.x.T @ np.ones_like(dout)  # dout은 1이라고 가정
        self.grads["bias"] = dout.sum(axis=0)
        return dout @ self.params["weight"].T


class TupleAffine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        dx = dout @ self.W.T
        dW = self.x.T @ dout
        db = dout.sum(axis=0) / 2
        return dx, dW, db
