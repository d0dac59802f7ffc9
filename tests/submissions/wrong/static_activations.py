"""활성화 함수와 도함수: two slips."""

import numpy as np


class Tanh:
    @staticmethod
    def activation(X):
        return np.tanh(X)

    @staticmethod
    def derivative(X):
        return 1.0 - np.tanh(X)  # 제곱이 빠졌다


class SoftPlus:
    def fn(self, z):
        return np.log(np.exp(z) + 1)

    def grad(self, x):
        return np.exp(x)
