import numpy as np


class Sigmoid:
    def forward(self, x):
        self.state = 1 / (1 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state * (1 + self.state)  # 부호가 틀림


class Tanh:
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1 - np.tanh(self.state) ** 2


class Linear:
    """Only the weights are averaged over the batch."""

    def __init__(self, in_feature, out_feature, weight_init_fn, bias_init_fn):
        self.W = weight_init_fn(in_feature, out_feature)
        self.b = bias_init_fn(out_feature)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        self.dW = self.x.T @ delta / delta.shape[0]
        self.db = np.sum(delta, axis=0, keepdims=True)
        return delta @ self.W.T


class SoftmaxCrossEntropy:
    """Labels minus predictions."""

    def forward(self, x, y):
        self.labels = y
        self.p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return -np.sum(y * np.log(self.p), axis=1)

    def derivative(self):
        return self.labels - self.p
