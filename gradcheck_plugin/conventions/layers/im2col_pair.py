"""Windows as a matrix and back: `im2col(x, height, width, stride, pad)`, `col2im(col, shape, height, width, ...)`.

Each is the other's backward. The sides of the windows, the stride and the padding are told by their names.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.settings import KERNEL, OPTION_NAMES
from gradcheck_plugin.running.calls import guarded, private
from reference_impls.shapes import Layout

ORDER = 8
_OWNER = r"(filter|field|kernel|pool|window|patch|f|k|p|"
_HEIGHT, _WIDTH = re.compile(_OWNER + "h)_?(h|height)"), re.compile(_OWNER + "w)_?(w|width)")
_SHAPE = re.compile(r"\w*shape")
_SQUARE = {"kernel": (3, 3), "stride": 2, "pad": 1}


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Every `im2col` that has its `col2im` in the file; one with a backward of its own is no backward."""
    for name, function in defined.items():
        partner = name.replace("im2col", "col2im")
        if any(f"{partner}_{ending}" in defined for ending in ("backward", "grad")):
            continue
        if name.startswith("im2col") and inspect.isfunction(function) and inspect.isfunction(defined.get(partner)):
            objects = {"forward": function, "backward": defined[partner]}
            inputs = arguments(function).names[:1]
            yield Candidate(
                name, "layer", sys.modules[__name__], objects, inputs, line_of(function), partner, (name, partner)
            )


def layouts(candidate: Candidate) -> list[Layout]:
    """What to try without a reference."""
    return [Layout.parse("x: N C 7 9 -> R K")]


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[WindowPair]:
    """Fill in the sizes of the windows. Raises Unbindable that names the first argument nobody can fill."""
    options = options or _SQUARE
    if len(layout.entries) != 1 or not isinstance(options.get("kernel"), tuple) or "image" in options:
        raise Unbindable(f"{candidate.name} takes one array")
    forward, backward = candidate.objects["forward"], candidate.objects["backward"]
    if not arguments(backward).names[1:]:
        raise Unbindable(f"{backward.__name__} takes columns alone: for which image it is written nothing says")
    return [WindowPair(forward, backward, layout, _filled(forward, options), _filled(backward, options))]


def _filled(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments behind the first by name; a shape is left open, as None."""
    height, width = options["kernel"]
    signature, given = arguments(function), dict[str, Any]()
    for name in signature.names[1:]:
        low = name.lower()
        option = next((o for o in ("stride", "pad") if low in OPTION_NAMES[o]), None)
        if _HEIGHT.fullmatch(low):
            given[name] = height
        elif _WIDTH.fullmatch(low):
            given[name] = width
        elif low in KERNEL:
            given[name] = height if height == width else (height, width)
        elif option:
            given[name] = options[option]
        elif _SHAPE.fullmatch(low):
            given[name] = None
        elif name not in signature.defaults:
            raise Unbindable(f"nothing is known about the argument `{name}` of {function.__name__}")
    return given


@dataclass
class WindowPair(Caller):
    """Drives the pair; `given` and `back` are the arguments of im2col and of col2im behind the first."""

    forward_function: Callable[..., Any]
    backward_function: Callable[..., Any]
    layout: Layout
    given: dict[str, Any]
    back: dict[str, Any]
    convention: str = "im2col with its col2im"
    upstream: bool = True

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        (x,) = arrays.values()
        out = guarded("forward", self.forward_function, private(x), **self.given)
        back = {n: np.shape(x) if v is None else v for n, v in self.back.items()}

        def backward(dy: Any) -> dict[str, Any]:
            return {self.layout.entries[0].name: guarded("backward", self.backward_function, dy, **back)}

        return Tape(out, backward)

    def user_names(self) -> dict[str, str]:
        return {self.layout.entries[0].name: arguments(self.forward_function).names[0]}

    def code(self) -> Code:
        return Code.of(self.forward_function, self.backward_function, self.forward_function, self.backward_function)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        (x,) = arrays.values()
        first = ", ".join([x, *(f"{n}={v!r}" for n, v in self.given.items())])
        second = ", ".join([dy, *(f"{n}={f'{x}.shape' if v is None else repr(v)}" for n, v in self.back.items())])
        lines = [f"out = {self.forward_function.__name__}({first})"]
        if not gradient:
            return [*lines, "print(out)"]
        return [*lines, f"print({self.backward_function.__name__}({second}))"]
