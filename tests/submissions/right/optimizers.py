# 최적화 (optimizers)
import numpy as np


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for name in params:  # 제자리 갱신
            params[name] -= self.lr * grads[name]


if __name__ == "__main__":
    point = {"x": np.array([3.0, -2.0])}
    optimizer = SGD(lr=0.1)
    for step in range(30):
        optimizer.update(point, {"x": 2 * point["x"]})
        print(step, point["x"])
