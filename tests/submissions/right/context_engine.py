"""ctx 에 저장하는 함수 - static Functions with a context, applied to Tensors that require a gradient."""

import numpy as np


class Tensor:
    def __init__(self, data, requires_grad=False, is_leaf=True):
        self.data = np.array(data)
        self.requires_grad = requires_grad
        self.is_leaf = is_leaf
        self.grad = None
        self.grad_fn = None

    @property
    def shape(self):
        return self.data.shape

    def __add__(self, other):
        return Add.apply(self, other)

    def __mul__(self, other):
        return Mul.apply(self, other)

    def sum(self, axis=None, keepdims=False):
        return Sum.apply(self, axis, keepdims)

    def relu(self):
        return ReLU.apply(self)

    def backward(self):
        if self.data.size != 1:
            raise RuntimeError("손실은 스칼라여야 합니다: backward() needs a scalar")
        order, seen = [], set()

        def visit(node):
            if id(node) in seen or node.grad_fn is None:
                return
            seen.add(id(node))
            for parent in node.grad_fn.parents:
                visit(parent)
            order.append(node)

        visit(self)
        self.grad = Tensor(np.ones(self.shape))
        for node in reversed(order):
            grads = node.grad_fn.function.backward(node.grad_fn, node.grad)
            grads = grads if isinstance(grads, tuple) else (grads,)
            for parent, grad in zip(node.grad_fn.parents, grads):
                if parent.requires_grad:
                    parent.grad = grad if parent.grad is None else Tensor(parent.grad.data + grad.data)


class Context:
    def __init__(self, function, parents):
        self.function = function
        self.parents = parents
        self.saved_tensors = ()

    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors


class Function:
    @staticmethod
    def forward(ctx, *args):
        raise NotImplementedError

    @staticmethod
    def backward(ctx, grad_output):
        raise NotImplementedError

    @classmethod
    def apply(cls, *args):
        tensors = [a for a in args if isinstance(a, Tensor)]
        ctx = Context(cls, tensors)
        needs = any(t.requires_grad for t in tensors)
        out = Tensor(cls.forward(ctx, *args), requires_grad=needs, is_leaf=not needs)
        if needs:
            out.grad_fn = ctx
        return out


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return Tensor(grad)


class Add(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a.data + b.data

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return unbroadcast(grad_output.data, a.shape), unbroadcast(grad_output.data, b.shape)


class Mul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a.data * b.data

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        g = grad_output.data
        return unbroadcast(g * b.data, a.shape), unbroadcast(g * a.data, b.shape)


class Sum(Function):
    @staticmethod
    def forward(ctx, a, axis, keepdims):
        ctx.shape, ctx.axis, ctx.keepdims = a.shape, axis, keepdims
        return a.data.sum(axis=axis, keepdims=keepdims)

    @staticmethod
    def backward(ctx, grad_output):
        g = grad_output.data
        if ctx.axis is not None and not ctx.keepdims:
            g = np.expand_dims(g, ctx.axis)
        return Tensor(np.ones(ctx.shape) * g)


class Log(Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return np.log(a.data)

    @staticmethod
    def backward(ctx, grad_output):
        (a,) = ctx.saved_tensors
        return Tensor(grad_output.data / a.data)


class ReLU(Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return np.maximum(a.data, 0)

    @staticmethod
    def backward(ctx, grad_output):
        (a,) = ctx.saved_tensors
        return Tensor(grad_output.data * (a.data > 0))
