# 활성화 함수는 state를 기억하고 derivative()로 미분값을 준다. 선형층은 배치 평균을 취한다.
import os

import numpy as np


class Activation(object):
    """Interface of the activations; `state` keeps the output of forward."""

    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        raise NotImplemented

    def derivative(self):
        raise NotImplemented


class Identity(Activation):
    def forward(self, x):
        self.state = x
        return x

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def forward(self, x):
        self.state = 1 / (1 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1 - self.state**2


class Linear:
    def __init__(self, in_feature, out_feature, weight_init_fn, bias_init_fn):
        self.W = weight_init_fn(in_feature, out_feature)
        self.b = bias_init_fn(out_feature)
        self.dW = np.zeros((in_feature, out_feature))
        self.db = np.zeros((1, out_feature))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        n = delta.shape[0]
        self.dW = self.x.T @ delta / n  # 배치 평균
        self.db = np.sum(delta, axis=0, keepdims=True) / n
        return delta @ self.W.T


class SoftmaxCrossEntropy:
    """One loss a sample; derivative() is the gradient of their sum."""

    def forward(self, x, y):
        self.labels = y
        shifted = x - x.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        self.p = np.exp(log_p)
        return -np.sum(y * log_p, axis=1)

    def derivative(self):
        return self.p - self.labels


if __name__ == "__main__":
    print(os.getcwd(), Tanh()(np.zeros((2, 2))))
