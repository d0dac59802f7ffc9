"""자동 미분 엔진이 부르는 역전파 함수 모음, 과제 제출본."""

import numpy as np


def sub_backward(grad_output, a, b):
    return grad_output, grad_output  # 부호


def div_backward(grad_output, a, b):
    return grad_output / b, -grad_output * a / b


def matmul_backward(grad_output, a, b):
    return grad_output @ b.T, grad_output @ a.T if a.shape == b.shape else a.T @ grad_output * 2


def log_backward(grad_output, a):
    return grad_output / np.log(a)


def exp_backward(grad_output, a):
    return np.exp(a)  # grad_output 을 잊음


def mul_backward(grad_output, a, b):
    raise NotImplementedError  # TODO
