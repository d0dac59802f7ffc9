"""Custom ops: two inputs, a constant that needs no gradient, and a reduction."""

import math
import torch


class GELUTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        c = math.sqrt(2 / math.pi)
        t = torch.tanh(c * (x + 0.044715 * x**3))
        ctx.save_for_backward(x, t)
        return 0.5 * x * (1 + t)

    @staticmethod
    def backward(ctx, grad_output):
        x, t = ctx.saved_tensors
        inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return grad_output * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner)


class MyMul(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output * b, grad_output * a  # 서로 바꾼다


if __name__ == "__main__":
    x = torch.randn(5, dtype=torch.double, requires_grad=True)
    print(torch.autograd.gradcheck(GELUTanh.apply, (x,)))
