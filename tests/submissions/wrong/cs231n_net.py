import numpy as np


class TwoLayerNet(object):
    def __init__(self, input_dim=6, hidden_dim=5, num_classes=4, weight_scale=1e-2):
        self.params = {
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros(hidden_dim),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros(num_classes),
        }

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        h = np.maximum(X @ W1 + b1, 0)
        scores = h @ W2 + b2
        if y is None:
            return scores
        n = X.shape[0]
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[range(n), y]).mean() + 0.5 * reg * ((W1**2).sum() + (W2**2).sum())

        # backward
        grads = {}
        p[range(n), y] -= 1
        grads["W2"] = h.T @ p + reg * W2
        grads["b2"] = p.sum(axis=0)
        dh = (p @ W2.T) * (h > 0)
        grads["W1"] = X.T @ dh + reg * W1
        grads["b1"] = dh.sum(axis=0)
        return loss, grads
