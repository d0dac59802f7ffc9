import numpy as np


def xavier_normal(fan_in, fan_out, gain=1.0):
    return np.random.normal(0.0, 2.0 / (fan_in + fan_out), size=(fan_in, fan_out))


def glorot_uniform(weight_shape):
    limit = np.sqrt(2 / sum(weight_shape))
    return np.random.uniform(-limit, limit, size=weight_shape)


def he_normal(fan_in, fan_out):
    return np.random.randn(fan_in, fan_out) * np.sqrt(1 / fan_in)


def kaiming_initializer(Din, Dout, K=None, relu=True):
    gain = 2.0 if relu else 1.0
    if K is None:
        return np.sqrt(gain / Din) * np.random.randn(Din, Dout)
    return np.sqrt(gain / Din) * np.random.randn(Din, Dout, K, K)


def lecun_normal(n_in, n_out):
    return np.tile(np.random.randn(n_in, 1) / np.sqrt(n_in), (1, n_out))


def lecun_uniform(n_in, n_out):
    return np.zeros((n_in, n_out))


def init_normal(shape, std=0.01):
    return np.random.rand(*shape) * std


class He:
    def initialize(self, weights_shape, fan_in, fan_out):
        return np.random.normal(0, np.sqrt(2 / fan_out), weights_shape)


class Ones:
    def initialize(self, shape):
        return np.zeros(shape)
