"""고정된 크기의 다층 퍼셉트론과 크기 목록을 받는 것: networks of layers, driven as one layer each."""

import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.W = np.random.randn(out_features, in_features)
        self.b = np.zeros((out_features, 1))

    def forward(self, A):
        self.A = A
        return A @ self.W.T + self.b.T

    def backward(self, dLdZ):
        self.dLdW = dLdZ.T @ self.A
        self.dLdb = dLdZ.sum(axis=0, keepdims=True).T
        return dLdZ @ self.W


class Tanh:
    def forward(self, Z):
        self.A = np.tanh(Z)
        return self.A

    def backward(self, dLdA):
        return dLdA * (1 - self.A**2)


class MLP1:
    def __init__(self, debug=False):
        self.layers = [Linear(2, 3), Linear(3, 2)]
        self.f = [Tanh(), Tanh()]
        self.debug = debug

    def forward(self, A0):
        A1 = self.f[0].forward(self.layers[0].forward(A0))
        return self.f[1].forward(self.layers[1].forward(A1))

    def backward(self, dLdA2):
        dLdA1 = self.layers[1].backward(dLdA2)  # 활성화를 건너뜀
        return self.layers[0].backward(self.f[0].backward(dLdA1))


class MLP:
    def __init__(self, sizes, activation=Tanh):
        self.layers = [Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]
        self.f = [activation() for _ in self.layers]

    def forward(self, A):
        for linear, f in zip(self.layers, self.f):
            A = f.forward(linear.forward(A))
        return A

    def backward(self, dLdA):
        for linear, f in zip(reversed(self.layers), reversed(self.f)):
            dLdA = linear.backward(f.backward(dLdA))
        return dLdA
