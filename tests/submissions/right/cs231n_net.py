import numpy as np

from cs231n_layers import *


class TwoLayerNet(object):
    """affine - relu - affine - softmax"""

    def __init__(self, input_dim=6, hidden_dim=5, num_classes=4, weight_scale=1e-2, reg=0.0):
        self.reg = reg
        self.params = {}
        self.params["W1"] = np.random.normal(0, weight_scale, (input_dim, hidden_dim))
        self.params["b1"] = np.zeros(hidden_dim)
        self.params["W2"] = np.random.normal(0, weight_scale, (hidden_dim, num_classes))
        self.params["b2"] = np.zeros(num_classes)

    def loss(self, X, y=None, reg=0.0):
        p = self.params
        hidden, cache1 = affine_forward(X, p["W1"], p["b1"])
        active, cache_relu = relu_forward(hidden)
        scores, cache2 = affine_forward(active, p["W2"], p["b2"])
        if y is None:
            return scores

        loss, dscores = softmax_loss(scores, y)
        loss += 0.5 * reg * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))

        grads = {}
        dactive, grads["W2"], grads["b2"] = affine_backward(dscores, cache2)
        dhidden = relu_backward(dactive, cache_relu)
        _, grads["W1"], grads["b1"] = affine_backward(dhidden, cache1)
        grads["W1"] += reg * p["W1"]
        grads["W2"] += reg * p["W2"]
        return loss, grads


if __name__ == "__main__":
    model = TwoLayerNet()
    X, y = np.random.randn(8, 6), np.random.randint(4, size=8)
    for it in range(200):
        loss, grads = model.loss(X, y, reg=1e-3)
        for k, g in grads.items():
            model.params[k] -= 0.5 * g
        if it % 50 == 0:
            print("iteration %d: loss %f" % (it, loss))
