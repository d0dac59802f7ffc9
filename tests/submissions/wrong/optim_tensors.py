"""Optimizers over the parameters of an engine: objects with data and grad."""


class SGD:
    def __init__(self, params, lr=0.01, weight_decay=0.0):
        self.params = params
        self.lr, self.weight_decay = lr, weight_decay

    def step(self):
        for p in self.params:
            p.data = p.data - self.lr * p.grad - self.weight_decay * p.data


class Adam:
    def __init__(self, params, lr=0.01, betas=(0.9, 0.999), eps=1e-8, amsgrad=False):
        self.params = params
        self.lr, self.betas, self.eps, self.amsgrad = lr, betas, eps, amsgrad
        self.t, self.state = 0, {}

    def step(self):
        self.t += 1
        b1, b2 = self.betas
        for i, p in enumerate(self.params):
            m, v = self.state.get(i, (0.0, 0.0))
            m, v = b1 * m + (1 - b1) * p.grad, b2 * v + (1 - b2) * p.grad**2
            self.state[i] = m, v
            p.data -= self.lr * (m / (1 - b1)) / ((v / (1 - b2)) ** 0.5 + self.eps)


class ClipGrad:
    def __init__(self, max_norm):
        self.max_norm = max_norm

    def __call__(self, params):
        total = sum(float((p.grad.data**2).sum()) for p in params)
        rate = self.max_norm / (total + 1e-6)
        if rate < 1:
            for p in params:
                p.grad.data *= rate
