"""함수와 변수로 된 엔진 - Functions that are called on Variables, with operators and broadcasting."""

import weakref

import numpy as np


class Variable:
    __array_priority__ = 100

    def __init__(self, data, name=None):
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(f"{type(data)} 은 지원하지 않습니다")
        self.data = data
        self.name = name
        self.grad = None
        self.creator = None
        self.generation = 0

    @property
    def shape(self):
        return self.data.shape

    def cleargrad(self):
        self.grad = None

    def backward(self, retain_grad=False):
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        todo = [self.creator]
        known = {id(self.creator)}
        while todo:
            todo.sort(key=lambda f: f.generation)
            f = todo.pop()
            grads = f.backward(*[y().grad for y in f.outputs])
            grads = grads if isinstance(grads, tuple) else (grads,)
            for x, g in zip(f.inputs, grads):
                x.grad = g if x.grad is None else x.grad + g  # 여러 번 쓰인 변수: 더한다
                if x.creator is not None and id(x.creator) not in known:
                    known.add(id(x.creator))
                    todo.append(x.creator)
            if not retain_grad:
                for y in f.outputs:
                    y().grad = None


def as_variable(x):
    return x if isinstance(x, Variable) else Variable(np.asarray(x))


def sum_to(g, shape):
    """broadcast 된 축을 따라 더한다."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=axes, keepdims=True) if axes else g


class Function:
    def __call__(self, *inputs):
        inputs = [as_variable(x) for x in inputs]
        ys = self.forward(*[x.data for x in inputs])
        ys = ys if isinstance(ys, tuple) else (ys,)
        outputs = [Variable(np.asarray(y)) for y in ys]
        self.generation = max(x.generation for x in inputs)
        for y in outputs:
            y.creator = self
            y.generation = self.generation + 1
        self.inputs = inputs
        self.outputs = [weakref.ref(y) for y in outputs]
        return outputs if len(outputs) > 1 else outputs[0]

    def forward(self, *xs):
        raise NotImplementedError()

    def backward(self, *gys):
        raise NotImplementedError()


class Add(Function):
    def forward(self, x0, x1):
        self.shapes = x0.shape, x1.shape
        return x0 + x1

    def backward(self, gy):
        return sum_to(gy, self.shapes[0]), sum_to(gy, self.shapes[1])


class Mul(Function):
    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = [x.data for x in self.inputs]
        return sum_to(gy * x1, x0.shape), sum_to(gy * x0, x1.shape)


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        return 2 * self.inputs[0].data * gy


class Exp(Function):
    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        return self.outputs[0]().data * gy


class Pow(Function):
    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x**self.c

    def backward(self, gy):
        return self.c * self.inputs[0].data ** (self.c - 1) * gy


class MatMul(Function):
    def forward(self, x, W):
        return x @ W

    def backward(self, gy):
        x, W = [v.data for v in self.inputs]
        return gy @ W.T, x.T @ gy


class Sum(Function):
    def __init__(self, axis, keepdims=False):
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x):
        return x.sum(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        x = self.inputs[0].data
        if self.axis is not None and not self.keepdims:
            gy = np.expand_dims(gy, self.axis)
        return np.broadcast_to(gy, x.shape).copy()


class Reshape(Function):
    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        return x.reshape(self.shape)

    def backward(self, gy):
        return gy.reshape(self.inputs[0].shape)


Variable.__add__ = Variable.__radd__ = lambda a, b: Add()(a, b)
Variable.__mul__ = Variable.__rmul__ = lambda a, b: Mul()(a, b)
Variable.__pow__ = lambda a, c: Pow(c)(a)
