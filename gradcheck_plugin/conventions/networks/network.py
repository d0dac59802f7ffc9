"""Whole networks: `loss(x, t)` with `gradient(x, t) -> {"W1": ...}`, or `loss(X, y) -> loss, grads` in either order."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import Signature, arguments, line_of
from gradcheck_plugin.author.written import is_abstract
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.words import label_first
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.built import Built, DrivesObjects
from gradcheck_plugin.objects.constructor import option_of
from gradcheck_plugin.objects.pasted import constructed, place
from gradcheck_plugin.objects.strengths import VISIBLE, Strength, is_strength, of_arguments
from gradcheck_plugin.running.calls import guarded, private
from reference_impls.shapes import Layout

ORDER = 5
_GRADIENT = ("gradient", "gradients", "backprop", "backward", "grad", "derivative")
_BOTH = re.compile(
    r"(compute_|calc_|get_|eval_)?(loss|cost)_?(and_)?grad\w*|train_step|loss"
)  # the loss and its gradients
_RETURNS = re.compile(r"return \(?((loss|cost)\w*, *grad|grad\w*, *(loss|cost))")
_INITIAL = ("initial_state", "init_state", "init_hidden", "initial_hidden", "zero_state")


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes with a loss of two arguments and a way to its gradient."""
    for name, cls in defined.items():
        if not inspect.isclass(cls) or not (loss := _loss_of(cls)):
            continue
        if any(cls in getattr(c, "__mro__", ())[1:] for c in defined.values()) and is_abstract(cls):
            continue
        gradient = next((m for m in _GRADIENT if _takes(cls, m, 2)), None) if loss == "loss" else None
        if loss == "loss" and gradient is None and not _returns_both(getattr(cls, loss)):
            continue
        objects = {"class": cls, "loss": loss, "gradient": gradient}
        function = f"{name}.{gradient or loss}"
        names = arguments(getattr(cls, loss), method=True).names[:2]
        inputs = names[::-1] if label_first(names) else names  # the prediction first, as the references have it
        kind = "network" if arguments(cls.__init__, method=True).names or _has_parameters(cls) else "loss"
        yield Candidate(name, kind, sys.modules[__name__], objects, inputs, line_of(cls), function)


def _loss_of(cls: type) -> str:
    """The name of the method that gives the loss for an input and labels, and perhaps the gradients with it."""
    names = [n for n in ("loss", *dir(cls)) if _BOTH.fullmatch(n)]
    methods = [n for n in names if inspect.isfunction(inspect.getattr_static(cls, n, None))]
    for name in methods:
        signature = arguments(getattr(cls, name), method=True)
        asked = len(_asked(signature))
        states = asked == 3 and any(hasattr(cls, n) for n in _INITIAL)
        if len(signature.names) < 2 or not (asked <= 2 or states):
            continue
        # many a `train_step` takes its step, and a `loss_grad` may give nothing but the gradient
        if name == "loss" or "_and_" in name or _returns_both(getattr(cls, name)):
            return name
    return ""


def _asked(signature: Signature) -> tuple[str, ...]:
    """The arguments that a call must have, but for the strength of a penalty, which any number may be."""
    return tuple(n for n in signature.required if not is_strength(n, 0.0))


def _takes(cls: type, method: str, count: int) -> bool:
    function = getattr(cls, method, None)
    if not inspect.isfunction(function):
        return False
    signature = arguments(function, method=True)
    return len(_asked(signature)) <= count <= len(signature.names)


def _has_parameters(cls: type) -> bool:
    """Whether a class speaks of parameters; one that does not, and asks for nothing, is a loss."""
    try:
        return re.search(r"self\.(params|layers|[wWbB]\d*|weights?|bias(es)?)\b", inspect.getsource(cls)) is not None
    except (OSError, TypeError):
        return True


def _returns_both(function: Any) -> bool:
    try:
        return _RETURNS.search(inspect.getsource(function)) is not None
    except (OSError, TypeError):
        return False


def _parts(result: Any) -> tuple[str, ...]:
    """What a method returned: its loss, perhaps the gradients, and what else it hands on."""
    if not isinstance(result, tuple) or len(result) < 2:
        return ("loss",)
    numbers = [i for i, r in enumerate(result) if not isinstance(r, dict | list | tuple) and np.ndim(r) == 0]
    loss = numbers[0] if numbers else 0
    boxes = [i for i, r in enumerate(result) if isinstance(r, dict | list | tuple)]
    grads = (boxes or [i for i in range(len(result)) if i != loss])[0]
    return tuple({loss: "loss", grads: "grads"}.get(i, f"_{i}") for i in range(len(result)))


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[Network]:
    """Fill the constructor with sizes; parameters are found on the object."""
    cls = candidate.objects["class"]
    if len(layout.inputs) != 2:
        raise Unbindable(f"{cls.__name__}.loss takes an input and labels")
    built = Built.plan_for(cls, layout, options, candidate.reading.instance)
    loss = candidate.objects["loss"]
    gradient = candidate.objects["gradient"]
    methods = [arguments(getattr(cls, m), method=True) for m in (loss, gradient) if m]
    extra: dict[str, Any] = {n: VISIBLE for m in methods for n in m.required[2:] if is_strength(n, 0.0)}
    extra |= {n: options[o] for n in methods[0].names[2:] if (o := option_of(n, options))}
    return [Network(built, gradient, extra, loss)]


