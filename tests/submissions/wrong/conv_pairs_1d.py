"""1차원 합성곱. 2차원으로 넘어가기 전에 연습."""

import numpy as np
import sys


def conv1d_forward(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad)])
    K = w.shape[2]
    out = np.zeros((len(x), len(w), (xp.shape[2] - K) // stride + 1))
    for i in range(out.shape[2]):
        out[:, :, i] = np.einsum("nck,fck->nf", xp[:, :, i * stride : i * stride + K], w) + b
    return out, (xp, w, conv_param)


def conv1d_backward(dout, cache):
    xp, w, conv_param = cache
    stride, pad, K = conv_param["stride"], conv_param["pad"], w.shape[2]
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        d = dout[:, :, i]
        dxp[:, :, i : i + K] += np.einsum("nf,fck->nck", d, w)  # stride는 1이니까
        dw += np.einsum("nf,nck->fck", d, xp[:, :, i * stride : i * stride + K])
    return dxp[:, :, pad : dxp.shape[2] - pad], dw, dout.sum(axis=(0, 2))


class ZeroPad2d:
    """한쪽만 잘라 낸다."""

    def __init__(self, pad=0):
        self.pad = pad

    def forward(self, x):
        p = self.pad
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))

    def backward(self, dout):
        return dout[:, :, self.pad :, self.pad :]
