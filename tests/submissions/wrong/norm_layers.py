"""Normalisation layers for the transformer project, before the review."""

import numpy as np


class LayerNorm:
    def __init__(self, dim, eps=1e-6):
        self.weight, self.bias, self.eps = np.ones(dim), np.zeros(dim), eps

    def forward(self, x):
        self.std = np.sqrt(x.var(-1, keepdims=True) + self.eps)
        self.xhat = (x - x.mean(-1, keepdims=True)) / self.std
        return self.weight * self.xhat + self.bias

    def backward(self, grad):
        rows = tuple(range(grad.ndim - 1))
        self.grad_weight = (grad * self.xhat).sum(axis=rows)
        self.grad_bias = grad.sum(axis=rows)
        along = self.xhat * (grad * self.xhat).mean(-1, keepdims=True)
        return self.weight * (grad - grad.mean(-1, keepdims=True) - along) / self.std


class RMSNorm:
    def __init__(self, dim):
        self.g = np.ones(dim)

    def forward(self, x):
        self.r = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)
        self.n = x * self.r
        return self.g * self.n

    def backward(self, dy):
        self.dg = (dy * self.n).sum(axis=0)
        d = dy * self.g
        return self.r * (d - self.n * (d * self.n).sum(axis=-1, keepdims=True))


class GroupNorm:
    def __init__(self, num_groups, num_channels, eps=1e-5):
        self.G, self.eps = num_groups, eps
        self.gamma, self.beta = np.ones((1, num_channels, 1, 1)), np.zeros((1, num_channels, 1, 1))

    def forward(self, x):
        rows = x.reshape(x.shape[0], self.G, -1)
        self.std = np.sqrt(rows.var(axis=2, keepdims=True) + self.eps)
        self.xhat = ((rows - rows.mean(axis=2, keepdims=True)) / self.std).reshape(x.shape)
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        N, C, H, W = dout.shape
        self.dgamma = (dout * self.xhat).sum(axis=(0, 2, 3), keepdims=True)
        self.dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
        g, xhat = ((a).reshape(N, self.G, -1) for a in (dout * self.gamma, self.xhat))
        mean = lambda a: a.sum(axis=2, keepdims=True) / (H * W)  # noqa: E731
        return ((g - mean(g) - xhat * mean(g * xhat)) / self.std).reshape(dout.shape)


class BatchNorm2d:
    def __init__(self, num_features):
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)

    def forward(self, x):
        flat = x.reshape(-1, x.shape[1])
        self.std = np.sqrt(flat.var(0) + 1e-5)
        self.xhat = (flat - flat.mean(0)) / self.std
        return (self.gamma * self.xhat + self.beta).reshape(x.shape)

    def backward(self, dout):
        d = dout.reshape(-1, dout.shape[1])
        self.dgamma, self.dbeta = (d * self.xhat).sum(0), d.sum(0)
        d = d * self.gamma
        dx = (d - d.mean(0) - self.xhat * (d * self.xhat).mean(0)) / self.std
        return dx.reshape(dout.shape)


class Normalize:
    def forward(self, x):
        self.norm = np.linalg.norm(x, axis=1, keepdims=True)
        self.y = x / self.norm
        return self.y

    def backward(self, dy):
        return dy / self.norm


class Dropout:
    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        self.mask = np.random.binomial(1, 1 - self.p, size=x.shape)
        return x * self.mask / (1 - self.p)

    def backward(self, dy):
        return dy / (1 - self.p)
