# 2층 신경망 (two layers, my own layers file must be in the same folder)
import sys, os

sys.path.append(os.pardir)
from collections import OrderedDict

import numpy as np
from dlfs_layers import *

verbose = False


class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, weight_init_std=0.01):
        self.params = {
            "W1": weight_init_std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": weight_init_std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }
        # 층 순서가 중요!
        self.stack = OrderedDict()
        self.stack["fc1"] = Affine(self.params["W1"], self.params["b1"])
        self.stack["act"] = Relu()
        self.stack["fc2"] = Affine(self.params["W2"], self.params["b2"])
        self.head = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.stack.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        value = self.head.forward(self.predict(x), t)
        if verbose:
            print("loss =", value)
        return value

    def accuracy(self, x, t):
        guess = self.predict(x).argmax(axis=1)
        truth = t if t.ndim == 1 else t.argmax(axis=1)
        return (guess == truth).mean()

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.head.backward(1)
        for layer in reversed(list(self.stack.values())):
            dout = layer.backward(dout)
        return {
            "W1": self.stack["fc1"].dW,
            "b1": self.stack["fc1"].db,
            "W2": self.stack["fc2"].dW,
            "b2": self.stack["fc2"].db,
        }


if __name__ == "__main__":
    net = TwoLayerNet(20, 10, 3)
    x, t = np.random.randn(30, 20), np.random.randint(0, 3, 30)
    for epoch in range(100):
        grads = net.gradient(x, t)
        for name in net.params:
            net.params[name] -= 0.5 * grads[name]
        print(epoch, net.loss(x, t), net.accuracy(x, t))
