"""순환층: the gradient of the output layer is left as its last backward set it, that of one time step."""

import numpy as np


class FullyConnected:
    def __init__(self, input_size, output_size):
        self.weights = np.random.uniform(size=(input_size + 1, output_size))  # the last row is the bias

    def forward(self, input_tensor):
        self.input_tensor = np.column_stack((input_tensor, np.ones(len(input_tensor))))
        return self.input_tensor @ self.weights

    def backward(self, error_tensor):
        self.gradient_weights = self.input_tensor.T @ error_tensor
        return error_tensor @ self.weights[:-1].T


class RNN:
    def __init__(self, input_size, hidden_size, output_size):
        self.hidden_size = hidden_size
        self.hidden_fc = FullyConnected(input_size + hidden_size, hidden_size)
        self.output_fc = FullyConnected(hidden_size, output_size)

    def forward(self, input_tensor):
        hidden_state = np.zeros((1, self.hidden_size))
        self.inputs, self.hidden, outputs = [], [], []
        for row in input_tensor:
            joined = np.hstack((hidden_state, row[None]))
            hidden_state = np.tanh(self.hidden_fc.forward(joined))
            self.inputs.append(self.hidden_fc.input_tensor)
            outputs.append(self.output_fc.forward(hidden_state)[0])
            self.hidden.append((hidden_state, self.output_fc.input_tensor))
        return np.array(outputs)

    def backward(self, error_tensor):
        hidden_error = np.zeros((1, self.hidden_size))
        hidden_gradient = np.zeros_like(self.hidden_fc.weights)
        output_gradient = np.zeros_like(self.output_fc.weights)
        result = []
        for t in reversed(range(len(error_tensor))):
            hidden_state, self.output_fc.input_tensor = self.hidden[t]
            hidden_error = hidden_error + self.output_fc.backward(error_tensor[t][None])
            output_gradient += self.output_fc.gradient_weights  
            self.hidden_fc.input_tensor = self.inputs[t]
            joined = self.hidden_fc.backward(hidden_error * (1 - hidden_state**2))
            hidden_gradient += self.hidden_fc.gradient_weights
            hidden_error = joined[:, : self.hidden_size]
            result.insert(0, joined[0, self.hidden_size :])
        self._gradient_weights = hidden_gradient
        return np.array(result)

    @property
    def weights(self):
        return self.hidden_fc.weights

    @property
    def gradient_weights(self):
        return self._gradient_weights
