"""Operations of an engine that give several tensors: each output has an upstream gradient of its own.

A list of tensors is given one upstream gradient at a time, in runs of their own, and the gradients are added: what each
`backward` gives is the engine's own word on that output. Where an engine wants all outputs used, the outputs are
multiplied by constants and added. An operation with `gradient(out_grad, node)` that takes or gives the engine's own
tuples is asked directly: between it and `backward` stand other operations, which make tuples and take them apart.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.engines.engine import Engine
from gradcheck_plugin.conventions.engines.feed import ONES, Feed, Graph, feeds, read
from gradcheck_plugin.conventions.engines.ops import FunctionOp, Op
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.running.values import describe

_MOST = 32  # tensors in a tuple


def is_one(engine: Engine, out: Any) -> bool:
    """Whether an output is one tensor of the engine."""
    return isinstance(out, engine.tensor) or type(out).__name__ == engine.tensor.__name__


def pieces(engine: Engine, out: Any) -> list[Any]:
    """The tensors of an output: itself, or the entries of a list, a tuple, or a tuple of the engine's own."""
    if is_one(engine, out):
        return [out]
    sized = hasattr(out, "__len__") and hasattr(out, "__getitem__") and not isinstance(out, str | dict | np.ndarray)
    found = [out[i] for i in range(len(out))] if sized and 0 < len(out) <= _MOST else []
    return found if all(is_one(engine, piece) for piece in found) else []


def outputs(engine: Engine, op: Op, out: Any) -> list[Array]:
    """The numbers of every tensor that came out."""
    found = [engine.numbers(piece) for piece in pieces(engine, out)]
    if not found or any(a is None for a in found):
        raise Unbindable(f"{op.name} gave {describe(out)}, not one {engine.tensor.__name__}")
    return found


def split(engine: Engine, op: Op, out: Any, dy: Any) -> list[Array]:
    """The upstream gradient of all outputs as one for each of them."""
    shapes = [np.shape(a) for a in outputs(engine, op, out)]
    parts = np.split(np.ravel(dy), np.cumsum([int(np.prod(s)) for s in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def feeds_of_several(engine: Engine, op: Op, out: Any) -> list[Feed]:
    """The ways to give several outputs their upstream gradients; [] where `out` is one tensor like any other."""
    packed = getattr(op, "gathered", "") == "packed" or not (is_one(engine, out) or isinstance(out, list | tuple))
    if packed and isinstance(op, FunctionOp) and _has_gradient(op):
        return [Feed("its own gradient(out_grad, node)", partial(_own, op), ("print(f.gradient({dy}, out))",), True)]
    if is_one(engine, out):
        return []
    one = [f for f in feeds(engine) if f != ONES]
    products = [f for f in one if f.name.startswith("(out * ")]
    return [replace(f, run=partial(_each, op, f)) for f in one] + [
        replace(f, run=partial(_added, op)) for f in products[:1]
    ]


def _has_gradient(op: FunctionOp) -> bool:
    method = getattr(op.cls, "gradient", None) if op.packer else None
    return inspect.isfunction(method) and len(inspect.signature(method).parameters) == 3


def _own(op: FunctionOp, engine: Engine, graph: Graph, dy: Any) -> None:
    """Ask `gradient` itself; the gradient of what is no single tensor is a tuple, as the operation's own output is."""
    parts = [engine.make(part) for part in split(engine, op, graph.out, dy)]
    single = is_one(engine, graph.out)
    given = graph.node.gradient(parts[0] if single else op.packer()(*parts), graph.out)
    found = [engine.numbers(tensor) for tensor in _flat(engine, given)]
    graph.found = dict.fromkeys(graph.leaves) | dict(zip(graph.leaves, found, strict=False))


def _flat(engine: Engine, given: Any) -> list[Any]:
    """The tensors of a gradient: one, several, or a tuple of tuples."""
    if isinstance(given, tuple | list):
        return [tensor for part in given for tensor in (_flat(engine, part) if part is not None else [None])]
    return pieces(engine, given) or [given]


def _each(op: Op, feed: Feed, engine: Engine, graph: Graph, dy: Any) -> None:
    """One run for every output, with the gradients added."""
    total: dict[str, Any] = dict.fromkeys(graph.leaves)
    for i, part in enumerate(split(engine, op, graph.out, dy)):
        if i:
            assert graph.again is not None
            graph_of_one = graph.again()
        else:
            graph_of_one = graph
        one = Graph(graph_of_one.leaves, pieces(engine, graph_of_one.out)[i])
        feed.run(engine, one, part)
        for name, gradient in read(engine, one).items():
            if gradient is not None:
                total[name] = gradient if total[name] is None else total[name] + gradient
    graph.found = total


def _added(op: Op, engine: Engine, graph: Graph, dy: Any) -> None:
    """One `backward` from the sum of all outputs, each times a constant."""
    upstreams: Sequence[Array] = split(engine, op, graph.out, dy)
    loss: Any = None
    for piece, upstream in zip(pieces(engine, graph.out), upstreams, strict=True):
        part = (piece * engine.make(upstream, differentiable=False)).sum()
        loss = part if loss is None else loss + part
    loss.backward()
