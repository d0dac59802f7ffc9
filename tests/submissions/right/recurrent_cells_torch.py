"""HW3: cells with the arrays of torch, and attention of heads. Sizes come through the constructor."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class RNNCell:
    def __init__(self, input_size, hidden_size):
        self.W_ih = np.random.randn(hidden_size, input_size)
        self.W_hh = np.random.randn(hidden_size, hidden_size)
        self.b_ih, self.b_hh = np.zeros(hidden_size), np.zeros(hidden_size)

    def forward(self, x, h_prev_t):
        self.kept = x, h_prev_t, np.tanh(x @ self.W_ih.T + self.b_ih + h_prev_t @ self.W_hh.T + self.b_hh)
        return self.kept[2]

    def backward(self, delta):
        x, h, y = self.kept
        dz = delta * (1 - y * y)
        self.dW_ih, self.dW_hh = dz.T @ x, dz.T @ h
        self.db_ih, self.db_hh = dz.sum(axis=0), dz.sum(axis=0)
        return dz @ self.W_ih, dz @ self.W_hh


class GRUCell:
    def __init__(self, input_size, hidden_size):
        d, h = input_size, hidden_size
        self.Wrx, self.Wzx, self.Wnx = np.random.randn(h, d), np.random.randn(h, d), np.random.randn(h, d)
        self.Wrh, self.Wzh, self.Wnh = np.random.randn(h, h), np.random.randn(h, h), np.random.randn(h, h)
        self.brx, self.bzx, self.bnx = np.random.randn(h), np.random.randn(h), np.random.randn(h)
        self.brh, self.bzh, self.bnh = np.random.randn(h), np.random.randn(h), np.random.randn(h)

    def forward(self, x, h_prev_t):
        self.x, self.h_prev = x, h_prev_t
        self.r = sigmoid(self.Wrx @ x + self.brx + self.Wrh @ h_prev_t + self.brh)
        self.z = sigmoid(self.Wzx @ x + self.bzx + self.Wzh @ h_prev_t + self.bzh)
        self.q = self.Wnh @ h_prev_t + self.bnh
        self.n = np.tanh(self.Wnx @ x + self.bnx + self.r * self.q)
        return (1 - self.z) * self.n + self.z * h_prev_t

    def backward(self, delta):
        x, h = self.x, self.h_prev
        dn = delta * (1 - self.z) * (1 - self.n**2)
        dz = delta * (h - self.n) * self.z * (1 - self.z)
        dr = dn * self.q * self.r * (1 - self.r)
        dq = dn * self.r
        self.dWrx, self.dWzx, self.dWnx = np.outer(dr, x), np.outer(dz, x), np.outer(dn, x)
        self.dWrh, self.dWzh, self.dWnh = np.outer(dr, h), np.outer(dz, h), np.outer(dq, h)
        self.dbrx, self.dbzx, self.dbnx = dr.copy(), dz.copy(), dn.copy()
        self.dbrh, self.dbzh, self.dbnh = dr, dz, dq
        dx = dr @ self.Wrx + dz @ self.Wzx + dn @ self.Wnx
        return dx, delta * self.z + dr @ self.Wrh + dz @ self.Wzh + dq @ self.Wnh


class ScaledDotProductAttention:
    def forward(self, Q, K, V):
        s = Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1])
        e = np.exp(s - s.max(axis=-1, keepdims=True))
        self.Q, self.K, self.V, self.A = Q, K, V, e / e.sum(axis=-1, keepdims=True)
        return self.A @ V

    def backward(self, d_out):
        dA = d_out @ self.V.swapaxes(-1, -2)
        dS = self.A * (dA - (dA * self.A).sum(axis=-1, keepdims=True)) / np.sqrt(self.Q.shape[-1])
        return dS @ self.K, dS.swapaxes(-1, -2) @ self.Q, self.A.swapaxes(-1, -2) @ d_out
