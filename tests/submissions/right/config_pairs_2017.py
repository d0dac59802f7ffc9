"""The same course, an older year: here p is the probability of DROPPING, and conv works with im2col."""

import numpy as np
import matplotlib.pyplot as plt


def im2col(x, HH, WW, stride):
    N, C, H, W = x.shape
    Ho, Wo = (H - HH) // stride + 1, (W - WW) // stride + 1
    cols = np.empty((N, Ho, Wo, C, HH, WW))
    for i in range(Ho):
        for j in range(Wo):
            cols[:, i, j] = x[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
    return cols.reshape(N * Ho * Wo, -1), Ho, Wo


def conv_forward(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    x_pad = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    cols, Ho, Wo = im2col(x_pad, w.shape[2], w.shape[3], stride)
    out = cols @ w.reshape(len(w), -1).T + b
    out = out.reshape(len(x), Ho, Wo, len(w)).transpose(0, 3, 1, 2)
    return out, (x, w, conv_param, cols)


def conv_backward(dout, cache):
    x, w, conv_param, cols = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw, db = (d.T @ cols).reshape(w.shape), d.sum(axis=0)
    dcols = (d @ w.reshape(F, -1)).reshape(N, dout.shape[2], dout.shape[3], C, HH, WW)
    dx = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW] += dcols[:, i, j]
    return (dx[:, :, pad:-pad, pad:-pad] if pad else dx), dw, db


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    if mode == "train":
        mask = np.random.rand(*x.shape) >= p  # 버리는 확률 p
        out = x * mask / (1 - p)
    else:
        out = x
    return out, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return dout * mask / (1 - dropout_param["p"])
    return dout


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    eps = bn_param.get("eps", 1e-5)
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    var = x.var(axis=(0, 2, 3), keepdims=True)
    x_hat = (x - mu) / np.sqrt(var + eps)
    out = gamma.reshape(1, -1, 1, 1) * x_hat + beta.reshape(1, -1, 1, 1)
    return out, (x_hat, gamma, var, eps)


def spatial_batchnorm_backward(dout, cache):
    x_hat, gamma, var, eps = cache
    axes = (0, 2, 3)
    dgamma, dbeta = np.sum(dout * x_hat, axis=axes), np.sum(dout, axis=axes)
    g = dout * gamma.reshape(1, -1, 1, 1)
    mean = lambda a: a.mean(axis=axes, keepdims=True)  # noqa: E731
    dx = (g - mean(g) - x_hat * mean(g * x_hat)) / np.sqrt(var + eps)
    return dx, dgamma, dbeta
