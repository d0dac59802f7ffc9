"""Backward functions alone that take a setting, and those whose name does not say which forward is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import FileSuite, open_namespace


def suite(function: Callable[..., Any]) -> FileSuite:
    function.__module__ = __name__
    return open_namespace({function.__name__: function}, Settings(cases=5))


def failed(function: Callable[..., Any]) -> list[str]:
    (target,) = suite(function).targets
    return [r.property for r in target.check_all() if r.verdict is Verdict.FAIL]


def downsampling1d_backward(dLdZ, A, downsampling_factor):
    dLdA = np.zeros(A.shape)
    dLdA[:, :, :: int(downsampling_factor[0])] = dLdZ
    return dLdA, None, None


def downsampling2d_backward(dLdZ, A, downsampling_factor):
    dLdA = np.zeros(A.shape)
    dLdA[:, :, ::downsampling_factor, ::downsampling_factor] = dLdZ
    return dLdA


def downsample2d_backward(dout, x, factor):
    return np.repeat(np.repeat(dout, factor, 2), factor, 3)[:, :, : x.shape[2], : x.shape[3]] / factor**2


def outer_backward(grad_output, a, b):
    return grad_output @ b.ravel(), a.ravel() @ grad_output


@pytest.mark.parametrize(
    "function", [downsampling1d_backward, downsampling2d_backward, outer_backward], ids=lambda f: f.__name__
)
def test_right_ones(function: Callable[..., Any]) -> None:
    (target,) = suite(function).targets
    assert {r.verdict for r in target.check_all()} == {Verdict.PASS}


def test_another_kind_of_sampling_is_not_called_wrong() -> None:
    made = suite(downsample2d_backward)
    assert made.targets == []
    assert ["which kind of sampling" in n.reason for n in made.not_driven] == [True]


def test_a_wrong_outer_product_is() -> None:
    def outer_backward(grad_output, a, b):
        return grad_output.sum(1), a @ grad_output

    assert failed(outer_backward) == ["da"]
