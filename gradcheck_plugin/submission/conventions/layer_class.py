"""Classes with `forward(x)` and `backward(dout)`.

Parameters come through the constructor or lie in attributes, lists, dictionaries or Param objects; their gradients in
`dW`-like attributes, in `grads`, or in what backward returns. Losses of the same shape (`forward(x, t)`,
`backward(dout=1)`) are driven here too. Every forward runs on an object made anew, so nothing is carried over.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission import state
from gradcheck_plugin.submission.calls import Unbindable, frozen, guarded, private
from gradcheck_plugin.submission.conventions import (
    Candidate,
    arguments,
    axis_sizes,
    filled,
    line_of,
    plan_arguments,
    size_source,
)
from gradcheck_plugin.submission.conventions.network import is_abstract
from gradcheck_plugin.submission.subject import Tape
from reference_impls.shapes import Layout

ORDER = 30
_MODES = ("train_flg", "train_flag", "training", "is_train", "is_training", "train")
_OUTPUTS = ("output", "outputs", "out", "y", "loss")
_INPUT_GRADIENTS = ("dinputs", "dx", "dinput", "d_inputs", "grad_input", "dInputs", "dX")


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes that have both methods; an abstract base of other classes in the file is passed over."""
    classes = [c for c in defined.values() if inspect.isclass(c)]
    cls: Any
    for name, cls in defined.items():
        if not inspect.isclass(cls) or not all(callable(getattr(cls, m, None)) for m in ("forward", "backward")):
            continue
        if _static(cls, "forward"):
            continue
        own = any(m in vars(cls) for m in ("forward", "backward", "__init__"))
        abstract = any(cls in other.__mro__[1:] for other in classes) and is_abstract(cls)
        if not own or abstract or _is_torch(cls):
            continue
        driven: Any = cls
        forward = arguments(driven.forward, method=True)
        inputs = tuple(n for n in forward.required)
        kind = "loss" if len(inputs) == 2 and not arguments(driven.backward, method=True).required else "layer"
        yield Candidate(name, kind, sys.modules[__name__], {"class": cls}, inputs, line_of(cls), f"{name}.backward")


def _static(cls: type, name: str) -> bool:
    return isinstance(inspect.getattr_static(cls, name), staticmethod)


def _is_container(cls: Any) -> bool:
    try:
        parameters = inspect.signature(cls.__init__).parameters.values()
    except (TypeError, ValueError):
        return False
    own = "__init__" in vars(cls)
    layers = [p for p in parameters if p.name in ("layers", "modules", "blocks")]
    return own and bool(layers or any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters))


def _is_torch(cls: type) -> bool:
    return any(base.__module__.split(".")[0] == "torch" for base in cls.__mro__)


