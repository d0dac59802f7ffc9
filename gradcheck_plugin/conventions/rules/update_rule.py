"""Update rules: optimizer classes with `update(params, grads)`, `step()` or `update_params(layer)`, and functions such
as `adam(w, dw, config) -> w, config` and `update_parameters_with_adam(parameters, grads, v, s, t, ...)`.

A class whose momentum, weight decay, rate decay or the like is off by default is looked at once more for each of them:
`SGD with momentum` is `SGD(lr, momentum=0.8)`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import Signature, arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.rules import optimizers
from gradcheck_plugin.conventions.rules.optimizers import Way, as_vector
from gradcheck_plugin.conventions.rules.settings import NAMES, OFF, TELLING, constants, settled, strings
from gradcheck_plugin.model import Array, Unbindable
from reference_impls.shapes import Layout

ORDER = 15
METHODS = ("update", "step", "update_params", "calculate_update", "apply_gradients", "update_weights", "__call__")
_PARAMS = re.compile(
    r"(w|x|p|theta|(old_)?params?(eters?)?(_list)?|weights?(_tensor)?|vars|variables|param_values)$", re.I
)
_GRADS = re.compile(r"(d_?(w|x|theta|params?|weights?)|\w*grads?\w*|gradients?\w*|g|dparams?)$", re.I)
_HOLDERS = ("net", "model", "network", "nn", "mlp")
_LISTS = ("params", "parameters", "param_list", "tensors", "variables", "weights")
_RULE = re.compile(
    r"sgd|adam|momentum|adagrad|rms_?prop|nesterov|descent|optimi[sz]er|update|nadam|adadelta|lion", re.I
)
_SWITCHES = ("nesterov", "amsgrad", "centered")
_EXTRA = {"momentum": "momentum", "l2": "weight decay", "lr_decay": "rate decay"}


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes whose method takes parameters and gradients, or finds them by itself, and functions of w and dw."""
    for name, thing in defined.items():
        if inspect.isclass(thing):
            method = next((m for m in METHODS if _updates(thing, m)), None)
            if method is not None:
                objects = {"class": thing, "method": method}
                yield _candidate(name, thing, objects, f"{name}.{method}")
                for more, label in _further(thing):
                    yield _candidate(f"{name} with {label}", thing, objects | {"setting": more}, f"{name}.{method}")
        elif inspect.isfunction(thing) and _is_function(name, arguments(thing)):
            yield _candidate(name, thing, {"function": thing}, name)


def _candidate(name: str, thing: Any, objects: dict[str, Any], function: str) -> Candidate:
    return Candidate(name, "update", sys.modules[__name__], objects, ("w", "dw"), line_of(thing), function, (name,))


def _updates(cls: Any, method: str) -> bool:
    """Whether a method looks like a step: by its arguments, and by the name or the constructor of its class."""
    function: Any = getattr(cls, method, None)
    if not inspect.isfunction(function) or any(hasattr(cls, m) for m in ("forward", "backward", "predict", "loss")):
        return False
    methods = [m for m in vars(cls).values() if inspect.isfunction(m)]
    if cls.__subclasses__() and any("NotImplementedError" in m.__code__.co_names for m in methods):
        return False  # a base class
    names, taken = arguments(function, method=True).required, arguments(cls.__init__, method=True)
    if len(names) >= 2:
        return bool(_PARAMS.match(names[0]) and _GRADS.match(names[1]))
    rates = {n.lower() for n in taken.names} & set(NAMES["lr"])
    holds = bool(taken.names) and taken.names[0].lower() in (*_LISTS, *_HOLDERS)
    return method != "__call__" and bool(_RULE.search(cls.__name__)) and bool(rates or holds)


def _is_function(name: str, signature: Signature) -> bool:
    names = signature.names
    if len(names) < 2 or not (_PARAMS.match(names[0]) and _GRADS.match(names[1])):
        return False
    return "config" in names or bool(_RULE.search(name) and {n.lower() for n in names} & set(NAMES["lr"]))


def _further(cls: Any) -> Iterator[tuple[str, str]]:
    """Settings of a class that are off by default, and what the rule is called with them."""
    for name, value in arguments(cls.__init__, method=True).defaults.items():
        option = next((o for o in _EXTRA if name.lower() in (o, *(NAMES[o][:1] if o == "momentum" else NAMES[o]))), "")
        if value is False and name.lower() in _SWITCHES:
            yield name, name.lower()
        elif option and not isinstance(value, bool) and value == 0:
            yield option, _EXTRA[option]


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[UpdateRule]:
    """Every way of calling it, with values for its settings and the options of the reference that go with them."""
    if "lr" not in options:
        raise Unbindable("no reference explains its numbers: none of the update rules that are known, in any form")
    rule, setting = (
        candidate.objects.get("class") or candidate.objects["function"],
        candidate.objects.get("setting", ""),
    )
    if "class" in candidate.objects:
        signature = arguments(rule.__init__, method=True)
        names, ways = signature.names, _ways(rule, candidate.objects["method"], signature)
        if ways[0] in (optimizers.OfTensors, optimizers.OfModel):
            names = names[1:]
    else:
        names, ways = _function_ways(rule)
        signature = Signature((), {})
    if setting == "momentum" and "momentum" not in options:
        raise Unbindable("no reference has momentum and its other settings")
    looked_at = setting if setting in OFF and not (setting == "l2" and "weight_decay" in options) else ""
    made, numbers = [], constants(rule)
    rates = tuple(n for n in names if n in signature.required or n.lower() in NAMES["lr"])
    settings = [(names, pair) for pair in settled(names, options, numbers, looked_at=looked_at)]
    if rates != names and "class" in candidate.objects and not setting:
        own = _Unused(signature.defaults, rates, constants(rule, defaults=False), options)
        settings += [(rates, pair) for pair in settled(rates, options, numbers) if own.explain(pair[1])]
    for taken, (given, settled_options) in settings:
        if missing := [n for n in signature.required[len(signature.names) - len(names) :] if n not in given]:
            raise Unbindable(f"{rule.__name__} cannot be made: nothing is known about its argument `{missing[0]}`")
        switches = {setting: True} if setting in _SWITCHES else {}
        if setting == "nesterov" and "momentum" not in given:
            continue
        for way in ways:
            method = candidate.objects.get("method", "")
            ignored = tuple(n for n in settings[0][1][0] if n not in given) if taken is not names else ()
            made.append(UpdateRule(rule, layout, way, method, {**given, **switches}, settled_options, ignored))
    if not made:
        raise Unbindable(f"no reference has its setting `{setting or 'lr'}`")
    return made


