# conv.py, pool.py: scanning layers, built from their numbers of channels
import numpy as np


class Conv1d_stride1:
    def __init__(self, in_channels, out_channels, kernel_size, weight_init_fn=None, bias_init_fn=None):
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        shape = (out_channels, in_channels, kernel_size)
        self.W = np.random.normal(0, 1.0, shape) if weight_init_fn is None else weight_init_fn(*shape)
        self.b = np.zeros(out_channels) if bias_init_fn is None else bias_init_fn(out_channels)
        self.dLdW, self.dLdb = np.zeros(self.W.shape), np.zeros(self.b.shape)

    def forward(self, A):
        self.A = A
        K = self.kernel_size
        steps = [np.tensordot(A[:, :, i : i + K], self.W, ([1, 2], [1, 2])) for i in range(A.shape[2] - K + 1)]
        return np.stack(steps, axis=2) + self.b[:, None]

    def backward(self, dLdZ):
        K, width = self.kernel_size, dLdZ.shape[2]
        self.dLdb = dLdZ.sum(axis=(0, 2))
        for k in range(K):
            self.dLdW[:, :, k] = np.tensordot(dLdZ, self.A[:, :, k : k + width], ([0, 2], [0, 2]))
        padded = np.pad(dLdZ, ((0, 0), (0, 0), (K - 1, K - 1)))
        flipped = np.flip(self.W, axis=2)
        steps = [np.tensordot(padded[:, :, i : i + K], flipped, ([1, 2], [0, 2])) for i in range(self.A.shape[2])]
        return np.stack(steps, axis=2)


class Conv2d_stride1:
    def __init__(self, in_channels, out_channels, kernel_size, weight_init_fn=None, bias_init_fn=None):
        self.kernel_size = kernel_size
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        self.W = np.random.normal(0, 1.0, shape) if weight_init_fn is None else weight_init_fn(*shape)
        self.b = np.zeros(out_channels) if bias_init_fn is None else bias_init_fn(out_channels)
        self.dLdW, self.dLdb = np.zeros(self.W.shape), np.zeros(self.b.shape)

    def forward(self, A):
        self.A = A
        K, H, W = self.kernel_size, A.shape[2] - self.kernel_size + 1, A.shape[3] - self.kernel_size + 1
        Z = np.zeros((len(A), len(self.W), H, W), dtype=A.dtype)
        for i in range(K):
            for j in range(K):
                Z += np.einsum("nchw,fc->nfhw", A[:, :, i : i + H, j : j + W], self.W[:, :, i, j])
        return Z + self.b[:, None, None]

    def backward(self, dLdZ):
        K, (H, W) = self.kernel_size, dLdZ.shape[2:]
        self.dLdb = dLdZ.sum(axis=(0, 2, 3))
        dLdA = np.zeros_like(self.A)
        for i in range(K):
            for j in range(K):
                self.dLdW[:, :, i, j] = np.einsum("nfhw,nchw->fc", dLdZ, self.A[:, :, i : i + H, j : j + W])
                dLdA[:, :, i : i + H, j : j + W] += np.einsum("nfhw,fc->nchw", dLdZ, self.W[:, :, i, j])
        return dLdA


class Downsample2d:
    def __init__(self, downsampling_factor):
        self.k = downsampling_factor

    def forward(self, A):
        self.shape = A.shape
        return A[:, :, :: self.k, :: self.k].copy()

    def backward(self, dLdZ):
        dLdA = np.zeros(self.shape, dtype=dLdZ.dtype)
        dLdA[:, :, :: self.k, :: self.k] = dLdZ
        return dLdA


class Conv2d:
    def __init__(self, in_channels, out_channels, kernel_size, stride, padding=0):
        self.pad = padding
        self.conv2d_stride1 = Conv2d_stride1(in_channels, out_channels, kernel_size)
        self.downsample2d = Downsample2d(stride)

    def forward(self, A):
        p = self.pad
        A = np.pad(A, ((0, 0), (0, 0), (p, p), (p, p)))
        return self.downsample2d.forward(self.conv2d_stride1.forward(A))

    def backward(self, dLdZ):
        dLdA = self.conv2d_stride1.backward(self.downsample2d.backward(dLdZ))
        return dLdA[:, :, self.pad : dLdA.shape[2] - self.pad, self.pad : dLdA.shape[3] - self.pad]


class MeanPool2d_stride1:
    def __init__(self, kernel):
        self.kernel = kernel

    def forward(self, A):
        self.shape = A.shape
        windows = np.lib.stride_tricks.sliding_window_view(A, (self.kernel, self.kernel), axis=(2, 3))
        return windows.mean(axis=(4, 5))

    def backward(self, dLdZ):
        dLdA = np.zeros(self.shape, dtype=dLdZ.dtype)
        H, W = dLdZ.shape[2:]
        for i in range(self.kernel):
            for j in range(self.kernel):
                dLdA[:, :, i : i + H, j : j + W] += dLdZ / self.kernel**2
        return dLdA
