# 경사하강법 복습: 비용 함수와 그 기울기
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cost(X, y, theta):
    """Mean squared error of a line, with the usual half."""
    residual = X @ theta - y
    return residual @ residual / (2 * len(y))


def cost_gradient(X, y, theta):
    return X.T @ (X @ theta - y) / len(y)


class CrossEntropyOfLine:
    """Logistic regression: weights in a column, labels in a row."""

    @staticmethod
    def loss(X, Y, W):
        H = sigmoid((X @ W).T)
        return -np.sum(Y * np.log(H) + (1 - Y) * np.log(1 - H)) / len(X)

    @staticmethod
    def derivative(X, Y, W):
        return X.T @ (sigmoid((X @ W).T) - Y).T / len(X)


class Ridge:
    def __init__(self, alpha):
        self.alpha = alpha

    def norm(self, weights):
        return self.alpha * np.sum(weights**2)

    def calculate_gradient(self, weights):
        return 2 * self.alpha * weights


def ridge_loss(W, X, y, reg):
    """loss, dW of a linear model with a weight penalty."""
    residual = X.dot(W) - y
    loss = np.mean(residual**2) + reg * np.sum(W * W)
    dW = 2 * X.T.dot(residual) / len(y) + 2 * reg * W
    return loss, dW


if __name__ == "__main__":
    X = np.c_[np.ones(20), np.arange(20.0)]
    theta = np.zeros(2)
    for _ in range(1000):
        theta -= 0.001 * cost_gradient(X, 3 * X[:, 1] + 1, theta)
    print(theta, cost(X, 3 * X[:, 1] + 1, theta))
