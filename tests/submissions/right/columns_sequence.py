# 열 방향 표본, 시퀀스 전체 (n_x, m, T_x); parameters는 사전
import numpy as np


def rnn_forward(x, a0, parameters):
    Wax, Waa, ba = parameters["Wax"], parameters["Waa"], parameters["ba"]
    n_a, m = a0.shape
    T_x = x.shape[2]
    a, a_next, caches = np.zeros((n_a, m, T_x)), a0, []
    for t in range(T_x):
        a_prev = a_next
        a_next = np.tanh(Waa @ a_prev + Wax @ x[:, :, t] + ba)
        a[:, :, t] = a_next
        caches.append((a_next, a_prev, x[:, :, t], parameters))
    return a, caches


def rnn_backward(da, caches):
    parameters = caches[0][3]
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    n_a, m, T_x = da.shape
    dx = np.zeros((Wax.shape[1], m, T_x))
    dWax, dWaa, dba = np.zeros(Wax.shape), np.zeros(Waa.shape), np.zeros((n_a, 1))
    da_prev = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        a_next, a_prev, xt, _ = caches[t]
        d = (da[:, :, t] + da_prev) * (1 - a_next**2)
        dx[:, :, t], da_prev = Wax.T @ d, Waa.T @ d
        dWax += d @ xt.T
        dWaa += d @ a_prev.T
        dba += d.sum(axis=1, keepdims=True)
    return {"dx": dx, "da0": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
