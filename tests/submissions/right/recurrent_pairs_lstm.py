# LSTM 전체 (over time) and the layers around it. 나중에 attention도 추가할 것
import numpy as np
import os, sys


def _gates(a, H):
    s = lambda z: 1.0 / (1.0 + np.exp(-z))  # noqa: E731
    return s(a[:, 0:H]), s(a[:, H : 2 * H]), s(a[:, 2 * H : 3 * H]), np.tanh(a[:, 3 * H : 4 * H])


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    cache, prev_h, prev_c = [], h0, np.zeros_like(h0)
    for t in range(T):
        i, f, o, g = _gates(x[:, t].dot(Wx) + prev_h.dot(Wh) + b, H)
        c = f * prev_c + i * g
        cache.append((x[:, t], prev_h, prev_c, Wx, Wh, i, f, o, g, np.tanh(c)))
        prev_h, prev_c = o * np.tanh(c), c
        h[:, t] = prev_h
    return h, cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    x0, _, _, Wx, Wh = cache[0][:5]
    dx = np.zeros((N, T, x0.shape[1]))
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(4 * H)
    dh_next, dc_next = np.zeros((N, H)), np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        xt, prev_h, prev_c, _, _, i, f, o, g, tc = cache[t]
        d = dh[:, t] + dh_next
        dc = dc_next + d * o * (1 - tc**2)
        da = np.concatenate(
            [dc * g * i * (1 - i), dc * prev_c * f * (1 - f), d * tc * o * (1 - o), dc * i * (1 - g**2)], 1
        )
        dx[:, t] = da.dot(Wx.T)
        dWx += xt.T.dot(da)
        dWh += prev_h.T.dot(da)
        db += da.sum(0)
        dh_next, dc_next = da.dot(Wh.T), dc * f
    return dx, dh_next, dWx, dWh, db


def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    flat, labels, m = x.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    p = np.exp(flat - flat.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.sum(m * np.log(p[np.arange(N * T), labels])) / N
    dflat = p.copy()
    dflat[np.arange(N * T), labels] -= 1
    dflat /= N
    dflat *= m[:, None]
    if verbose:
        print("dflat", dflat.shape)
    return loss, dflat.reshape(N, T, V)
