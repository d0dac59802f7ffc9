"""단정밀도만 받는 엔진: float32 in a class of its own, numbers by `numpy()`, operations with compute and gradient."""

import numpy as np


class NDArray:
    def __init__(self, values):
        self.values = np.asarray(values, dtype=np.float32)
        self.shape = self.values.shape


class Op:
    def __call__(self, *args):
        return Tensor.make_from_op(self, args)

    def compute(self, *arrays):
        raise NotImplementedError

    def gradient(self, out_grad, node):
        raise NotImplementedError


class Tensor:
    def __init__(self, array, *, dtype="float32", requires_grad=True):
        assert dtype == "float32"
        self.cached = array if isinstance(array, NDArray) else NDArray(array)
        self.op, self.inputs, self.grad = None, (), None
        self.requires_grad = requires_grad

    @staticmethod
    def make_from_op(op, inputs):
        out = Tensor(NDArray(op.compute(*(t.cached.values for t in inputs))))
        out.op, out.inputs = op, inputs
        return out

    @property
    def data(self):
        return Tensor(self.cached, requires_grad=False)

    @property
    def shape(self):
        return self.cached.shape

    def numpy(self):
        return self.cached.values

    def backward(self, out_grad=None):
        out_grad = out_grad if out_grad else Tensor(np.ones(self.shape))
        grads, order = {id(self): out_grad}, []

        def visit(node):
            if node not in order:
                for i in node.inputs:
                    visit(i)
                order.append(node)

        visit(self)
        for node in reversed(order):
            node.grad = grads[id(node)]
            if node.op is None:
                continue
            found = node.op.gradient(node.grad, node)
            for i, g in zip(node.inputs, found if isinstance(found, tuple) else (found,)):
                grads[id(i)] = EWiseAdd()(grads[id(i)], g) if id(i) in grads else g

    def __add__(self, other):
        return EWiseAdd()(self, other)

    def __mul__(self, other):
        return EWiseMul()(self, other)


class EWiseAdd(Op):
    def compute(self, a, b):
        return a + b

    def gradient(self, out_grad, node):
        return out_grad, out_grad


class EWiseMul(Op):
    def compute(self, a, b):
        return a * b

    def gradient(self, out_grad, node):
        a, b = node.inputs
        return out_grad * b, out_grad * a


class Tanh(Op):
    def compute(self, a):
        return np.tanh(a)

    def gradient(self, out_grad, node):
        return out_grad * Tensor(1 - np.tanh(node.inputs[0].numpy()) ** 2)


class BroadcastTo(Op):
    def __init__(self, shape):
        self.shape = shape

    def compute(self, a):
        assert len(a.shape) == len(self.shape)  # 차원 수는 같아야 한다
        return np.broadcast_to(a, self.shape)

    def gradient(self, out_grad, node):
        axes = tuple(k for k, (a, b) in enumerate(zip(node.inputs[0].shape, self.shape)) if a != b)
        return Tensor(out_grad.numpy().sum(axis=axes, keepdims=True))
