"""The ways in which an update rule is called, one class each: it is set up, takes steps, and shows the parameters.

`start` makes what belongs to one run: the user's object with its settings, and the parameters W and b in the form that
it takes. `step` hands over the gradients of one step. `values` are W and b now, wherever the rule has left them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.conventions.rules.parameters import Model, TensorModel, tensor
from gradcheck_plugin.model import Array, GivesNothing, Unbindable
from gradcheck_plugin.running.calls import UserCodeRaised, guarded, private
from gradcheck_plugin.running.tensors import is_tensor
from gradcheck_plugin.running.values import numeric

Values = Mapping[str, Array]
COUNTS = ("t", "step", "epoch", "iteration", "iter", "timestep", "time_step", "itr", "k", "n")
LABELS = ("name", "param_name", "key", "layer_name", "param_id")


class Way:
    """One run of a rule. `given` are the arguments of its constructor, or of its function."""

    says = ""

    def __init__(self, rule: Any, method: str, given: Mapping[str, Any], params: Values, lr: float) -> None:
        self.rule, self.method, self.given, self.lr = rule, method, dict(given), lr
        self.first = {n: np.array(a) for n, a in params.items()}
        self.start(params)

    def start(self, params: Values) -> None:
        raise NotImplementedError

    def step(self, grads: Values, t: int) -> None:
        raise NotImplementedError

    def values(self) -> list[Any]:
        raise NotImplementedError

    @property
    def kept(self) -> bool:
        """Whether whoever holds the arrays that were handed over sees the new values there."""
        return True

    def build(self, *first: Any) -> Any:
        return self.call(1, self.rule, *first, **self.given)

    def call(self, t: int, function: Any, /, *given: Any, **more: Any) -> Any:
        """Call the rule. What raises in the first step was most likely not meant to be called like this."""
        try:
            return guarded("__init__" if inspect.isclass(function) else "update", function, *given, **more)
        except UserCodeRaised as exc:
            if t == 1 and isinstance(exc.cause, KeyError | AttributeError | TypeError | IndexError | AssertionError):
                frame = exc.frame(None)
                at = f" on line {frame.lineno}" if frame else ""
                raise Unbindable(f"{self.says} cannot be its way: {exc}{at}") from exc
            raise

    @staticmethod
    def lines(name: str, method: str, given: str, arrays: Mapping[str, str]) -> list[str]:
        """Lines that run it, without the one that prints; [] where that takes more than a few."""
        return []


class InDict(Way):
    """`update(params, grads)` with two dictionaries of the same keys."""

    says = "update(params, grads) with dictionaries"

    def start(self, params: Values) -> None:
        self.object = self.build()
        self.params: Any = self.box(params)
        self.held = self.listed(self.params)

    def box(self, values: Values) -> Any:
        return {n: private(a) for n, a in values.items()}

    def listed(self, box: Any) -> list[Any]:
        return list(box.values()) if isinstance(box, dict) else list(box)

    def step(self, grads: Values, t: int) -> None:
        function = getattr(self.object, self.method)
        more = _further(function, 2, t, self.lr, "")
        returned = self.call(t, function, self.params, self.box(grads), **more)
        returned = returned[0] if isinstance(returned, tuple) and returned else returned
        if isinstance(returned, type(self.params)) and len(returned) == len(self.params):
            self.params = returned

    def values(self) -> list[Any]:
        return self.listed(self.params)

    @property
    def kept(self) -> bool:
        return all(a is b for a, b in zip(self.held, self.values(), strict=True))

    @staticmethod
    def lines(name: str, method: str, given: str, arrays: Mapping[str, str]) -> list[str]:
        W, b, dW, db = (arrays[n] for n in ("W", "b", "dW", "db"))
        step = f"    rule.{method}(params, {{'W': gW, 'b': gb}})"
        head = [f"params = {{'W': {W}.copy(), 'b': {b}.copy()}}", f"rule = {name}({given})"]
        return [*head, f"for gW, gb in zip({dW}, {db}):", step, "print(params)"]


class InList(InDict):
    """`update(params, grads)` with two lists."""

    says = "update(params, grads) with lists"

    def box(self, values: Values) -> Any:
        return [private(a) for a in values.values()]

    @staticmethod
    def lines(name: str, method: str, given: str, arrays: Mapping[str, str]) -> list[str]:
        W, b, dW, db = (arrays[n] for n in ("W", "b", "dW", "db"))
        head = [f"params = [{W}.copy(), {b}.copy()]", f"rule = {name}({given})"]
        step = f"    rule.{method}(params, [gW, gb])"
        return [*head, f"for gW, gb in zip({dW}, {db}):", step, "print(params)"]


class FunctionOfList(InList):
    """`update(params, grads, lr)`, a function of two lists."""

    says = "update(params, grads, ...) with lists"

    def start(self, params: Values) -> None:
        self.params = self.box(params)
        self.held = self.listed(self.params)

    def step(self, grads: Values, t: int) -> None:
        more = {n: t for n in arguments(self.rule).required[2:] if n.lower() in COUNTS} | self.given
        returned = self.call(t, self.rule, self.params, self.box(grads), **more)
        if isinstance(returned, type(self.params)) and len(returned) == len(self.params):
            self.params = returned

    @staticmethod
    def lines(name: str, method: str, given: str, arrays: Mapping[str, str]) -> list[str]:
        W, b, dW, db = (arrays[n] for n in ("W", "b", "dW", "db"))
        head = [f"params = [{W}.copy(), {b}.copy()]", f"for gW, gb in zip({dW}, {db}):"]
        return [*head, f"    {name}(params, [gW, gb]{', ' * bool(given)}{given})", "print(params)"]


class FunctionOfDict(FunctionOfList):
    """The same with two dictionaries of the same keys."""

    says = "update(params, grads, ...) with dictionaries of the same keys"

    def box(self, values: Values) -> Any:
        return {n: private(a) for n, a in values.items()}

    @staticmethod
    def lines(name: str, method: str, given: str, arrays: Mapping[str, str]) -> list[str]:
        return []


class OneByOne(Way):
    """`update(w, grad) -> w`, an object for each tensor; a rule that asks for the name of a tensor is one for all."""

    says = "update(w, grad) with one tensor"

    def start(self, params: Values) -> None:
        self.params = {n: private(a) for n, a in params.items()}
        named = set(LABELS) & set(arguments(getattr(self.rule, self.method), method=True).names)
        objects = [self.build() for _ in (("W",) if named else params)]
        self.objects = dict(zip(params, objects * len(self.params), strict=False))

    def step(self, grads: Values, t: int) -> None:
        for n, g in grads.items():
            function = getattr(self.objects[n], self.method)
            more = _further(function, 2, t, self.lr, n)
            returned = self.call(t, function, self.params[n], private(g), **more)
            returned = returned[0] if isinstance(returned, tuple) and returned else returned
            self.params[n] = self.params[n] if returned is None else returned

    def values(self) -> list[Any]:
        return list(self.params.values())

    @staticmethod
    def lines(name: str, method: str, given: str, arrays: Mapping[str, str]) -> list[str]:
        W, dW = arrays["W"], arrays["dW"]
        return [f"w, rule = {W}.copy(), {name}({given})", f"for g in {dW}:", f"    w = rule.{method}(w, g)", "print(w)"]


class OfTensors(Way):
    """`step()` of an object that was made with the list of its parameters, which have `data` and `grad`."""

    says = "step() over parameters with data and grad"

    def start(self, params: Values) -> None:
        self.params = [self.made(a) for a in params.values()]
        self.object = self.build(list(self.params))

    @staticmethod
    def made(array: Array) -> Any:
        own = private(np.array(array))
        return own if is_tensor(own) else tensor(array)

    def step(self, grads: Values, t: int) -> None:
        for p, g in zip(self.params, grads.values(), strict=True):
            p.grad = self.made(g)
        self.call(t, getattr(self.object, self.method))

    def values(self) -> list[Any]:
        return [p.data for p in self.params]


class OfPairs(OfTensors):
    """The same with a list of pairs (parameter, gradient); the gradient's array is filled anew in every step."""

    says = "step() over pairs of parameter and gradient"

    def start(self, params: Values) -> None:
        self.params = [private(np.array(a)) for a in params.values()]
        self.grads = [private(np.zeros_like(a)) for a in params.values()]
        self.object = self.build(list(zip(self.params, self.grads, strict=True)))

    def step(self, grads: Values, t: int) -> None:
        for own, g in zip(self.grads, grads.values(), strict=True):
            own[...] = private(np.array(g))
        self.call(t, getattr(self.object, self.method))

    def values(self) -> list[Any]:
        return list(self.params)


