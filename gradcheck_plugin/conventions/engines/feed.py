"""How an engine is given an upstream gradient that is not a vector of ones.

Its `backward` takes one, or starts from the `.grad` that the output has already; where it always starts from ones, the
output is multiplied by a constant tensor with the engine's own `*` (and summed), if its `*` is right by itself. A
function whose tensors have no `backward` is asked directly. What works is seen by trying: the gradient doubles when the
upstream gradient does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.conventions.engines.engine import Engine, quietly
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.oracles.equal import ALIKE, equal
from gradcheck_plugin.running.calls import UserCodeRaised, frozen

_NOT_UPSTREAM = ("retain", "create", "zero", "visited", "verbose", "free", "clear", "lr")


@dataclass
class Graph:
    """One run of an operation: the tensors that went in, what came out, and the function object, if any.

    `again` makes another run of the same; `found` are gradients that are not left in the tensors themselves.
    """

    leaves: dict[str, Any]
    out: Any
    node: Any = None
    again: Callable[[], Graph] | None = None
    found: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Feed:
    """One way to run the backward of a graph with an upstream gradient. `source` is its text, with {dy} for that."""

    name: str
    run: Callable[[Engine, Graph, Any], None]
    source: tuple[str, ...]
    wrapped: bool = False


def feeds(engine: Engine) -> list[Feed]:
    """The ways that an engine's API offers, the most direct first."""
    if not inspect.isfunction(getattr(engine.tensor, "backward", None)):
        return [Feed("the function's own backward", _direct, ("grads = f.backward({dy})", "print(grads)"))]
    names = [n for n in arguments(engine.tensor.backward, method=True).names if not n.startswith(_NOT_UPSTREAM)]
    found = []
    for wrapped in (True, False):
        if names:
            found.append(Feed(f"backward({names[0]})", partial(_argument, wrapped), ("out.backward({dy})",), wrapped))
    for wrapped in (False, True):
        lines = (f"out.{_gradient_name(engine)} = {{dy}}", "out.backward()")
        found.append(Feed("out.grad = dout, then backward()", partial(_preset, wrapped), lines, wrapped))
    for summed in ("sum", ""):
        if (not summed or hasattr(engine.tensor, summed)) and _multiplies(engine, summed):
            end = ".sum()" if summed else ""
            run = partial(_product, summed)
            found.append(Feed(f"(out * dout){end}.backward()", run, (f"(out * {{dy}}){end}.backward()",), True))
    return [*found, ONES]


def _gradient_name(engine: Engine) -> str:
    made = quietly(lambda: engine.make(0.5 if engine.scalar else np.ones((1, 2))))
    return engine.gradient_name(made)


def _seed(engine: Engine, dy: Any, wrapped: bool) -> Any:
    if wrapped:
        return engine.make(dy, differentiable=False)
    return float(dy) if engine.scalar else np.asarray(dy)


def _argument(wrapped: bool, engine: Engine, graph: Graph, dy: Any) -> None:
    graph.out.backward(_seed(engine, dy, wrapped))


def _preset(wrapped: bool, engine: Engine, graph: Graph, dy: Any) -> None:
    setattr(graph.out, engine.gradient_name(graph.out), _seed(engine, dy, wrapped))
    graph.out.backward()


def _product(summed: str, engine: Engine, graph: Graph, dy: Any) -> None:
    loss = graph.out * _seed(engine, dy, True)
    loss = getattr(loss, summed)() if summed else loss
    loss.backward()


def _direct(engine: Engine, graph: Graph, dy: Any) -> None:
    if graph.node is None:
        raise Unbindable(f"{engine.tensor.__name__} has no method `backward`")
    found = graph.node.backward(np.asarray(dy))
    found = found if isinstance(found, tuple | list) else (found,)
    for leaf, gradient in zip(graph.leaves.values(), found, strict=False):
        setattr(leaf, engine.gradient_name(leaf), gradient)


def _ones(engine: Engine, graph: Graph, dy: Any) -> None:
    graph.out.backward()


ONES = Feed("backward(), from ones", _ones, ("out.backward()",))


def _multiplies(engine: Engine, summed: str) -> bool:
    """Whether the engine's product with a constant has that constant as its gradient, on the way that a feed takes."""
    if summed not in engine.multiplies:

        def right() -> bool:
            x, c = np.array([[0.7, -1.3], [0.4, 2.0]]), np.array([[1.5, -0.5], [2.5, 0.3]])
            if engine.scalar:
                x, c = x[0, 0], c[0, 0]
            graph = Graph({"x": (leaf := engine.make(x))}, leaf)
            _product(summed, engine, graph, c)
            return equal(np.asarray(engine.gradient(leaf), dtype=float), np.asarray(c))

        engine.multiplies[summed] = bool(quietly(right))
    return engine.multiplies[summed]


