"""Drives one operation of an engine: tensors made anew for every run, its output, and the gradients of its operands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from gradcheck_plugin.author.namespaces import plain
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.engines.engine import Engine, as_floats, quietly
from gradcheck_plugin.conventions.engines.feed import ONES, Feed, Graph, likely, read, settle
from gradcheck_plugin.conventions.engines.ops import MethodOp, Op
from gradcheck_plugin.conventions.engines.settings import SPLITS, is_target
from gradcheck_plugin.conventions.engines.several import feeds_of_several, is_one, outputs
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.running.calls import guarded, private
from gradcheck_plugin.running.values import describe
from reference_impls.shapes import Layout

_LOSS = re.compile(r"loss|entropy|nll", re.IGNORECASE)


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[EngineCaller]:
    """The one way to call an operation with these arrays: its operands get them in their order."""
    objects = candidate.objects
    if "reason" in objects:
        raise Unbindable(objects["reason"])
    op: Any = objects["op"]
    if len(layout.entries) != len(op.operands):
        raise Unbindable(f"{candidate.name} takes {len(op.operands)} tensors, not {len(layout.entries)}")
    if objects.get("own") and layout not in [Layout.parse(s) for s in candidate.shapes]:
        raise Unbindable(f"{candidate.name} is a graph of its own shapes")
    if objects["engine"].scalar and len({e.axes for e in (*layout.entries, layout.output)} - {(("Y",),)}) != 1:
        raise Unbindable(f"{candidate.name} takes one number of each operand at a time")
    if not objects.get("own") and not layout.entries[0].dims and " M " in "".join(candidate.shapes):
        raise Unbindable(f"{candidate.name} is a product of matrices")  # of numbers it is a product too
    if options.get("axis") == 0 and getattr(op, "gathered", "") and {"axis", "dim"} & {*op.built, *op.order}:
        raise Unbindable(f"{candidate.name} takes an axis, and one that is not taken into account is 0")
    if 0 < len(layout.output.dims) < len(layout.inputs[0].dims) and len(layout.entries) == 1 and not candidate.shapes:
        options = {"axis": 1, **options}  # a reference that reduces rows
    return [EngineCaller(objects["engine"], op, layout, options)]


def _shielded(where: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call what calls the user's code: its faults come back as UserCodeRaised, and ours as they are."""

    def run() -> tuple[Any, Unbindable | None]:
        try:
            return function(*args), None
        except Unbindable as exc:
            return None, exc

    value, fault = guarded(where, run)
    if fault is not None:
        raise fault
    return value


def _run_back(engine: Engine, feed: Feed, parts: Iterable[tuple[Graph, Any]]) -> None:
    for graph, dy in parts:
        feed.run(engine, graph, dy)


