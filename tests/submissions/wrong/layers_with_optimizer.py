import numpy as np
import copy


class Layer:
    def set_input_shape(self, shape):
        self.input_shape = shape

    def forward_pass(self, X, training):
        raise NotImplementedError()

    def backward_pass(self, accum_grad):
        raise NotImplementedError()


class FullyConnected(Layer):
    """The optimizer comes later; the layer takes its own steps with it."""

    def __init__(self, n_units, input_shape=None):
        self.n_units = n_units
        self.input_shape = input_shape
        self.W = None
        self.b = None

    def initialize(self, optimizer):
        n_in = self.input_shape[0]
        self.W = np.random.uniform(-1, 1, (n_in, self.n_units)) / np.sqrt(n_in)
        self.b = np.zeros((1, self.n_units))
        self.W_opt, self.b_opt = copy.copy(optimizer), copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        self.X = X
        return X @ self.W + self.b

    def backward_pass(self, accum_grad):
        self.W = self.W_opt.update(self.W, self.X.T @ accum_grad)
        self.b = self.b_opt.update(self.b, accum_grad.sum(axis=0, keepdims=True))
        return accum_grad @ self.W.T


class ElementScale(Layer):
    def __init__(self):
        self.s = None

    def initialize(self, optimizer):
        self.s = np.ones(self.input_shape)
        self.s_opt = copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        self.X = X
        return self.s * X

    def backward_pass(self, accum_grad):
        grad = accum_grad * self.s
        self.s = self.s_opt.update(self.s, np.mean(accum_grad * self.X, axis=0))
        return grad
