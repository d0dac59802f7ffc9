# HW1 part 1 - my own torch: A는 활성값(activation), Z는 선형층의 출력. W: out x in, b: out x 1
import copy
import numpy as np

DEBUG = False


class Linear:
    def __init__(self, in_features, out_features, debug=False):
        self.W = np.zeros((out_features, in_features), dtype="f8")
        self.b = np.zeros((out_features, 1), dtype="f8")
        self.debug = debug

    def forward(self, A):
        self.A = A
        self.N = A.shape[0]
        self.Ones = np.ones((self.N, 1))
        return self.A @ self.W.T + self.Ones @ self.b.T

    def backward(self, dLdZ):
        dLdA = dLdZ @ self.W
        self.dLdW = dLdZ.T @ self.A
        self.dLdb = dLdZ.T @ self.Ones
        if self.debug:
            self.dLdA = dLdA
        return dLdA


class Sigmoid:
    def forward(self, Z):
        self.A = 1.0 / (1.0 + np.exp(-Z))
        return self.A

    def backward(self, dLdA):
        return dLdA * (self.A - self.A * self.A)


class MSELoss:
    def forward(self, A, Y):
        self.A, self.Y = A, Y
        self.N, self.C = A.shape
        se = (A - Y) * (A - Y)
        return np.ones((1, self.N)) @ se @ np.ones((self.C, 1)) / (self.N * self.C)

    def backward(self):
        return 2 * (self.A - self.Y) / (self.N * self.C)


if __name__ == "__main__":
    layer, act, loss = Linear(2, 3), Sigmoid(), MSELoss()
    A0, Y = np.random.rand(8, 2), np.random.rand(8, 3)
    for step in range(20):
        L = loss.forward(act.forward(layer.forward(A0)), Y)
        layer.backward(act.backward(loss.backward()))
        layer.W -= 0.5 * layer.dLdW
        layer.b -= 0.5 * layer.dLdb
        if DEBUG:
            print(step, L)
