"""Normalisation layers for the transformer project: two people, two styles."""

import numpy as np


class LayerNorm:
    def __init__(self, dim, eps=1e-6):
        self.weight, self.bias, self.eps = np.ones(dim), np.zeros(dim), eps

    def forward(self, x):
        mean, std = x.mean(-1, keepdims=True), x.std(-1, keepdims=True, ddof=1)
        self.d, self.std = std + self.eps, std  # eps next to the deviation, as in the tutorial
        self.xhat = (x - mean) / self.d
        return self.weight * self.xhat + self.bias

    def backward(self, grad):
        rows = tuple(range(grad.ndim - 1))
        self.grad_weight = (grad * self.xhat).sum(axis=rows)
        self.grad_bias = grad.sum(axis=rows)
        g = grad * self.weight
        n = g.shape[-1]
        along = self.xhat * self.d / self.std * (g * self.xhat).sum(-1, keepdims=True) / (n - 1)
        return (g - g.mean(-1, keepdims=True) - along) / self.d


class RMSNorm:
    def __init__(self, dim):
        self.g = np.ones(dim)

    def forward(self, x):
        self.x = x
        self.r = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)
        return self.g * x * self.r

    def backward(self, dy):
        n = self.x * self.r
        self.dg = (dy * n).reshape(-1, len(self.g)).sum(axis=0)
        d = dy * self.g
        return self.r * (d - n * (d * n).mean(axis=-1, keepdims=True))


class GroupNorm:
    def __init__(self, num_groups, num_channels, eps=1e-5):
        self.G, self.eps = num_groups, eps
        self.gamma, self.beta = np.ones((1, num_channels, 1, 1)), np.zeros((1, num_channels, 1, 1))

    def forward(self, x):
        self.shape = x.shape
        rows = x.reshape(x.shape[0], self.G, -1)
        self.std = np.sqrt(rows.var(axis=2, keepdims=True) + self.eps)
        self.xhat = ((rows - rows.mean(axis=2, keepdims=True)) / self.std).reshape(x.shape)
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma = (dout * self.xhat).sum(axis=(0, 2, 3), keepdims=True)
        self.dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
        g, xhat = ((a).reshape(len(dout), self.G, -1) for a in (dout * self.gamma, self.xhat))
        mean = lambda a: a.mean(axis=2, keepdims=True)  # noqa: E731
        return ((g - mean(g) - xhat * mean(g * xhat)) / self.std).reshape(self.shape)


class BatchNorm2d:
    def __init__(self, num_features, momentum=0.1):
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
        self.momentum, self.training = momentum, True

    def forward(self, x):
        flat = x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
        mean, var = (flat.mean(0), flat.var(0)) if self.training else (self.running_mean, self.running_var)
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
        self.std = np.sqrt(var + 2e-5)
        self.xhat = (flat - mean) / self.std
        N, C, H, W = x.shape
        return (self.gamma * self.xhat + self.beta).reshape(N, H, W, C).transpose(0, 3, 1, 2)

    def backward(self, dout):
        N, C, H, W = dout.shape
        d = dout.transpose(0, 2, 3, 1).reshape(-1, C)
        self.dgamma, self.dbeta = (d * self.xhat).sum(0), d.sum(0)
        d = d * self.gamma
        dx = (d - d.mean(0) - self.xhat * (d * self.xhat).mean(0)) / self.std
        return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)


class Normalize:
    """Unit vectors for the retrieval head."""

    def forward(self, x):
        self.norm = np.sqrt((x**2).sum(axis=1, keepdims=True)) + 1e-8
        self.y = x / self.norm
        self.unit = x / (self.norm - 1e-8)
        return self.y

    def backward(self, dy):
        return (dy - self.unit * (dy * self.y).sum(axis=1, keepdims=True)) / self.norm


class Dropout:
    rng = np.random.default_rng(1)

    def forward(self, x):
        self.kept = self.rng.random(x.shape) < 0.75
        return np.where(self.kept, x / 0.75, 0.0)

    def backward(self, dy):
        return np.where(self.kept, dy / 0.75, 0.0)
