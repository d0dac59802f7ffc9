"""Functions of an autograd engine: subclasses of the file's own Function class, called through its public API.

`class F(Function)` with `forward(self, *arrays)` and `backward(self, *gradients)` is called as `F()(Variable)`; with a
static `forward(ctx, ...)` as `F.apply(Tensor)`. Operations of two tensors are tried on operands of different shapes
too, if any of the file reduces its gradients over the axes that were broadcast.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.conventions.engines.calls import callers
from gradcheck_plugin.conventions.engines.derived import DerivedOp, derived
from gradcheck_plugin.conventions.engines.engine import (
    Engine,
    classes_near,
    engine_of,
    factories_near,
    names_in,
    relatives,
    tensors_near,
)
from gradcheck_plugin.conventions.engines.gather import takes_several, with_operands
from gradcheck_plugin.conventions.engines.graphs import broadcasts, probe
from gradcheck_plugin.conventions.engines.ops import FunctionOp, optional_axis
from gradcheck_plugin.conventions.engines.settings import JOINS, LISTS, is_setting
from gradcheck_plugin.conventions.layers import context_pair
from gradcheck_plugin.conventions.tapes.torch_function import gradients_of
from gradcheck_plugin.model import Unbindable

__all__ = ["ORDER", "callers", "discover", "functions"]

ORDER = 2
_COMPARISONS = ("lt", "gt", "le", "ge", "eq", "ne", "less", "greater", "equal", "isclose", "all", "any")
_PAIRS = (("forward", "backward"), ("compute", "gradient"))


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Every Function subclass of the file; the Function itself and the class of tensors are no targets."""
    found = list(functions(defined))
    reduced = broadcasts([(e, o) for e, o in found if e is not None and isinstance(o, FunctionOp) and _written(o.cls)])
    for engine, op in found:
        cls = op.cls
        backward = next(b for f, b in _PAIRS if hasattr(cls, f))
        module, line, where = sys.modules[__name__], line_of(cls), f"{cls.__name__}.{backward}"
        roots = [c.__name__ for c in cls.__mro__[1:-1] if op.runner in vars(c)]
        used = (*roots, *([engine.tensor.__name__] if engine else []))
        objects: dict[str, Any] = {"op": op, "engine": engine}
        if engine is None:
            objects["reason"] = (
                f"no tensor for `{cls.__name__}` could be made: its class was not found, or is not written yet"
            )
        elif not _written(cls):
            objects["reason"] = f"`{cls.__name__}` has no {backward} of its own"
        elif takes_several(op) and LISTS.match(op.operands[0]) and JOINS.search(cls.__name__):
            objects["reason"] = f"`{cls.__name__}` takes no two tensors of its engine, in a list or out of it"
        elif cls.__name__.lower() in _COMPARISONS:
            objects["reason"] = "a comparison has no gradient"
        otherwise = context_pair.candidate(cls) if context_pair.has_context(cls) else None
        if op.shapes:
            objects["own"] = isinstance(op, DerivedOp)
        made = Candidate(cls.__name__, "layer", module, objects, op.operands, line, where, used, tuple(op.shapes))
        yield replace(made, otherwise=otherwise)
        if op in reduced:
            a, b = op.operands
            twin = FunctionOp(op.name, op.operands, cls=cls, runner=op.runner, built=op.built, order=op.order)
            domain = " @positive" if "@positive" in "".join(op.shapes) else ""
            shapes = (f"{a}: N D{domain}, {b}: D{domain} -> Y",)
            objects, shown = {"op": twin, "engine": engine, "own": True}, f"{cls.__name__} broadcast"
            yield Candidate(shown, "layer", module, objects, op.operands, line, where, shapes=shapes)


def functions(defined: Mapping[str, Any]) -> Iterator[tuple[Engine | None, FunctionOp]]:
    """The Function subclasses of a file as operations, each with its engine."""
    found = list(_alone(defined))
    for engine, op in found:
        if engine is not None:
            op = derived(engine, op, [o for e, o in found if e is engine and o is not op])
            if _written(op.cls):
                engine.ops.append(partial(probe, engine, op))
        yield engine, op


def _alone(defined: Mapping[str, Any]) -> Iterator[tuple[Engine | None, FunctionOp]]:
    """The same, each as it is by itself."""
    roots: dict[int, Engine | None] = {}
    engines: dict[int, Engine | None] = {}  # of each class of tensors
    classes = [c for c in defined.values() if inspect.isclass(c)]
    for cls in classes:
        runner = _runner(cls)
        if not runner or any(cls in c.__mro__[1:] and _runner(c) for c in classes if not _forward(cls)):
            continue
        root = next(c for c in cls.__mro__[1:] if runner in vars(c))
        if id(root) not in roots:
            for tensor in tensors_near(cls, runner):
                if id(tensor) not in engines:
                    engines[id(tensor)] = engine_of(tensor, None, factories_near(cls))
                roots[id(root)] = engines[id(tensor)]
                if roots[id(root)] is not None:
                    break
        engine, op = roots.get(id(root)), _operation(cls, runner)
        if op is not None and engine is not None:
            op = with_operands(engine, op, _packers(cls, runner))
        if op is not None:
            yield engine, op