class SetUp(OfTensors):
    """`setup(model)` once, then `update()`: dezero."""

    says = "setup(model) and then update()"

    def start(self, params: Values) -> None:
        self.params = [self.made(a) for a in params.values()]
        self.object = self.build()
        self.call(1, self.object.setup, TensorModel(self.params))


class OfModel(Way):
    """`step()` of an object that was made with a model, whose layers have W, b and their gradients."""

    says = "step() over the layers of a model"

    def start(self, params: Values) -> None:
        self.model = Model(params, self.lr)
        self.object = self.build(self.model)

    def step(self, grads: Values, t: int) -> None:
        self.hand_over(grads)
        self.call(t, getattr(self.object, self.method))

    def hand_over(self, grads: Values) -> None:
        for layer in self.model.layers:
            layer.dW, layer.db = np.array(grads["W"]), np.array(grads["b"])

    def values(self) -> list[Any]:
        return [_both(*(getattr(layer, n) for layer in self.model.layers)) for n in ("W", "b")]


class GivenModel(OfModel):
    """`step(model)`, or a model that is set on the object from outside."""

    says = "step(model)"

    def start(self, params: Values) -> None:
        self.model = Model(params, self.lr)
        self.object = self.build()
        for name in ("net", "model", "network"):
            setattr(self.object, name, self.model)

    def step(self, grads: Values, t: int) -> None:
        self.hand_over(grads)
        function = getattr(self.object, self.method)
        self.call(t, function, *([self.model] if arguments(function).required else []))


