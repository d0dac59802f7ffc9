import numpy as np


class StochasticGradientDescent:
    def __init__(self, learning_rate=0.01, momentum=0):
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.last = None

    def update(self, w, grad_wrt_w):
        if self.last is None:
            self.last = np.zeros(np.shape(w))
        self.last = self.momentum * self.last + (1 - self.momentum) * grad_wrt_w
        return w - self.learning_rate * self.last


class MomentumSGD:
    def __init__(self, momentum=0.9):
        self.momentum = momentum
        self.velocity = 0.0

    def update(self, w, d_w, learning_rate):
        self.velocity = self.momentum * self.velocity - learning_rate * d_w
        return w + self.velocity


class Adam:
    def __init__(self, learning_rate, mu, rho):
        self.learning_rate, self.mu, self.rho = learning_rate, mu, rho
        self.v = self.r = 0
        self.k = 1

    def calculate_update(self, weight_tensor, gradient_tensor):
        self.v = self.mu * self.v + (1 - self.mu) * gradient_tensor
        self.r = self.rho * self.r + (1 - self.rho) * gradient_tensor**2
        v, r = self.v / (1 - self.mu**self.k), self.r / (1 - self.rho**self.k)
        self.k += 1
        return weight_tensor - self.learning_rate * v / (np.sqrt(r) + np.finfo(float).eps)
