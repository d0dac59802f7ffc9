"""Gradient clipping: `clip_grads(grads, max_norm)`, in place or returned, and `ClipGrad(max_norm)(params)`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.rules.parameters import tensor
from gradcheck_plugin.conventions.rules.settings import constants, settled, strings
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.running.calls import UserCodeRaised, guarded, private
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Layout

ORDER = 16
_NAME = re.compile(r"clip|rescale_?grad|limit_?grad", re.I)
_GIVEN = re.compile(r"g|d[wW]|\w*gr(a?d)s?\w*|params?|parameters|arrays|values|tensors", re.I)
_LIMIT = re.compile(r"(max|clip|limit|thresh|bound|c$|theta|norm)", re.I)
_HOLDS = ("params", "parameters", "param", "tensors")


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Functions whose name says clip, of gradients and a limit, and classes that are made with a limit and called."""
    for name, thing in defined.items():
        if not _NAME.search(name):
            continue
        if inspect.isfunction(thing):
            names = arguments(thing).names
            if len(names) < 2 or not (_GIVEN.fullmatch(names[0]) and _LIMIT.search(names[1])):
                continue
            objects: dict[str, Any] = {"function": thing}
        elif inspect.isclass(thing) and inspect.isfunction(getattr(thing, "__call__", None)):  # noqa: B004
            if len(arguments(thing.__init__, method=True).required) != 1:
                continue
            objects = {"class": thing}
        else:
            continue
        yield Candidate(name, "clip", sys.modules[__name__], objects, ("dW", "db"), line_of(thing), name, (name,))


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[Clip]:
    """Every container that the gradients may come in, with the constants of the code for eps."""
    if not layout.inputs or layout.inputs[-1].name != "limit":
        raise Unbindable("no reference explains its numbers: it is none of the clips that are known")
    rule = candidate.objects.get("function") or candidate.objects["class"]
    found = [options for _, options in settled((), options, [*constants(rule), 0.0])]
    holds = "class" in candidate.objects or arguments(rule).names[0].lower() in _HOLDS
    boxes = ["params", "list", "dict"] if holds else ["list", "dict", "one"]
    if strings(rule):
        boxes.sort(key=lambda box: box != "dict")
    return [Clip(rule, layout, box, settings) for settings in found for box in boxes]


@dataclass
class Clip(Caller):
    """Drives one call for each set of gradients; the output is what all of them are afterwards, as one vector."""

    rule: Any
    layout: Layout
    box: str
    options: dict[str, Any]
    upstream: bool = False

    @property
    def convention(self) -> str:
        boxes = {"list": "a list", "dict": "a dictionary", "one": "one array", "params": "parameters with grad"}
        return f"gradient clipping of {boxes[self.box]}"

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        pairs = [
            self._call([dW, db], float(limit))
            for dW, db, limit in zip(arrays["dW"], arrays["db"], arrays["limit"], strict=True)
        ]
        return Tape(np.concatenate([pair[i].ravel() for i in (0, 1) for pair in pairs]), dict)

    def _call(self, grads: list[Array], limit: float) -> list[Array]:
        if self.box == "one":
            return [self._clipped(lambda g=g: private(np.array(g)), limit)[0] for g in grads]
        return self._clipped(lambda: self._boxed(grads), limit)

    def _boxed(self, grads: list[Array]) -> Any:
        if self.box == "params":
            params = [tensor(np.ones_like(g)) for g in grads]
            for p, g in zip(params, grads, strict=True):
                p.grad = tensor(g)
            return params
        given = [private(np.array(g)) for g in grads]
        if self.box == "list":
            return given
        keys = strings(self.rule)
        keys = keys if len(keys) > 1 else ["W", "b"]
        return dict(zip(keys, given, strict=False)) | {k: private(np.zeros(2)) for k in keys[2:]}

    def _clipped(self, make: Any, limit: float) -> list[Array]:
        box = make()
        try:
            if inspect.isclass(self.rule):
                returned = guarded("clip", guarded("__init__", self.rule, limit), box)
            else:
                returned = guarded("clip", self.rule, box, limit)
        except UserCodeRaised as exc:
            if isinstance(exc.cause, KeyError | AttributeError | TypeError | IndexError):
                raise Unbindable(f"{self.convention} cannot be its way: {exc}") from exc
            raise
        parts = returned if isinstance(returned, tuple) else (returned,)
        now = next((p for p in parts if isinstance(p, type(box)) and len(p) == len(box)), box)
        values = list(now.values()) if isinstance(now, dict) else now if isinstance(now, list) else [now]
        arrays = [numeric(v.grad if self.box == "params" else v) for v in values[:2]]
        if any(a is None for a in arrays):
            raise Unbindable("it leaves no arrays of numbers behind")
        return [a for a in arrays if a is not None]

    def key(self) -> str:
        """What a run depends on."""
        return self.box

    def user_names(self) -> dict[str, str]:
        return {}

    def code(self) -> Code:
        return Code.of_rule(self.rule)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        if self.box not in ("list", "one") or inspect.isclass(self.rule):
            return []
        dW, db, limit, name = arrays["dW"], arrays["db"], arrays["limit"], self.rule.__name__
        if self.box == "one":
            return [f"print({name}({dW}[0], {limit}[0]))"]
        return [f"grads = [{dW}[0], {db}[0]]", f"returned = {name}(grads, {limit}[0])", "print(grads)"]
