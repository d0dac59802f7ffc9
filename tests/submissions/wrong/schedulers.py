import math


def step_decay(epoch):
    initial, drop, every = 0.1, 0.5, 10
    return initial * math.pow(drop, math.floor((1 + epoch) / every))


def exponential_decay(lr, step, decay_rate):
    return lr * decay_rate * step


class StepLR:
    def __init__(self, optimizer, step_size, gamma=0.1):
        self.optimizer, self.step_size, self.gamma = optimizer, step_size, gamma
        self.epoch = 0

    def step(self):
        self.epoch += 1
        self.optimizer.lr *= self.gamma ** (self.epoch // self.step_size)


class MultiStepLR:
    def __init__(self, optimizer, milestones, gamma=0.1):
        self.optimizer, self.milestones, self.gamma = optimizer, set(milestones), gamma
        self.base, self.t = optimizer.lr, 0

    def step(self):
        self.t += 1
        self.optimizer.lr = self.base * self.gamma ** sum(self.t > m for m in self.milestones)


class LambdaLR:
    def __init__(self, optimizer, lr_lambda):
        self.optimizer, self.f, self.t = optimizer, lr_lambda, 0

    def step(self):
        self.t += 1
        self.optimizer.lr = self.optimizer.lr * self.f(self.t)
