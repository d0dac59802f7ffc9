"""Operations of an engine: subclasses of its Function class, methods and operators of its tensors, small graphs.

Each knows its operands, the shapes to try, how it is called, and the source text of that call.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import Signature, arguments
from gradcheck_plugin.conventions.engines.engine import Engine
from gradcheck_plugin.conventions.engines.settings import CONSTANT, is_setting, setting, shapes_for
from gradcheck_plugin.model import Unbindable

BINARY: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "add": (operator.add, "+"), "sub": (operator.sub, "-"), "mul": (operator.mul, "*"),
    "truediv": (operator.truediv, "/"), "matmul": (operator.matmul, "@"), "pow": (operator.pow, "**"),
}  # fmt: skip


@dataclass(eq=False)
class Op:
    """One operation. `feed` is how its upstream gradient is given, once that is known; `form` how it is called."""

    name: str
    operands: tuple[str, ...]
    feed: Any = None
    form: str = ""
    axis: str = ""  # an argument for an axis that is None by default: given where a reference has one
    axes: str = ""  # one for several of them
    cause: str = ""  # the code of the one fault that can make its gradient wrong

    @property
    def shapes(self) -> list[str]:
        return shapes_for(self.name, self.operands)

    def run(self, engine: Engine, tensors: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, Any]:
        """The output, and the node that knows the way back where it is an object of its own."""
        raise NotImplementedError

    @property
    def classes(self) -> tuple[Any, ...]:
        """The user's classes, other than that of the tensors, that its source names."""
        return ()

    def source(self, names: Sequence[str]) -> list[str]:
        """Lines that compute `out` from tensors of these names; [] where they cannot be written down."""
        return []


