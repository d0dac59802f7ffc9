"""Small graphs that show the faults of an engine itself: one operand used twice, a diamond, a broadcast operand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.engines.calls import EngineCaller
from gradcheck_plugin.conventions.engines.engine import Engine, quietly
from gradcheck_plugin.conventions.engines.ops import FunctionOp, MethodOp, Op
from gradcheck_plugin.model import Array
from gradcheck_plugin.oracles.equal import ALIKE, equal
from gradcheck_plugin.oracles.numerical import secant
from gradcheck_plugin.running.calls import frozen
from reference_impls.shapes import Layout

SIZES = {"N": 4, "D": 3, "M": 5, "T": 6}
_ELEMENTWISE = (
    "add",
    "sub",
    "mul",
    "div",
    "truediv",
    "multiply",
    "divide",
    "subtract",
    "ewiseadd",
    "ewisemul",
    "ewisediv",
)


def trial_layouts(op: Op) -> list[Layout]:
    """Layouts for a first trial of an operation."""
    return [Layout.parse(s) for s in op.shapes or [", ".join(f"{n}: N D" for n in op.operands) + " -> Y"]]


def sample(layout: Layout, seed: int = 0) -> dict[str, Array]:
    """Arrays for a trial; real ones are positive, so that no domain is left."""
    rng = np.random.default_rng(seed)
    arrays = {e.name: e.sample(SIZES, rng) for e in layout.entries}
    return {n: np.abs(a) + 0.2 if a.dtype.kind == "f" and layout[n].domain == "real" else a for n, a in arrays.items()}


def probe(engine: Engine, op: Op) -> None:
    """Run an operation forward and back, so that the way of giving its engine an upstream gradient is known."""
    layout = trial_layouts(op)[0]
    with frozen(0):
        tape = EngineCaller(engine, op, layout).forward(sample(layout))
        tape.backward(np.ones(np.shape(tape.output)))


def right_alone(engine: Engine, op: Op) -> bool:
    """Whether an operation of fresh tensors gives the gradients of its forward, for all of them, in one direction."""

    def judge() -> bool:
        layout = trial_layouts(op)[0]
        caller, arrays = EngineCaller(engine, op, layout), sample(layout)
        tape = caller.forward(arrays)
        dy = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(tape.output))
        found = tape.backward(dy)
        rng = np.random.default_rng(2)

        def output(name: str, moved: Array) -> Array:
            return np.asarray(caller.forward({**arrays, name: moved}).output)

        for name, gradient in found.items():
            u = rng.standard_normal(np.shape(arrays[name]))
            slope = np.sum(dy * secant(partial(output, name), arrays[name], u))
            if not equal(np.sum(gradient * u), slope, ALIKE, least=1.0):
                return False
        return {e.name for e in layout.inputs} <= {n for n, g in found.items() if g is not None}

    return bool(quietly(judge))


def broadcasts(found: Sequence[tuple[Engine, Op]]) -> list[Op]:
    """Element-wise operations of two tensors that take different shapes, if one of them reduces its gradients.

    An engine in which none does leaves broadcasting out; that is said nowhere to be wrong.
    """
    taken: list[Op] = []
    offered = False
    for engine, op in found:
        if engine.scalar or len(op.operands) != 2 or op.name.lower() not in _ELEMENTWISE:
            continue
        a, b = op.operands
        layout = Layout.parse(f"{a}: N D, {b}: D -> Y")
        caller, arrays = EngineCaller(engine, op, layout), sample(layout)
        out = quietly(lambda c=caller, x=arrays: c.forward(x).output)  # type: ignore[misc]
        if np.shape(out) != (SIZES["N"], SIZES["D"]):
            continue
        taken.append(op)
        given = quietly(lambda c=caller, x=arrays: _given(c, x)) or {}  # type: ignore[misc]
        offered = offered or {n: np.shape(g) for n, g in given.items()} == {n: x.shape for n, x in arrays.items()}
        op.feed = None
    return taken if offered else []


def _given(caller: EngineCaller, arrays: Mapping[str, Array]) -> dict[str, Any]:
    tape = caller.forward(arrays)
    return tape.backward(np.ones(np.shape(tape.output)))


@dataclass(eq=False)
class GraphOp(Op):
    """A graph of one leaf: `steps` are (operation, names of its operands), `out` is what the last one gives."""

    steps: tuple[tuple[Op, tuple[str, ...]], ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    engine: Engine | None = None

    @property
    def shapes(self) -> list[str]:
        return ["x: N D @positive -> Y"]

    def run(self, engine: Engine, tensors: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, Any]:
        like = engine.numbers(tensors[0])
        values: dict[str, Any] = {"x": tensors[0]}
        for name, number in self.constants.items():  # with a gradient: some engines drop what has none
            values[name] = engine.make(number if engine.scalar else np.full_like(like, number))
        out = None
        for i, (op, names) in enumerate(self.steps):
            out, _ = op.run(engine, [values[n] for n in names], options)
            values[f"t{i}"] = out
        self.engine = engine
        return out, None

    @property
    def classes(self) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(c for op, _ in self.steps for c in op.classes))

    def source(self, names: Sequence[str]) -> list[str]:
        if self.engine is None:
            return []
        leaf, lines = names[0], []
        for name, number in self.constants.items():
            like = f"np.full_like({leaf}{self.engine.reading}, {number})"
            lines.append(f"{name} = {self.engine.source(str(number) if self.engine.scalar else like)}")
        for i, (op, operands) in enumerate(self.steps):
            text = op.source([leaf if n == "x" else n for n in operands])
            if not text:
                return []
            target = "out" if i == len(self.steps) - 1 else f"t{i}"
            lines.append(f"{target} = {text[-1].removeprefix('out = ')}")
        return lines


def graphs(engine: Engine, parts: Mapping[str, Op]) -> list[GraphOp]:
    """The graphs for operations that are right by themselves: what is wrong in one is the engine's own fault."""
    twice, meeting = _reuse(parts), _diamond(parts)
    if twice is not None:
        twice.cause = "not-accumulated"
    if meeting is not None:
        adds = twice is None or right_alone(engine, twice)
        meeting.cause = "wrong-order" if adds else "not-accumulated"
    return [g for g in (twice, meeting) if g is not None]


