"""Initialisers: `he_normal(shape)`, `xavier(fan_in, fan_out)`, `initialize_parameters_he(layers_dims)`, and objects
with `initialize(shape, fan_in, fan_out)` or that are called with a shape.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.author.signature import Signature, arguments, line_of
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.rules.settings import constants, settled
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.aliases import spec_named
from gradcheck_plugin.running.calls import UserCodeRaised, guarded
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Layout

ORDER = 18
_NAME = re.compile(
    r"(^|_)(init\w*|xavier|glorot|kaiming|he|lecun|zeros|ones|constant|trunc\w*|normal|uniform|gaussian|random)(_|$)",
    re.I,
)
_CLASS = re.compile(
    r"Xavier|Glorot|Kaiming|^He|LeCun|Zeros?|Ones?|Constant|Uniform|Normal|Gaussian|Initiali[sz]er", re.I
)
_METHODS = ("initialize", "initialise", "init", "__call__")
_ROLES = {
    "shape": ("shape", "size", "weight_shape", "weights_shape", "w_shape", "kernel_shape", "tensor_shape"),
    "in": ("fan_in", "n_in", "in_features", "input_size", "in_dim", "n_inputs", "din", "d_in", "n_x", "input_dim",
           "nin", "in_size", "n_input", "dim_in", "input_units", "rows"),
    "out": ("fan_out", "n_out", "out_features", "output_size", "out_dim", "n_outputs", "dout", "d_out", "n_h",
            "output_dim", "nout", "out_size", "n_output", "dim_out", "output_units", "cols", "n_neurons"),
    "layers": ("layers_dims", "layer_dims", "layer_sizes", "sizes", "layers", "topology", "dims", "layers_sizes"),
    "last": ("n_y", "n_classes", "num_classes"),
    "kernel": ("k", "kernel_size", "kernel", "receptive_field", "receptive_field_size"),
    "low": ("low", "minval", "min_val", "lower"),
    "high": ("high", "maxval", "max_val", "upper"),
    "mean": ("mean", "mu", "loc"),
}  # fmt: skip
_ROLE = {name: role for role, names in _ROLES.items() for name in names}
NAMES: dict[str, tuple[str, ...]] = {
    "std": ("std", "sigma", "stddev", "std_dev", "weight_scale", "weight_init_std", "scale", "standard_deviation"),
    "limit": ("limit", "bound", "scale", "a"),
    "value": ("value", "val", "constant_value", "const", "c", "constant"),
    "gain": ("gain",),
    "slope": ("slope", "negative_slope", "a"),
}
TELLING: dict[str, Any] = {"lr": 0.0, "std": 0.3, "limit": 0.4, "value": 0.7, "gain": 1.6, "slope": 0.5}


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Functions and classes that are called like an initialiser, and take a shape, fans or the sizes of layers."""
    for name, thing in defined.items():
        known = spec_named(name, "initialiser") is not None
        if inspect.isfunction(thing) and (known or _NAME.search(name)):
            objects: dict[str, Any] = {"function": thing}
            signature = arguments(thing)
        elif inspect.isclass(thing) and _CLASS.search(name):
            method = next((m for m in _METHODS if inspect.isfunction(vars(thing).get(m))), "")
            if not method or hasattr(thing, "backward"):
                continue
            objects, signature = {"class": thing, "method": method}, arguments(getattr(thing, method), method=True)
        else:
            continue
        roles = {_ROLE.get(n.lower()) for n in signature.required}
        if not roles & {"shape", "in", "out", "layers"} or (None in roles and not known and not _optional(signature)):
            continue
        yield _candidate(name, thing, objects)
        if any(_ROLE.get(n.lower()) == "kernel" and v is None for n, v in signature.defaults.items()):
            yield _candidate(f"{name} with kernel", thing, objects | {"setting": "receptive"})


def _candidate(name: str, thing: Any, objects: dict[str, Any]) -> Candidate:
    return Candidate(name, "initialiser", sys.modules[__name__], objects, ("z",), line_of(thing), name, (name,))


