# 손실 함수 (losses)
import numpy as np


class MSELoss:
    def forward(self, y, t):
        self.diff = y - t
        return np.mean(self.diff**2)

    def backward(self, dout=1):
        return dout * self.diff / self.diff.size


class SumSquaredError:
    def forward(self, y, t):
        self.diff = y - t
        return 0.5 * np.sum(self.diff**2)

    def backward(self, dout=1):
        return dout * 2 * self.diff


class CrossEntropy:
    def forward(self, y, t):
        self.y, self.t = y, t
        return -np.sum(t * np.log(y + 1e-7)) / len(y)

    def backward(self, dout=1):
        # 평균은 forward에서 이미 나눴다
        return -dout * self.t / (self.y + 1e-7)


class BCE:
    def forward(self, y, t):
        self.y, self.t = y, t
        return -np.mean(t * np.log(y) + (1 - t) * np.log(1 - y))

    def backward(self, dout=1):
        return dout * (self.t - self.y) / (self.y * (1 - self.y)) / self.y.size


class BCEWithLogits:
    def forward(self, x, t):
        self.x, self.t = x, t
        return np.mean(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0) - x * t)

    def backward(self, dout=1):
        p = 1 / (1 + np.exp(-self.x))
        return dout * (p - self.t)


def mse_loss(y, t):
    diff = y - t
    return np.mean(diff**2), diff / diff.size


if __name__ == "__main__":
    print(mse_loss(np.ones((2, 3)), np.zeros((2, 3))))
