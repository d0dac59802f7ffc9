"""What a body counts with is a setting: it is no array, whatever its name is, and has no default."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

POOLED = """
import numpy as np


def {name}(x, {size}, {stride}):
    rows, columns = ((n - {size}) // {stride} + 1 for n in x.shape[2:])
    out = np.zeros((*x.shape[:2], rows, columns))
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i * {stride} : i * {stride} + {size}, j * {stride} : j * {stride} + {size}]
            out[:, :, i, j] = part.max(axis=(2, 3))
    return out


def {name}_backward(dout, x, {size}, {stride}):
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            at = np.s_[:, :, i * {stride} : i * {stride} + {size}, j * {stride} : j * {stride} + {size}]
            part = x[at]
            dx[at] {kept} (part == part.max(axis=(2, 3), keepdims=True)) * dout[:, :, i, j][:, :, None, None]
    return dx
"""


@pytest.mark.parametrize("name", ["max_pool", "block"])
@pytest.mark.parametrize("settings", [("size", "stride"), ("width", "step")])
def test_windows_without_defaults_get_sizes(tmp_path: Path, name: str, settings: tuple[str, str]) -> None:
    written = {"name": name, "size": settings[0], "stride": settings[1]}
    right = checked(tmp_path, POOLED.format(**written, kept="+="))
    assert right.passes(name), right.refused
    wrong = checked(tmp_path, POOLED.format(**written, kept="+= 2 *"))
    assert "dx" in wrong.failed(name)


def test_what_is_counted_and_used_as_an_array_is_an_array(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        def rows_forward(x, w):
            out = np.zeros((len(x), w.shape[1]))
            for i in range(len(x)):
                out[i] = x[i] @ w
            return out, (x, w)


        def rows_backward(dout, cache):
            x, w = cache
            return dout @ w.T, x.T @ dout
        """,
    )
    assert report.passes("rows"), report.refused
