"""XOR network, one row (1, n) at a time. 오차를 뒤에서 앞으로 보내면서 바로 갱신한다."""

import numpy as np
import random  # 나중에 섞을 때


class Dense:
    def __init__(self, input_len, nodes):
        self.weights = np.random.randn(input_len, nodes) / input_len
        self.biases = np.zeros((1, nodes))

    def forward(self, input):
        self.last_input = input
        return np.dot(input, self.weights) + self.biases

    def backprop(self, d_L_d_out, learn_rate):
        d_L_d_input = d_L_d_out @ self.weights.T
        self.weights -= learn_rate * self.last_input.T @ d_L_d_out
        self.biases -= learn_rate * d_L_d_out
        return d_L_d_input


def tanh(x):
    return np.tanh(x)


def tanh_prime(x):
    return 1 - np.tanh(x) ** 2


class ActivationLayer:
    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = self.activation(self.input)
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        return self.activation_prime(self.input) * output_error


def loss(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def loss_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


if __name__ == "__main__":
    X = np.array([[[0, 0]], [[0, 1]], [[1, 0]], [[1, 1]]], float)
    Y = np.array([[[0]], [[1]], [[1]], [[0]]], float)
    first, act, second = Dense(2, 3), ActivationLayer(tanh, tanh_prime), Dense(3, 1)
    for epoch in range(100):
        err = 0.0
        for x, y in zip(X, Y):
            out = second.forward(act.forward_propagation(first.forward(x)))
            err += loss(y, out)
            grad = second.backprop(loss_prime(y, out), 0.1)
            first.backprop(act.backward_propagation(grad, 0.1), 0.1)
        if epoch % 50 == 0:
            print("epoch", epoch, "error", err / len(X))
