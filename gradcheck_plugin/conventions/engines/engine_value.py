"""Tensors with operators of an autograd engine, scalar or of arrays, driven through their own methods and backward().

Every operator and method that gives a new tensor is a target, `Value.mul`. The class itself has two more: `Value
reuse`, where one tensor is used twice, and `Value diamond`, where paths of different length meet again.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from gradcheck_plugin.author.signature import line_of
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.conventions.engines.calls import EngineCaller, callers
from gradcheck_plugin.conventions.engines.engine import Engine, engine_of, factories_near, outcome
from gradcheck_plugin.conventions.engines.engine_function import functions
from gradcheck_plugin.conventions.engines.graphs import graphs, parts_of, probe, sample, trial_layouts
from gradcheck_plugin.conventions.engines.ops import MethodOp, Op, method_op

__all__ = ["ORDER", "callers", "discover"]

ORDER = 3
_NO_OPERATIONS = re.compile(
    r"_(?!_)|.*(grad|derivative|topo|backward)|(detach|copy|clone|[cg]pu|cuda|to|numpy|item|unchain|tolist|astype)$"
)
_NAMED = ("exp", "log", "tanh", "sigmoid", "relu", "sqrt", "sum", "mean", "pow", "neg", "abs", "add", "mul", "sub",
          "div", "truediv", "matmul", "mm", "dot", "sin", "cos", "softmax", "square", "leaky_relu")  # fmt: skip


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """The operations of every class of tensors in the file, and its two graphs."""
    module = sys.modules[__name__]
    written = list(functions(defined))
    for name, cls in defined.items():
        if not inspect.isclass(cls) or not inspect.isfunction(vars(cls).get("backward")) or hasattr(cls, "forward"):
            continue
        own = [op for e, op in written if e is not None and e.tensor is cls]
        counts = own or any(f"__{o}__" in vars(cls) for o in ("add", "mul", "sub"))
        engine = engine_of(cls, None, factories_near(cls)) if counts else None
        if engine is None:
            continue
        methods = list(_methods(cls, engine, outside=not own))
        engine.ops += [partial(probe, engine, op) for op in methods]
        for op in methods:
            member = getattr(cls, op.method)
            objects: dict[str, Any] = {"op": op, "engine": engine}
            shown, where, shapes = f"{name}.{op.name}", f"{name}.{op.method}", tuple(op.shapes)
            line, used = line_of(member), (name,)
            yield Candidate(shown, "layer", module, objects, op.operands, line, where, used, shapes)
        parts = parts_of(engine, [*methods, *own])
        for graph in graphs(engine, parts):
            objects = {"op": graph, "engine": engine, "own": True}
            line, where = line_of(vars(cls)["backward"]), f"{name}.backward"
            yield Candidate(
                f"{name} {graph.name}", "layer", module, objects, ("x",), line, where, (name,), tuple(graph.shapes)
            )


def _methods(cls: Any, engine: Engine, outside: bool) -> Iterator[MethodOp]:
    """The methods of the class that give a new tensor, or that are named like an operation and do not run.

    Those that were hung on the class from `outside` count where no Function of the file stands for them.
    """
    seen: set[int] = set()
    for name, member in vars(cls).items():
        if not inspect.isfunction(member) or _NO_OPERATIONS.match(name) or id(member) in seen:
            continue
        if not outside and str(member.__qualname__) != f"{cls.__qualname__}.{name}":
            continue
        seen.add(id(member))
        op = method_op(cls, name)
        if op is None:
            continue
        fault = _trial(engine, op)
        if fault is not None and op.name == "pow":
            op = MethodOp("pow", ("self",), method=name, number=3)
            fault = _trial(engine, op)
        known = name.startswith("__") or op.name in _NAMED
        if fault is None or isinstance(fault, NotImplementedError) or (known and isinstance(fault, Exception)):
            yield op


def _trial(engine: Engine, op: Op) -> BaseException | None:
    """What is raised when the operation runs on arrays of its shapes; None where it gives a tensor."""
    fault: BaseException | None = None
    for layout in trial_layouts(op):
        _, fault = outcome(lambda layout=layout: EngineCaller(engine, op, layout).forward(sample(layout)))  # type: ignore[misc]
        if fault is None:
            return None
    return fault