class GivenLayer(OfModel):
    """`update_params(layer)`, between pre_update_params() and post_update_params()."""

    says = "update_params(layer)"

    def start(self, params: Values) -> None:
        self.model = Model({"W": params["W"], "b": np.array(params["b"])[None, :]}, self.lr)
        self.object = self.build()

    def step(self, grads: Values, t: int) -> None:
        self.hand_over({"W": grads["W"], "b": np.array(grads["b"])[None, :]})
        for name in ("pre_update_params", self.method, "post_update_params"):
            function = getattr(self.object, name, None)
            for layer in self.model.layers if name == self.method else [None]:
                if function is not None:
                    self.call(t, function, *([] if layer is None else [layer]))


class Config(Way):
    """`rule(w, dw, config) -> next_w, config`."""

    says = "rule(w, dw, config)"

    def start(self, params: Values) -> None:
        self.params = {n: private(a) for n, a in params.items()}
        self.configs: dict[str, Any] = {n: dict(self.given) for n in params}

    def step(self, grads: Values, t: int) -> None:
        for n, g in grads.items():
            returned = self.call(t, self.rule, self.params[n], private(g), self.configs[n])
            if not isinstance(returned, tuple) or len(returned) != 2 or not isinstance(returned[1], dict):
                raise Unbindable(f"{self.rule.__name__} did not return (next_w, config)")
            if returned[0] is None:
                raise GivesNothing
            self.params[n], self.configs[n] = returned

    def values(self) -> list[Any]:
        return list(self.params.values())

    @staticmethod
    def lines(name: str, method: str, given: str, arrays: Mapping[str, str]) -> list[str]:
        W, dW = arrays["W"], arrays["dW"]
        head = [f"w, config = {W}.copy(), dict({given})", f"for g in {dW}:"]
        return [*head, f"    w, config = {name}(w, g, config)", "print(w)"]


