"""Operations with a context; the tensor class that runs them needs a device and lies elsewhere (장치 코드는 다른 곳)."""

import numpy as np


class Function:
    """What every operation inherits: `apply` needs a device that a dispatcher sets first."""

    def __init__(self, *tensors):
        self.parents = tensors
        self.saved_tensors = []

    def save_for_backward(self, *args):
        self.saved_tensors.extend(args)

    def apply(self, *args, **kwargs):
        ctx = self(*args)
        return ctx.device.run(self.forward(ctx, *[t.data for t in args], **kwargs))


def unbroadcast(grad, shape):
    while len(grad.shape) != len(shape):
        grad = grad.sum(axis=0)
    return grad


class Mul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return unbroadcast(grad_output * b, a.shape), unbroadcast(grad_output * a, b.shape)


class MatMul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output @ b.T, a.T @ grad_output


class Tanh(Function):
    @staticmethod
    def forward(ctx, input):
        out = np.tanh(input)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad_output):
        (out,) = ctx.saved_tensors
        return grad_output * (1 - out**2)


class Reshape(Function):
    @staticmethod
    def forward(ctx, input, shape):
        ctx.input_shape = input.shape
        return input.reshape(shape)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.reshape(ctx.input_shape)


class Square:
    """엔진 없이 쓰는 연산."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output
