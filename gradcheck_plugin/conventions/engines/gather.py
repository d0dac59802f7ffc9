"""Operations that take any number of tensors are given two: one by one, in a list, or in the engine's own tuple.

Which it is, is seen by trying. The engine's own tuple is made by an operation of its own, whose output has exactly the
numbers of its operands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from gradcheck_plugin.conventions.engines.calls import EngineCaller
from gradcheck_plugin.conventions.engines.engine import Engine, quietly
from gradcheck_plugin.conventions.engines.graphs import sample, trial_layouts
from gradcheck_plugin.conventions.engines.ops import FunctionOp, Op
from gradcheck_plugin.conventions.engines.settings import JOINS, LISTS, SPLITS
from gradcheck_plugin.model import Array
from gradcheck_plugin.oracles.equal import equal


def takes_several(op: FunctionOp) -> bool:
    """Whether the one operand of an operation may stand for several tensors."""
    named = op.any_number or LISTS.match(op.operands[0]) or JOINS.search(op.name)
    return len(op.operands) == 1 and bool(named) and not SPLITS.match(op.name)


def with_operands(engine: Engine, op: FunctionOp, packers: Iterable[FunctionOp]) -> FunctionOp:
    """The operation as it takes its tensors; where nothing runs, as it was."""
    packer = next((p for p in packers if _packs(engine, p)), None)
    op = replace(op, packer=packer.cls if packer else None)
    if op.axes and _output(engine, op) is None:
        op = replace(op, built=(*op.built, op.axes), axes="")
    if engine.scalar or not takes_several(op):
        return op
    if not op.any_number and not JOINS.search(op.name) and _output(engine, op) is not None:
        return op
    return next((way for way in _ways(op) if _output(engine, way) is not None), op)


def _ways(op: FunctionOp) -> Iterator[FunctionOp]:
    name = op.operands[0]
    two = (f"{name}0", f"{name}1")
    if op.any_number:
        yield replace(op, operands=two, order=two)
        if op.runner == "apply":  # what stands last in `*args` is no tensor
            yield replace(op, operands=two, order=(*two, "axis"))
    yield replace(op, operands=two, gathered="list")
    if op.packer is not None:
        yield replace(op, operands=two, gathered="packed")


def _packs(engine: Engine, op: FunctionOp) -> bool:
    """Whether an operation of two tensors gives nothing but these two."""
    two = replace(op, operands=("x0", "x1"), order=("x0", "x1"))
    arrays = sample(trial_layouts(two)[0])
    out = _output(engine, two)
    both = np.concatenate([a.ravel() for a in arrays.values()])
    return out is not None and equal(out, both)


def _output(engine: Engine, op: Op) -> Array | None:
    layout = trial_layouts(op)[0]
    out: Array | None = quietly(lambda: EngineCaller(engine, op, layout).forward(sample(layout)).output)
    return out
