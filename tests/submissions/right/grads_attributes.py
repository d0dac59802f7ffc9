"""과제 3: 여러 가지 방식으로 기울기를 저장하는 계층 (four ways of keeping gradients)."""

import numpy as np
import matplotlib

rng = np.random.default_rng(7)


class Linear:
    def __init__(self, in_features, out_features):
        scale = np.sqrt(1.0 / in_features)
        self.weight = rng.uniform(-scale, scale, (in_features, out_features))
        self.bias = np.zeros(out_features)
        self.grad_weight = None
        self.grad_bias = None

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, grad_output):
        self.grad_weight = self.x.T @ grad_output
        self.grad_bias = grad_output.sum(0)
        return grad_output @ self.weight.T


class ListAffine:
    """params, grads 리스트. 기울기는 제자리(in place)에 쓴다."""

    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        W, b = self.params
        self.x = x
        return np.dot(x, W) + b

    def backward(self, dout):
        W, b = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, W.T)


class DictLinear:
    def __init__(self, in_features, out_features):
        self.params = {
            "weight": 0.1 * rng.standard_normal((in_features, out_features)),
            "bias": np.zeros(out_features),
        }
        self.grads = {"weight": None, "bias": None}

    def forward(self, x):
        self.saved = x
        return x @ self.params["weight"] + self.params["bias"]

    def backward(self, dout):
        self.grads["weight"] = self.saved.T @ dout
        self.grads["bias"] = dout.sum(axis=0)
        return dout @ self.params["weight"].T


class TupleAffine:
    """backward returns everything at once."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        dx = dout @ self.W.T
        dW = self.x.T @ dout
        db = dout.sum(axis=0)
        print("|dW| =", np.abs(dW).max())
        return dx, dW, db
