"""fully_connected_networks.py: static pairs on torch tensors, 자동 미분 없이."""

import torch


class Linear(object):
    @staticmethod
    def forward(x, w, b):
        out = x.mm(w) + b
        return out, (x, w, b)

    @staticmethod
    def backward(dout, cache):
        x, w, b = cache
        dx = dout.mm(w.t())
        dw = x.t().mm(dout)
        db = dout.sum(dim=0)
        return dx, dw, db


class Linear_ReLU(object):
    @staticmethod
    def forward(x, w, b):
        a, fc_cache = Linear.forward(x, w, b)
        return a.clamp(min=0), (fc_cache, a)

    @staticmethod
    def backward(dout, cache):
        fc_cache, a = cache
        return Linear.backward(dout * (a > 0), fc_cache)


if __name__ == "__main__":
    x, w, b = torch.randn(4, 6), torch.randn(6, 3), torch.zeros(3)
    out, cache = Linear.forward(x, w, b)
    print([g.shape for g in Linear.backward(torch.ones_like(out), cache)])