def caller(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> LayerClass:
    """Work out the constructor and the order of the inputs for the arrays of `layout`."""
    cls = candidate.objects["class"]
    instance = candidate.objects.get("instance")
    if instance is None and _is_container(cls):
        raise Unbindable(f"{cls.__name__} is a container of other layers; check those")
    inputs = [e.name for e in layout.inputs]
    forward = arguments(cls.forward, method=True)
    usable = [n for n in forward.names if n not in forward.defaults or n.lower() not in _MODES]
    if not len(forward.required) <= len(inputs) <= len(usable):
        raise Unbindable(f"{cls.__name__}.forward takes {len(forward.required)} arrays, not {len(inputs)}")
    backward = arguments(cls.backward, method=True)
    if len(backward.required) > 1:
        raise Unbindable(f"{cls.__name__}.backward wants {', '.join(backward.required)}, not one upstream gradient")
    made = LayerClass(cls, layout, tuple(inputs), instance=instance)
    made.upstream = bool(backward.required) or (bool(backward.names) and bool(layout.output.dims))
    made.optional_upstream = bool(backward.names) and not made.upstream
    if instance is None:
        made.plan = plan_arguments(arguments(cls.__init__, method=True), layout, options, cls.__name__)
    return made


@dataclass
class LayerClass:
    """Drives one class; the object is built for each forward from the arrays of the case."""

    cls: Any
    layout: Layout
    inputs: tuple[str, ...]
    plan: dict[str, tuple[str, Any]] = field(default_factory=dict)
    instance: Any = None
    upstream: bool = True
    optional_upstream: bool = False
    paths: dict[str, state.Path] = field(default_factory=dict)
    gradients: dict[str, state.Path] = field(default_factory=dict)
    convention: str = "class layer"

    def build(self, arrays: Mapping[str, Array]) -> Any:
        """A fresh object that holds the parameters of the case."""
        if self.instance is not None:
            import copy

            obj = copy.deepcopy(self.instance)
        else:
            sizes = axis_sizes(self.layout, arrays)
            obj = guarded("__init__", self.cls, **filled(self.plan, arrays, sizes))
        given = {v for kind, v in self.plan.values() if kind == "array"}
        for entry in self.layout.params:
            path = self._path(obj, entry.name, arrays[entry.name])
            if entry.name not in given:
                state.put(obj, path, arrays[entry.name])
        return obj

    def _path(self, obj: Any, name: str, value: Array) -> state.Path:
        """Where the object keeps a parameter: looked up once, by name, then by order."""
        if name in self.paths:
            return self.paths[name]
        given = next((a for a, (kind, v) in self.plan.items() if kind == "array" and v == name), None)
        held = [(p, a) for p, a in state.leaves(obj) if state.is_parameter(p)]
        if given is not None:
            kept = [p for p, a in held if a.shape == value.shape and np.array_equal(a, value)]
            return self.paths.setdefault(name, kept[0] if kept else (("attr", given),))
        named = [(p, a) for p, a in held if state.same(state.label(p), name)]
        ordered = [e.name for e in self.layout.params]
        if not named and len(held) == len(ordered):
            named = [held[ordered.index(name)]]
        if not named:
            raise Unbindable(f"no attribute of {self.cls.__name__} holds its parameter `{name}`")
        path, array = named[0]
        if array.shape != value.shape:
            raise Unbindable(f"{self.cls.__name__}.{state.label(path)} has shape {array.shape}, not {value.shape}")
        return self.paths.setdefault(name, path)

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        obj = self.build(arrays)
        out = guarded("forward", obj.forward, *(private(arrays[n]) for n in self.inputs))
        if out is None:
            out = next((getattr(obj, n) for n in _OUTPUTS if getattr(obj, n, None) is not None), None)

        def backward(dy: Any) -> dict[str, Any]:
            returned = guarded("backward", obj.backward, *((dy,) if self.upstream else ()))
            return self.collect(obj, returned)

        return Tape(out, backward)

    def forward_after(self, before: Mapping[str, Array], arrays: Mapping[str, Array]) -> Tape:
        """The forward of a case on an object that has already run the inputs of another one."""
        obj = self.build(arrays)
        with frozen(0):  # leaves the random states as they were: a second dropout mask is no fault
            guarded("forward", obj.forward, *(private(before[n]) for n in self.inputs))
        out = guarded("forward", obj.forward, *(private(arrays[n]) for n in self.inputs))

        def backward(dy: Any) -> dict[str, Any]:
            return self.collect(obj, guarded("backward", obj.backward, *((dy,) if self.upstream else ())))

        return Tape(out, backward)

    def backward_with(self, arrays: Mapping[str, Array], dy: float) -> dict[str, Any]:
        """The gradients of a loss for an upstream gradient that its backward takes but does not ask for."""
        obj = self.build(arrays)
        guarded("forward", obj.forward, *(private(arrays[n]) for n in self.inputs))
        return self.collect(obj, guarded("backward", obj.backward, dy))

    def collect(self, obj: Any, returned: Any) -> dict[str, Any]:
        """The gradients by array name, from what backward returned and what it left on the object."""
        inputs = [e.name for e in self.layout.inputs if e.differentiable]
        params = [e.name for e in self.layout.params]
        found: dict[str, Any] = {}
        if isinstance(returned, dict):
            found = {n: g for n in (*inputs, *params) if (g := state.returned_as(n, returned)) is not None}
        elif isinstance(returned, tuple | list):
            order = [*inputs, *params]
            found = dict(zip(order[: len(returned)], returned, strict=False))
        elif returned is not None:
            found = {inputs[0]: returned} if inputs else {}
        else:
            left = next((n for n in _INPUT_GRADIENTS if getattr(obj, n, None) is not None), None)
            found = {inputs[0]: getattr(obj, left)} if left and inputs else {}
        for name in params:
            if name not in found and name in self.paths:
                paths = state.gradient_paths(obj, self.paths[name])
                if paths:
                    self.gradients[name] = paths[0]
                    found[name] = state.get(obj, paths[0])
        return found

    def user_names(self) -> dict[str, str]:
        """The user's names: of the forward's arguments, and of the places that hold the parameters."""
        arguments_ = arguments(self.cls.forward, method=True).names
        names = dict(zip(self.inputs, arguments_, strict=False))
        given = {v: a for a, (kind, v) in self.plan.items() if kind == "array"}
        return names | {p: given.get(p) or state.label(path) for p, path in self.paths.items()}

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        if self.instance is not None:
            return []

        def source(kind: str, what: Any) -> str:
            return str(what) if kind == "array" else size_source(self.layout, what) if kind == "size" else repr(what)

        args = ", ".join(f"{a}={source(kind, v)}" for a, (kind, v) in self.plan.items())
        lines = [f"layer = {self.cls.__name__}({args})"]
        for name, path in self.paths.items():
            if name not in [v for kind, v in self.plan.values() if kind == "array"]:
                lines.append(f"layer{_code(path)} = {name}")
        lines.append(f"out = layer.forward({', '.join(self.inputs)})")
        lines.append(f"dx = layer.backward({dy if self.upstream else ''})")
        if gradient in self.gradients:
            return [*lines, f"print(layer{_code(self.gradients[gradient])})"]
        return [*lines, "print(dx)"]


def _code(path: state.Path) -> str:
    return "".join(f".{key}" if kind == "attr" else f"[{key!r}]" for kind, key in path)
