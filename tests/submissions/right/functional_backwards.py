"""자동 미분 엔진이 부르는 역전파 함수 모음: the forwards are operators of the tensors, in another file."""

import numpy as np


def identity_backward(grad_output, a):
    return np.array(grad_output)


def add_backward(grad_output, a, b):
    return unbroadcast(grad_output, a.shape), unbroadcast(grad_output, b.shape)


def sub_backward(grad_output, a, b):
    return unbroadcast(grad_output, a.shape), unbroadcast(-grad_output, b.shape)


def mul_backward(grad_output, a, b):
    return unbroadcast(grad_output * b, a.shape), unbroadcast(grad_output * a, b.shape)


def div_backward(grad_output, a, b):
    return unbroadcast(grad_output / b, a.shape), unbroadcast(-grad_output * a / b**2, b.shape)


def matmul_backward(grad_output, a, b):
    return grad_output @ b.T, a.T @ grad_output


def log_backward(grad_output, a):
    return grad_output / a


def exp_backward(grad_output, a):
    return grad_output * np.exp(a)


def sum_backward(grad_output, a):
    # keepdims=True 라서 그대로 퍼진다
    return grad_output * np.ones_like(a)


def max_backward(grad_output, a):
    first = np.argmax(a, axis=1)
    chosen = np.zeros_like(a)
    chosen[np.arange(len(a)), first] = 1
    return chosen * grad_output


def transpose_backward(grad_output, a):
    return grad_output.T


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


if __name__ == "__main__":
    x = np.random.randn(3, 4)
    print(exp_backward(np.ones_like(x), x))
