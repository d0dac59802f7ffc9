# convolutional_networks.py
import torch


class BatchNorm(object):
    @staticmethod
    def forward(x, gamma, beta, bn_param):
        eps = bn_param.get("eps", 1e-5)
        mu = x.mean(dim=0)
        std = torch.sqrt(((x - mu) ** 2).mean(dim=0) + eps)
        x_hat = (x - mu) / std
        bn_param["running_mean"] = mu.detach()
        return gamma * x_hat + beta, (x_hat, gamma, std)

    @staticmethod
    def backward(dout, cache):
        x_hat, gamma, std = cache
        d = dout * gamma
        dx = (d - d.mean(dim=0) - x_hat * (d * x_hat).mean(dim=0)) / std
        return dx, (dout * x_hat).sum(dim=0), dout.sum(dim=0)
