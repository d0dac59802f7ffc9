"""Update rules: a class with `update(params, grads)`, or a function `sgd(w, dw, config=None) -> w, config`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission.calls import Unbindable, guarded
from gradcheck_plugin.submission.constructor import OPTION_NAMES
from gradcheck_plugin.submission.conventions import Candidate
from gradcheck_plugin.submission.signature import arguments, line_of
from gradcheck_plugin.submission.subject import Tape
from reference_impls.shapes import Layout

ORDER = 40


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes whose `update` takes parameters and gradients, and functions of w and dw."""
    for name, thing in defined.items():
        if inspect.isclass(thing) and inspect.isfunction(update := getattr(thing, "update", None)):
            if len(arguments(update, method=True).required) == 2:
                objects, function = {"class": thing}, f"{name}.update"
                yield Candidate(name, "update", sys.modules[__name__], objects, ("w", "dw"), line_of(thing), function)
        elif inspect.isfunction(thing) and [n.lower() for n in arguments(thing).names[:2]] == ["w", "dw"]:
            yield Candidate(
                name, "update", sys.modules[__name__], {"function": thing}, ("w", "dw"), line_of(thing), name
            )


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[UpdateRule]:
    """Find the argument that takes the learning rate."""
    rule = candidate.objects.get("class") or candidate.objects["function"]
    if "lr" not in options:
        raise Unbindable("no reference for this update rule")
    if "function" in candidate.objects:
        return [UpdateRule(rule, layout, {}, {"learning_rate": options["lr"]}, in_place=False)]
    signature = arguments(rule.__init__, method=True)
    rate = next((n for n in signature.names if n.lower() in OPTION_NAMES["lr"]), None)
    if rate is None:
        raise Unbindable(f"{rule.__name__} has no argument for the learning rate")
    if others := [n for n in signature.required if n != rate]:
        raise Unbindable(f"{rule.__name__} cannot be constructed: nothing is known about its argument `{others[0]}`")
    return [UpdateRule(rule, layout, {rate: options["lr"]}, {}, in_place=True)]


@dataclass
class UpdateRule:
    """Drives one step of a rule; the output is the new parameter, wherever the rule leaves it."""

    rule: Callable[..., Any]
    layout: Layout
    arguments: dict[str, Any]
    config: dict[str, Any]
    in_place: bool
    convention: str = "update rule"
    upstream: bool = False
    kept: bool = True  # whether the last step changed the caller's own array

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        w, dw = np.array(arrays["w"]), np.array(arrays["dw"])
        if not self.in_place:
            returned = guarded("update", self.rule, w, dw, dict(self.config))
            return Tape(returned[0] if isinstance(returned, tuple) else returned, lambda dy: {})
        for make in (lambda a: {"W": a}, lambda a: [a]):
            params, grads = make(w), make(dw)
            rule = guarded("__init__", self.rule, **self.arguments)
            try:
                guarded("update", rule.update, params, grads)
            except Exception:
                if isinstance(params, list):
                    raise
                continue
            self.kept = (params["W"] if isinstance(params, dict) else params[0]) is w
            return Tape(params["W"] if isinstance(params, dict) else params[0], lambda dy: {})
        raise AssertionError

    def user_names(self) -> dict[str, str]:
        return {"w": "W", "dw": "dW"} if self.in_place else {}

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        name, w, dw = getattr(self.rule, "__name__", "rule"), arrays["w"], arrays["dw"]
        if not self.in_place:
            return [f"print({name}({w}.copy(), {dw}, {self.config!r}))"]
        rule = f"{name}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"
        try:
            self.rule(**self.arguments).update({"W": np.ones(1)}, {"W": np.ones(1)})
        except Exception:
            return [f"params = [{w}.copy()]", f"{rule}.update(params, [{dw}])", "print(params[0])"]
        return [f"params = {{'W': {w}.copy()}}", f"{rule}.update(params, {{'W': {dw}}})", "print(params['W'])"]