@dataclass(frozen=True)
class _Unused:
    """Settings that a class may take and not use: what it works with then is no default of another one of them."""

    defaults: Mapping[str, Any]
    used: tuple[str, ...]
    written: list[float]
    usual: Mapping[str, Any]

    def explain(self, options: Mapping[str, Any]) -> bool:
        """Whether each option is the default of an argument of its name, or stands in the code, or is the usual one."""
        return all(self._explains(o, v) for o, v in options.items() if o in NAMES)

    def _explains(self, option: str, value: Any) -> bool:
        unused = {n.strip("_").lower(): v for n, v in self.defaults.items() if n not in self.used}
        own = [unused[n] for n in NAMES[option] if n in unused]
        return not own or value in (*own, *self.written, self.usual.get(option))


def strange(candidate: Candidate) -> str:
    """A setting that no reference has and that is not off by default, such as `clip=1.0`."""
    rule = candidate.objects.get("class")
    signature = arguments(rule.__init__, method=True) if rule else arguments(candidate.objects["function"])
    known = {n for names in NAMES.values() for n in names} | {"betas"}
    numbers = {n: v for n, v in signature.defaults.items() if isinstance(v, int | float) and v}
    return next((n for n in numbers if n.strip("_").lower() not in known), "")


def _ways(cls: type, method: str, constructor: Signature) -> list[type[Way]]:
    """The ways in which a class may be meant, the likeliest first, by its arguments and the code of its method."""
    function = getattr(cls, method)
    if any("func" in n for n in arguments(function, method=True).required):
        raise Unbindable("it asks for the gradient as a function, and the checker hands over numbers")
    required, first = arguments(function, method=True).required, (constructor.names or ("",))[0].lower()
    if first in _LISTS:
        return [optimizers.OfTensors, optimizers.OfPairs]
    if first in _HOLDERS:
        return [optimizers.OfModel]
    if hasattr(cls, "setup"):
        return [optimizers.SetUp]
    if not required or required[0].lower() in _HOLDERS:
        return [optimizers.GivenModel]
    if len(required) == 1:
        return [optimizers.GivenLayer]
    boxes: list[type[Way]] = [optimizers.InDict, optimizers.InList]
    if not {"keys", "items"} & set(function.__code__.co_names) and {"range", "zip", "enumerate"} & set(
        function.__code__.co_names
    ):
        boxes.reverse()
    alone = required[0].lower() in ("w", "x", "p", "theta", "param", "weight", "weight_tensor", "old_param")
    return [optimizers.OneByOne, *boxes] if alone else [*boxes, optimizers.OneByOne]


def _function_ways(function: Callable[..., Any]) -> tuple[tuple[str, ...], list[type[Way]]]:
    """The settings of a function, and how it is called."""
    names = arguments(function).names
    if "config" in names:
        settings = ("learning_rate", "momentum", "decay_rate", "epsilon", "beta1", "beta2", "weight_decay")
        return tuple(n for n in settings if n in strings(function)), [optimizers.Config]
    if names[0].lower().startswith("param") and names[0].lower() != "param":
        return names[2:], [optimizers.Functional, optimizers.FunctionOfList, optimizers.FunctionOfDict]
    return names[2:], [optimizers.FunctionOfTensor]


@dataclass
class UpdateRule(Caller):
    """Drives several steps of a rule; the output is what both tensors are behind each of them, as one vector."""

    rule: Any
    layout: Layout
    way: type[Way]
    method: str
    given: dict[str, Any]
    options: dict[str, Any]
    ignored: tuple[str, ...] = ()  # settings that were left at their defaults, for with others it would not be right
    upstream: bool = False

    @property
    def convention(self) -> str:
        return f"update rule, {self.way.says}"

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        run = self.way(self.rule, self.method, self.given, {n: arrays[n] for n in ("W", "b")}, TELLING["lr"])
        path = []
        for t, (dW, db) in enumerate(zip(arrays["dW"], arrays["db"], strict=True), start=1):
            run.step({"W": np.array(dW), "b": np.array(db)}, t)
            path.append([np.array(as_vector([v])) for v in run.values()])
        return Tape(np.concatenate([p[i] for i in (0, 1) for p in path]), lambda dy: {}, run.kept)

    def key(self) -> str:
        """What a run depends on."""
        return f"{self.way.__name__} {self.given}"

    def user_names(self) -> dict[str, str]:
        return {}

    def code(self) -> Code:
        return Code.of_rule(self.rule, self.method)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        given = ", ".join(f"{k}={v!r}" for k, v in self.given.items())
        return self.way.lines(self.rule.__name__, self.method, given, arrays)
