# 로지스틱 회귀와 릿지 회귀: 비용과 기울기를 함께 돌려준다
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def logreg_cost(w, b, X, y):
    p = sigmoid(X.dot(w) + b)
    cost = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    grads = {"dw": X.T.dot(p - y) / len(y), "db": np.mean(p - y)}
    return cost, grads


def ridge_loss(w, X, y, reg):
    """Half of the mean square, and the weights on top."""
    error = X.dot(w) - y
    loss = 0.5 * np.mean(error**2) + reg * np.sum(w * w)
    dw = X.T.dot(error) / len(y) + 2 * reg * w
    return loss, dw
