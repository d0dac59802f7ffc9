# 손실 함수 모음 (loss functions)
import numpy as np
from tqdm import tqdm

EPS = 1e-7


class MSELoss:
    """mean over every element"""

    def forward(self, y, t):
        self.diff = y - t
        return np.mean(self.diff**2)

    def backward(self, dout=1):
        return dout * 2 * self.diff / self.diff.size


class SumSquaredError:
    """0.5 * 제곱합"""

    def forward(self, y, t):
        self.y, self.t = y, t
        return 0.5 * np.sum((y - t) ** 2)

    def backward(self, dout=1):
        return dout * (self.y - self.t)


class CrossEntropy:
    """y: probabilities (softmax를 지난 값), t: one-hot"""

    def forward(self, y, t):
        self.y, self.t = y, t
        return -np.sum(t * np.log(y + EPS)) / len(y)

    def backward(self, dout=1):
        return -dout * self.t / (self.y + EPS) / len(self.y)


class BCE:
    def forward(self, y, t):
        self.y, self.t = y, t
        return -np.mean(t * np.log(y) + (1 - t) * np.log(1 - y))

    def backward(self, dout=1):
        return dout * (self.y - self.t) / (self.y * (1 - self.y)) / self.y.size


class BCEWithLogits:
    def forward(self, x, t):
        self.x, self.t = x, t
        return np.mean(np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))))

    def backward(self, dout=1):
        p = 1 / (1 + np.exp(-self.x))
        return dout * (p - self.t) / self.x.size


def mse_loss(y, t):
    diff = y - t
    loss = np.mean(diff**2)
    grad = 2 * diff / diff.size
    return loss, grad


if __name__ == "__main__":
    guess, target = np.random.rand(5, 3), np.random.rand(5, 3)
    for step in tqdm(range(100)):
        value, grad = mse_loss(guess, target)
        guess -= grad
    print("final:", value)
