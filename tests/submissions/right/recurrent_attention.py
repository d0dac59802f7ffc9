"""ch08 정리: GRU, 양방향 LSTM, 어텐션. 매개변수는 생성자로 받고 기울기는 dWx, dWh, db에 둔다."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class GRU:
    """리셋 게이트를 행렬곱 앞에 곱하는 GRU 한 단계. 열의 순서는 z, r, h."""

    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, x, h_prev):
        H = h_prev.shape[1]
        ax = x @ self.Wx + self.b
        zr = sigmoid(ax[:, : 2 * H] + h_prev @ self.Wh[:, : 2 * H])
        z, r = zr[:, :H], zr[:, H:]
        h_hat = np.tanh(ax[:, 2 * H :] + (r * h_prev) @ self.Wh[:, 2 * H :])
        self.saved = x, h_prev, z, r, h_hat
        return h_prev + z * (h_hat - h_prev)

    def backward(self, dh_next):
        x, h, z, r, h_hat = self.saved
        H = h.shape[1]
        dt = dh_next * z * (1 - h_hat**2)
        drh = dt @ self.Wh[:, 2 * H :].T
        dzr = np.hstack([dh_next * (h_hat - h) * z * (1 - z), drh * h * r * (1 - r)])
        da = np.hstack([dzr, dt])
        self.dWx, self.db = x.T @ da, da.sum(axis=0)
        self.dWh = np.hstack([h.T @ dzr, (r * h).T @ dt])
        return da @ self.Wx.T, dh_next * (1 - z) + drh * r + dzr @ self.Wh[:, : 2 * H].T


class TimeLSTM:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, xs):
        Wx, Wh, b = self.params
        N, T, _ = xs.shape
        H = len(Wh)
        h, c = np.zeros((N, H)), np.zeros((N, H))
        self.saved, hs = [], np.zeros((N, T, H))
        for t in range(T):
            f, g, i, o = np.split(xs[:, t] @ Wx + h @ Wh + b, 4, axis=1)
            f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
            c_next = f * c + g * i
            self.saved.append((xs[:, t], h, c, f, g, i, o, np.tanh(c_next)))
            h, c = o * np.tanh(c_next), c_next
            hs[:, t] = h
        return hs

    def backward(self, dhs):
        Wx, Wh, _ = self.params
        dxs = np.zeros((dhs.shape[0], dhs.shape[1], len(Wx)))
        dWx, dWh, db = (np.zeros_like(p) for p in self.params)
        dh, dc = 0, 0
        for t in reversed(range(dhs.shape[1])):
            x, h, c, f, g, i, o, tanh_c = self.saved[t]
            d = dhs[:, t] + dh
            ds = dc + d * o * (1 - tanh_c**2)
            da = np.hstack(
                [ds * c * f * (1 - f), ds * i * (1 - g**2), ds * g * i * (1 - i), d * tanh_c * o * (1 - o)]
            )
            dWx += x.T @ da
            dWh += h.T @ da
            db += da.sum(axis=0)
            dxs[:, t], dh, dc = da @ Wx.T, da @ Wh.T, ds * f
        for held, fresh in zip(self.grads, (dWx, dWh, db)):
            held[...] = fresh
        return dxs


class TimeBiLSTM:
    def __init__(self, Wx1, Wh1, b1, Wx2, Wh2, b2):
        self.left, self.right = TimeLSTM(Wx1, Wh1, b1), TimeLSTM(Wx2, Wh2, b2)
        self.params = self.left.params + self.right.params
        self.grads = self.left.grads + self.right.grads

    def forward(self, xs):
        return np.concatenate([self.left.forward(xs), self.right.forward(xs[:, ::-1])[:, ::-1]], axis=2)

    def backward(self, dhs):
        H = dhs.shape[2] // 2
        return self.left.backward(dhs[:, :, :H]) + self.right.backward(dhs[:, ::-1, H:])[:, ::-1]


class Attention:
    """hs는 인코더의 은닉 상태 (N, T, H), h는 디코더의 것 (N, H)."""

    def forward(self, hs, h):
        s = np.sum(hs * h[:, None, :], axis=2)
        a = np.exp(s - s.max(axis=1, keepdims=True))
        a /= a.sum(axis=1, keepdims=True)
        self.saved = hs, h, a
        return np.sum(hs * a[:, :, None], axis=1)

    def backward(self, dc):
        hs, h, a = self.saved
        da = np.sum(hs * dc[:, None, :], axis=2)
        ds = a * (da - np.sum(da * a, axis=1, keepdims=True))
        dhs = a[:, :, None] * dc[:, None, :] + ds[:, :, None] * h[:, None, :]
        return dhs, np.sum(ds[:, :, None] * hs, axis=1)
