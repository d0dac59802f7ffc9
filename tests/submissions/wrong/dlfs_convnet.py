"""합성곱 계층을 im2col로 구현했는데, 곳곳이 틀렸다."""

import numpy as np


def im2col(x, fh, fw, stride=1, pad=0):
    N, C, H, W = x.shape
    out_h, out_w = (H + 2 * pad - fh) // stride + 1, (W + 2 * pad - fw) // stride + 1
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.zeros((N, out_h, out_w, C, fh, fw), dtype=x.dtype)
    for i in range(out_h):
        for j in range(out_w):
            col[:, i, j] = x[:, :, i * stride : i * stride + fh, j * stride : j * stride + fw]
    return col.reshape(N * out_h * out_w, -1)


def col2im(col, x_shape, fh, fw, stride=1, pad=0):
    N, C, H, W = x_shape
    out_h, out_w = (H + 2 * pad - fh) // stride + 1, (W + 2 * pad - fw) // stride + 1
    col = col.reshape(N, out_h, out_w, C, fh, fw)
    x = np.zeros((N, C, H + 2 * pad, W + 2 * pad), dtype=col.dtype)
    for i in range(out_h):
        for j in range(out_w):
            x[:, :, i * stride : i * stride + fh, j * stride : j * stride + fw] = col[:, i, j]  # 겹치는데 더하지 않음
    return x[:, :, pad : pad + H, pad : pad + W]


class Convolution:
    """dW의 행렬을 전치하지 않고 reshape했다."""

    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        out_h = (x.shape[2] + 2 * self.pad - FH) // self.stride + 1
        self.x = x
        self.col = im2col(x, FH, FW, self.stride, self.pad)
        out = self.col @ self.W.reshape(FN, -1).T + self.b
        return out.reshape(len(x), out_h, -1, FN).transpose(0, 3, 1, 2)

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = dout.sum(axis=0)
        self.dW = (self.col.T @ dout).reshape(FN, C, FH, FW)
        dcol = (dout @ self.W.reshape(FN, -1)).reshape(len(self.x), -1, C, FH, FW)
        s, p, (H, W) = self.stride, self.pad, self.x.shape[2:]
        out_w = (W + 2 * p - FW) // s + 1
        dx = np.zeros((len(self.x), C, H + 2 * p, W + 2 * p))
        for k in range(dcol.shape[1]):
            i, j = k // out_w * s, k % out_w * s
            dx[:, :, i : i + FH, j : j + FW] += dcol[:, k]
        return dx[:, :, p : p + H, p : p + W]


class Convolution2(Convolution):
    """dx의 테두리를 자르지 않았고, db는 배치로만 더했다."""

    def backward(self, dout):
        F, C, FH, FW = self.W.shape
        s, p = self.stride, self.pad
        xp = np.pad(self.x, [(0, 0), (0, 0), (p, p), (p, p)])
        dx, self.dW = np.zeros_like(xp), np.zeros_like(self.W)
        self.db = dout.sum(axis=0)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                at = (slice(None), slice(None), slice(i * s, i * s + FH), slice(j * s, j * s + FW))
                dx[at] += np.tensordot(dout[:, :, i, j], self.W, 1)
                self.dW += np.tensordot(dout[:, :, i, j].T, xp[at], 1)
        return dx


class AveragePooling:
    """평균인데 나누지 않고 퍼뜨린다."""

    def __init__(self, pool_h, pool_w, stride=1):
        self.h, self.w, self.stride = pool_h, pool_w, stride

    def forward(self, x):
        self.x = x
        windows = np.lib.stride_tricks.sliding_window_view(x, (self.h, self.w), axis=(2, 3))
        return windows[:, :, :: self.stride, :: self.stride].mean(axis=(4, 5))

    def backward(self, dout):
        dx, s = np.zeros_like(self.x), self.stride
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                dx[:, :, i * s : i * s + self.h, j * s : j * s + self.w] += dout[:, :, i, j][..., None, None]
        return dx


class GlobalAveragePooling:
    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        return dout[:, :, None, None] * np.ones(self.shape)
