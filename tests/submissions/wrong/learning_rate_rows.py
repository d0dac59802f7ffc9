"""XOR, one row at a time; 기울기를 반대로 더했나?"""

import numpy as np
import random


class Dense:
    def __init__(self, input_len, nodes):
        self.weights = np.random.randn(input_len, nodes) / input_len
        self.biases = np.zeros((1, nodes))

    def forward(self, input):
        self.last_input = input
        return np.dot(input, self.weights) + self.biases

    def backprop(self, d_L_d_out, learn_rate):
        self.weights -= learn_rate * self.last_input.T @ d_L_d_out
        self.biases -= learn_rate * d_L_d_out
        return d_L_d_out @ self.weights.T


class ActivationLayer:
    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward_propagation(self, input_data):
        self.output = self.activation(input_data)
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        return self.activation_prime(self.output) * output_error


def loss(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def loss_prime(y_true, y_pred):
    return 2 * (y_pred - y_true)
