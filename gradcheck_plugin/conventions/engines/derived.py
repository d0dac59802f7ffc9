"""Functions made from another Function of the file that has run: the gradient of a convolution, as a Function itself.

`ConvGrad(conv)` takes sizes, masks or indices from `conv`. The argument, or the beginning of the class's own name, says
which Function is meant; it runs on arrays that stay the same, and what the derived one gets has the shapes of its
operands and its output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.engines.calls import EngineCaller
from gradcheck_plugin.conventions.engines.engine import Engine, quietly
from gradcheck_plugin.conventions.engines.ops import FunctionOp
from gradcheck_plugin.conventions.engines.settings import setting
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.sizes import generic_sizes
from reference_impls.shapes import Layout

_TRIALS = 4
_SHAPES = (("N D", "N D", "N D"), ("N D", "D M", "M"), ("N C 7 9", "F C 3 3", "F"), ("D", "D", "D"))


@dataclass(eq=False)
class DerivedOp(FunctionOp):
    """A Function whose constructor wants another one that has run."""

    wanted: str = ""
    origin: FunctionOp | None = None
    arrays: tuple[Array, ...] = ()  # of the operands of `origin`
    fitting: tuple[str, ...] = ()

    @property
    def shapes(self) -> list[str]:
        return [*self.fitting]

    def constants(self, engine: Engine) -> dict[str, Any]:
        assert self.origin is not None
        return {self.wanted: self.origin.run(engine, [engine.make(a) for a in self.arrays], {})[1]}

    def source(self, names: Sequence[str]) -> list[str]:
        return []


def derived(engine: Engine, op: FunctionOp, others: Sequence[FunctionOp]) -> FunctionOp:
    """The operation with the one that it is made from; as it was where there is none, or it does not run so."""
    wanted = next((n for n in op.built if not _known(op, n)), "")
    origin = _meant(op, wanted, others) if wanted and op.runner == "__call__" else None
    ways = (_made(engine, op, wanted, origin, arrays) for arrays in islice(_samples(origin), _TRIALS)) if origin else ()
    return next((way for way in ways if way is not None), op)


def _made(
    engine: Engine, op: FunctionOp, wanted: str, origin: FunctionOp, arrays: Mapping[str, Array]
) -> DerivedOp | None:
    """The operation with its origin run on these arrays, if it then runs on arrays of their shapes."""

    def trial() -> DerivedOp:
        out = engine.numbers(origin.run(engine, [engine.make(a) for a in arrays.values()], {})[0])
        shapes = {n: np.shape(arrays.get(n, out)) for n in op.operands}
        text = ", ".join(f"{n}: {' '.join(map(str, shape))}" for n, shape in shapes.items()) + " -> Y"
        own = {f.name: getattr(op, f.name) for f in fields(op) if f.init}
        made = DerivedOp(**own, wanted=wanted, origin=origin, arrays=tuple(arrays.values()), fitting=(text,))
        EngineCaller(engine, made, Layout.parse(text)).forward({n: np.ones(shape) for n, shape in shapes.items()})
        return made

    found: DerivedOp | None = quietly(trial)
    return found


def _known(op: FunctionOp, argument: str) -> bool:
    try:
        setting(argument, op.name, (4, 3), {})
    except Unbindable:
        return False
    return True


def _meant(op: FunctionOp, argument: str, others: Sequence[FunctionOp]) -> FunctionOp | None:
    """The operation of the argument's name, else the one with the longest name that this one's begins with."""
    own = op.name.lower()
    named = [o for o in others if o.name.lower() == argument.lower().replace("_", "")]
    begun = [o for o in others if o is not op and own.startswith(o.name.lower())]
    return next(iter([*named, *sorted(begun, key=lambda o: -len(o.name))]), None)


def _samples(op: FunctionOp) -> Iterator[dict[str, Array]]:
    """Arrays for an operation: of the shapes that are known of it, else of those that most operations take."""
    for shapes in [None] if op.shapes else _SHAPES:
        axes = ", ".join(map(": ".join, zip(op.operands, shapes or (), strict=False)))
        for layout in map(Layout.parse, op.shapes or [f"{axes} -> Y"]):
            sizes, rng = generic_sizes(layout, None, None), np.random.default_rng(0)
            yield {e.name: e.sample(sizes, rng) for e in layout.entries}
