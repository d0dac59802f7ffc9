# 6장 실습, 다시 짜 본 것 (train loss가 이상하게 안 줄어든다)
import numpy as np


class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio

    def forward(self, x, train_flg=True):
        if not train_flg:
            return x * (1.0 - self.dropout_ratio)
        self.mask = np.random.rand(*x.shape) > self.dropout_ratio
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask / (1.0 - self.dropout_ratio)


class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = running_mean, running_var

    def forward(self, x, train_flg=True):
        mu, var = x.mean(axis=0), x.var(axis=0)
        self.std = np.sqrt(var + 10e-7)
        self.xn = (x - mu) / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.xn).sum(axis=0)
        dxn = self.gamma * dout
        return (dxn - dxn.mean(axis=0)) / self.std


class BatchNorm1d:
    def __init__(self, num_features):
        self.BW, self.Bb = np.ones((1, num_features)), np.zeros((1, num_features))
        self.eps = 1e-8

    def forward(self, Z, eval=False):
        self.Z, self.M, self.V = Z, Z.mean(axis=0), Z.var(axis=0)
        self.NZ = (Z - self.M) / np.sqrt(self.V + self.eps)
        return self.BW * self.NZ + self.Bb

    def backward(self, dLdBZ):
        self.dLdBW = (dLdBZ * self.Z).sum(axis=0, keepdims=True)
        self.dLdBb = dLdBZ.sum(axis=0, keepdims=True)
        d = dLdBZ * self.BW
        return (d - d.mean(axis=0) - self.NZ * (d * self.NZ).mean(axis=0)) / np.sqrt(self.V + self.eps)


class TimeDropout:
    def __init__(self, dropout_ratio=0.5):
        self.ratio = dropout_ratio

    def dropped(self, xs):
        return xs * (np.random.rand(*xs.shape) > self.ratio) / (1.0 - self.ratio)

    def forward(self, xs):
        return self.dropped(xs)

    def backward(self, dout):
        return self.dropped(dout)
