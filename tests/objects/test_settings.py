"""A layer is checked with other values of its options, too: some faults show in one setting only."""

from __future__ import annotations

import numpy as np

from gradcheck_plugin.model import Finding, Result, Settings, Verdict
from gradcheck_plugin.suite import open_namespace


def results(cls: type) -> dict[str, Result]:
    suite = open_namespace({cls.__name__: cls}, Settings(cases=4))
    assert suite.not_driven == []
    return {r.property: r for r in suite.targets[0].check_all()}


def failed(cls: type) -> dict[str, Finding]:
    return {p: r.finding for p, r in results(cls).items() if r.verdict is Verdict.FAIL and r.finding}


class Conv:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def windows(self, padded):
        rows, columns = ((n - 3) // self.stride + 1 for n in padded.shape[2:])
        for i in range(rows):
            for j in range(columns):
                top, left = i * self.stride, j * self.stride
                yield (i, j), (slice(None), slice(None), slice(top, top + 3), slice(left, left + 3))

    def forward(self, x):
        self.x = x
        self.padded = np.pad(x, ((0, 0), (0, 0), (self.pad,) * 2, (self.pad,) * 2))
        rows, columns = ((n - 3) // self.stride + 1 for n in self.padded.shape[2:])
        out = np.zeros((len(x), len(self.W), rows, columns))
        for (i, j), window in self.windows(self.padded):
            out[:, :, i, j] = np.einsum("nchw,fchw->nf", self.padded[window], self.W) + self.b
        return out

    def backward(self, dout):
        dpadded, self.dW = np.zeros_like(self.padded), np.zeros_like(self.W)
        for (i, j), window in self.windows(self.padded):
            self.dW += np.einsum("nf,nchw->fchw", dout[:, :, i, j], self.padded[window])
            dpadded[window] += np.einsum("nf,fchw->nchw", dout[:, :, i, j], self.W)
        self.db = dout.sum(axis=(0, 2, 3))
        return self.cropped(dpadded)

    def cropped(self, padded):
        rows, columns = self.x.shape[2:]
        return padded[:, :, self.pad : self.pad + rows, self.pad : self.pad + columns]


class ConvCroppedFromTheEnd(Conv):
    def backward(self, dout):
        return super().backward(dout)

    def cropped(self, padded):
        return padded[:, :, self.pad : -self.pad, self.pad : -self.pad]


class ConvOfStrideTwo(Conv):
    """The gradient of the weights walks in steps of two, whatever the stride."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = np.zeros_like(self.W)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                window = self.padded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
                if window.shape[2:] == (3, 3):
                    self.dW += np.einsum("nf,nchw->fchw", dout[:, :, i, j], window)
        return dx


class ConvOfOneStride(Conv):
    """It says itself that it takes no other."""

    def __init__(self, W, b, stride=1, pad=0):
        assert stride == 1, "only stride 1"
        super().__init__(W, b, stride, pad)

    def backward(self, dout):
        return super().backward(dout)


class Sum:
    def __init__(self, axis=None):
        self.axis = axis

    def forward(self, x):
        self.shape = x.shape
        return x.sum(axis=self.axis)

    def backward(self, dout):
        return np.broadcast_to(dout if self.axis is None else np.expand_dims(dout, self.axis), self.shape)


class Elu:
    """Its gradient is the slope alone, without an upstream gradient."""

    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def __call__(self, x):
        return np.where(x >= 0.0, x, self.alpha * (np.exp(x) - 1))

    def gradient(self, x):
        return np.where(x >= 0.0, 1, self.__call__(x) + self.alpha)


def test_right_layers_pass() -> None:
    assert failed(Elu) == {}
    assert failed(Conv) == {}
    assert failed(Sum) == {}
    assert failed(ConvOfOneStride) == {}


def test_a_crop_that_is_empty_without_padding() -> None:
    found = failed(ConvCroppedFromTheEnd)
    assert set(found) == {"dx"}
    assert "wrong with stride 1, pad 0" in found["dx"].evidence[0]


def test_a_stride_that_is_taken_for_granted() -> None:
    found = failed(ConvOfStrideTwo)
    assert set(found) == {"dW"}
    assert "stride 1" in found["dW"].evidence[0]
