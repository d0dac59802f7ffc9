"""Static `forward(ctx, a, b)` and `backward(ctx, dout)`, called directly with a context that keeps what it is given.

Functions of an engine are called through the engine; these are the ones that have none, or whose engine does not run
here (a device, a compiled part), and whose bodies work on plain arrays.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Candidate, Tape
from gradcheck_plugin.conventions.engines.settings import is_setting, setting, shapes_for
from gradcheck_plugin.conventions.layers.function_pair import FunctionPair
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.running.calls import guarded, private
from reference_impls.shapes import Layout

ORDER = 3
_CONTEXT = ("ctx", "context", "ctx_")
_EXPONENT = re.compile(r"^(power|exponent|exp|n|p)$", re.IGNORECASE)
_INDICES = re.compile(r"^(indices|index|idx|slices|ranges|arg)$", re.IGNORECASE)


class Context:
    """What forward hands to backward: `save_for_backward` adds to `saved_tensors`; any attribute may be set."""

    saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *values: Any) -> None:
        self.saved_tensors = (*self.saved_tensors, *values)


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes with such a pair that no engine runs: there is no `apply`."""
    for cls in defined.values():
        if inspect.isclass(cls) and not hasattr(cls, "apply") and has_context(cls):
            yield candidate(cls)


def has_context(cls: Any) -> bool:
    """Whether the class itself writes a static forward and backward whose first argument is a context."""
    pair = [vars(cls).get(name) for name in ("forward", "backward")]
    return all(
        isinstance(p, staticmethod) and next(iter(inspect.signature(p.__func__).parameters), "") in _CONTEXT
        for p in pair
    )


def candidate(cls: Any) -> Candidate:
    """The pair with plausible settings; where it does not run so, an exponent is an array, and indices are pairs."""
    required = arguments(cls.forward).required[1:]
    named = [n for n in required if not is_setting(n)]
    ways = [_way(cls, named)]
    if any(_EXPONENT.match(n) for n in required):
        ways.append(_way(cls, [n for n in required if n in named or _EXPONENT.match(n)]))
    if any(_INDICES.match(n) for n in required):
        ways.append(_way(cls, [n for n in named if not _INDICES.match(n)], pairs=True))
    found = ways.pop()
    for way in reversed(ways):
        found = replace(way, otherwise=found)
    return found


def _way(cls: Any, names: list[str], pairs: bool = False) -> Candidate:
    objects: dict[str, Any] = {"cls": cls, "pairs": pairs}
    shapes = tuple(shapes_for(cls.__name__, names or ["x"]) or ())
    module, where = sys.modules[__name__], f"{cls.__name__}.backward"
    return Candidate(cls.__name__, "layer", module, objects, tuple(names), line_of(cls), where, shapes=shapes)


def _between(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """A part of an array as (first, end) of each axis: the first row is left out, and the last of every other axis."""
    return [(1, n) if axis == 0 else (0, n - 1) for axis, n in enumerate(shape)]


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[ContextPair]:
    """The one way to call the pair: the arrays in the order of the layout."""
    cls, names = candidate.objects["cls"], candidate.inputs
    if len(names) != len(layout.entries):
        raise Unbindable(f"{candidate.name} takes {', '.join(names) or 'nothing'}, not {len(layout.entries)} arrays")
    order = dict(zip(names, [e.name for e in layout.entries], strict=True))
    pair = ContextPair(cls.forward, cls.backward, layout, order, {}, owner=cls.__name__, options=options)
    return [replace(pair, pairs=candidate.objects["pairs"])]


@dataclass
class ContextPair(FunctionPair):
    """A pair whose cache is a context; arguments that are no arrays (an axis, a shape) depend on the arrays' shape."""

    convention: str = "static pair with a context"
    options: Mapping[str, Any] = field(default_factory=dict)
    pairs: bool = False  # whether indices are given as (first, end) of each axis

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        context, shape = Context(), arrays[next(iter(self.order.values()))].shape
        names = arguments(self.forward_function).required[1:]
        self.extra = {n: self._setting(n, shape) for n in names if n not in self.order}
        given = {n: private(arrays[self.order[n]]) for n in names if n in self.order} | self.extra
        out = guarded("forward", self.forward_function, context, *(given[n] for n in names))
        return Tape(out, lambda dy: self.collect(guarded("backward", self.backward_function, context, dy)))

    def _setting(self, name: str, shape: tuple[int, ...]) -> Any:
        pairs = self.pairs and _INDICES.match(name)
        return _between(shape) if pairs else setting(name, self.owner, shape, self.options)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        names = arguments(self.forward_function).required[1:]
        given = ", ".join(repr(self.extra[n]) if n in self.extra else arrays[self.order[n]] for n in names)
        lines = [
            f"from {Context.__module__} import Context",
            "ctx = Context()",
            f"out = {self.owner}.forward(ctx, {given})",
        ]
        return [*lines, f"print({self.owner}.backward(ctx, {dy}))" if gradient else "print(out)"]
