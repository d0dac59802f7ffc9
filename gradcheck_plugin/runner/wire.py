"""Messages as bytes: a header of JSON, and behind it the memory of the arrays that it names.

What is neither a number, a text, an array nor a list, tuple or dictionary of such things does not go over the wire; a
word that says what it is goes in its place.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from gradcheck_plugin.running.tensors import is_tensor, to_array
from gradcheck_plugin.running.values import Elsewhere, describe

_TAG = "$"
_LENGTH = struct.Struct("<I")


def pack(message: Any) -> bytes:
    """The bytes of a message."""
    blocks: list[bytes] = []
    header = json.dumps(_plain(message, blocks)).encode()
    return b"".join([_LENGTH.pack(len(header)), header, *blocks])


def _plain(value: Any, blocks: list[bytes]) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
        blocks.append(np.ascontiguousarray(value).tobytes())
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return {_TAG: kind, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        return {_TAG: type(value).__name__, "of": [_plain(v, blocks) for v in value]}
    if type(value) is dict and all(type(k) in (str, int) for k in value):
        return {_TAG: "dict", "of": [[k, _plain(v, blocks)] for k, v in value.items()]}
    if is_tensor(value):
        return {_TAG: "tensor", "what": type(value).__name__, "of": _plain(to_array(value), blocks)}
    return {_TAG: "thing", "what": describe(value)}


def unpack(data: bytes) -> Any:
    """The message of some bytes. Raises ValueError where they are none."""
    if len(data) < _LENGTH.size:
        raise ValueError("a message without a header")
    end = _LENGTH.size + _LENGTH.unpack_from(data)[0]
    try:
        return _Reader(data, end).value(json.loads(data[_LENGTH.size : end]))
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as exc:
        raise ValueError(f"a message that is not well formed: {exc}") from None


class _Reader:
    """One message; `at` is where the memory of the next array begins."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        kind = value[_TAG]
        if kind in ("array", "number"):
            array = self._array(np.dtype(value["dtype"]), tuple(value["shape"]))
            return array if kind == "array" else array[()]
        if kind == "tensor":
            return Elsewhere(value["what"], self.value(value["of"]))
        if kind == "thing":
            return Elsewhere(value["what"])
        if kind == "dict":
            return {k: self.value(v) for k, v in value["of"]}
        found = [self.value(v) for v in value["of"]]
        return tuple(found) if kind == "tuple" else found

    def _array(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
        if dtype.kind not in "fiub" or any(not isinstance(n, int) or n < 0 for n in shape):
            raise ValueError(f"an array of type {dtype} and shape {shape}")
        count = int(np.prod(shape, dtype=object))
        size = count * dtype.itemsize
        if self.at + size > len(self.data):
            raise ValueError("an array that is longer than its message")
        array = np.frombuffer(self.data, dtype, count, self.at).reshape(shape).copy()
        self.at += size
        return array
