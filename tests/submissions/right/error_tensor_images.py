# Flatten과 FullyConnected: error_tensor가 뒤에서 들어온다
import numpy as np


class Flatten:
    def __init__(self):
        self.trainable = False

    def forward(self, input_tensor):
        self.shape = input_tensor.shape
        return input_tensor.reshape(self.shape[0], -1)

    def backward(self, error_tensor):
        return error_tensor.reshape(self.shape)


class FullyConnected:
    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size + 1, output_size)
        self.gradient_weights = None

    def forward(self, input_tensor):
        ones = np.ones((len(input_tensor), 1))
        self.x = np.concatenate((input_tensor, ones), axis=1)
        return self.x.dot(self.weights)

    def backward(self, error_tensor):
        self.gradient_weights = self.x.T.dot(error_tensor)
        return error_tensor.dot(self.weights.T)[:, :-1]
