"""Whole networks: `loss(x, t)` with `gradient(x, t) -> {"W1": ...}`, or `loss(X, y) -> loss, grads`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission import state
from gradcheck_plugin.submission.calls import Unbindable, guarded, private
from gradcheck_plugin.submission.conventions import (
    OPTION_NAMES,
    Candidate,
    arguments,
    axis_sizes,
    filled,
    line_of,
    plan_arguments,
    size_source,
)
from gradcheck_plugin.submission.subject import Tape
from reference_impls.shapes import Layout

ORDER = 5
_GRADIENT = ("gradient", "gradients", "backprop", "backward", "grad")


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes with a loss of two arguments and a way to its gradient."""
    for name, cls in defined.items():
        loss = getattr(cls, "loss", None)
        if not inspect.isclass(cls) or not inspect.isfunction(loss):
            continue
        if any(cls in getattr(c, "__mro__", ())[1:] for c in defined.values()) and is_abstract(cls):
            continue
        signature = arguments(loss, method=True)
        if len(signature.names) < 2 or len(signature.required) > 2:
            continue
        gradient = next((m for m in _GRADIENT if _takes(cls, m, 2)), None)
        if gradient is None and not _returns_pair(cls):
            continue
        objects = {"class": cls, "gradient": gradient}
        function = f"{name}.{gradient or 'loss'}"
        yield Candidate(name, "network", sys.modules[__name__], objects, signature.names[:2], line_of(cls), function)


def is_abstract(cls: type) -> bool:
    """Whether a class only announces its methods, for others to write."""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return False
    return "NotImplementedError" in source or "abstractmethod" in source or "pass" in source


def _takes(cls: type, method: str, count: int) -> bool:
    function = getattr(cls, method, None)
    if not inspect.isfunction(function):
        return False
    signature = arguments(function, method=True)
    return len(signature.required) <= count <= len(signature.names)


def _returns_pair(cls: Any) -> bool:
    try:
        return "return loss, grad" in inspect.getsource(cls.loss)
    except (OSError, TypeError):
        return False


def caller(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> Network:
    """Fill the constructor with sizes; parameters are found on the object."""
    cls = candidate.objects["class"]
    if len(layout.inputs) != 2:
        raise Unbindable(f"{cls.__name__}.loss takes an input and labels")
    plan = {}
    if "instance" not in candidate.objects:
        plan = plan_arguments(arguments(cls.__init__, method=True), layout, options, cls.__name__)
    names = arguments(cls.loss, method=True).names[2:]
    extra = {n: options[o] for n in names for o, group in OPTION_NAMES.items() if o in options and n.lower() in group}
    return Network(cls, layout, candidate.objects["gradient"], plan, extra, candidate.objects.get("instance"))


@dataclass
class Network:
    """Drives one network; the object is built for each forward and its parameters are overwritten."""

    cls: Any
    layout: Layout
    gradient: str | None
    plan: dict[str, tuple[str, Any]]
    extra: dict[str, Any]
    instance: Any = None
    paths: dict[str, state.Path] = field(default_factory=dict)
    convention: str = "whole network"
    upstream: bool = False

    def build(self, arrays: Mapping[str, Array]) -> Any:
        if self.instance is not None:
            import copy

            obj = copy.deepcopy(self.instance)
        else:
            sizes = axis_sizes(self.layout, arrays)
            obj = guarded("__init__", self.cls, **filled(self.plan, arrays, sizes))
        for entry in self.layout.params:
            state.put(obj, self._path(obj, entry.name, arrays[entry.name]), arrays[entry.name])
        return obj

    def _path(self, obj: Any, name: str, value: Array) -> state.Path:
        if name not in self.paths:
            held = [(p, a) for p, a in state.leaves(obj) if state.is_parameter(p)]
            named = [(p, a) for p, a in held if state.label(p) == name or state.same(state.label(p), name)]
            if not named:
                raise Unbindable(f"no attribute of {self.cls.__name__} holds its parameter `{name}`")
            if named[0][1].shape != value.shape:
                raise Unbindable(f"{self.cls.__name__}: `{name}` has shape {named[0][1].shape}, not {value.shape}")
            self.paths[name] = named[0][0]
        return self.paths[name]

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        obj = self.build(arrays)

        def given() -> list[Any]:
            return [private(arrays[e.name]) for e in self.layout.inputs]

        result = guarded("loss", obj.loss, *given(), **self.extra)
        pair = isinstance(result, tuple)
        loss = result[0] if pair else result

        def backward(dy: Any) -> dict[str, Any]:
            if self.gradient:
                returned = guarded(self.gradient, getattr(obj, self.gradient), *given())
            else:
                again = result if pair else guarded("loss", obj.loss, *given(), **self.extra)
                returned = again[1] if isinstance(again, tuple) else None
            return self.collect(obj, returned)

        return Tape(loss, backward)

    def collect(self, obj: Any, returned: Any) -> dict[str, Any]:
        if not self.layout.params and not isinstance(returned, dict | tuple | list | type(None)):
            return {self.layout.inputs[0].name: returned}  # a loss with a `grad(y, t)` of its own
        found = {}
        for entry in self.layout.params:
            key = state.label(self.paths[entry.name])
            value = state.returned_as(key, returned)
            if value is None and isinstance(returned, tuple | list):
                value = dict(enumerate(returned)).get([e.name for e in self.layout.params].index(entry.name))
            if value is None and returned is None:
                paths = state.gradient_paths(obj, self.paths[entry.name])
                value = state.get(obj, paths[0]) if paths else None
            if value is not None:
                found[entry.name] = value
        return found

    def user_names(self) -> dict[str, str]:
        inputs = dict(
            zip((e.name for e in self.layout.inputs), arguments(self.cls.loss, method=True).names, strict=False)
        )
        return inputs | {n: state.label(p) for n, p in self.paths.items()}

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        if self.instance is not None or gradient not in self.paths:
            return []
        sizes = {e.name: f"{e.name}.shape" for e in self.layout.params}
        args = ", ".join(f"{a}={arrays.get(str(v), repr(v))}" for a, (kind, v) in self.plan.items() if kind == "value")
        shapes = [f"{a}={size_source(self.layout, str(v))}" for a, (kind, v) in self.plan.items() if kind == "size"]
        lines = [f"net = {self.cls.__name__}({', '.join(filter(None, [*shapes, args]))})"] if sizes else []
        for name, path in self.paths.items():
            code = "".join(f".{key}" if kind == "attr" else f"[{key!r}]" for kind, key in path)
            lines.append(f"net{code}[...] = {name}")
        given = ", ".join(e.name for e in self.layout.inputs)
        extra = "".join(f", {k}={v!r}" for k, v in self.extra.items())
        key = state.label(self.paths[gradient])
        if self.gradient and gradient in self.paths:
            return [*lines, f"net.loss({given})", f"print(net.{self.gradient}({given})[{key!r}])"]
        return [*lines, f"loss, grads = net.loss({given}{extra})", f"print(grads[{key!r}])"]