def _reuse(parts: Mapping[str, Op]) -> GraphOp | None:
    """x used twice: the sum of every operation of two tensors on (x, x), and twice each of one tensor."""
    add = parts.get("add")
    steps: list[tuple[Op, tuple[str, ...]]] = []
    ends: list[str] = []
    for op in parts.values():
        for names in [("x", "x")] if len(op.operands) == 2 else [("x",), ("x",)]:
            steps.append((op, names))
            ends.append(f"t{len(steps) - 1}")
            if add is None:
                return GraphOp("reuse", ("x",), steps=tuple(steps)) if len(op.operands) == 2 else None
    while len(ends) > 1 and add is not None:
        steps.append((add, (ends.pop(0), ends.pop(0))))
        ends.insert(0, f"t{len(steps) - 1}")
    return GraphOp("reuse", ("x",), steps=tuple(steps)) if steps else None


def _diamond(parts: Mapping[str, Op]) -> GraphOp | None:
    """y = f(x) * g(f(x)) + g(f(x)) * f(x): paths of different length, in both orders, that meet again."""
    two = [op for op in (parts.get("mul"), parts.get("add")) if op is not None]
    if not two:
        return None
    meet, join = two[0], two[-1]
    steps = (
        (meet, ("x", "c")), (meet, ("t0", "d")), (meet, ("t0", "t1")), (meet, ("t1", "t0")), (join, ("t2", "t3")),
    )  # fmt: skip
    return GraphOp("diamond", ("x",), steps=steps, constants={"c": 1.25, "d": 0.75})


def parts_of(engine: Engine, ops: Sequence[Op], judge: Callable[[Engine, Op], bool] = right_alone) -> dict[str, Op]:
    """The operations that are right by themselves and give a tensor of the shape of their operands, by plain name."""
    found: dict[str, Op] = {}
    for op in ops:
        name = {"truediv": "div"}.get(op.name.lower(), op.name.lower())
        plain = len(op.operands) <= 2 and not (isinstance(op, MethodOp) and (op.settings or op.number is not None))
        if isinstance(op, FunctionOp) and (op.built or op.order != op.operands):
            plain = False
        if plain and name not in found and _keeps_shape(engine, op) and judge(engine, op):
            found[name] = op
    return found


def _keeps_shape(engine: Engine, op: Op) -> bool:
    layout = Layout.parse(", ".join(f"{n}: N D @positive" for n in op.operands) + " -> Y")
    out = quietly(lambda: EngineCaller(engine, op, layout).forward(sample(layout)).output)
    return bool(np.shape(out) == (SIZES["N"], SIZES["D"]))
