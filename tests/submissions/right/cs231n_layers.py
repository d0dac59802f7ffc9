from builtins import range

import matplotlib.pyplot as plt
import numpy as np


def affine_forward(x, w, b):
    """x has shape (N, d_1, ..., d_k), each example is flattened."""
    rows = x.reshape(x.shape[0], -1)
    out = rows.dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    rows = x.reshape(x.shape[0], -1)
    dx = dout.dot(w.T).reshape(x.shape)
    dw = rows.T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def relu_forward(x):
    out = np.maximum(x, 0)
    return out, x


def relu_backward(dout, cache):
    x = cache
    dx = dout * (x > 0)
    return dx


def sigmoid_forward(x):
    s = 1 / (1 + np.exp(-x))
    return s, s


def sigmoid_backward(dout, cache):
    s = cache
    return dout * s * (1 - s)


def softmax_loss(x, y):
    """x: scores (N, C), y: labels (N,)"""
    n = x.shape[0]
    logits = x - np.max(x, axis=1, keepdims=True)
    log_z = np.log(np.exp(logits).sum(axis=1, keepdims=True))
    log_p = logits - log_z
    loss = -log_p[np.arange(n), y].mean()
    dx = np.exp(log_p)
    for i in range(n):
        dx[i, y[i]] -= 1
    dx /= n
    return loss, dx


if __name__ == "__main__":
    # quick look at the sigmoid
    grid = np.linspace(-5, 5)
    plt.plot(grid, sigmoid_forward(grid)[0])
    plt.show()