@dataclass(eq=False)
class FunctionOp(Op):
    """A subclass of the engine's Function: an object that is called, or a class with `apply`."""

    cls: Any = None
    runner: str = "__call__"
    built: tuple[str, ...] = ()  # arguments of the constructor
    order: tuple[str, ...] = ()  # all arguments of the forward
    gathered: str = ""  # how one argument gets all operands: as a "list", or "packed" by another operation
    packer: Any = None  # the class of the operation that packs tensors
    any_number: bool = False  # whether the forward is written for any number of tensors
    written: str = field(default="", init=False)

    @property
    def classes(self) -> tuple[Any, ...]:
        return (self.cls,)

    def run(self, engine: Engine, tensors: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, Any]:
        shape = np.shape(engine.numbers(tensors[0]))
        given = dict(zip(self.operands, tensors, strict=True))
        if self.gathered:
            given = {self.argument: self.gather(tensors)}
        names = (*self.built, *self.order, *([self.axis] if self.axis and "axis" in options else []))
        values = self.constants(engine)
        values |= {n: setting(n, self.cls.__name__, shape, options) for n in names if n not in (*given, *values)}
        if self.runner == "__call__":
            built = {n: v for n, v in values.items() if n in (*self.built, self.axis)}
            node = self.cls(**built)
            settings = ", ".join(f"{n}={v!r}" for n, v in built.items())
            flags = [f"{n}={v}" for n, v in self.folding.items()]
            self.written = f"{self.cls.__name__}({settings})({', '.join([*map(self._text, given), *flags])})"
            return node(*given.values(), **self.folding), node
        return self._applied(engine, given, values), None

    def constants(self, engine: Engine) -> dict[str, Any]:
        """Arguments that are neither operands nor told by their names."""
        return {}

    @property
    def folding(self) -> dict[str, bool]:
        """The flags of a call that would give back an operand without the operation, turned off."""
        own = arguments(self.cls.__call__, method=True).defaults
        return {n: False for n, value in own.items() if n.startswith("fold") and value is True}

    @property
    def argument(self) -> str:
        """The argument that gets all operands, whose names are its own with numbers."""
        return self.operands[0].removesuffix("0")

    def gather(self, tensors: Sequence[Any]) -> Any:
        """Tensors in the form in which the operation takes them."""
        return self.packer()(*tensors) if self.gathered == "packed" else [*tensors]

    def _text(self, argument: str) -> str:
        if not self.gathered:
            return f"{{{argument}}}"
        inner = ", ".join(f"{{{n}}}" for n in self.operands)
        return f"{self.packer.__name__}()({inner})" if self.gathered == "packed" else f"[{inner}]"

    def _applied(self, engine: Engine, given: Mapping[str, Any], values: dict[str, Any]) -> Any:
        """`F.apply`, with settings by their places, as keywords, or as tensors; else the tensors' own method."""
        apply = getattr(self.cls, "apply")  # noqa: B009
        bound = [] if hasattr(apply, "__self__") or _static(self.cls, "apply") else [self.cls]
        faults: list[Exception] = []
        for form in (self.form,) if self.form else ("places", "keywords", "tensors", "method"):
            if form in ("keywords", "tensors") and not values:
                continue
            try:
                if form == "method":
                    out = self._method(given, values)
                elif form == "keywords":
                    out = apply(*bound, *given.values(), **values)
                else:
                    wrap = engine.make if form == "tensors" else _same
                    places = [given[n] if n in given else wrap(values[n]) for n in self._places(values)]
                    out = apply(*bound, *places)
            except Unbindable:
                raise
            except Exception as exc:
                faults.append(exc)
                if isinstance(exc, NotImplementedError):
                    break
                continue
            self.form = form if values or form == "method" else ""
            self.written = self._apply_text(form, values, bool(bound))
            return out
        fault = next((f for f in faults if isinstance(f, NotImplementedError)), faults[0])
        lacks = rf"'{self.cls.__name__}' object has no attribute '(\w+)'"
        if missing := next((m for f in faults if (m := re.search(lacks, str(f)))), None):
            raise Unbindable(f"`apply` needs `{missing[1]}`, which something else sets on `{self.cls.__name__}`")
        raise fault

    def _places(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        return (*self.order, self.axis) if self.axis in values else self.order

    def _method(self, given: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        first, *rest = given.values()
        low = self.cls.__name__.lower()
        method = getattr(first, low, None) or getattr(first, f"__{low}__", None)
        if method is None:
            raise AttributeError(f"no method {low}")
        return method(*rest, **values)

    def _apply_text(self, form: str, values: Mapping[str, Any], itself: bool) -> str:
        if form not in ("keywords", "places"):
            return ""
        named = [f"{n}={v!r}" for n, v in values.items()] if form == "keywords" else []
        operands = [self.argument] if self.gathered else self.operands
        order = operands if form == "keywords" else self._places(values)
        places = [self._text(n) if n in operands else repr(values[n]) for n in order]
        own = [self.cls.__name__] if itself else []
        return f"{self.cls.__name__}.apply({', '.join([*own, *places, *named])})"

    def source(self, names: Sequence[str]) -> list[str]:
        given = dict(zip(self.operands, names, strict=True))
        text = re.sub(r"[{](\w+)[}]", lambda m: given[m[1]], self.written)
        return [f"out = {text}"] if text else []


def _same(value: Any) -> Any:
    return value


def _static(cls: Any, name: str) -> bool:
    return any(isinstance(vars(c).get(name), staticmethod) for c in cls.__mro__)


@dataclass(eq=False)
class MethodOp(Op):
    """A method or operator of the class of tensors. `number` is the other operand where that is no tensor."""

    method: str = ""
    settings: tuple[str, ...] = ()
    number: float | None = None
    values: tuple[Any, ...] = ()  # of the settings, in the last run
    named: dict[str, Any] = field(default_factory=dict)

    def run(self, engine: Engine, tensors: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, Any]:
        low = self.method.strip("_")
        if self.method.startswith("__") and (low in BINARY or low[1:] in BINARY):
            both = [*tensors, *([] if self.number is None else [self.number])]
            if low not in BINARY:
                low, both = low[1:], both[::-1]
            return BINARY[low][0](*both), None
        shape = np.shape(engine.numbers(tensors[0]))
        self.values = tuple(setting(n, low, shape, options) for n in self.settings)
        axis = [self.axis] if self.axis and "axis" in options else []
        self.named = {n: setting(n, low, shape, options) for n in axis}
        method = getattr(tensors[0], self.method)
        return method(*tensors[1:], *self.values, **self.named), None

    def source(self, names: Sequence[str]) -> list[str]:
        low = self.method.strip("_")
        both = [*names, *([] if self.number is None else [repr(self.number)])]
        if self.method.startswith("__") and low in BINARY:
            return [f"out = {both[0]} {BINARY[low][1]} {both[1]}"]
        if self.method.startswith("__") and low[1:] in BINARY:
            return [f"out = {both[1]} {BINARY[low[1:]][1]} {both[0]}"]
        if self.method in ("__neg__", "__abs__"):
            return [f"out = -{names[0]}" if low == "neg" else f"out = abs({names[0]})"]
        given = [*names[1:], *map(repr, self.values), *(f"{n}={v!r}" for n, v in self.named.items())]
        return [f"out = {names[0]}.{self.method}({', '.join(given)})"]


def method_op(cls: Any, method: str) -> MethodOp | None:
    """The operation that a method would be, by its name and arguments; None where it can be none."""
    low = method.strip("_")
    try:
        signature = arguments(getattr(cls, method), method=True)
        required = signature.required
    except Unbindable:
        return None
    if method.startswith("__"):
        if low in BINARY:
            other = required[0] if required else "other"
            return MethodOp(low, ("self", other), method=method)
        if low.startswith("r") and low[1:] in BINARY and low != "rmatmul":
            return MethodOp(low, ("self",), method=method, number=CONSTANT)
        return MethodOp(low, ("self",), method=method) if low in ("neg", "abs") else None
    settings = tuple(n for n in required if is_setting(n))
    operands = ("self", *(n for n in required if n not in settings))
    axis = optional_axis(signature)
    return MethodOp(low, operands, axis=axis, method=method, settings=settings) if len(operands) <= 2 else None


def optional_axis(signature: Signature) -> str:
    """The argument for an axis that is None by default, or ""."""
    return next((n for n in ("axis", "dim") if signature.defaults.get(n, "") is None), "")
