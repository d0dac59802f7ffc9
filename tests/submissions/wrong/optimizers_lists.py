"""Optimizers over lists, and the clipping that goes with the recurrent networks."""

import numpy as np


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for param, grad in zip(params, grads):
            param = param - self.lr * grad


class Momentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        if self.v is None:
            self.v = [np.zeros_like(p) for p in params]
        for i in range(len(params)):
            self.v[i] = self.momentum * self.v[i] - self.lr * grads[i]
            params[i] -= self.v[i]


def clip_by_global_norm(grads, max_norm):
    for grad in grads:
        norm = np.sqrt(np.sum(grad**2))
        rate = max_norm / (norm + 1e-6)
        if rate < 1:
            grad *= rate


def clip_grad_norm(grads, max_norm):
    total = np.sqrt(sum(np.sum(grad**2) for grad in grads))
    rate = max_norm / (total + 1e-6)
    for grad in grads:
        grad *= rate


def clip_values(grads, limit):
    return [np.minimum(g, limit) for g in grads]
