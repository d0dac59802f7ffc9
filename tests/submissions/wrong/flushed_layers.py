"""모든 순전파를 기억하는 층: every forward is kept in a list, and backward goes back through the oldest."""

import numpy as np


class LayerBase:
    def __init__(self):
        self.X, self.gradients, self.parameters = [], {}, {}  # 아무도 비우지 않는다



class Tanh(LayerBase):
    def forward(self, X):
        self.X.append(X)
        return np.tanh(X)

    def backward(self, dLdy):
        return dLdy * (1 - np.tanh(self.X[0]) ** 2)
