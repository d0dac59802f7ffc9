import numpy as np

rng = np.random.default_rng()


def xavier_normal(fan_in, fan_out, gain=1.0):
    return rng.normal(0.0, gain * np.sqrt(2.0 / (fan_in + fan_out)), size=(fan_in, fan_out))


def glorot_uniform(weight_shape):
    limit = np.sqrt(6 / sum(weight_shape))
    return np.random.uniform(-limit, limit, size=weight_shape)


def he_normal(shape):
    """Normal, drawn again beyond two deviations."""
    w = np.random.randn(*shape)
    while (far := np.abs(w) > 2).any():
        w[far] = np.random.randn(far.sum())
    return w * np.sqrt(2 / shape[0])


def kaiming_initializer(Din, Dout, K=None, relu=True):
    gain = 2.0 if relu else 1.0
    if K is None:
        return np.sqrt(gain / Din) * np.random.randn(Din, Dout)
    return np.sqrt(gain / (Din * K * K)) * np.random.randn(Din, Dout, K, K)


def lecun_uniform(n_in, n_out):
    return (2 * np.random.rand(n_in, n_out) - 1) * np.sqrt(3 / n_in)


def init_weights(input_size, output_size):
    return 0.01 * np.random.randn(input_size, output_size)


class Constant:
    def __init__(self, value=0.1):
        self.value = value

    def initialize(self, weights_shape, fan_in, fan_out):
        return np.full(weights_shape, self.value)


class UniformRandom:
    def initialize(self, weights_shape, fan_in, fan_out):
        return np.random.uniform(size=weights_shape)


class He:
    def initialize(self, weights_shape, fan_in, fan_out):
        return np.random.normal(0, np.sqrt(2 / fan_in), weights_shape)
