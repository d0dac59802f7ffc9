"""modules.py: self.params, self.grads 사전. The loss takes the prediction again in its backward."""

import numpy as np


class LinearModule(object):
    def __init__(self, in_features, out_features):
        self.params = {
            "weight": np.random.normal(0, 0.0001, (out_features, in_features)),
            "bias": np.zeros((1, out_features)),
        }
        self.grads = {"weight": np.zeros((out_features, in_features)), "bias": np.zeros((1, out_features))}

    def forward(self, x):
        self.x = x
        return x @ self.params["weight"].T + self.params["bias"]

    def backward(self, dout):
        self.grads["weight"] = dout.T @ self.x
        self.grads["bias"] = np.sum(dout, axis=0, keepdims=True)
        return dout @ self.params["weight"]


class CrossEntropyModule(object):
    def forward(self, x, y):
        return np.mean(-np.sum(y * np.log(x), axis=1))

    def backward(self, x, y):
        dx = -y / x / y.shape[0]
        return dx


if __name__ == "__main__":
    fc, ce = LinearModule(4, 3), CrossEntropyModule()
    x, y = np.random.randn(10, 4), np.eye(3)[np.random.randint(0, 3, 10)]
    for _ in range(5):
        e = np.exp(fc.forward(x))
        p = e / e.sum(axis=1, keepdims=True)
        print(ce.forward(p, y))
        dp = ce.backward(p, y)
        fc.backward(p * (dp - (dp * p).sum(axis=1, keepdims=True)))
        for k in fc.params:
            fc.params[k] -= 0.1 * fc.grads[k]
