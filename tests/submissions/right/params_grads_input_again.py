# backward gets the input again: backward(X, grad)
import numpy as np


class linear_layer:
    def __init__(self, input_D, output_D):
        self.params = dict()
        self.params["W"] = np.random.normal(0, 0.1, (input_D, output_D))
        self.params["b"] = np.random.normal(0, 0.1, (1, output_D))
        self.gradient = dict()
        self.gradient["W"] = np.zeros((input_D, output_D))
        self.gradient["b"] = np.zeros((1, output_D))

    def forward(self, X):
        return np.matmul(X, self.params["W"]) + self.params["b"]

    def backward(self, X, grad):
        self.gradient["W"] = np.matmul(X.T, grad)
        self.gradient["b"] = np.sum(grad, axis=0, keepdims=True)
        return np.matmul(grad, self.params["W"].T)


class tanh:
    def forward(self, X):
        return np.tanh(X)

    def backward(self, X, grad):
        return grad * (1 - np.tanh(X) ** 2)  # X를 다시 쓴다