def read(engine: Engine, graph: Graph) -> dict[str, Any]:
    """The gradients of a graph's operands after its backward."""
    return graph.found or {n: engine.gradient(t) for n, t in graph.leaves.items()}


def settle(
    engine: Engine, build: Callable[[], Graph], shape: tuple[int, ...], ways: Sequence[Feed], ends: bool = False
) -> Feed:
    """The first of `ways` to which the gradients answer. Raises what the user's code raised where none runs at all.

    Where the gradients answer to none, the operation ignores its upstream gradient: it is given one in a way that is
    known to work with this engine.
    """
    ran: list[Feed] = []
    misshaped: list[Feed] = []
    faults: list[Exception] = []
    for feed in ways:
        try:
            with frozen(0):
                answer, fits = _answers(engine, feed, build, shape)
        except Exception as exc:
            faults.append(exc)
            continue
        if answer and fits:
            if feed not in engine.proven:
                engine.proven.append(feed)
            return feed
        (misshaped if answer else ran).append(feed)
    if misshaped:
        return misshaped[0]
    known = [f for f in ran if any(f.name == p.name and f.wrapped == p.wrapped for p in _proven(engine))]
    if ends and ONES in ran:
        return ONES  # a loss is the end of its graph: it may start from 1 whatever it is given
    if ran:
        return known[0] if known else next((f for f in ran if f.name.startswith("(out * ")), ran[-1])
    raise _telling(faults)


def likely(engine: Engine, build: Callable[[], Graph]) -> list[Feed]:
    """The feeds of one output, those first that give a gradient as the engine keeps it: as a tensor, or as an array."""

    def kept() -> bool:
        graph = build()
        graph.out.backward()
        leaf = next(iter(graph.leaves.values()))
        return isinstance(getattr(leaf, engine.gradient_name(leaf), None), engine.tensor)

    found, wrapped = feeds(engine), quietly(kept)
    if wrapped is None:
        return found
    groups = list(dict.fromkeys(f.name for f in found))
    return sorted(found, key=lambda f: (groups.index(f.name), f.wrapped != wrapped))


def _telling(faults: list[Exception]) -> Exception:
    """The fault to report: a part that is not written yet explains all others."""
    unwritten = [f for f in faults if isinstance(f, NotImplementedError)]
    raised = [f for f in faults if not isinstance(f, Unbindable)]
    fault = (unwritten or raised[-1:] or faults or [Unbindable("its engine has no way back")])[0]
    return fault if isinstance(fault, Unbindable) else UserCodeRaised(fault, "backward")


def _answers(engine: Engine, feed: Feed, build: Callable[[], Graph], shape: tuple[int, ...]) -> tuple[bool, bool]:
    """Whether gradients come and double when the upstream gradient does, and whether they have their tensors' shapes.

    A gradient that is the upstream gradient itself may be a tensor that was given where an array is wanted.
    """
    rng = np.random.default_rng(0)
    dy = np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))
    found: list[Mapping[str, Any]] = []
    for factor in (1.0, 2.0):
        graph = build()
        feed.run(engine, graph, dy * factor)
        found.append(read(engine, graph))
    pairs = [(a, b) for a, b in zip(found[0].values(), found[1].values(), strict=True) if a is not None]
    if not pairs:
        return False, False
    leaves = {n: np.shape(engine.numbers(t)) for n, t in graph.leaves.items()}
    fits = all(np.shape(g) == leaves[n] for n, g in found[0].items() if g is not None)
    return all(_doubled(a, b) for a, b in pairs) and any(np.any(a) for a, _ in pairs), fits


def _doubled(a: Any, b: Any) -> bool:
    """Whether one gradient is twice another, by its own measure: what rounding leaves of a zero is not doubled."""
    if np.shape(a) != np.shape(b):
        return False
    return equal(2.0 * np.asarray(a), np.asarray(b), ALIKE, least=0.0, nan=True)


def _proven(engine: Engine) -> list[Feed]:
    """The feeds that work with this engine, by the first of its other operations that shows one."""
    ops, engine.ops = engine.ops, []  # this is not asked again from within
    for probe in ops:
        if engine.proven:
            break
        quietly(probe)
    return engine.proven