def _element(value: Array) -> Any:
    """The label of one sample as it comes out of an array of labels: a float of NumPy's, which can be `t[None]`."""
    return value[()] if value.dtype.kind == "f" else private(value)


@dataclass
class Network(DrivesObjects, Caller):
    """Drives one network; the object is built for each forward and its parameters are overwritten."""

    built: Built
    gradient: str | None
    extra: dict[str, Any]
    loss: str = "loss"
    convention: str = "whole network"
    upstream: bool = False
    parts: tuple[str, ...] = ("loss",)
    left: dict[str, state.Path] = field(default_factory=dict)  # where it leaves gradients that it does not return

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        obj = self.build(arrays)

        def given() -> list[Any]:
            return [_element(arrays[n]) if not arrays[n].ndim else private(arrays[n]) for n in self._order()]

        state_first = [guarded("loss", getattr(obj, self.initial))] if self.initial else []
        result = guarded("loss", getattr(obj, self.loss), *given(), *state_first, **self._extra(self.loss))
        self.parts = _parts(result)
        came = dict(zip(self.parts, result, strict=True)) if len(self.parts) > 1 else {"loss": result}

        def backward(dy: Any) -> dict[str, Any]:
            if not self.gradient:
                return self.collect(obj, came.get("grads"))
            extra = self._extra(self.gradient)
            run = partial(guarded, self.gradient, getattr(obj, self.gradient), *given(), **extra)
            return self.collect(obj, self.watched(obj, run))

        return Tape(came["loss"], backward)

    @property
    def initial(self) -> str:
        """The method that gives the state before the first step, where the loss asks for one."""
        required = _asked(arguments(getattr(self.built.cls, self.loss), method=True))
        return next((n for n in _INITIAL if hasattr(self.built.cls, n)), "") if len(required) == 3 else ""

    def strengths(self, arrays: Mapping[str, Array]) -> list[Strength]:
        """The strengths of penalties: arguments of the loss and the gradient, of the constructor, or attributes."""
        methods = [getattr(self.built.cls, n) for n in (self.loss, self.gradient) if n]
        asked = [s for m in methods for s in of_arguments(arguments(m, method=True), self.extra, 2)]
        return [*dict.fromkeys(asked), *self.built.strengths(self.build(arrays))]

    def weighted(self, values: Mapping[Strength, float]) -> Network:
        extra = self.extra | {s.name: v for s, v in values.items() if s.place == "call"}
        return replace(self, built=self.built.weighted(values), extra=extra, left={})

    def _extra(self, method: str) -> dict[str, Any]:
        names = arguments(getattr(self.built.cls, method), method=True).names
        return {n: v for n, v in self.extra.items() if n in names}

    def _order(self) -> list[str]:
        """The arrays in the order of the loss's arguments."""
        names = [e.name for e in self.layout.inputs]
        return names[::-1] if label_first(self._arguments()) else names

    def _arguments(self) -> tuple[str, ...]:
        return tuple(arguments(getattr(self.built.cls, self.loss), method=True).names[:2])

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
                path = self.gradient_path(obj, entry.name)
                if path is not None:
                    value, self.left[entry.name] = state.get(obj, path), path
            if value is not None:
                found[entry.name] = value
        return found

    def user_names(self) -> dict[str, str]:
        inputs = dict(zip(self._order(), self._arguments(), strict=True))
        return inputs | self.built.names()

    def code(self) -> Code:
        cls = self.built.cls
        return Code.of(getattr(cls, self.loss, None), getattr(cls, self.gradient or self.loss, None), cls, *self.used)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        if not self.built.pastable:
            return []
        lines = [f"net = {constructed(self.built.cls, self.built.plan, self.layout, arrays)}"]
        lines += self.assignments("net", arrays)
        given = ", ".join([arrays[n] for n in self._order()] + [f"net.{self.initial}()"] * bool(self.initial))
        lines += [f"net.{n} = {v!r}" for n, v in self.built.attributes.items()]
        extra, again = (
            "".join(f", {k}={v!r}" for k, v in self._extra(m).items()) for m in (self.loss, self.gradient or self.loss)
        )
        loss = f"net.{self.loss}({given}{extra})"
        parts = f"{', '.join(self.parts)} = {loss}"
        if not gradient:
            return [*lines, parts, "print(loss)"]
        if self.gradient:
            return [*lines, loss, f"grads = net.{self.gradient}({given}{again})", "print(grads)"]
        return [*lines, parts, f"print(net{place(self.left[gradient])})" if gradient in self.left else "print(grads)"]
