import math


def step_decay(epoch):
    initial, drop, every = 0.1, 0.5, 10
    return initial * math.pow(drop, math.floor(epoch / every))


def exp_decay(epoch, lr0=0.1, k=0.05):
    return lr0 * math.exp(-k * epoch)


def lr_schedule(lr, epoch):
    return lr * 0.95**epoch


class StepLR:
    def __init__(self, optimizer, step_size, gamma=0.1):
        self.optimizer, self.step_size, self.gamma = optimizer, step_size, gamma
        self.epoch = 0

    def step(self):
        self.epoch += 1
        if self.epoch % self.step_size == 0:
            self.optimizer.lr *= self.gamma


class MultiStepLR:
    def __init__(self, optimizer, milestones, gamma=0.1):
        self.optimizer, self.milestones, self.gamma = optimizer, set(milestones), gamma
        self.base, self.t = optimizer.lr, 0

    def step(self):
        self.t += 1
        self.optimizer.lr = self.base * self.gamma ** sum(self.t >= m for m in self.milestones)


class LambdaLR:
    def __init__(self, optimizer, lr_lambda):
        self.optimizer, self.f, self.t = optimizer, lr_lambda, 0
        self.base = [group["lr"] for group in optimizer.param_groups]

    def step(self):
        self.t += 1
        for base, group in zip(self.base, self.optimizer.param_groups):
            group["lr"] = base * self.f(self.t)


class InverseTimeDecay:
    def __init__(self, initial_learning_rate, decay_steps, decay_rate):
        self.rate0, self.steps, self.k = initial_learning_rate, decay_steps, decay_rate

    def __call__(self, step):
        return self.rate0 / (1 + self.k * step / self.steps)
