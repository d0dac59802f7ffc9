# 숙제 1: 활성화와 기준(criterion) 모듈. gradInput은 (input, gradOutput)에서 다시 계산한다.
import numpy as np


class ELU:
    def __init__(self, alpha=1.5):
        self.alpha = alpha

    def forward(self, input):
        self.output = np.where(input > 0, input, self.alpha * (np.exp(np.minimum(input, 0)) - 1))
        return self.output

    def backward(self, input, gradOutput):
        self.gradInput = gradOutput * np.where(input > 0, 1.0, self.alpha * np.exp(np.minimum(input, 0)))
        return self.gradInput


class BatchMeanSubtraction:
    """평균만 뺀다 (the batch mean only, no variance)."""

    def __init__(self, alpha=0.0):
        self.alpha = alpha
        self.old_mean = None

    def updateOutput(self, input):
        self.old_mean = input.mean(axis=0)
        self.output = input - self.old_mean
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput = gradOutput - gradOutput.mean(axis=0)
        return self.gradInput

    def forward(self, input):
        return self.updateOutput(input)

    def backward(self, input, gradOutput):
        return self.updateGradInput(input, gradOutput)
