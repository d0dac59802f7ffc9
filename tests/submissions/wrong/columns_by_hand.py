"""표본은 열. 1/m을 어디에 붙이는지 헷갈린다."""

import numpy as np
import matplotlib.pyplot as plt


def linear_forward(A, W, b):
    return np.dot(W, A) + b, (A, W, b)


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = np.dot(dZ, A_prev.T) / m
    db = np.sum(dZ) / m  # axis를 빠뜨렸다
    return np.dot(W.T, dZ), dW, db


def relu(Z):
    A = np.maximum(0, Z)
    return A, Z


def relu_backward(dA, cache):
    dZ = np.array(dA, copy=True)
    dZ[dA <= 0] = 0
    return dZ


def sigmoid_forward(Z):
    A = 1 / (1 + np.exp(-Z))
    return A, A


def sigmoid_backward(dA, cache):
    s = 1 / (1 + np.exp(-cache))  # cache는 이미 A이다
    return dA * s * (1 - s)
