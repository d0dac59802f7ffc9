"""Optimizers over the parameters of an engine: objects with data and grad."""

import math


class Optimizer:
    def __init__(self, params):
        self.params = params

    def step(self):
        raise NotImplementedError()

    def zero_grad(self):
        for p in self.params:
            p.grad = None


class SGD(Optimizer):
    def __init__(self, params, lr=0.01, momentum=0.0, weight_decay=0.0):
        super().__init__(params)
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.u = {}

    def step(self):
        for p in self.params:
            if p.grad is None:
                continue
            grad = p.grad.data + self.weight_decay * p.data
            self.u[id(p)] = self.momentum * self.u.get(id(p), 0.0) + (1 - self.momentum) * grad
            p.data = p.data - self.lr * self.u[id(p)]


class Adam(Optimizer):
    def __init__(self, params, lr=0.01, betas=(0.9, 0.999), eps=1e-8, amsgrad=False):
        super().__init__(params)
        self.lr, self.betas, self.eps, self.amsgrad = lr, betas, eps, amsgrad
        self.t, self.state = 0, {}

    def step(self):
        self.t += 1
        b1, b2 = self.betas
        for i, p in enumerate(self.params):
            m, v, u = self.state.get(i, (0.0, 0.0, 0.0))
            m, v = b1 * m + (1 - b1) * p.grad, b2 * v + (1 - b2) * p.grad**2
            u = v if not self.amsgrad else v + (u - v) * (u > v)
            self.state[i] = m, v, u
            p.data -= self.lr * (m / (1 - b1**self.t)) / ((u / (1 - b2**self.t)) ** 0.5 + self.eps)


class ClipGrad:
    """A hook that is called with the parameters before the step."""

    def __init__(self, max_norm):
        self.max_norm = max_norm

    def __call__(self, params):
        total = math.sqrt(sum(float((p.grad.data**2).sum()) for p in params))
        rate = self.max_norm / (total + 1e-6)
        if rate < 1:
            for p in params:
                p.grad.data *= rate
