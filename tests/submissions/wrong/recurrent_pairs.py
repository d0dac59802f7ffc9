"""rnn_layers.py - 어딘가 틀린 순환 계층들."""

import numpy as np


def rnn_forward(x, h0, Wx, Wh, b):
    hs, prev = [], h0
    for t in range(x.shape[1]):
        prev = np.tanh(x[:, t].dot(Wx) + prev.dot(Wh) + b)
        hs.append(prev)
    h = np.stack(hs, axis=1)
    return h, (x, h0, Wx, Wh, h)


def rnn_backward(dh, cache):
    """the state gradient is not carried"""
    x, h0, Wx, Wh, h = cache
    N, T, H = dh.shape
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(H)
    for t in reversed(range(T)):
        prev = h[:, t - 1] if t > 0 else h0
        da = dh[:, t] * (1 - h[:, t] ** 2)
        dx[:, t] = da.dot(Wx.T)
        dWx += x[:, t].T.dot(da)
        dWh += prev.T.dot(da)
        db += da.sum(axis=0)
    return dx, da.dot(Wh.T), dWx, dWh, db


def vanilla_rnn_forward(x, h0, Wx, Wh, b):
    return rnn_forward(x, h0, Wx, Wh, b)


def vanilla_rnn_backward(dh, cache):
    """dWx is overwritten at every step, += 대신 ="""
    x, h0, Wx, Wh, h = cache
    N, T, H = dh.shape
    dx, dprev = np.zeros_like(x), np.zeros((N, H))
    dWh, db = np.zeros_like(Wh), np.zeros(H)
    for t in reversed(range(T)):
        prev = h[:, t - 1] if t > 0 else h0
        da = (dh[:, t] + dprev) * (1 - h[:, t] ** 2)
        dx[:, t], dprev = da.dot(Wx.T), da.dot(Wh.T)
        dWx = x[:, t].T.dot(da)
        dWh += prev.T.dot(da)
        db += da.sum(axis=0)
    return dx, dprev, dWx, dWh, db


def simple_rnn_forward(x, h0, Wx, Wh, b):
    return rnn_forward(x, h0, Wx, Wh, b)


def simple_rnn_backward(dh, cache):
    """b는 마지막 시각만: the bias learns from the last step only"""
    x, h0, Wx, Wh, h = cache
    N, T, H = dh.shape
    dx, dprev = np.zeros_like(x), np.zeros((N, H))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(H)
    for t in reversed(range(T)):
        prev = h[:, t - 1] if t > 0 else h0
        da = (dh[:, t] + dprev) * (1 - h[:, t] ** 2)
        dx[:, t], dprev = da.dot(Wx.T), da.dot(Wh.T)
        dWx += x[:, t].T.dot(da)
        dWh += prev.T.dot(da)
        if t == T - 1:
            db = da.sum(axis=0)
    return dx, dprev, dWx, dWh, db


def word_embedding_forward(x, W):
    return W[x], (x, W)


def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    dW[x] += dout
    return dW