def _packers(cls: Any, runner: str) -> Iterator[FunctionOp]:
    """Operations near a class that take any number of tensors: one of them may make the engine's own tuples."""
    for near in classes_near(cls) if runner == "__call__" and hasattr(cls, "gradient") else ():
        if _runner(near) == runner and (op := _operation(near, runner)) is not None and op.any_number and not op.built:
            yield op


def _runner(cls: Any) -> str:
    """The method of a base class that runs the forward and wraps its result: `apply`, or `__call__`; else ""."""
    if any(c.__module__.split(".")[0] in ("torch", "jax") for c in cls.__mro__):
        return ""
    if not any(hasattr(cls, f) and hasattr(cls, b) for f, b in _PAIRS):
        return ""
    bases = cls.__mro__[1:-1]
    if _context(cls) and any("apply" in vars(c) for c in bases):
        return "apply"
    calling = [vars(c)["__call__"] for c in bases if inspect.isfunction(vars(c).get("__call__"))]
    if ("__call__" in vars(cls) and cls.__subclasses__()) or not calling:
        return ""
    named = names_in(calling[0].__code__)
    return "__call__" if any(c.__name__ in named for t in tensors_near(cls, "__call__") for c in relatives(t)) else ""


def _forward(cls: Any) -> Any:
    """The forward that a class or one of its bases writes, not that of the root, which only announces it."""
    names = [f for f, _ in _PAIRS]
    owner = next((c for c in cls.__mro__[:-1] for n in names if n in vars(c)), None)
    return None if owner is None or _is_root(owner) else next(getattr(cls, n) for n in names if n in vars(owner))


def _is_root(cls: Any) -> bool:
    """Whether a class runs the forwards of others; one that only checks its own arguments has a base that runs."""
    runs = [c for c in cls.__mro__[:-1] if any(m in vars(c) for m in ("__call__", "apply"))]
    return cls in runs and (len(runs) == 1 or bool(cls.__subclasses__()))


def _context(cls: Any) -> bool:
    """Whether the forward is static with a context as its first argument."""
    for c in cls.__mro__[:-1]:
        member = vars(c).get("forward")
        if isinstance(member, staticmethod | classmethod):
            names = list(inspect.signature(member.__func__).parameters)
            return any(n in ("ctx", "context", "ctx_") for n in names[:2])
    return False


def _written(cls: Any) -> bool:
    """Whether the class or a base below the root writes the backward."""
    for name in ("backward", "gradient"):
        owner = next((c for c in cls.__mro__[:-1] if name in vars(c)), None)
        if owner is not None and not _is_root(owner):
            return True
    return False


def _with_places(cls: Any, names: tuple[str, ...]) -> frozenset[str]:
    """The arguments that are tensors by what a backward returns: a gradient, or None for statistics in front of one."""
    graded = gradients_of(cls, names)[1]  # of a setting there is none
    last = max((i for i, n in enumerate(names) if n in graded), default=0)
    return graded | {n for n in names[:last] if n in ("mean", "var")}


def _operation(cls: Any, runner: str) -> FunctionOp | None:
    forward = _forward(cls)
    if forward is None:
        return None
    try:
        instance = inspect.isfunction(inspect.getattr_static(cls, forward.__name__))
        signature = arguments(forward, method=instance or _context(cls))
        constructor = arguments(cls.__init__, method=True)
        built = constructor.required if runner == "__call__" else ()
    except Unbindable:
        return None
    required = signature.required or signature.names[:1]
    tensors = _with_places(cls, required) if _context(cls) else frozenset()
    operands = tuple(n for n in required if n in tensors or not (_context(cls) and is_setting(n))) or ("x",)
    axis = optional_axis(constructor if runner == "__call__" else signature)
    if runner == "apply" and axis and signature.names.index(axis) != len(required):
        axis = ""  # `apply` may take no keywords
    axes = "axes" if runner == "__call__" and constructor.defaults.get("axes", "") is None else ""
    kinds = [p.kind for p in inspect.signature(forward).parameters.values()]
    many = not signature.names and inspect.Parameter.VAR_POSITIONAL in kinds
    op = FunctionOp(cls.__name__, operands, axis=axis, axes=axes, cls=cls, runner=runner, built=built, order=required)
    return replace(op, any_number=many)
