"""Homework 1, 첫 번째 시도."""

import numpy as np


class Module(object):
    def __init__(self):
        self.output = None
        self.gradInput = None

    def forward(self, input):
        return self.updateOutput(input)

    def backward(self, input, gradOutput):
        self.updateGradInput(input, gradOutput)
        self.accGradParameters(input, gradOutput)
        return self.gradInput

    def updateOutput(self, input):
        pass

    def updateGradInput(self, input, gradOutput):
        pass

    def accGradParameters(self, input, gradOutput):
        pass


class LogSoftMax(Module):
    def __init__(self):
        super(LogSoftMax, self).__init__()

    def updateOutput(self, input):
        z = input - input.max(axis=1, keepdims=True)
        self.output = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput = gradOutput - np.exp(self.output)
        return self.gradInput


class LeakyReLU(Module):
    def __init__(self, slope=0.03):
        super(LeakyReLU, self).__init__()
        self.slope = slope

    def updateOutput(self, input):
        self.output = np.where(input > 0, input, self.slope * input)
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput = gradOutput * np.where(input > 0, 1.0, -self.slope)
        return self.gradInput


class MSECriterion(Module):
    def __init__(self):
        super(MSECriterion, self).__init__()

    def forward(self, input, target):
        self.output = np.sum((input - target) ** 2) / input.shape[0]
        return self.output

    def backward(self, input, target):
        self.gradInput = (input - target) * 2
        return self.gradInput
