"""Second half of the network from the book club: dropout, and the losses for regression and two classes."""

import numpy as np
import sys

np.random.seed(0)


class Layer_Dense:
    def __init__(self, n_inputs, n_neurons, weight_regularizer_l1=0, weight_regularizer_l2=0):
        self.weights = 0.01 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))
        self.weight_regularizer_l1 = weight_regularizer_l1
        self.weight_regularizer_l2 = weight_regularizer_l2

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        # 정규화 항 (the penalty itself is added to the data loss, see below)
        if self.weight_regularizer_l1 > 0:
            self.dweights += self.weight_regularizer_l1 * np.where(self.weights < 0, -1.0, 1.0)
        if self.weight_regularizer_l2 > 0:
            self.dweights += 2 * self.weight_regularizer_l2 * self.weights
        self.dinputs = dvalues @ self.weights.T


class Layer_Dropout:
    def __init__(self, rate):
        self.rate = 1 - rate  # 남기는 비율

    def forward(self, inputs, training):
        self.inputs = inputs
        if not training:
            self.output = inputs.copy()
            return
        self.binary_mask = np.random.binomial(1, self.rate, size=inputs.shape) / self.rate
        self.output = inputs * self.binary_mask

    def backward(self, dvalues):
        self.dinputs = dvalues * self.binary_mask


class Loss_BinaryCrossentropy:
    def forward(self, y_pred, y_true):
        p = np.clip(y_pred, 1e-7, 1 - 1e-7)
        return np.mean(-(y_true * np.log(p) + (1 - y_true) * np.log(1 - p)), axis=-1)

    def backward(self, dvalues, y_true):
        samples, outputs = dvalues.shape
        p = np.clip(dvalues, 1e-7, 1 - 1e-7)
        self.dinputs = -(y_true / p - (1 - y_true) / (1 - p)) / outputs
        self.dinputs = self.dinputs / samples


class Loss_MeanAbsoluteError:
    def forward(self, y_pred, y_true):
        return np.mean(np.abs(y_true - y_pred), axis=-1)

    def backward(self, dvalues, y_true):
        samples, outputs = dvalues.shape
        self.dinputs = -np.sign(y_true - dvalues) / outputs / samples


def penalty(layer):
    return (
        layer.weight_regularizer_l1 * np.abs(layer.weights).sum()
        + layer.weight_regularizer_l2 * (layer.weights**2).sum()
    )


if __name__ == "__main__":
    X, y = np.random.randn(60, 2), np.random.randint(0, 2, (60, 1))
    dense, loss = Layer_Dense(2, 1, weight_regularizer_l2=5e-4), Loss_BinaryCrossentropy()
    for epoch in range(101):
        dense.forward(X)
        p = 1 / (1 + np.exp(-dense.output))
        if epoch % 50 == 0:
            print(epoch, loss.forward(p, y).mean() + penalty(dense))
        loss.backward(p, y)
        dense.backward(loss.dinputs * p * (1 - p))
        dense.weights -= 0.5 * dense.dweights
        dense.biases -= 0.5 * dense.dbiases
