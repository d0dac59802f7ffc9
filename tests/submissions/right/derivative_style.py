# 활성화 함수: backward는 도함수만 돌려주고, 곱하기는 호출하는 쪽에서 한다
import numpy as np


class Sigmoid:
    def forward(self, weighted_input):
        return 1.0 / (1.0 + np.exp(-weighted_input))

    def backward(self, output):
        return output * (1 - output)


class TanhActivation:
    def forward(self, z):
        return np.tanh(z)

    def backward(self, z):
        return 1 - np.tanh(z) ** 2


class SquaredLoss:
    def loss(self, predicted, actual):
        return np.sum((predicted - actual) ** 2)

    def grad(self, predicted, actual):
        return 2 * (predicted - actual)


if __name__ == "__main__":
    layer = Sigmoid()
    a = layer.forward(np.array([0.5, -1.0]))
    print(layer.backward(a))
