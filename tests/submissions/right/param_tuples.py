# layers.py (homework 2): params() returns (parameter, gradient) pairs, torch만 쓰고 autograd는 안 쓴다
import abc
import torch


class Layer(abc.ABC):
    def __init__(self):
        self.grad_cache = {}
        self.training_mode = False

    @abc.abstractmethod
    def forward(self, *args, **kwargs):
        pass

    @abc.abstractmethod
    def backward(self, dout):
        pass

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)


class Linear(Layer):
    def __init__(self, in_features, out_features, wstd=0.1):
        super().__init__()
        self.w = torch.normal(mean=torch.zeros(out_features, in_features), std=wstd)
        self.b = torch.zeros(out_features)
        self.dw = torch.zeros_like(self.w)
        self.db = torch.zeros_like(self.b)

    def params(self):
        return [(self.w, self.dw), (self.b, self.db)]

    def forward(self, x, **kw):
        x = x.reshape((x.shape[0], -1))
        self.grad_cache["x"] = x
        return x.mm(self.w.T) + self.b

    def backward(self, dout):
        x = self.grad_cache["x"]
        self.dw += torch.mm(dout.T, x)
        self.db += dout.sum(dim=0)
        return torch.mm(dout, self.w)


class TanH(Layer):
    def forward(self, x, **kw):
        y = (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))
        self.grad_cache["y"] = y
        return y

    def backward(self, dout):
        return dout * (1 - self.grad_cache["y"] ** 2)

    def params(self):
        return []
