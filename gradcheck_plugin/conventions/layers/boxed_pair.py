"""Static `forward(a, b)` and `backward(grad, a, b, out)` of an engine whose tensors are boxes, `a.value`.

The class of the tensors is in another file, or builds a graph of its own; the operations need no more of a tensor than
its numbers. They are called directly, with arrays that have the attribute under which the operations look for these.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.author.written import tree_of
from gradcheck_plugin.conventions.base import Candidate, Tape
from gradcheck_plugin.conventions.engines.engine import DATA
from gradcheck_plugin.conventions.engines.settings import shapes_for
from gradcheck_plugin.conventions.layers.function_pair import FunctionPair
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.running.calls import guarded, private
from reference_impls.shapes import Layout

ORDER = 3
EXPONENT = 3.0
_SELF = ("self", "cls", "ctx", "context")
_POWER = re.compile(r"pow(er)?(op|function)?", re.IGNORECASE)


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes with such a pair, in a file whose operations read the numbers of what they are given."""
    pairs = {name: pair for name, cls in defined.items() if inspect.isclass(cls) and (pair := _pair(cls))}
    read = [a for pair in pairs.values() for a in (_read(pair[0]) or _read(pair[1]))]
    data = next((a for a in DATA if a in read), "")
    for name, (forward, backward) in pairs.items() if data else ():
        inputs = arguments(forward).required
        if _POWER.fullmatch(name) and len(inputs) == 2:
            inputs = inputs[:1]  # the exponent is a number
        objects: dict[str, Any] = {"forward": forward, "backward": backward, "owner": name, "data": data}
        shapes = tuple(shapes_for(name, list(inputs)) or ())
        line = line_of(defined[name])
        yield Candidate(name, "layer", sys.modules[__name__], objects, inputs, line, f"{name}.backward", shapes=shapes)


def _pair(cls: Any) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """The forward and backward of a class that are called on the class, and fit each other."""
    plain = [getattr(vars(cls).get(n), "__func__", vars(cls).get(n)) for n in ("forward", "backward")]
    if not all(inspect.isfunction(f) for f in plain):
        return None
    forward, backward = plain[0], plain[1]
    taken, asked = arguments(forward).required, arguments(backward).required
    if not taken or taken[0] in _SELF or asked[:1] in [(s,) for s in _SELF]:
        return None
    return (forward, backward) if len(asked) - len(taken) in (1, 2) and asked[1 : len(taken) + 1] == taken else None


def _takes_shape(function: Callable[..., Any]) -> bool:
    """Whether a shape follows the tensors, one number after another: `forward(x, *shape)`."""
    parameters = inspect.signature(function).parameters.values()
    return any(p.kind is inspect.Parameter.VAR_POSITIONAL and "shape" in p.name for p in parameters)


def _read(function: Callable[..., Any]) -> set[str]:
    """The attributes of its arguments that a function reads."""
    tree, names = tree_of(function), set(arguments(function).names)
    nodes = (n for n in (ast.walk(tree) if tree else ()) if isinstance(n, ast.Attribute))
    return {n.attr for n in nodes if isinstance(n.value, ast.Name) and n.value.id in names}


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[BoxedPair]:
    """The arrays in their order."""
    entries = [e.name for e in layout.entries]
    if len(candidate.inputs) != len(entries):
        raise Unbindable(f"{candidate.name} takes {', '.join(candidate.inputs)}, not {len(entries)} arrays")
    objects, order = candidate.objects, dict(zip(candidate.inputs, entries, strict=True))
    further = arguments(objects["forward"]).required[len(entries) :]
    extra = {n: float(options.get("c", EXPONENT)) for n in further}
    return [
        BoxedPair(
            objects["forward"], objects["backward"], layout, order, extra, owner=objects["owner"], data=objects["data"]
        )
    ]


@dataclass
class BoxedPair(FunctionPair):
    """A pair whose arguments are arrays that have their numbers in an attribute as well."""

    convention: str = "static pair of an engine's operations"
    data: str = "value"

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        given = [*(private(arrays[n]) for n in self.order.values()), *self.extra.values()]
        boxes = [_boxed(g, self.data) for g in given]
        shape = np.shape(given[0])[::-1] if _takes_shape(self.forward_function) else ()
        out = np.asarray(guarded("forward", self.forward_function, *boxes, *shape))
        asked = len(arguments(self.backward_function).required)

        def backward(dy: Any) -> dict[str, Any]:
            given = [np.asarray(dy), *boxes, _boxed(out, self.data)][:asked]
            return self.collect(guarded("backward", self.backward_function, *given))

        return Tape(np.array(out), backward)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        return []


def _boxed(array: Any, data: str) -> Any:
    """An array of a class of its own, in which `data` gives its numbers, and which takes further attributes."""
    numbers = property(lambda box: box.view(np.ndarray))
    return np.asarray(array).view(type("Box", (np.ndarray,), {data: numbers}))
