import numpy as np


class Optimizer_SGD:
    def __init__(self, learning_rate=1.0, decay=0.0, momentum=0.0):
        self.learning_rate = learning_rate
        self.current_learning_rate = learning_rate
        self.decay = decay
        self.iterations = 0
        self.momentum = momentum

    def pre_update_params(self):
        if self.decay:  # decays what has decayed already
            self.current_learning_rate = self.current_learning_rate / (1.0 + self.decay * self.iterations)

    def update_params(self, layer):
        w_step = -self.current_learning_rate * layer.dweights
        b_step = -self.current_learning_rate * layer.dbiases
        if self.momentum:
            if not hasattr(layer, "weight_momentums"):
                layer.weight_momentums = np.zeros_like(layer.weights)
                layer.bias_momentums = np.zeros_like(layer.biases)
            w_step = self.momentum * layer.weight_momentums + w_step
            b_step = self.momentum * layer.bias_momentums + b_step
        layer.weights += w_step
        layer.biases += b_step

    def post_update_params(self):
        self.iterations += 1


class Optimizer_RMSprop:
    def __init__(self, learning_rate=0.001, decay=0.0, epsilon=1e-7, rho=0.9):
        self.current_learning_rate = learning_rate
        self.epsilon = epsilon
        self.rho = rho

    def pre_update_params(self):
        pass

    def update_params(self, layer):
        if not hasattr(layer, "weight_cache"):
            layer.weight_cache = np.zeros_like(layer.weights)
            layer.bias_cache = np.zeros_like(layer.biases)
        layer.weight_cache = self.rho * layer.weight_cache + (1 - self.rho) * layer.dweights**2
        layer.bias_cache = self.rho * layer.bias_cache + (1 - self.rho) * layer.dbiases**2
        layer.weights -= self.current_learning_rate * layer.dweights / (layer.weight_cache + self.epsilon)
        layer.biases -= self.current_learning_rate * layer.dbiases / (layer.bias_cache + self.epsilon)

    def post_update_params(self):
        pass
