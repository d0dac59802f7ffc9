"""activations.py, 이름이 제각각인 도함수들."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_output_to_derivative(output):
    return output * (1 - output)


def gaussian(x):
    return np.exp(-(x**2))


def dgaussian(x):
    return -2 * x * np.exp(-(x**2))


if __name__ == "__main__":
    w = np.random.randn(2)
    for i in range(3):
        w -= gaussian(w) * dgaussian(w)
    print(w)
