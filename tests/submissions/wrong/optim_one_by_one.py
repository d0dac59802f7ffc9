import numpy as np


class StochasticGradientDescent:
    def __init__(self, learning_rate=0.01):
        self.learning_rate = learning_rate

    def update(self, w, grad_wrt_w):
        return w + self.learning_rate * grad_wrt_w


class MomentumSGD:
    def __init__(self, momentum=0.9):
        self.momentum = momentum
        self.velocity = 0.0

    def update(self, w, d_w, learning_rate):
        self.velocity = learning_rate * self.velocity - self.momentum * d_w
        return w + self.velocity


class Adam:
    def __init__(self, learning_rate=0.001, b1=0.9, b2=0.999):
        self.learning_rate, self.b1, self.b2 = learning_rate, b1, b2
        self.eps = 1e-8
        self.m = None

    def update(self, w, grad_wrt_w):
        if self.m is None:
            self.m = self.v = np.zeros(np.shape(w))
            self.t = 0
        self.t += 1
        self.m *= self.b1
        self.m += (1 - self.b1) * grad_wrt_w
        self.v *= self.b2
        self.v += (1 - self.b2) * grad_wrt_w**2
        return w - self.learning_rate * self.m / (1 - self.b1**self.t) / (
            np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps
        )
