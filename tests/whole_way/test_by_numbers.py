"""A reference that an object was recognised as by its numbers leaves none of its gradients out."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

MIXER = """
    import numpy as np


    class Mixer:
        def __init__(self, W):
            self.W = W

        def forward(self, x):
            self.x = x
            return {forward}

        def backward(self, dout):
            self.dW = {dW}
            return {dx}
"""
PRODUCTS = {
    "sequences": ('np.einsum("ntk,kd->ntd", x, self.W)', 'np.einsum("ntk,ntd->kd", self.x, dout)',
                  'np.einsum("ntd,kd->ntk", dout, self.W)'),
    "rows": ("x @ self.W", "self.x.T @ dout", "dout @ self.W.T"),
}  # fmt: skip


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_is_no_table_of_words(tmp_path: Path, product: str, factor: int) -> None:
    forward, dW, dx = PRODUCTS[product]
    found = checked(tmp_path, MIXER.format(forward=forward, dW=dW, dx=f"{factor} * {dx}"))
    assert "dx" in found.verdicts("Mixer"), found.refused
    assert set(found.failed("Mixer")) == (set() if factor == 1 else {"dx"})


def test_words_that_are_looked_up_are(tmp_path: Path) -> None:
    source = MIXER.format(
        forward="self.W[x.argmax(axis=-1)]", dW='np.einsum("ntk,ntd->kd", self.x, dout)', dx="np.zeros_like(self.x)"
    )
    found = checked(tmp_path, source)
    assert found.passes("Mixer")
    assert set(found.verdicts("Mixer")) == {"contract", "forward", "dW"}
