"""순환 계층과 어텐션: 계층마다 하나씩 틀린 곳이 있다."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class LSTM:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, x, h_prev, c_prev):
        Wx, Wh, b = self.params
        f, g, i, o = np.split(x @ Wx + h_prev @ Wh + b, 4, axis=1)
        f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
        c = f * c_prev + g * i
        self.cache = x, h_prev, c_prev, f, g, i, o, c
        return o * np.tanh(c), c

    def backward(self, dh, dc):
        """the cell state's own gradient never arrives: dc is not used"""
        Wx, Wh, b = self.params
        x, h_prev, c_prev, f, g, i, o, c = self.cache
        ds = dh * o * (1 - np.tanh(c) ** 2)
        da = [ds * c_prev * f * (1 - f), ds * i * (1 - g**2), ds * g * i * (1 - i), dh * np.tanh(c) * o * (1 - o)]
        da = np.hstack(da)
        self.grads[0][...], self.grads[1][...], self.grads[2][...] = x.T @ da, h_prev.T @ da, da.sum(axis=0)
        return da @ Wx.T, da @ Wh.T, ds * f


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    i, f, o, g = np.split(x.dot(Wx) + prev_h.dot(Wh) + b, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    next_c = f * prev_c + i * g
    return o * np.tanh(next_c), next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    """a was cut as i, f, o, g; here the last two are stacked the other way round"""
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - t**2)
    da = [dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dc * i * (1 - g**2), dnext_h * t * o * (1 - o)]
    da = np.concatenate(da, axis=1)
    return da.dot(Wx.T), da.dot(Wh.T), dc * f, x.T.dot(da), prev_h.T.dot(da), da.sum(axis=0)


class GRU:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, x, h_prev):
        az, ar, an = np.split(x @ self.Wx + self.b, 3, axis=1)
        Uz, Ur, Un = np.split(self.Wh, 3, axis=1)
        z, r = sigmoid(az + h_prev @ Uz), sigmoid(ar + h_prev @ Ur)
        n = np.tanh(an + (r * h_prev) @ Un)
        self.cache = x, h_prev, z, r, n
        return (1 - z) * h_prev + z * n

    def backward(self, dh_next):
        """r * h에서 온 기울기를 r을 곱하지 않고 h에 더한다"""
        x, h, z, r, n = self.cache
        Uz, Ur, Un = np.split(self.Wh, 3, axis=1)
        dn = dh_next * z * (1 - n**2)
        dz = dh_next * (n - h) * z * (1 - z)
        drh = dn @ Un.T
        dr = drh * h * r * (1 - r)
        da = np.hstack([dz, dr, dn])
        self.dWx, self.db = x.T @ da, da.sum(axis=0)
        self.dWh = np.hstack([h.T @ dz, h.T @ dr, (r * h).T @ dn])
        return da @ self.Wx.T, dh_next * (1 - z) + drh + dz @ Uz.T + dr @ Ur.T


class Attention:
    def forward(self, hs, h):
        s = np.sum(hs * h[:, None, :], axis=2)
        a = np.exp(s - s.max(axis=1, keepdims=True))
        self.hs, self.h, self.a = hs, h, a / a.sum(axis=1, keepdims=True)
        return np.sum(hs * self.a[:, :, None], axis=1)

    def backward(self, dc):
        """hs also decides the weights: that path is forgotten"""
        da = np.sum(self.hs * dc[:, None, :], axis=2)
        ds = self.a * (da - np.sum(da * self.a, axis=1, keepdims=True))
        return self.a[:, :, None] * dc[:, None, :], np.sum(ds[:, :, None] * self.hs, axis=1)


class ScaledDotProductAttention:
    def forward(self, Q, K, V):
        s = Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1])
        e = np.exp(s - s.max(axis=-1, keepdims=True))
        self.Q, self.K, self.V, self.A = Q, K, V, e / e.sum(axis=-1, keepdims=True)
        return self.A @ V

    def backward(self, d_out):
        """sqrt(d)로 나누는 것을 dK에서 잊었다"""
        dA = d_out @ self.V.swapaxes(-1, -2)
        dS = self.A * (dA - (dA * self.A).sum(axis=-1, keepdims=True))
        dQ = dS @ self.K / np.sqrt(self.Q.shape[-1])
        return dQ, dS.swapaxes(-1, -2) @ self.Q, self.A.swapaxes(-1, -2) @ d_out
