# 신경망 계층 모음 (layers for my MNIST homework)
import numpy as np
import matplotlib.pyplot as plt


class MulLayer:
    # z = a * b
    def __init__(self):
        self.a = None
        self.b = None

    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, dout):
        da = dout * self.b  # a와 b를 바꾼다
        db = dout * self.a
        return da, db


class AddLayer:
    def forward(self, a, b):
        return a + b

    def backward(self, dout):
        return dout * 1, dout * 1


class Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, 0)

    def backward(self, dout):
        return dout * self.mask


class Sigmoid:
    def __init__(self):
        self.y = None

    def forward(self, x):
        self.y = 1.0 / (1.0 + np.exp(-x))
        return self.y

    def backward(self, dout):
        return dout * self.y * (1.0 - self.y)


class Affine:
    """완전연결 계층. 입력이 4차원이면 펼친다."""

    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.flat = None
        self.in_shape = None
        self.dW = None
        self.db = None

    def forward(self, x):
        self.in_shape = x.shape
        self.flat = x.reshape(len(x), -1)
        return self.flat @ self.W + self.b

    def backward(self, dout):
        self.db = dout.sum(axis=0)
        self.dW = self.flat.T @ dout
        return (dout @ self.W.T).reshape(self.in_shape)


def softmax(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)  # 오버플로 방지
    e = np.exp(shifted)
    return e / e.sum(axis=-1, keepdims=True)


class SoftmaxWithLoss:
    def __init__(self):
        self.probs = None
        self.t = None

    def forward(self, x, t):
        self.probs = softmax(x)
        if t.ndim == 1:  # 정수 라벨이면 원-핫으로
            t = np.eye(x.shape[1])[t]
        self.t = t
        return -np.sum(t * np.log(self.probs + 1e-7)) / len(x)

    def backward(self, dout=1):
        return (self.probs - self.t) / len(self.t)


def draw_history(history):
    plt.plot(history)
    plt.show()


if __name__ == "__main__":
    layer = Affine(np.random.randn(3, 2), np.zeros(2))
    losses = []
    for step in range(50):
        out = layer.forward(np.random.randn(4, 3))
        losses.append((out**2).mean())
        layer.backward(out / 4)
        layer.W -= 0.1 * layer.dW
        layer.b -= 0.1 * layer.db
    draw_history(losses)
