# 3-class classifier without a framework; every row of X is one sample
import numpy as np

reg_lambda = 0.01


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward_prop(model, a0):
    W1, b1, W2, b2 = model['W1'], model['b1'], model['W2'], model['b2']
    z1 = a0.dot(W1) + b1
    a1 = np.tanh(z1)
    z2 = a1.dot(W2) + b2
    a2 = softmax(z2)
    return {'a0': a0, 'z1': z1, 'a1': a1, 'z2': z2, 'a2': a2}


def forward(X, params):
    cache = forward_prop(params, X)
    return cache['a2'], cache


def backward(params, cache, y):
    m = y.shape[0]
    W2 = params['W2']
    dz2 = (cache['a2'] - y) / m
    dW2 = cache['a1'].T.dot(dz2)
    db2 = dz2.sum(axis=0, keepdims=True)
    dz1 = dz2.dot(W2.T) * (1 - cache['a1'] ** 2)
    dW1 = cache['a0'].T.dot(dz1)
    db1 = dz1.sum(axis=0, keepdims=True)
    return {'dW1': dW1, 'db1': db1, 'dW2': dW2, 'db2': db2}
