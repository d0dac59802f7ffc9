"""Messages as bytes: what goes over comes out the same, and bytes that are no message are refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from gradcheck_plugin.runner.wire import pack, unpack
from gradcheck_plugin.running.values import describe, numeric

ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.zeros((0, 4)),
    np.array(2.5),
    np.arange(4, dtype=np.float32)[::2],
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.array([True, False]),
    np.array([np.nan, np.inf, -0.0]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays(array: Any) -> None:
    got = unpack(pack({"a": array, "b": [array, 1]}))
    for found in (got["a"], got["b"][0]):
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert found.tobytes() == np.ascontiguousarray(array).tobytes()
        assert found.flags.writeable
        assert not np.shares_memory(found, array)


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "x", (1, [2, (3,)]), {"a": {1: None}}, float("inf"), -0.0])
def test_plain_values(value: Any) -> None:
    got = unpack(pack(value))
    assert got == value
    assert repr(got) == repr(value)


def test_numbers_of_numpy_keep_their_type() -> None:
    got = unpack(pack(np.float32(0.1)))
    assert type(got) is np.float32
    assert got == np.float32(0.1)


def test_what_is_no_plain_value_is_described() -> None:
    class Thing:
        pass

    for value in (Thing(), {1, 2}, np.array([Thing()], dtype=object)):
        got = unpack(pack([value]))[0]
        assert describe(got) == describe(value)
        assert numeric(got) is None


def test_a_tensor_has_numbers() -> None:
    import torch

    got = unpack(pack(torch.arange(3.0, dtype=torch.float64)))
    assert describe(got) == "a Tensor"
    assert np.array_equal(numeric(got), [0.0, 1.0, 2.0])  # type: ignore[arg-type]


def message(header: Any, memory: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + memory


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        struct.pack("<I", 2**32 - 1) + b"{}",
        message({"$": "array", "dtype": "<f8", "shape": [2]}, b"\0" * 8),
        message({"$": "array", "dtype": "<f8", "shape": [-1]}),
        message({"$": "array", "dtype": "O", "shape": [1]}, b"\0" * 8),
        message({"$": "array", "dtype": "<f8", "shape": [2**40, 2**40]}),
        message({"$": "list"}),
        message({"of": 1}),
        message({"$": "array", "dtype": "no such type", "shape": [1]}),
    ],
)
def test_bytes_that_are_no_message(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack(data)
