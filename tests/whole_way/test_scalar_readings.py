"""Single numbers are a reading only of what is written for them: whatever multiplies arrays multiplies numbers, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

KRONECKER = """
    import numpy as np

    def mix_forward(a, b):
        return np.kron(a, b), (a, b)

    def mix_backward(dout, cache):
        a, b = cache
        (m, n), (p, q) = a.shape, b.shape
        {parts}
        return np.einsum("mpnq,pq->mn", d, b), np.einsum("mpnq,mn->pq", d, a)
"""
RIGHT_PARTS = "d = dout.reshape(m, p, n, q)"
SWAPPED_PARTS = "d = dout.reshape(p, m, q, n).transpose(1, 0, 3, 2)"


@pytest.mark.parametrize("parts", [RIGHT_PARTS, SWAPPED_PARTS])
def test_a_kronecker_product_is_tried_on_matrices(tmp_path: Path, parts: str) -> None:
    found = checked(tmp_path, KRONECKER.format(parts=parts))
    assert found.verdicts("mix")
    assert set(found.failed("mix")) == (set() if parts == RIGHT_PARTS else {"da", "db"})


@pytest.mark.parametrize("wrong", [False, True])
def test_a_convolution_is_tried_on_vectors(tmp_path: Path, wrong: bool) -> None:
    turned = "convolve" if wrong else "correlate"
    source = f"""
        import numpy as np

        def fir_forward(x, k):
            return np.convolve(x, k), (x, k)

        def fir_backward(dout, cache):
            x, k = cache
            return np.{turned}(dout, k, "valid"), np.{turned}(dout, x, "valid")
    """
    found = checked(tmp_path, source)
    assert found.verdicts("fir")
    assert set(found.failed("fir")) == ({"dx", "dk"} if wrong else set())


@pytest.mark.parametrize("factor", [1, 2])
def test_what_is_written_for_numbers_is_tried_on_numbers(tmp_path: Path, factor: int) -> None:
    source = f"""
        import numpy as np

        def leaky_forward(x):
            return (x if x > 0 else 0.1 * x), x

        def leaky_backward(dout, x):
            return {factor} * dout * (1.0 if x > 0 else 0.1)

        def area_forward(w: float, h: float):
            return w * h, (w, h)

        def area_backward(dout, cache):
            w, h = cache
            return {factor} * dout * h, dout * w
    """
    found = checked(tmp_path, source)
    assert set(found.failed("leaky")) == (set() if factor == 1 else {"dx"})
    assert set(found.failed("area")) == (set() if factor == 1 else {"dw"})
    assert found.verdicts("leaky")
    assert found.verdicts("area")
