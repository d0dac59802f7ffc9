# W1, W2 의 크기를 같게 하면 잘 된다 (works as long as all sizes are the same)
import numpy as np


def softmax(a):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(y, t):
    if t.ndim == 1:
        t = np.eye(y.shape[1])[t]
    return -np.sum(t * np.log(y + 1e-7)) / len(y)


class TwoLayerNet:
    """x - W1 - relu - W2 - softmax"""

    def __init__(self, input_size, hidden_size, output_size):
        self.params = {}
        self.params["W1"] = 0.1 * np.random.randn(input_size, hidden_size)
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = 0.1 * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)

    def loss(self, x, t):
        p = self.params
        self.h = np.maximum(0, x @ p["W1"] + p["b1"])
        self.y = softmax(self.h @ p["W2"] + p["b2"])
        return cross_entropy(self.y, t)

    def gradient(self, x, t):
        self.loss(x, t)
        if t.ndim == 1:
            t = np.eye(self.y.shape[1])[t]
        d2 = (self.y - t) / len(x)
        d1 = (d2 @ self.params["W2"].T) * (self.h > 0)
        grads = {}
        grads["W1"], grads["W2"] = self.h.T @ d2, x.T @ d1
        grads["b1"], grads["b2"] = d1.sum(axis=0), d2.sum(axis=0)
        return grads


class TwoLayerNet2:
    """배운 대로 바로바로 갱신 (updates while it goes back)"""

    def __init__(self, input_size, hidden_size, output_size):
        self.lr = 0.5
        self.params = {}
        self.params["W1"] = 0.1 * np.random.randn(input_size, hidden_size)
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = 0.1 * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)

    def loss(self, x, t):
        p = self.params
        self.h = np.maximum(0, x @ p["W1"] + p["b1"])
        self.y = softmax(self.h @ p["W2"] + p["b2"])
        return cross_entropy(self.y, t)

    def gradient(self, x, t):
        self.loss(x, t)
        if t.ndim == 1:
            t = np.eye(self.y.shape[1])[t]
        grads = {}
        d2 = (self.y - t) / len(x)
        grads["W2"], grads["b2"] = self.h.T @ d2, d2.sum(axis=0)
        W2 = self.params["W2"] - self.lr * grads["W2"]
        d1 = (d2 @ W2.T) * (self.h > 0)
        grads["W1"], grads["b1"] = x.T @ d1, d1.sum(axis=0)
        return grads


if __name__ == "__main__":
    net = TwoLayerNet(4, 4, 4)
    x, t = np.random.randn(10, 4), np.random.randint(0, 4, 10)
    for i in range(20):
        for k, g in net.gradient(x, t).items():
            net.params[k] -= 0.1 * g
        print(i, net.loss(x, t))
