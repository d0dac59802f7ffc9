# layers.py (homework 2), torch
import torch


class Linear:
    def __init__(self, in_features, out_features, wstd=0.1):
        self.w = torch.normal(mean=torch.zeros(out_features, in_features), std=wstd)
        self.b = torch.zeros(out_features)
        self.dw, self.db = torch.zeros_like(self.w), torch.zeros_like(self.b)

    def params(self):
        return [(self.w, self.dw), (self.b, self.db)]

    def forward(self, x, **kw):
        self.x = x
        return x.mm(self.w.T) + self.b

    def backward(self, dout):
        self.dw += dout.T.mm(dout) @ self.w  # upstream을 입력으로 썼다
        self.db += dout.sum(dim=0)
        return torch.mm(dout, self.w)


class Dropout:
    def __init__(self, p=0.5):
        self.p = p
        self.training_mode = True

    def forward(self, x, **kw):
        self.mask = torch.rand_like(x) > self.p
        return x * self.mask / (1 - self.p)

    def backward(self, dout):
        return dout * self.mask

    def params(self):
        return []
