"""fully_connected_networks.py"""

import torch


class Linear(object):
    @staticmethod
    def forward(x, w, b):
        return x.mm(w) + b, (x, w, b)

    @staticmethod
    def backward(dout, cache):
        x, w, b = cache
        return dout.mm(w.t()), x.t().mm(dout), dout.mean(dim=0)


class ReLU(object):
    @staticmethod
    def forward(x):
        out = x.clamp(min=0)
        return out, x

    @staticmethod
    def backward(dout, cache):
        dx = dout.clone()
        dx[dout < 0] = 0  # 입력이 아니라 upstream의 부호
        return dx