@dataclass
class EngineCaller(Caller):
    """Calls `op` on tensors of `engine`. An engine of single numbers is run once for every entry of the arrays."""

    engine: Engine
    op: Op
    layout: Layout
    options: Mapping[str, Any] = field(default_factory=dict)
    several: bool = field(default=False, init=False)  # whether the last run gave more than one tensor

    def code(self) -> Code:
        cls = getattr(self.op, "cls", None)
        parts = (getattr(cls, n, None) for n in ("forward", "backward"))
        return Code.of(*parts, self.engine.tensor, *self.op.classes)

    @property
    def cause(self) -> str:
        return self.op.cause

    @property
    def upstream(self) -> bool:
        return bool(self.op.feed != ONES)

    @property
    def convention(self) -> str:
        kind = "scalar engine" if self.engine.scalar else "tensor engine"
        feed = f", upstream gradient by {self.op.feed.name}" if self.op.feed else ""
        return f"{kind} with its own `{self.engine.tensor.__name__}`{feed}"

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        copies = {e.name: np.asarray(private(arrays[e.name])) for e in self.layout.entries}
        shape = np.shape(next(iter(copies.values())))
        graphs = _shielded("forward", self._graphs, copies)
        outs = [self._numbers(g.out) for g in graphs]
        first = next(iter(copies.values()))
        output = as_floats(outs, shape, first) if self.engine.scalar else outs[0]
        fresh = [graphs]

        def backward(dy: Any) -> dict[str, Any]:
            run = fresh.pop() if fresh else _shielded("forward", self._graphs, copies)
            return self._gradients(run, np.asarray(dy), copies, np.shape(output))

        return Tape(np.array(output), backward)

    def _graphs(self, arrays: Mapping[str, Array]) -> list[Graph]:
        if not self.engine.scalar:
            return [self._graph(arrays)]
        shapes = {a.shape for a in arrays.values()}
        if len(shapes) != 1:
            raise Unbindable(f"{self.engine.tensor.__name__} holds one number; these arrays have different shapes")
        rows = zip(*(a.ravel() for a in arrays.values()), strict=True)
        return [self._graph({n: v.item() for n, v in zip(arrays, row, strict=True)}) for row in rows]

    def _graph(self, values: Mapping[str, Any]) -> Graph:
        targets = {n for n, operand in self.user_names().items() if is_target(operand)}
        needed = {n for n in values if self.layout[n].differentiable and n not in targets}
        leaves = {n: self.engine.make(v, n in needed) for n, v in values.items()}
        out, node = self.op.run(self.engine, list(leaves.values()), self.options)
        return Graph(leaves, out, node, partial(self._graph, values))

    def _numbers(self, out: Any) -> Any:
        """The numbers of the one output, or of several as one vector."""
        found = outputs(self.engine, self.op, out)
        self.several = not is_one(self.engine, out)
        listed = isinstance(self.op, MethodOp) and not SPLITS.match(self.op.name)  # its parents, its graph
        if self.several and (self.engine.scalar or listed):
            raise Unbindable(f"{self.op.name} gives {describe(out)}, not one {self.engine.tensor.__name__}")
        if self.several and len(self.layout.outputs) not in (0, len(found)):
            raise Unbindable(f"{self.op.name} gives {len(found)} tensors, not {len(self.layout.outputs)}")
        return np.concatenate([np.ravel(a) for a in found]) if self.several else found[0]

    def _gradients(
        self, graphs: list[Graph], dy: Array, arrays: Mapping[str, Array], shape: tuple[int, ...]
    ) -> dict[str, Any]:
        if self.op.feed is None:
            one = {n: a.ravel()[0].item() if self.engine.scalar else a for n, a in arrays.items()}
            ends = not shape and not self.engine.scalar and bool(_LOSS.search(self.op.name))
            build = partial(self._graph, one)
            ways = feeds_of_several(self.engine, self.op, graphs[0].out) or likely(self.engine, build)
            self.op.feed = settle(self.engine, build, () if self.engine.scalar else shape, ways, ends)
        parts = dy.ravel() if self.engine.scalar else [dy]
        _shielded("backward", _run_back, self.engine, self.op.feed, zip(graphs, parts, strict=True))
        found = [read(self.engine, g) for g in graphs]
        if not self.engine.scalar:
            ours = self.op.feed.name.startswith("(out * ") or self.op.feed == ONES  # its ones may be of another type
            rounded = ours and not shape and self.engine.rounds
            single = {n for n, a in arrays.items() if rounded or (ours and a.dtype == np.float32)}
            return {
                n: g.astype(np.float32) if n in single and g is not None else g
                for n, g in found[0].items()
                if self.layout[n].differentiable and not (g is None and is_target(self.user_names()[n]))
            }
        given = [n for n in arrays if self.layout[n].differentiable]
        rows = {n: [f[n] for f in found] for n in given}
        return {
            n: None if any(v is None for v in row) else as_floats(row, arrays[n].shape, arrays[n])
            for n, row in rows.items()
        }

    def user_names(self) -> dict[str, str]:
        return dict(zip([e.name for e in self.layout.entries], self.op.operands, strict=True))

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        names = list(arrays.values())
        lines = self.op.source(names)
        if not lines or self.several or self.op.feed is None or not self._importable():
            return []
        if self.engine.scalar:
            return self._one_by_one(names, lines, dy, arrays.get(gradient, ""))
        data = self.engine.reading
        made = [f"{n} = {self.engine.source(n)}" for n in names]
        if not gradient:
            return [*made, *lines, f"print(out{data})"]
        seed = self.engine.source(dy) if self.op.feed.wrapped else f"np.asarray({dy})"
        back = [line.format(dy=seed) for line in self.op.feed.source]
        if back[-1].startswith("print"):
            call = lines[-1].removeprefix("out = ")
            at = call.index(")(") + 1 if ")(" in call else len(call)
            return [*made, *lines[:-1], f"f = {call[:at]}", f"out = f{call[at:]}", *back]
        leaf = f"{arrays[gradient]}.{self.engine.gradient_name(self.engine.make(np.ones(1)))}"
        return [*made, *lines, *back, f"print({leaf}{data if self.engine.kept else ''})"]

    def _one_by_one(self, names: Sequence[str], lines: list[str], dy: str, gradient: str) -> list[str]:
        """A loop over the entries, since a tensor of this engine holds one number."""
        entries = [f"{n}_" for n in names]
        rows = ", ".join(f"np.ravel({n})" for n in names)
        loop = [f"for {', '.join(entries)}, g in zip({rows}, np.ravel({dy})):" if gradient else
                f"for {', '.join(entries)}, in zip({rows}):"]  # fmt: skip
        body = [f"{n} = {self.engine.source(f'{e}.item()')}" for n, e in zip(names, entries, strict=True)]
        body += lines
        if gradient:
            seed = self.engine.source("g.item()") if self.op.feed.wrapped else "g.item()"
            body += [line.format(dy=seed) for line in self.op.feed.source]
        value = f"{gradient}.{self._leaf_name()}" if gradient else f"out{self.engine.reading}"
        body.append(f"found.append({value})")
        return ["found = []", "\n".join([*loop, *(f"    {line}" for line in body)]), "print(np.array(found))"]

    def _leaf_name(self) -> str:
        return self.engine.gradient_name(quietly(lambda: self.engine.make(0.5)))

    def _importable(self) -> bool:
        """Whether the module of the operation has the class of tensors under its own name."""
        if self.engine.factory is not None:
            return False
        owner = next(iter(self.op.classes), self.engine.tensor)
        method = next((m for member in vars(owner).values() if (m := plain(member)) is not None), None)
        space = getattr(method, "__globals__", {})
        return space.get(self.engine.tensor.__name__) is self.engine.tensor
