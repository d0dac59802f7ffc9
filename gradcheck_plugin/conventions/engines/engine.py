"""An autograd engine of the user's own, through its public API: make a tensor, read its numbers, read its gradient.

An engine is known by its class of tensors (`Variable`, `Tensor`, `Value`). Whether that class holds arrays or single
numbers, how it is told to keep a gradient, and under which names numbers and gradient lie in it, is found by trying.
"""

from __future__ import annotations

import inspect
import itertools
import numbers
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any

import numpy as np

from gradcheck_plugin.author.namespaces import namespaces, plain
from gradcheck_plugin.model import Array
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.limits import TimeLimit, time_limit

SWITCHES = (
    "requires_grad",
    "require_grad",
    "requires_gradient",
    "autograd",
    "needs_grad",
    "track_grad",
    "grad_enabled",
)
DATA = ("data", "value", "val", "array", "v", "_data", "cached_data", "numpy")
GRADIENTS = ("grad", "gradient", "derivative", "_grad", "g")
TENSORS = ("Tensor", "Variable", "Value", "Scalar", "Var", "Node", "Number", "Dual")
_OF_ARRAYS = {"shape", "ndim", "ones_like", "zeros_like", "ndarray", "array", "asarray", "axis", "keepdims", "sum",
              "matmul", "dot", "broadcast_to", "expand_dims", "size"}  # fmt: skip
_PROBE = np.array([[0.25, 0.5]])


@dataclass(eq=False)
class Engine:
    """One class of tensors. `switches` are the constructor's flags that ask for a gradient.

    `ops` are the operations of the same file: where one of them ignores its upstream gradient, another tells whether
    the engine does. `proven` are the ways of giving an upstream gradient that were seen to work.
    """

    tensor: Any
    scalar: bool
    data: str = "data"
    switches: tuple[str, ...] = ()
    typed: bool = False
    factory: Any = None  # the function that makes tensors of nested lists, where the class itself takes none
    ops: list[Any] = field(default_factory=list)
    proven: list[Any] = field(default_factory=list)
    multiplies: dict[str, bool] = field(default_factory=dict)
    called: bool = False  # whether `data` is a method
    kept: bool = False  # whether the last gradient that was read was a tensor itself

    def make(self, value: Any, differentiable: bool = True) -> Any:
        """A tensor of an array, or of a number; always a new one, since gradients add up in `.grad`."""
        given: dict[str, Any] = dict.fromkeys(self.switches, differentiable)
        if not self.scalar:
            value = np.asarray(value)
            if self.typed:
                given["dtype"] = value.dtype.name
            if self.factory is not None:
                return self.factory(value.tolist(), **given)
        return self.tensor(value, **given)

    @cached_property
    def rounds(self) -> bool:
        """Whether a number becomes float32 in a tensor, as the loss does where arrays keep their type."""
        made = quietly(lambda: np.asarray(self.numbers(self.tensor(0.1))))
        return made is not None and made.dtype == np.float32

    def numbers(self, value: Any) -> Any:
        """The array or number inside a tensor or gradient, whose own memory it shares; None stays None."""
        for _ in range(4):
            if value is None or isinstance(value, np.ndarray | np.generic | numbers.Number):
                return value
            value = getattr(value, self.data, None) if hasattr(value, self.data) else None
            value = value() if inspect.ismethod(value) else value
        return None

    def gradient(self, tensor: Any) -> Any:
        """A copy of what the engine left as the gradient of a tensor: the next backward may write into the array."""
        held = getattr(tensor, self.gradient_name(tensor), None)
        found = self.numbers(held)
        if found is None:
            return None
        self.kept = type(held).__name__ == self.tensor.__name__
        return np.array(found)

    @property
    def reading(self) -> str:
        """The text that follows a tensor to give its numbers: `.data`, `.numpy()`."""
        return f".{self.data}{'()' if self.called else ''}"

    def gradient_name(self, tensor: Any) -> str:
        return next((n for n in GRADIENTS if hasattr(tensor, n)), "grad")

    def source(self, name: str) -> str:
        """The call that makes a tensor of the array `name`."""
        flags = "".join(f", {n}=True" for n in self.switches)
        typed = f", dtype={name}.dtype.name" if self.typed else ""
        return f"{self.tensor.__name__}({name if self.scalar else f'np.asarray({name})'}{flags}{typed})"


