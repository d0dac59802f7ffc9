"""Networks in functions: `forward_propagation(X, parameters)`, `compute_cost(A2, Y)`, `backward_propagation(...)`.

The backward takes any of the data, the labels, the parameters, the cache and the output, in any order, and returns the
gradients in a dictionary. The forward returns the output or the cost, with a cache. Where no cost is in sight the usual
ones are tried, and the numbers say which it is. Samples are columns or rows.
"""

from __future__ import annotations

import copy
import inspect
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.networks.backprop_network import unnamed
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.settings import DROP
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.strengths import VISIBLE, Strength, is_strength, of_arguments
from gradcheck_plugin.running.calls import guarded, private
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Layout

ORDER = 6
_BACKWARD = re.compile(
    r"^(?P<stem>L_model_|l_model_|model_|nn_|network_|)(backward|back|bwd)(_propagation|_propagate|_prop|prop|propagation|)"
    r"(?P<suffix>_\w+|)$"
)
_ROLES = {  # what an argument stands for, by its name
    "x": ("x", "x_batch", "x_train", "inputs", "input", "data", "a0"),
    "y": ("y", "t", "y_batch", "y_train", "labels", "targets", "target", "y_true"),
    "parameters": ("parameters", "params", "param", "model", "weights", "theta"),
    "cache": ("cache", "caches", "forward_cache", "memory", "store", "activations"),
    "output": ("al", "a1", "a2", "a3", "yhat", "y_hat", "y_pred", "probs", "output", "a", "predictions", "y_output"),
}
_SETTINGS = {n: 0.6 for n in DROP if len(n) > 1}
_COSTS = r"^(compute|calculate|calc|get|)_?(cost|loss|cross_?entropy)(_\w+)?$"
_SIZES = {"0": "D", "1": "6", "2": "5", "3": "2"}


def _cross_entropy(a: Array, y: Array) -> Array:
    return np.asarray(-(y * np.log(a) + (1 - y) * np.log(1 - a)))


def _log_likelihood(a: Array, y: Array) -> Array:
    return np.asarray(-y * np.log(a))


def _squared(a: Array, y: Array) -> Array:
    return np.asarray((a - y) ** 2 / 2)


LOSSES: dict[str, Callable[[Array, Array], Array]] = {
    "cross-entropy of every output": _cross_entropy,
    "log-likelihood": _log_likelihood,
    "half of the squared error": _squared,
}


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Every backward of a whole network with a forward, and a cost where there is one."""
    for name, backward in defined.items():
        match = _BACKWARD.match(name)
        if not match or not inspect.isfunction(backward):
            continue
        around = {**backward.__globals__, **defined}
        roles = _roles(backward)
        forward = _partner(around, match["stem"], match["suffix"])
        if forward is None or roles is None or _roles(forward) is None or "x" not in _roles(forward).values():  # type: ignore[union-attr]
            continue
        if not {"parameters", "cache"} & {*roles.values(), *_roles(forward).values()}:  # type: ignore[union-attr]
            continue
        cost = _cost(around, match["suffix"], forward)
        keys = _keys(forward, backward)
        if not keys:
            continue
        objects = {"forward": forward, "backward": backward, "cost": cost, "keys": keys}
        consumed = tuple(f.__name__ for f in (forward, backward, cost) if f is not None)
        yield Candidate(
            match["stem"].strip("_") or name,
            "network",
            sys.modules[__name__],
            objects,
            ("X", "Y"),
            line_of(backward),
            name,
            (name, *consumed),
        )


def _roles(function: Callable[..., Any]) -> dict[str, str] | None:
    """What each argument of a function stands for, or None where one of the required ones cannot be told."""
    signature = arguments(function)
    found = {}
    for name in signature.names:
        low = name.lower().strip("_")
        role = next(
            (r for r, names in _ROLES.items() if low in names),
            "setting" if low in _SETTINGS or is_strength(low, 0.0) else "",
        )
        if not role and name in signature.required:
            return None
        if role:
            found[name] = role
    return found


def _partner(around: Mapping[str, Any], stem: str, suffix: str) -> Callable[..., Any] | None:
    """The forward that belongs to a backward: of the same ending where there is one."""
    verbs = ("forward_propagation", "forward", "forward_prop", "forwardprop", "forward_propagate", "feedforward",
             "feed_forward")  # fmt: skip
    names = [f"{stem}{verb}{end}" for end in dict.fromkeys((suffix, "")) for verb in verbs]
    return next((around[n] for n in names if inspect.isfunction(around.get(n))), None)


def _cost(around: Mapping[str, Any], suffix: str, forward: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function of the output and the labels that the network is trained on."""
    if "y" in (_roles(forward) or {}).values():
        return None  # the forward computes it
    named = [f for n, f in around.items() if re.match(_COSTS, n) and inspect.isfunction(f)]
    named = [f for f in named if (roles := _roles(f)) and {"output", "y"} <= {*roles.values()}]
    named.sort(key=lambda f: not (suffix and f.__name__.endswith(suffix)))
    if suffix and named and "setting" in (_roles(named[0]) or {}).values() and not named[0].__name__.endswith(suffix):
        return None
    return named[0] if named else None


