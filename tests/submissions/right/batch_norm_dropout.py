# 6장 실습: 배치 정규화와 드롭아웃
import numpy as np


class Dropout:
    """학습 때는 마스크만, 시험 때는 배율만."""

    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio
        self.mask = None

    def forward(self, x, train_flg=True):
        if not train_flg:
            return x * (1.0 - self.dropout_ratio)
        self.mask = np.random.rand(*x.shape) > self.dropout_ratio
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = running_mean, running_var
        self.shape = None
        self.dgamma = self.dbeta = None

    def forward(self, x, train_flg=True):
        self.shape = x.shape
        x = x.reshape(len(x), -1)  # 이미지는 원소 하나하나를 특징으로 본다
        if self.running_mean is None:
            self.running_mean, self.running_var = np.zeros(x.shape[1]), np.zeros(x.shape[1])
        if train_flg:
            mu, var = x.mean(axis=0), x.var(axis=0)
            self.std = np.sqrt(var + 10e-7)
            self.xn = (x - mu) / self.std
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
            out = self.gamma * self.xn + self.beta
        else:
            out = self.gamma * (x - self.running_mean) / np.sqrt(self.running_var + 10e-7) + self.beta
        return out.reshape(self.shape)

    def backward(self, dout):
        dout = dout.reshape(len(dout), -1)
        N = len(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.xn).sum(axis=0)
        dxn = self.gamma * dout
        dvar_part = (2.0 / N) * self.xn * self.std * (-0.5 * (dxn * self.xn).sum(axis=0) / self.std)
        dxc = (dxn + dvar_part) / self.std
        dx = dxc - dxc.sum(axis=0) / N
        return dx.reshape(self.shape)


class TimeDropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio
        self.train_flg = True

    def forward(self, xs):
        if not self.train_flg:
            return xs
        keep = np.random.rand(*xs.shape) > self.dropout_ratio
        self.mask = keep.astype(np.float32) / (1.0 - self.dropout_ratio)
        return xs * self.mask

    def backward(self, dout):
        return dout * self.mask
