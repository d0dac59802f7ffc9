# common/layers.py, 2권 (word2vec)
import numpy as np


class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


class Embedding:
    def __init__(self, W):
        self.params, self.grads, self.idx = [W], [np.zeros_like(W)], None

    def forward(self, idx):
        (W,) = self.params
        self.idx = idx
        return W[idx]

    def backward(self, dout):
        (dW,) = self.grads
        dW[...] = 0
        np.add.at(dW, self.idx, dout)  # 같은 단어가 두 번 나올 수 있다
        return None


class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []
        self.loss, self.y, self.t = None, None, None

    def forward(self, x, t):
        self.t = t
        self.y = 1 / (1 + np.exp(-x))
        p = np.where(t == 1, self.y, 1 - self.y)
        self.loss = -np.sum(np.log(p + 1e-12)) / len(t)
        return self.loss

    def backward(self, dout=1):
        return (self.y - self.t) * dout / self.t.shape[0]


if __name__ == "__main__":
    W_in, W_out = MatMul(0.01 * np.random.randn(7, 5)), MatMul(0.01 * np.random.randn(5, 7))
    c0 = np.array([[1, 0, 0, 0, 0, 0, 0]])
    print(W_out.forward(W_in.forward(c0)))
