"""Whole networks: `loss(x, t)` with `gradient(x, t) -> {"W1": ...}`, or `loss(X, y) -> loss, grads`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission import state
from gradcheck_plugin.submission.built import Built, DrivesObjects, is_abstract
from gradcheck_plugin.submission.calls import Unbindable, guarded, private
from gradcheck_plugin.submission.constructor import option_of
from gradcheck_plugin.submission.conventions import Candidate
from gradcheck_plugin.submission.pasted import constructed, place
from gradcheck_plugin.submission.roles import label_first
from gradcheck_plugin.submission.signature import arguments, line_of
from gradcheck_plugin.submission.subject import Tape
from reference_impls.shapes import Layout

ORDER = 5
_GRADIENT = ("gradient", "gradients", "backprop", "backward", "grad", "derivative")


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
        names = signature.names[:2]
        inputs = names[::-1] if label_first(names) else names  # the prediction first, as the references have it
        kind = "network" if arguments(cls.__init__, method=True).names or _has_parameters(cls) else "loss"
        yield Candidate(name, kind, sys.modules[__name__], objects, inputs, line_of(cls), function)


def _takes(cls: type, method: str, count: int) -> bool:
    function = getattr(cls, method, None)
    if not inspect.isfunction(function):
        return False
    signature = arguments(function, method=True)
    return len(signature.required) <= count <= len(signature.names)


def _has_parameters(cls: type) -> bool:
    """Whether a class speaks of parameters; one that does not, and asks for nothing, is a loss."""
    try:
        return re.search(r"self\.(params|layers|[wWbB]\d*|weights?|bias(es)?)\b", inspect.getsource(cls)) is not None
    except (OSError, TypeError):
        return True


def _returns_pair(cls: Any) -> bool:
    try:
        return "return loss, grad" in inspect.getsource(cls.loss)
    except (OSError, TypeError):
        return False


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[Network]:
    """Fill the constructor with sizes; parameters are found on the object."""
    cls = candidate.objects["class"]
    if len(layout.inputs) != 2:
        raise Unbindable(f"{cls.__name__}.loss takes an input and labels")
    built = Built.plan_for(cls, layout, options, candidate.objects.get("instance"))
    names = arguments(cls.loss, method=True).names[2:]
    extra = {n: options[o] for n in names if (o := option_of(n, options))}
    return [Network(built, candidate.objects["gradient"], extra)]


@dataclass
class Network(DrivesObjects):
    """Drives one network; the object is built for each forward and its parameters are overwritten."""

    built: Built
    gradient: str | None
    extra: dict[str, Any]
    convention: str = "whole network"
    upstream: bool = False

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        obj = self.build(arrays)

        def given() -> list[Any]:
            return [private(arrays[n]) for n in self._order()]

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

    def _order(self) -> list[str]:
        """The arrays in the order of the loss's arguments."""
        names = [e.name for e in self.layout.inputs]
        return names[::-1] if label_first(arguments(self.built.cls.loss, method=True).names[:2]) else names

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
                path = state.gradient_path(obj, self.paths[entry.name])
                value = state.get(obj, path) if path is not None else None
            if value is not None:
                found[entry.name] = value
        return found

    def user_names(self) -> dict[str, str]:
        inputs = dict(zip(self._order(), arguments(self.built.cls.loss, method=True).names, strict=False))
        return inputs | self.built.names()

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        if not self.built.pastable:
            return []
        lines = [f"net = {constructed(self.built.cls, self.built.plan, self.layout, arrays)}"]
        lines += [f"net{place(p)}[...] = {arrays[n]}" for n, p in self.paths.items() if n not in self.built.given]
        given = ", ".join(arrays[e.name] for e in self.layout.inputs)
        extra = "".join(f", {k}={v!r}" for k, v in self.extra.items())
        loss = f"net.loss({given}{extra})"
        if not gradient:
            return [*lines, "loss, grads = " + loss if self.gradient is None else "loss = " + loss, "print(loss)"]
        if self.gradient:
            return [*lines, loss, f"grads = net.{self.gradient}({given})", "print(grads)"]
        return [*lines, f"loss, grads = {loss}", "print(grads)"]
