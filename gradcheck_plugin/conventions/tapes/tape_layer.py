"""Layers and losses over an engine of operations: forward tells it of each, and the engine goes back through them.

The engine comes through the constructor. The gradient of the input is what the engine keeps for the very array that
forward was given; those of the parameters lie on the layer. A loss has a `backward()` of its own, which sets the
engine going.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradcheck_plugin.author.roles import UPSTREAM, forward_inputs
from gradcheck_plugin.author.signature import Signature, arguments, line_of
from gradcheck_plugin.author.uses import order_by_names, order_of
from gradcheck_plugin.author.written import is_abstract
from gradcheck_plugin.conventions.base import Candidate, Tape
from gradcheck_plugin.conventions.layers import layer_class
from gradcheck_plugin.conventions.layers.layer_class import LayerClass
from gradcheck_plugin.conventions.tapes import gradients as tape
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.arguments import ENGINES
from gradcheck_plugin.names.words import is_label
from gradcheck_plugin.objects.neighbours import records
from gradcheck_plugin.objects.pasted import place
from gradcheck_plugin.running.calls import UserCodeRaised, guarded, private
from reference_impls.shapes import Layout

ORDER = 25


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes that ask for an engine, with a forward and no backward that takes an upstream gradient."""
    for name, cls in defined.items():
        forward, backward = (getattr(cls, n, None) for n in ("forward", "backward"))
        if not inspect.isclass(cls) or not inspect.isfunction(forward) or not _engine_of(cls):
            continue
        own = inspect.isfunction(backward)
        base = is_abstract(cls) and any(cls in getattr(c, "__mro__", ())[1:] for c in defined.values())
        if base or (inspect.isfunction(backward) and arguments(backward, method=True).required):
            continue
        inputs = forward_inputs(arguments(forward, method=True))
        loss = own and len(inputs) == 2 and any(map(is_label, inputs))
        objects = {"class": cls, "forward": "forward", "backward": "backward" if own else ""}
        order = order_of(inputs, forward, cls, (("forward", inputs),)) if loss else order_by_names(inputs)
        inputs = inputs[::-1] if order.label_first else inputs
        function = f"{name}.{'backward' if own else 'forward'}"
        yield Candidate(
            name,
            "loss" if loss else "layer",
            sys.modules[__name__],
            objects,
            inputs,
            line_of(cls),
            function,
            steps=True,
            labels=order,
        )


def _engine_of(cls: Any) -> str:
    """The argument of a constructor that is an engine."""
    if not inspect.isfunction(cls.__init__):
        return ""
    return next((n for n in arguments(cls.__init__, method=True).required if n.lower() in ENGINES), "")


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[TapeLayer]:
    """One way: everything is built as a layer is, with an engine."""
    cls, own = candidate.objects["class"], candidate.objects["backward"]
    built, order, flags = layer_class.planned(candidate, layout, options)
    if built.instance is None and not any(n.is_engine for n in built.neighbours.values()):
        raise Unbindable(f"no class with add_operation and backward is known to {cls.__name__}")
    return [TapeLayer(built, "forward", own, order, flags, () if own else (UPSTREAM,), Signature((), {}))]


@dataclass
class TapeLayer(LayerClass):
    """Drives one layer; its engine is made with it, and goes back once."""

    convention: str = "layer over an engine that is told of every operation"
    forward_after = None  # type: ignore[assignment]  # an engine is not asked to forget between two forwards

    def __post_init__(self) -> None:
        super().__post_init__()
        self.multiplied = self.optional_upstream = False
        self.upstream = not self.backward_name

    def _tape(self, obj: Any, arrays: Mapping[str, Array]) -> Tape:
        first = self._recorded(obj, arrays)
        fresh = [first]

        def backward(dy: Any) -> dict[str, Any]:
            obj, given, _ = fresh.pop() if fresh else self._recorded(self.build(arrays), arrays)
            engine = self._engine(obj)
            own = partial(guarded, "backward", getattr(obj, self.backward_name)) if self.backward_name else None
            self.watched(obj, own or (lambda: guarded("backward", engine.backward, dy)))
            inputs = [e.name for e in self.layout.inputs if e.differentiable][: 1 if self.backward_name else None]
            return {n: tape.gradient(engine, given[n]) for n in inputs} | self.collect(obj, None)

        return Tape(first[2], backward)

    def _recorded(self, obj: Any, arrays: Mapping[str, Array]) -> tuple[Any, dict[str, Any], Any]:
        """The object, the very arrays that its forward was given, and the output."""
        given = {n: private(arrays[n]) for n in self.order.values()}
        out = self._called(obj, {a: given[n] for a, n in self.order.items()})
        if any(np.shares_memory(out, a) for a in given.values() if isinstance(out, np.ndarray)):
            try:
                tape.gradient(self._engine(obj), out)
            except UserCodeRaised:  # what comes next may tell the engine of it
                raise Unbindable(f"{self.built.cls.__name__} hands its input on and records nothing") from None
        return obj, given, out

    def _engine(self, obj: Any) -> Any:
        held = (v for v in vars(obj).values() if records(type(v)))
        if (engine := next(held, None)) is None:
            raise Unbindable(f"{self.built.cls.__name__} does not keep its engine")
        return engine

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        lines = super().reproduce(arrays, dy, "")
        name = next((a for a, n in self.built.neighbours.items() if n.is_engine), "")
        if not lines or not gradient or not name:
            return lines
        lines[-1] = f"layer.{self.backward_name}()" if self.backward_name else f"{name}.backward({dy})"
        if gradient in self.gradients:
            return [*lines, f"print({' + '.join(f'layer{place(p)}' for p in self.gradients[gradient])})"]
        holder, method = tape.lookup(self.built.neighbours[name].make(None))
        return [*lines, f"print({'.'.join(filter(None, [name, holder, method]))}({arrays[gradient]}))"]
