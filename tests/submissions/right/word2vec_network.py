import numpy as np


class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        W, = self.params
        self.grads[0][...] = self.x.T @ dout
        return dout @ W.T


class SoftmaxLoss:
    def forward(self, scores, t):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.p, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(t * np.log(self.p)) / len(t)

    def backward(self, dout=1):
        return dout * (self.p - self.t) / len(self.t)


class MeanOfContexts:
    """word2vec(CBOW): 두 문맥 단어가 같은 가중치를 함께 쓴다."""

    def __init__(self, vocab_size, hidden_size):
        W_in = (0.1 * np.random.randn(vocab_size, hidden_size)).astype('f')
        W_out = (0.1 * np.random.randn(hidden_size, vocab_size)).astype('f')
        self.left, self.right = MatMul(W_in), MatMul(W_in)
        self.out = MatMul(W_out)
        self.loss_layer = SoftmaxLoss()
        self.params, self.grads = [], []
        for layer in (self.left, self.right, self.out):
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, contexts, target):
        h = (self.left.forward(contexts[:, 0]) + self.right.forward(contexts[:, 1])) / 2
        return self.loss_layer.forward(self.out.forward(h), target)

    def backward(self, dout=1):
        dh = self.out.backward(self.loss_layer.backward(dout))
        dh = dh / 2
        self.left.backward(dh)
        self.right.backward(dh)