def _optional(signature: Signature) -> bool:
    known = {n for names in NAMES.values() for n in names}
    return all(_ROLE.get(n.lower()) or n.lower() in known for n in signature.required)


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[Initialiser]:
    """The arguments by their names; numbers that stand in the code are tried for a scale that is no argument."""
    if not layout.inputs or layout.inputs[0].name != "z":
        raise Unbindable("no reference explains its numbers: it is none of the initialisers that are known")
    rule, method = candidate.objects.get("function") or candidate.objects["class"], candidate.objects.get("method", "")
    call = arguments(getattr(rule, method), method=True) if method else arguments(rule)
    made_with = arguments(rule.__init__, method=True) if method else Signature((), {})
    kernel = candidate.objects.get("setting") == "receptive"
    if (options.get("receptive", 1) != 1) != kernel:
        raise Unbindable("a kernel is looked at by itself")
    names = tuple(n for n in (*made_with.names, *call.names) if n.lower() not in _ROLE or n.lower() in ("scale",))
    roles = {n: _ROLE[n.lower()] for n in call.names if n.lower() in _ROLE}
    if kernel and "kernel" not in roles.values():
        raise Unbindable("it takes no kernel")
    made, numbers = [], constants(rule)
    ways = list(settled(names, {"lr": 0.0, **options}, numbers, table=NAMES, telling=TELLING))
    if names:  # a setting may be ignored; what the author gives it is its value, and no other that stands in the code
        needed = tuple(n for n in names if n in (*made_with.required, *call.required))
        usual = {**made_with.defaults, **call.defaults}
        left_out = [(o, usual[n]) for n in names if n not in needed for o in NAMES if n.lower() in NAMES[o]]
        ways += [
            (given, found)
            for given, found in settled(needed, {"lr": 0.0, **options}, numbers, table=NAMES, telling=TELLING)
            if all(found[o] == value for o, value in left_out if o in found and _is_number(value))
        ]
    for given, found in ways:
        found.pop("lr")
        unknown = [n for n in (*made_with.required, *call.required) if n not in given and n not in roles]
        if unknown:
            raise Unbindable(f"{rule.__name__} cannot be called: nothing is known about its argument `{unknown[0]}`")
        own = {n: v for n, v in given.items() if n in made_with.names}
        later = {n: v for n, v in given.items() if n in call.names}
        required = {
            n: r for n, r in roles.items() if n in call.required or r in ("low", "high") or (r == "kernel" and kernel)
        }
        for way in _either_way(required):
            made.append(Initialiser(rule, layout, method, way, own, later, found))
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _either_way(roles: dict[str, str]) -> list[dict[str, str]]:
    """Rows and columns may be inputs and outputs, or outputs and inputs: the weights are stored in one or the other."""
    if not {n.lower() for n in roles} & {"rows", "cols"}:
        return [roles]
    other = {"in": "out", "out": "in"}
    return [roles, {n: other.get(r, r) if n.lower() in ("rows", "cols") else r for n, r in roles.items()}]


@dataclass
class Initialiser(Caller):
    """Draws one weight matrix; of several tensors it is the first matrix."""

    rule: Any
    layout: Layout
    method: str
    roles: dict[str, str]
    own: dict[str, Any]
    given: dict[str, Any]
    options: dict[str, Any]
    upstream: bool = False
    weights: bool = False  # whether it gives the parameters of layers by their names

    @property
    def convention(self) -> str:
        return "initialiser of a network" if "layers" in self.roles.values() else "initialiser"

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        shape = np.shape(arrays["z"])
        sizes = dict(zip(self.layout.inputs[0].dims, shape, strict=True))
        try:
            function = guarded("__init__", self.rule, **self.own) if self.method else self.rule
            function = getattr(function, self.method) if self.method else function
            returned = guarded("initialiser", function, **self._arguments(sizes, shape), **self.given)
        except UserCodeRaised as exc:
            if isinstance(exc.cause, KeyError | AttributeError | TypeError | IndexError):
                raise Unbindable(f"it cannot be called like this: {exc}") from exc
            raise
        return Tape(self._matrix(returned), dict)

    def _arguments(self, sizes: Mapping[str, int], shape: tuple[int, ...]) -> dict[str, Any]:
        limit = self.options.get("limit", 0.05)
        fans = {"in": sizes["I"], "out": sizes["O"], "shape": shape, "layers": [sizes["I"], sizes["O"], 4], "last": 4}
        values = {**fans, "kernel": 3, "low": -limit, "high": limit, "mean": 0.0}
        return {n: values[role] for n, role in self.roles.items()}

    def _matrix(self, returned: Any) -> Any:
        self.weights = isinstance(returned, dict | tuple)
        values = list(returned.values()) if isinstance(returned, dict) else returned
        if isinstance(values, tuple | list):
            arrays = [a for v in values if (a := numeric(v)) is not None and a.ndim >= 2 and min(a.shape) > 1]
            if not arrays:
                raise Unbindable("it gives no weight matrix")
            return arrays[0]
        if callable(getattr(values, "numpy", None)):  # a tensor of somebody's engine
            values = guarded("initialiser", values.numpy)
        array = numeric(values)
        return array.reshape(*array.shape[:2], -1)[..., 0] if array is not None and array.ndim > 2 else values

    def key(self) -> str:
        """What a run depends on."""
        return (
            f"{self.own} {self.given} {self.roles} {self.options.get('limit') if 'low' in self.roles.values() else ''}"
        )

    def user_names(self) -> dict[str, str]:
        return {}

    def code(self) -> Code:
        return Code.of_rule(self.rule, self.method)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        return []
