"""The engine of operations itself: a small graph is recorded in it by hand, and it goes back through that.

The operations are the checker's own, and right: z = x w, s = z + c, y = s z. z is used twice, so that its gradients
have to add up; that of w is one which the engine has to add to an array outside of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.tapes import gradients as tape
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.objects.neighbours import Neighbour, records
from gradcheck_plugin.running.calls import guarded, private
from reference_impls.shapes import Layout

ORDER = 25
_SHAPES = ("x: N D, w: D M, c: N M -> N M",)


def matmul_backward(dz: Array, x: Array, w: Array) -> tuple[Array, Array]:
    """The gradients of x w."""
    return dz @ w.T, x.T @ dz


def add_backward(ds: Array, z: Array, c: Array) -> tuple[Array, Array]:
    """The gradients of z + c."""
    return ds * np.ones(z.shape), ds * np.ones(c.shape)


def mul_backward(dy: Array, s: Array, z: Array) -> tuple[Array, Array]:
    """The gradients of s z, entry by entry."""
    return dy * z, dy * s


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes that are told of inputs, output, gradients outside and backward of every operation."""
    for name, cls in defined.items():
        if not records(cls) or len(arguments(cls.backward, method=True).required) != 1:
            continue
        if len(arguments(cls.add_operation, method=True).required) == 4 and not _required(cls):
            objects = {"class": cls}
            where = f"{name}.backward"
            yield Candidate(
                name, "layer", sys.modules[__name__], objects, ("x", "w", "c"), line_of(cls), where, shapes=_SHAPES
            )


def _required(cls: Any) -> tuple[str, ...]:
    return arguments(cls.__init__, method=True).required if hasattr(cls.__init__, "__code__") else ()


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[TapeEngine]:
    """One way, for the one graph."""
    if layout != Layout.parse(_SHAPES[0]):
        raise Unbindable(f"{candidate.name} is driven with a graph of its own")
    return [TapeEngine(candidate.objects["class"])]


@dataclass
class TapeEngine(Caller):
    """Drives one engine, made anew for every forward: it goes back once."""

    cls: Any
    convention: str = "engine that is told of every operation, with a graph of three"
    upstream: bool = True
    used: list[Any] = field(default_factory=list)

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        fresh = [self._recorded(arrays)]
        out = fresh[0][2]

        def backward(dy: Any) -> dict[str, Any]:
            engine, given, _ = fresh.pop() if fresh else self._recorded(arrays)
            guarded("backward", engine.backward, dy)
            return {"w": given.pop("dw")} | {n: tape.gradient(engine, given[n]) for n in ("x", "c")}

        return Tape(out, backward)

    def _recorded(self, arrays: Mapping[str, Array]) -> tuple[Any, dict[str, Any], Array]:
        """An engine that knows the graph, the arrays that it was told of, and the output."""
        engine = Neighbour(self.cls).make(None)
        given = {n: private(arrays[n]) for n in ("x", "w", "c")}
        given["dw"] = np.zeros_like(given["w"])
        z = given["x"] @ given["w"]
        s = z + given["c"]
        y = s * z
        for operation in (
            ([given["x"], given["w"]], z, [None, given["dw"]], matmul_backward),
            ([z, given["c"]], s, [None, None], add_backward),
            ([s, z], y, [None, None], mul_backward),
        ):
            guarded("forward", engine.add_operation, *operation)
        return engine, given, y

    def user_names(self) -> dict[str, str]:
        return {"x": "x", "w": "w", "c": "c"}

    def code(self) -> Code:
        return Code.of(None, None, self.cls, *self.used)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        x, w, c = (arrays[n] for n in ("x", "w", "c"))
        lines = [
            f"engine = {self.cls.__name__}()",
            f"dw, z = np.zeros({w}.shape), {x} @ {w}",
            f"s = z + {c}",
            "y = s * z",
            f"engine.add_operation([{x}, {w}], z, [None, dw], lambda d, x, w: (d @ w.T, x.T @ d))",
            f"engine.add_operation([z, {c}], s, [None, None], lambda d, z, c: (d, d))",
            "engine.add_operation([s, z], y, [None, None], lambda d, s, z: (d * z, d * s))",
        ]
        if not gradient:
            return [*lines, "print(y)"]
        holder, method = tape.lookup(Neighbour(self.cls).make(None))
        found = f"{'.'.join(filter(None, ['engine', holder, method]))}({arrays[gradient]})"
        return [*lines, f"engine.backward({dy})", f"print({'dw' if gradient == 'w' else found})"]
