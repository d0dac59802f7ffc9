"""가중치 벌점, 두 곳이 틀렸다."""

import numpy as np


class Ridge:
    def __init__(self, alpha):
        self.alpha = alpha

    def __call__(self, w):
        return self.alpha * 0.5 * w.T.dot(w)

    def grad(self, w):
        return 2 * self.alpha * w  # the 0.5 is forgotten


class ElasticNet:
    def __init__(self, alpha, l1_ratio=0.5):
        self.alpha, self.l1_ratio = alpha, l1_ratio

    def __call__(self, w):
        return self.alpha * (self.l1_ratio * np.linalg.norm(w) + (1 - self.l1_ratio) * 0.5 * w.dot(w))

    def grad(self, w):
        return self.alpha * (self.l1_ratio * np.sign(w) + (1 - self.l1_ratio) * w)