class Functional(Way):
    """`update(parameters, grads, v, s, t, learning_rate=...) -> parameters, v, s`, with dictionaries W1, b1, dW1, db1.

    What `initialize_adam(parameters)` or the like gives is the state of the first step, else there are zeros.
    """

    says = "update(parameters, grads, ...) with dictionaries"

    def start(self, params: Values) -> None:
        self.params: Any = {f"{n}{i}": private(self.column(a)) for i in (1, 2) for n, a in params.items()}
        names = arguments(self.rule).names[2:]
        self.state_names = [n for n in names if n not in self.given and n.lower() not in COUNTS]
        self.state_names = [n for n in self.state_names if n in arguments(self.rule).required]
        self.counts = [n for n in names if n.lower() in COUNTS]
        started = self.initialised()
        self.state = [
            started[i] if i < len(started) else {f"d{n}": np.zeros_like(a) for n, a in self.params.items()}
            for i in range(len(self.state_names))
        ]

    def initialised(self) -> tuple[Any, ...]:
        word = "adam" if len(self.state_names) > 1 else r"velocity|momentum|v"
        space = self.rule.__globals__
        partner = next(
            (f for n, f in space.items() if re.fullmatch(rf"init\w*_({word})", n) and inspect.isfunction(f)), 0
        )
        if not partner or not self.state_names:
            return ()
        made = self.call(1, partner, self.params)
        return made if isinstance(made, tuple) else (made,)

    @staticmethod
    def column(array: Array) -> Array:
        return np.array(array)[:, None] if np.ndim(array) == 1 else np.array(array)

    def step(self, grads: Values, t: int) -> None:
        given = {f"d{n}{i}": private(self.column(g)) for i in (1, 2) for n, g in grads.items()}
        more = dict(zip(self.state_names, self.state, strict=True)) | dict.fromkeys(self.counts, t) | self.given
        returned = self.call(t, self.rule, self.params, given, **more)
        parts = returned if isinstance(returned, tuple) else (returned,)
        if isinstance(parts[0], dict):
            self.params = parts[0]
        self.state = [p if p is not None else s for p, s in zip([*parts[1:], *[None] * 9], self.state, strict=False)]

    def values(self) -> list[Any]:
        return [_both(self.params[f"{n}1"], self.params[f"{n}2"]) for n in ("W", "b")]


class FunctionOfTensor(Way):
    """`rule(w, dw, lr) -> w`, and with state `rule(w, dw, v, lr, momentum) -> w, v`."""

    says = "rule(w, dw, ...)"

    def start(self, params: Values) -> None:
        self.params = {n: private(a) for n, a in params.items()}
        names = arguments(self.rule).required[2:]
        self.counts = [n for n in names if n.lower() in COUNTS]
        self.state_names = [n for n in names if n not in self.given and n not in self.counts]
        self.state = {n: [private(np.zeros_like(a)) for _ in self.state_names] for n, a in params.items()}

    def step(self, grads: Values, t: int) -> None:
        for n, g in grads.items():
            more = dict(zip(self.state_names, self.state[n], strict=True)) | dict.fromkeys(self.counts, t) | self.given
            returned = self.call(t, self.rule, self.params[n], private(g), **more)
            parts = returned if isinstance(returned, tuple) else (returned,)
            self.params[n] = self.params[n] if parts[0] is None else parts[0]
            rest = [*parts[1:], *[None] * 9]
            self.state[n] = [p if p is not None else s for p, s in zip(rest, self.state[n], strict=False)]

    def values(self) -> list[Any]:
        return list(self.params.values())


def _both(first: Any, second: Any) -> Array:
    """A tensor of two layers with the same numbers; where they fare differently, their mean, which is wrong, too."""
    one, two = as_vector([first]), as_vector([second])
    return one if np.array_equal(one, two) or one.size != two.size else (one + two) / 2


def _further(function: Any, skipped: int, t: int, lr: float, name: str) -> dict[str, Any]:
    """Values for the arguments behind parameters and gradients: the rate, the number of the step, a name."""
    found: dict[str, Any] = {}
    for argument in arguments(function).required[skipped:]:
        low = argument.lower()
        if low in COUNTS:
            found[argument] = t
        elif low in LABELS:
            found[argument] = name
        elif low in ("lr", "learning_rate", "learn_rate", "eta", "alpha", "step_size"):
            found[argument] = lr
        else:
            raise Unbindable(f"nothing is known about its argument `{argument}`")
    return found


def as_vector(values: list[Any]) -> Array:
    """W and b as one vector."""
    arrays = [numeric(v) for v in values]
    if any(a is None for a in arrays):
        raise Unbindable("the parameters are no arrays of numbers behind its step")
    return np.concatenate([a.ravel() for a in arrays if a is not None])
