"""mytorch, week 2: batch normalisation and Swish."""

import numpy as np
from math import sqrt, pi


class Swish:
    def forward(self, Z):
        self.Z = Z
        return Z / (1 + np.exp(-Z))

    def backward(self, dLdA):
        s = 1 / (1 + np.exp(-self.Z))
        return dLdA * (s + self.Z * s * (1 - s))


class BatchNorm1d:
    def __init__(self, num_features, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.BW = np.ones((1, num_features))
        self.Bb = np.zeros((1, num_features))
        self.dLdBW = np.zeros((1, num_features))
        self.dLdBb = np.zeros((1, num_features))
        self.running_M = np.zeros((1, num_features))
        self.running_V = np.ones((1, num_features))

    def forward(self, Z, eval=False):
        if eval:  # 추론할 때는 이동 평균
            return self.BW * (Z - self.running_M) / np.sqrt(self.running_V + self.eps) + self.Bb
        self.Z = Z
        self.N = Z.shape[0]
        self.M = Z.mean(axis=0, keepdims=True)
        self.V = ((Z - self.M) ** 2).mean(axis=0, keepdims=True)
        self.NZ = (Z - self.M) / np.sqrt(self.V + self.eps)
        self.running_M = self.alpha * self.running_M + (1 - self.alpha) * self.M
        self.running_V = self.alpha * self.running_V + (1 - self.alpha) * self.V
        return self.BW * self.NZ + self.Bb

    def backward(self, dLdBZ):
        self.dLdBW = (dLdBZ * self.NZ).sum(axis=0, keepdims=True)
        self.dLdBb = dLdBZ.sum(axis=0, keepdims=True)
        dLdNZ = dLdBZ * self.BW
        s = self.V + self.eps
        dLdV = -0.5 * (dLdNZ * (self.Z - self.M) * s**-1.5).sum(axis=0, keepdims=True)
        dLdM = -(dLdNZ * s**-0.5).sum(axis=0, keepdims=True) - 2 / self.N * dLdV * (self.Z - self.M).sum(axis=0)
        return dLdNZ * s**-0.5 + dLdV * (2 / self.N) * (self.Z - self.M) + dLdM / self.N
