# 두 번째 버전: 교차 엔트로피 비용 (cross-entropy), tanh 은닉층
import numpy as np


class NeuralNet:
    def __init__(self, layers):
        self.weights = [np.random.randn(n, m) / np.sqrt(m) for m, n in zip(layers, layers[1:])]
        self.biases = [np.zeros((n, 1)) for n in layers[1:]]

    def predict(self, x):
        return self._run(x)[-1]

    def _run(self, x):
        out = [x]
        for k, (w, b) in enumerate(zip(self.weights, self.biases)):
            z = w @ out[-1] + b
            out.append(np.tanh(z) if k < len(self.weights) - 1 else 1 / (1 + np.exp(-z)))
        return out

    def backprop(self, x, y):
        out = self._run(x)
        delta = out[-1] - y
        dw, db = [], []
        for k in reversed(range(len(self.weights))):
            dw.insert(0, delta @ out[k].T)
            db.insert(0, delta)
            delta = (self.weights[k].T @ delta) * (1 - out[k] ** 2)
        return dw, db
