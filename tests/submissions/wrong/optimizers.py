import numpy as np


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for name in params:
            params[name] += self.lr * grads[name]  # 올라가는 중?


if __name__ == "__main__":
    w = {"w": np.ones(3)}
    SGD(0.1).update(w, {"w": np.ones(3)})
    print(w)
