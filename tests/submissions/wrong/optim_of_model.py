import numpy as np


class SGD:
    def __init__(self, model, lr=0.1, momentum=0):
        self.l = model.layers
        self.L = len(model.layers)
        self.lr = lr
        self.mu = momentum
        self.v_W = [np.zeros(layer.W.shape, dtype="f8") for layer in model.layers]
        self.v_b = [np.zeros(layer.b.shape, dtype="f8") for layer in model.layers]

    def step(self):
        for i in range(self.L):
            if self.mu == 0:
                self.l[i].W = self.l[i].W - self.lr * self.l[i].dLdW
                self.l[i].b = self.l[i].b - self.lr * self.l[i].dLdb
            else:
                self.v_W[i] = self.mu * self.v_W[i] + self.lr * self.l[i].dLdW
                self.v_b[i] = self.mu * self.v_b[i] + self.lr * self.l[i].dLdb
                self.l[i].W = self.l[i].W - self.lr * self.v_W[i]
                self.l[i].b = self.l[i].b - self.lr * self.v_b[i]


class AdamW:
    def __init__(self, model, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
        self.l = model.layers
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.weight_decay = weight_decay
        self.t = 0
        self.m = [[np.zeros_like(layer.W), np.zeros_like(layer.b)] for layer in self.l]
        self.v = [[np.zeros_like(layer.W), np.zeros_like(layer.b)] for layer in self.l]

    def move(self, i, j, w, g):
        g = g + self.weight_decay * w
        self.m[i][j] = self.beta1 * self.m[i][j] + (1 - self.beta1) * g
        self.v[i][j] = self.beta2 * self.v[i][j] + (1 - self.beta2) * g**2
        m = self.m[i][j] / (1 - self.beta1**self.t)
        v = self.v[i][j] / (1 - self.beta2**self.t)
        return w - self.lr * m / (np.sqrt(v) + self.eps)

    def step(self):
        self.t += 1
        for i, layer in enumerate(self.l):
            layer.W = self.move(i, 0, layer.W, layer.dLdW)
            layer.b = self.move(i, 1, layer.b, layer.dLdb)