def engine_of(tensor: Any, scalar: bool | None = None, factories: Sequence[Any] = ()) -> Engine | None:
    """The engine of a class of tensors, or None where the class turns out to hold no numbers.

    `factories` are functions that may make its tensors where the class itself takes no arrays.
    """
    try:
        parameters = list(inspect.signature(tensor.__init__).parameters.values())[1:]
    except (TypeError, ValueError):
        return None
    switches = tuple(p.name for p in parameters if p.name in SWITCHES)
    typed = any(p.name == "dtype" and p.default not in (None, p.empty) for p in parameters)
    kinds = (True, False) if scalar is None else (scalar,)
    for single, asked in itertools.product(kinds, (True, False) if typed else (False,)):  # some refuse float64
        engine = Engine(tensor, single, switches=switches, typed=asked)
        value = 0.25 if single else _PROBE
        made = quietly(lambda engine=engine, value=value: engine.make(value))  # type: ignore[misc]
        for name in DATA if made is not None else ():
            held: Any = getattr(made, name, None)
            engine.called = inspect.ismethod(held)
            held = quietly(held) if engine.called else held
            if isinstance(held, np.ndarray | np.generic | numbers.Number) and np.array_equal(np.asarray(held), value):
                engine.data = name
                if not single or not _of_arrays(tensor) or scalar:
                    return engine
    for factory in factories:
        engine = Engine(tensor, False, "to_numpy", ("requires_grad",), factory=factory)
        made = quietly(lambda engine=engine: engine.make(_PROBE))  # type: ignore[misc]
        held = quietly(lambda engine=engine, made=made: engine.numbers(made))  # type: ignore[misc]
        if isinstance(made, tensor) and np.array_equal(held, _PROBE):
            return engine
    return None


def factories_near(function: Any) -> list[Any]:
    """The functions called `tensor` in the modules around a Function class."""
    found = (namespace.get("tensor") for namespace in namespaces(function))
    return [f for f in found if inspect.isfunction(f)]


def quietly(run: Callable[[], Any], seconds: float = 2.0) -> Any:
    """What a trial gives, or None where it raises or hangs."""
    try:
        with time_limit(seconds), frozen(0):
            return run()
    except (Exception, TimeLimit):
        return None


def outcome(run: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What a trial gives, and what the user's code raised in it."""
    try:
        with time_limit(2.0), frozen(0):
            return run(), None
    except UserCodeRaised as exc:
        return None, exc.cause
    except (Exception, TimeLimit) as exc:
        return None, exc


def _of_arrays(tensor: Any) -> bool:
    """Whether the methods of a class speak of arrays: what works for one number may still be meant for many."""
    methods = [m.__func__ if isinstance(m, staticmethod | classmethod) else m for m in vars(tensor).values()]
    methods = [m.fget if isinstance(m, property) else m for m in methods]
    return any(names_in(m.__code__) & _OF_ARRAYS for m in methods if inspect.isfunction(m))


def names_in(code: CodeType) -> set[str]:
    """The global names and attributes that a function uses, with those of the functions inside it."""
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return {*code.co_names, *(n for c in inner for n in names_in(c))}


def tensors_near(function: Any, runner: str) -> list[Any]:
    """Classes that may be the tensors of a Function class, likeliest first.

    They are looked for in the modules of the class and its bases, and in the modules that those import. `runner` is
    the method that wraps the results, `__call__` or `apply`: a class that it names comes first.
    """
    code = [m for c in function.__mro__ if (m := plain(vars(c).get(runner))) is not None]
    named = {n for m in code for n in names_in(m.__code__)}
    found: dict[int, Any] = {}
    for thing in classes_near(function):
        if thing not in function.__mro__ and _may_hold(thing, named):
            found.setdefault(id(thing), thing)
    rank = {n: i for i, n in enumerate(TENSORS)}

    def order(c: Any) -> tuple[bool, bool, int]:
        return c.__name__ not in named, not hasattr(c, "backward"), rank.get(c.__name__, len(rank))

    near = sorted(found.values(), key=order)
    kin = {c for t in near if t.__name__ in named for c in relatives(t)}  # of a tuple of tensors, the tensors
    return [c for c in near if c in kin] or near


def relatives(tensor: Any) -> set[Any]:
    """A class and those that share a base of the user's own with it."""
    return {tensor, *(c for base in tensor.__mro__[1:-1] for c in base.__subclasses__())}


def _may_hold(thing: Any, named: set[str]) -> bool:
    known = thing.__name__ in TENSORS or (thing.__name__ in named and hasattr(thing, "backward"))
    return known and thing.__module__.split(".")[0] not in ("torch", "builtins")


def classes_near(function: Any) -> Iterator[Any]:
    """The classes that the modules around a Function class know."""
    for namespace in namespaces(function):
        yield from (thing for thing in list(namespace.values()) if inspect.isclass(thing))


def as_floats(values: list[Any], shape: tuple[int, ...], like: Array) -> Array:
    """Numbers of single tensors as one array; float32 where they were made of float32."""
    array = np.array([np.asarray(v).item() if np.size(v) == 1 else np.nan for v in values], dtype=float).reshape(shape)
    return array.astype(np.float32) if like.dtype == np.float32 else array
