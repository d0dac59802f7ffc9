# 활성화 함수 (activations, second try)
import numpy as np
import matplotlib.pyplot as plt


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, dout):
        return dout * self.p * (1 - self.p)  # 시그모이드와 같은 모양


class LeakyReLU:
    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def forward(self, x):
        self.positive = x > 0
        return np.where(self.positive, x, self.alpha * x)

    def backward(self, dout):
        return dout * self.positive


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return -dout * (1 - self.out**2)


class Sigmoid:
    """upstream은 어차피 1이니까..."""

    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        return self.out * (1 - self.out)


class Sigmoid2:
    """부호를 잊어버린 시그모이드"""

    def forward(self, x):
        self.out = 1 / (1 + np.exp(x))
        return self.out

    def backward(self, dout):
        return -dout * self.out * (1 - self.out)


def show(layer):
    grid = np.linspace(-6, 6)[:, None]
    plt.plot(grid, layer.forward(grid))
