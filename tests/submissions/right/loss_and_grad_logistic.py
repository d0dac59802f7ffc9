# 소프트맥스 회귀, 제곱 오차: 비용과 기울기를 함께 돌려준다
import numpy as np


def softmax_loss(W, X, y, reg):
    N = len(X)
    s = X.dot(W)
    s = s - np.max(s, axis=1)[:, None]
    logsum = np.log(np.sum(np.exp(s), axis=1))
    loss = np.sum(logsum - s[range(N), y]) / N + reg * np.sum(W * W)
    d = np.exp(s - logsum[:, None])
    d[range(N), y] -= 1
    dW = X.T.dot(d) / N + 2 * reg * W
    return loss, dW


def squared_loss(pred, target):
    diff = pred - target
    loss = 0.5 * np.sum(diff**2) / len(pred)
    return loss, diff / len(pred)
