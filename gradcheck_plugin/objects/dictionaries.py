"""Layers that hand dictionaries on: `forward({"data": x, "height": 1})` and `backward({"grad": dout})`.

Which keys they are is read off the methods: what a forward takes out of its argument, and a backward out of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gradcheck_plugin.author.written import tree_of
from gradcheck_plugin.model import Unbindable

_ONE, _FEATURES = ("height", "width", "h", "w", "depth", "rows", "cols"), ("channels", "features", "n_features", "dim")


@dataclass(frozen=True)
class Dictionaries:
    """The keys of the array that goes in, of what is said of its shape, and of the upstream gradient."""

    data: str
    sizes: tuple[str, ...]
    upstream: str

    def given(self, x: Any) -> dict[str, Any]:
        """What a forward is given for a batch of rows: images of one pixel, with a channel for every feature."""
        return {self.data: x} | {n: 1 if n in _ONE else int(np.shape(x)[-1]) for n in self.sizes}

    def text(self, x: str) -> str:
        sizes = [f"{n!r}: {'1' if n in _ONE else f'{x}.shape[-1]'}" for n in self.sizes]
        return "{" + ", ".join([f"{self.data!r}: {x}", *sizes]) + "}"

    def above(self, dy: Any) -> dict[str, Any]:
        return {self.upstream: dy}

    @staticmethod
    def taken(returned: Any, key: str) -> Any:
        """The array of a dictionary that came back. Raises Unbindable where it is not there."""
        if not isinstance(returned, Mapping) or key not in returned:
            raise Unbindable(f"a dictionary with `{key}` goes in, and none comes back")
        return returned[key]


def dictionaries_of(
    forward: Callable[..., Any], x: str, backward: Callable[..., Any], dout: str
) -> Dictionaries | None:
    """The keys that both methods of a layer take out of their arguments; None where these are arrays."""
    inside, above = _keys(forward, x), _keys(backward, dout)
    sizes = [n for n in inside if n in (*_ONE, *_FEATURES)]
    arrays = [n for n in inside if n not in sizes]
    if len(arrays) != 1 or len(above) != 1:
        return None
    return Dictionaries(arrays[0], tuple(sizes), above[0])


def _keys(function: Callable[..., Any], argument: str) -> tuple[str, ...]:
    """The texts by which a function takes something out of one of its arguments."""
    tree = tree_of(function)
    return () if tree is None else _keys_in(tree, argument)


@lru_cache(maxsize=512)
def _keys_in(tree: ast.AST, argument: str) -> tuple[str, ...]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == argument:
            found += [node.slice.value] if isinstance(node.slice, ast.Constant) else []
    return tuple(dict.fromkeys(key for key in found if isinstance(key, str)))
