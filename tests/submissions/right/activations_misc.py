# 활성화 함수 연습 (activation functions)
import numpy as np


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out**2)


class LeakyReLU:
    def __init__(self, alpha=0.01):
        self.alpha = alpha

    def forward(self, x):
        self.slope = np.where(x > 0, 1.0, self.alpha)
        return x * self.slope

    def backward(self, dout):
        return dout * self.slope


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, dout):
        # 야코비 행렬과 곱: J = diag(p) - p p^T, row by row
        dx = np.empty_like(dout)
        for i, (p, g) in enumerate(zip(self.p, dout)):
            jacobian = np.diag(p) - np.outer(p, p)
            dx[i] = jacobian @ g
        return dx


class Identity:
    def forward(self, x):
        return x

    def backward(self, dout):
        return dout


class StepFunction:
    """계단 함수: 기울기는 어디서나 0"""

    def forward(self, x):
        return (x > 0).astype(x.dtype)

    def backward(self, dout):
        return np.zeros_like(dout)


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    x = np.arange(-4, 4, 0.1)
    for f in (Tanh(), LeakyReLU(0.2), StepFunction()):
        plt.plot(x, f.forward(x), label=type(f).__name__)
    plt.legend()
    plt.show()
