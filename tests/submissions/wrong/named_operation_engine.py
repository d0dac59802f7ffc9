"""연산 이름을 문자열로 기억하는 텐서: a result is part of the graph only if every operand asks for a gradient."""

import numpy as np


class Tensor:
    def __init__(self, data, autograd=False, parents=(), operation=""):
        self.data = np.array(data)
        self.autograd = autograd
        self.parents, self.operation = parents, operation
        self.grad = None
        self.waiting = 0  # children whose gradient has not come yet
        for parent in parents:
            parent.waiting += 1

    def backward(self, grad=None, from_child=False):
        if not self.autograd:
            return
        grad = Tensor(np.ones_like(self.data)) if grad is None else grad
        self.grad = grad if self.grad is None else Tensor(self.grad.data + grad.data)
        if from_child:
            self.waiting -= 1
        if self.waiting > 0 or not self.parents:
            return  # 다른 가지의 기울기를 기다린다
        for parent, gradient in zip(self.parents, self._gradients(self.grad.data)):
            parent.backward(Tensor(gradient), from_child=True)

    def _gradients(self, g):
        if self.operation == "add":
            return g, g
        if self.operation == "mul":
            a, b = self.parents
            return g * a.data, g * b.data
        if self.operation == "mm":
            a, b = self.parents
            return g @ b.data.T, a.data.T @ g
        if self.operation == "tanh":
            return (g * (1 - self.data**2),)
        if self.operation == "cross_entropy":
            return ((self.softmax_output - self.target_dist),)
        raise ValueError(self.operation)

    def _result(self, data, operation, *others):
        operands = (self, *others)
        if all(o.autograd for o in operands):
            return Tensor(data, True, operands, operation)
        return Tensor(data)

    def __add__(self, other):
        return self._result(self.data + other.data, "add", other)

    def __mul__(self, other):
        return self._result(self.data * other.data, "mul", other)

    def mm(self, x):
        return self._result(self.data @ x.data, "mm", x)

    def tanh(self):
        return self._result(np.tanh(self.data), "tanh")

    def cross_entropy(self, target_indices):
        e = np.exp(self.data - self.data.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        t = target_indices.data.flatten()
        one_hot = np.eye(p.shape[1])[t]
        out = self._result(-(np.log(p) * one_hot).sum(1).mean(), "cross_entropy")
        out.softmax_output, out.target_dist = p, one_hot
        return out