def _keys(forward: Callable[..., Any], backward: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters: those that the functions look up, or W1, b1 and so on where they are composed."""
    try:
        source = "".join(inspect.getsource(f) for f in _called([forward, backward]))
    except (OSError, TypeError):
        return ()
    found = re.findall(r"\w\[['\"]([Wwb]\d)['\"]\]", source)
    if not found and re.search(r"\w\[\s*f?['\"][Ww]['\"{]", source):
        found = ["W1", "b1", "W2", "b2", "W3", "b3"]
    return tuple(sorted(dict.fromkeys(found), key=lambda k: (k[1:], k[0] == "b")))


def _called(functions: list[Callable[..., Any]]) -> list[Callable[..., Any]]:
    """Functions, and those of their own file that they call."""
    seen: list[Callable[..., Any]] = []
    while functions:
        function = functions.pop()
        if function not in seen:
            seen.append(function)
            near = [function.__globals__.get(n) for n in function.__code__.co_names]
            functions += [f for f in near if inspect.isfunction(f) and f.__globals__ is function.__globals__]
    return seen


def layouts(candidate: Candidate) -> list[Layout]:
    """Samples in columns or in rows; one output, or one for each class."""
    keys = candidate.objects["keys"]
    last = max(int(k[1:]) for k in keys)
    found = []
    for columns in (True, False):
        for outputs, label in (("1", "binary"), ("3", "onehot")):
            size = {**_SIZES, str(last): outputs}
            x, y = ("D N", f"{outputs} N") if columns else ("N D", f"N {outputs}")
            label_text = "onehot(3)" if label == "onehot" and columns else label
            params = []
            for key in keys:
                into, out = size[str(int(key[1:]) - 1)], size[key[1:]]
                shape = (
                    (f"{out} {into}" if columns else f"{into} {out}")
                    if key[0] in "Ww"
                    else f"{out} 1"
                    if columns
                    else f"1 {out}"
                )
                params.append(f"{key}: {shape}")
            found.append(Layout.parse(f"X: {x}, Y: {y} @{label_text}; {', '.join(params)} ->"))
    return found


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[NetworkFunctions]:
    """One where there is a cost; else one for each loss that it may have."""
    forward, backward, cost = (candidate.objects[k] for k in ("forward", "backward", "cost"))
    if [e.name for e in layout.entries] != ["X", "Y", *candidate.objects["keys"]]:
        raise Unbindable(f"{backward.__name__} takes data, labels and a dictionary of parameters")
    own = cost is not None or "y" in (_roles(forward) or {}).values()
    losses = [""] if own else list(LOSSES)
    return [NetworkFunctions(forward, backward, cost, layout, loss) for loss in losses]


@dataclass
class NetworkFunctions(Caller):
    """Drives the functions of one network; there is no upstream gradient, the cost is the end of the graph."""

    forward_function: Callable[..., Any]
    backward_function: Callable[..., Any]
    cost_function: Callable[..., Any] | None
    layout: Layout
    loss: str
    upstream: bool = False
    given: dict[str, float] = field(default_factory=dict)  # strengths of penalties in place of the author's defaults

    @property
    def doubt(self) -> str:
        return unnamed(self.backward_function, self.loss)

    @property
    def convention(self) -> str:
        return f"network in functions{f', {self.loss}' if self.loss else ''}"

    def _call(self, where: str, function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        roles = _roles(function) or {}
        defaults = arguments(function).defaults
        given = {n: values[r] for n, r in roles.items() if r in values}
        given |= self._settings(roles, defaults)
        if missing := [n for n, r in roles.items() if n not in given and n not in defaults]:
            raise Unbindable(f"{function.__name__} wants `{missing[0]}`, which no other function gives")
        return guarded(where, function, **given)

    def _settings(self, roles: Mapping[str, str], defaults: Container[str]) -> dict[str, float]:
        wanted = (n for n, r in roles.items() if r == "setting" and (n not in defaults or n in self.given))
        return {n: self.given.get(n, _SETTINGS.get(n.lower(), VISIBLE)) for n in wanted}

    def strengths(self, arrays: Mapping[str, Array]) -> list[Strength]:
        """The strengths of penalties that have a default, where the cost is the author's own."""
        functions = [f for f in (self.forward_function, self.cost_function, self.backward_function) if f is not None]
        found = [
            s for f in functions for s in of_arguments(arguments(f), self.given) if s.name in arguments(f).defaults
        ]
        return [] if self.loss else list(dict.fromkeys(found))

    def weighted(self, values: Mapping[Strength, float]) -> NetworkFunctions:
        return replace(self, given=self.given | {s.name: v for s, v in values.items()})

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        values: dict[str, Any] = {"x": private(arrays["X"]), "y": private(arrays["Y"])}
        values["parameters"] = {e.name: private(arrays[e.name]) for e in self.layout.params}
        returned = self._call("forward", self.forward_function, values)
        parts = returned if isinstance(returned, tuple) else (returned,)
        out, values["cache"] = parts[0], parts[-1]
        values["output"] = out
        cost = out
        if self.cost_function is not None:
            cost = self._call("cost", self.cost_function, values)
        elif self.loss:
            a = numeric(out)
            if a is None or a.shape != arrays["Y"].shape:
                raise Unbindable(f"{self.forward_function.__name__} does not give one output for each label")
            samples = arrays["X"].shape[self.layout["X"].dims.index("N")]
            cost = float(LOSSES[self.loss](a, arrays["Y"]).sum()) / samples

        def backward(dy: Any) -> dict[str, Any]:
            given = {**values, "cache": copy.deepcopy(values["cache"])}
            gradients = self._call("backward", self.backward_function, given)
            if not isinstance(gradients, dict):
                raise Unbindable(f"{self.backward_function.__name__} returns no dictionary of gradients")
            return {e.name: g for e in self.layout.params if (g := state.returned_as(e.name, gradients)) is not None}

        return Tape(cost, backward)

    def user_names(self) -> dict[str, str]:
        return {}

    def code(self) -> Code:
        return Code.of(self.forward_function, self.backward_function, self.forward_function, self.backward_function)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        texts = {"x": arrays["X"], "y": arrays["Y"], "parameters": "parameters", "cache": "cache", "output": "out"}
        forward, backward = (self._text(f, texts) for f in (self.forward_function, self.backward_function))
        lines = ["parameters = {" + ", ".join(f"{e.name!r}: {arrays[e.name]}" for e in self.layout.params) + "}"]
        lines.append(f"out, *_, cache = {forward}")
        if not gradient:
            return [*lines, f"print({self._text(self.cost_function, texts) if self.cost_function else 'out'})"]
        key = gradient if gradient.startswith("d") else f"d{gradient}"
        return [*lines, f"gradients = {backward}", f"print(gradients[{key!r}])"]

    def _text(self, function: Callable[..., Any], texts: Mapping[str, str]) -> str:
        roles, defaults = _roles(function) or {}, arguments(function).defaults
        given = {n: texts[r] for n, r in roles.items() if r in texts}
        given |= {n: repr(v) for n, v in self._settings(roles, defaults).items()}
        return f"{function.__name__}({', '.join(f'{n}={given[n]}' for n in roles if n in given)})"
