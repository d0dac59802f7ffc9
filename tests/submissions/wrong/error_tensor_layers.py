"""FullyConnected.py, Pooling.py"""

import numpy as np


class FullyConnected:
    def __init__(self, input_size, output_size):
        self.weights = np.random.uniform(0, 1, (input_size + 1, output_size))
        self.gradient_weights = None

    def forward(self, input_tensor):
        self.input_tensor = np.hstack([input_tensor, np.ones((input_tensor.shape[0], 1))])
        return self.input_tensor @ self.weights

    def backward(self, error_tensor):
        x = self.input_tensor[:, :-1]
        dw = x.T @ error_tensor
        self.gradient_weights = np.vstack([dw, error_tensor[0]])  # bias 행은 첫 샘플만
        return error_tensor @ self.weights[:-1].T


class SoftMax:
    def forward(self, input_tensor):
        e = np.exp(input_tensor - input_tensor.max(axis=1, keepdims=True))
        self.y_hat = e / e.sum(axis=1, keepdims=True)
        return self.y_hat

    def backward(self, error_tensor):
        return self.y_hat * (error_tensor - np.sum(error_tensor * self.y_hat))


class CrossEntropyLoss:
    def forward(self, prediction_tensor, label_tensor):
        self.prediction = prediction_tensor
        return -np.sum(label_tensor * np.log(prediction_tensor + np.finfo(float).eps))

    def backward(self, label_tensor):
        return -label_tensor / self.prediction / len(label_tensor)
