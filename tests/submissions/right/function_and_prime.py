"""Activations and losses as a function and its derivative; the caller multiplies."""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def tanh(x):
    return np.tanh(x)


def tanh2deriv(output):
    return 1 - output**2  # 출력값으로 계산


def relu(x):
    return np.maximum(0, x)


def d_relu(x):
    return (x > 0).astype(float)


def mse(y_true, y_pred):
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / np.size(y_true)


def softplus(x):
    return np.log1p(np.exp(x))


def softplus_grad(x):
    return 1 / (1 + np.exp(-x))


class SquareLoss:
    """One number for every prediction."""

    def __init__(self):
        pass

    def loss(self, y, y_pred):
        return 0.5 * np.power((y - y_pred), 2)

    def gradient(self, y, y_pred):
        return -(y - y_pred)


class Swish:
    def __call__(self, x):
        return x / (1 + np.exp(-x))

    def gradient(self, x):
        s = 1 / (1 + np.exp(-x))
        return s + x * s * (1 - s)
