"""활성화 함수와 도함수를 정적 메서드로 모아 둔 클래스들, and the same with `fn` and `grad`."""

import numpy as np


class Tanh:
    @staticmethod
    def activation(X):
        return np.tanh(X)

    @staticmethod
    def derivative(X):
        return 1.0 - np.tanh(X) ** 2


class Softsign:
    @staticmethod
    def activation(X):
        return X / (np.abs(X) + 1)

    @staticmethod
    def derivative(X):
        return 1 / (np.abs(X) + 1) ** 2


class ActivationBase:
    def fn(self, z):
        raise NotImplementedError

    def grad(self, x):
        raise NotImplementedError


class SoftPlus(ActivationBase):
    def fn(self, z):
        return np.log(np.exp(z) + 1)

    def grad(self, x):
        return np.exp(x) / (np.exp(x) + 1)


class HardSigmoid(ActivationBase):
    def fn(self, z):
        return np.clip((0.2 * z) + 0.5, 0.0, 1.0)

    def grad(self, x):
        return np.where((x >= -2.5) & (x <= 2.5), 0.2, 0)
