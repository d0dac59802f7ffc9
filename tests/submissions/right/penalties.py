"""가중치 벌점: `penalty(w)` is called, `grad(w)` is its gradient."""

import numpy as np


class Ridge:
    def __init__(self, alpha):
        self.alpha = alpha

    def __call__(self, w):
        return self.alpha * 0.5 * w.T.dot(w)

    def grad(self, w):
        return self.alpha * w


class ElasticNet:
    def __init__(self, alpha, l1_ratio=0.5):
        self.alpha, self.l1_ratio = alpha, l1_ratio

    def __call__(self, w):
        return self.alpha * (self.l1_ratio * np.abs(w).sum() + (1 - self.l1_ratio) * 0.5 * w.dot(w))

    def grad(self, w):
        return self.alpha * (self.l1_ratio * np.sign(w) + (1 - self.l1_ratio) * w)
