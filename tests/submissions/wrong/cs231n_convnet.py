"""layers.py with conv_param and pool_param; every backward has one fault."""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    s, p = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    HH, WW = w.shape[2:]
    Ho, Wo = (xp.shape[2] - HH) // s + 1, (xp.shape[3] - WW) // s + 1
    out = np.zeros((len(x), len(w), Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            out[:, :, i, j] = np.tensordot(xp[:, :, i * s : i * s + HH, j * s : j * s + WW], w, ([1, 2, 3], [1, 2, 3]))
    return out + b.reshape(1, -1, 1, 1), (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    s, p = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    HH, WW = w.shape[2:]
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dxp[:, :, i * s : i * s + HH, j * s : j * s + WW] += np.tensordot(dout[:, :, i, j], w, 1)
            dw += np.tensordot(dout[:, :, i, j].T, xp[:, :, i : i + HH, j : j + WW], 1)  # the stride is missing here
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, dout.sum(axis=(0, 2, 3))


def avg_pool_forward(x, pool_param):
    h, w, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    windows = np.lib.stride_tricks.sliding_window_view(x, (h, w), axis=(2, 3))[:, :, ::s, ::s]
    return windows.mean(axis=(4, 5)), (x, pool_param)


def avg_pool_backward(dout, cache):
    x, pool_param = cache
    h, w, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i * s : i * s + h, j * s : j * s + w] = dout[:, :, i : i + 1, j : j + 1] / (h * w)
    return dx


def conv_relu_forward(x, w, b, conv_param):
    a, cache = conv_forward_naive(x, w, b, conv_param)
    return np.maximum(a, 0), (cache, a)


def conv_relu_backward(dout, cache):
    x, w, b, conv_param = cache[0]
    s, p = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    HH, WW = w.shape[2:]
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    da = dout * (cache[1] > 0)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            at = (slice(None), slice(None), slice(i * s, i * s + HH), slice(j * s, j * s + WW))
            dxp[at] += np.tensordot(dout[:, :, i, j], w, 1)  # dout, not da
            dw += np.tensordot(da[:, :, i, j].T, xp[at], 1)
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, da.sum(axis=(0, 2, 3))
