"""common/time_layers.py: 단어 벡터와 이진 분류 손실"""

import numpy as np


class Embedding:
    def __init__(self, W):
        self.params, self.grads, self.idx = [W], [np.zeros_like(W)], None

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        dW = self.grads[0]
        dW[...] = 0
        for i, word in enumerate(self.idx):
            dW[word] = dout[i]
        return None


class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.t = t
        self.y = 1 / (1 + np.exp(-x))
        p = np.where(t == 1, self.y, 1 - self.y)
        return -np.sum(np.log(p + 1e-12)) / len(t)

    def backward(self, dout=1):
        return (self.y - self.t) * self.y * (1 - self.y) * dout / len(self.t)
