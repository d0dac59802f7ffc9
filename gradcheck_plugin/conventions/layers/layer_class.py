"""Classes with `forward(x)` and `backward(dout)`, under any of the names that courses give them.

Parameters come through the constructor or lie in attributes, lists, dictionaries or Param objects; their gradients in
`dW`-like attributes, in `grads`, in what backward returns, or only in the step that backward itself takes,
`W -= learning_rate * dW`. Losses of the same shape (`forward(x, t)`, `backward(dout=1)`) are driven here too. Every
forward runs on an object made anew, so nothing is carried over.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.author.evidence import Derivative
from gradcheck_plugin.author.reasons import BODY, CALL, NAME, PLACE
from gradcheck_plugin.author.roles import UPSTREAM, Role, backward_roles, forward_inputs, mode
from gradcheck_plugin.author.signature import Signature, arguments, line_of
from gradcheck_plugin.author.uses import Order, flags_given, given_back, order_by_names, order_of, rates_by_the_body
from gradcheck_plugin.author.written import (
    attributes_of_self,
    is_abstract,
    is_container,
    is_sampler,
    is_stub,
    own_forward,
    static,
    sums_gradients,
    switches,
)
from gradcheck_plugin.conventions.base import Caller, Candidate, Code, Tape
from gradcheck_plugin.conventions.outputs import join
from gradcheck_plugin.conventions.results import flat
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.words import (
    BACKWARD,
    DERIVATIVES,
    FORWARD,
    OF_ACTIVATIONS,
    RATE,
    RATES,
    VERBS,
    is_label,
)
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.built import Built, DrivesObjects, contents, flush
from gradcheck_plugin.objects.dictionaries import Dictionaries, dictionaries_of
from gradcheck_plugin.objects.pasted import constructed, place, returned_names
from gradcheck_plugin.objects.strengths import of_attributes
from gradcheck_plugin.running.calls import NoGradient, frozen, guarded, private
from gradcheck_plugin.running.values import numeric
from reference_impls.shapes import Layout

ORDER = 30
_BASES = ("Layer", "BaseLayer", "Base", "Module", "Loss", "Activation", "Criterion", "Function", "Operation",
          "ParamOperation", "Node", "Regularizer")  # fmt: skip
_OUTPUTS = ("output", "outputs", "out", "y", "loss", "loss_val")
_INPUT_GRADIENTS = ("dinputs", "dx", "dinput", "d_inputs", "grad_input", "dInputs", "dX", "gradInput")


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes that have both methods; an abstract base of other classes in the file is passed over."""
    classes = [c for c in defined.values() if inspect.isclass(c)]
    cls: Any
    for name, cls in defined.items():
        if not inspect.isclass(cls) or is_sampler(name):
            continue
        forward, backward = _method(cls, FORWARD), _method(cls, BACKWARD)
        announced = bool(forward and backward) and forward not in vars(cls) and is_stub(getattr(cls, forward))
        forward = own_forward(cls, backward) if announced else forward
        if not forward or not backward or _is_torch(cls):
            continue
        if forward in OF_ACTIVATIONS and not _are_function_and_derivative(cls, forward, backward):
            continue  # the activation of a network is a part of its forward
        own = any(inspect.isfunction(m) for m in vars(cls).values())  # a hook that the base class calls is enough
        abstract = not announced and is_abstract(cls) and (name in _BASES or any(cls in c.__mro__[1:] for c in classes))
        if not own or abstract:
            continue
        inputs = forward_inputs(arguments(getattr(cls, forward), method=True))
        asked = switches(static(cls, forward), static(cls, backward)) if len(inputs) > 1 else {}
        asked |= flags_given(defined[name], forward, backward) if len(inputs) > 1 else {}
        inputs = inputs[:1] + tuple(n for n in inputs[1:] if n not in asked)
        required = arguments(getattr(cls, backward), method=True).required
        named = any(is_label(n) for n in required) or set(required) <= set(inputs)
        labelled = len(inputs) == 2 and (not required or named)
        objects = {"class": cls, "forward": forward, "backward": backward}
        steps = any(n.lower() in RATES for n in required) or bool(rates_by_the_body(static(cls, backward)))
        penalty = len(inputs) == 1 and tuple(required) == inputs and inputs[0].lower() in ("w", "weights", "theta")
        kind, where = "loss" if labelled or penalty else "layer", f"{name}.{backward}"
        order = order_by_names(inputs)
        if labelled:
            order = order_of(inputs, getattr(cls, forward), cls, ((backward, required), (forward, inputs)))
        inputs = inputs[::-1] if order.label_first else inputs  # the prediction first, as the references have it
        yield Candidate(
            name, kind, sys.modules[__name__], objects, inputs, line_of(cls), where, steps=steps, labels=order
        )


def _are_function_and_derivative(cls: Any, forward: str, backward: str) -> bool:
    """Whether a method that may do anything is a function: of one argument, or with a `derivative` beside it.

    `evaluate(x, y)` beside `gradient(x, y)` may say how often a model is right.
    """
    several = len(arguments(getattr(cls, forward), method=True).required) > 1
    return backward in DERIVATIVES and not (forward in VERBS and several and "deriv" not in backward)


def _method(cls: Any, names: tuple[str, ...]) -> str:
    """The first of the names that is a plain method of the class."""
    for name in names:
        if name == "__call__" and "__call__" not in vars(cls):
            continue
        if inspect.isfunction(inspect.getattr_static(cls, name, None)):
            return name
    return ""


def _is_torch(cls: type) -> bool:
    return any(base.__module__.split(".")[0] == "torch" for base in cls.__mro__)


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[LayerClass]:
    """Work out the constructor, the order of the inputs, and what the backward's arguments may be."""
    built, order, flags = planned(candidate, layout, options)
    taken = list(order)
    backward = arguments(getattr(built.cls, candidate.objects["backward"]), method=True)
    again = {n: flags[n] for n in backward.defaults if n in flags}  # a backward that is told, too, how it was run
    backward = backward.without(again)
    names = candidate.objects["forward"], candidate.objects["backward"]
    given, rates = given_back(built.cls, *names), rates_by_the_body(static(built.cls, names[1]))
    ways = backward_roles(backward, taken, _order(candidate, taken).label_first, given, tuple(rates))
    if not layout.output.dims and len(taken) == 1 and tuple(backward.required) == tuple(taken):
        ways = [(Role("input", 0),), *ways]  # the gradient of a penalty, `grad(w)`
    methods = candidate.objects["forward"], candidate.objects["backward"]
    keys = _dictionaries(built.cls, *methods, order, ways)
    first = _order(candidate, taken) if candidate.kind == "loss" and len(taken) == 2 else None
    return [LayerClass(built, *methods, order, flags, way, backward, again, keys, labels=first) for way in ways]


def _order(candidate: Candidate, taken: Sequence[str]) -> Order:
    """Whether the forward takes labels before the prediction; where it is given more than was claimed, by names."""
    known = candidate.labels
    return known if known is not None and {*taken} == {*candidate.inputs} else order_by_names(taken)


def _dictionaries(
    cls: Any, forward: str, backward: str, order: Mapping[str, str], ways: Sequence[tuple[Role, ...]]
) -> Dictionaries | None:
    """The keys of a layer of one input that takes and gives dictionaries."""
    taken = arguments(getattr(cls, backward), method=True).names
    if len(order) != 1 or not taken or (UPSTREAM,) not in ways:
        return None
    return dictionaries_of(static(cls, forward), next(iter(order)), static(cls, backward), taken[0])


def planned(
    candidate: Candidate, layout: Layout, options: Mapping[str, Any]
) -> tuple[Built, dict[str, str], dict[str, Any]]:
    """How a class is built, which array of the layout each argument of its forward gets, and the forward's flags."""
    cls, names = candidate.objects["class"], candidate.inputs
    instance = candidate.reading.instance
    if instance is None and is_container(cls):
        raise NoGradient("a container of other layers, which are checked by themselves")
    forward = arguments(getattr(cls, candidate.objects["forward"]), method=True)
    inputs = [e.name for e in layout.inputs]
    flags = _flags(candidate, forward)
    free = [n for n in forward.names if n not in flags]
    if not len(names) <= len(inputs) <= len(free):
        raise Unbindable(f"{cls.__name__}.{candidate.objects['forward']} takes {len(names)} arrays, not {len(inputs)}")
    taken = free[: len(inputs)]
    order = dict(zip(taken, reversed(inputs) if _order(candidate, taken).label_first else inputs, strict=True))
    built = Built.plan_for(cls, layout, options, instance)
    built.forward = candidate.objects["forward"]
    return built, order, flags


def _flags(candidate: Candidate, forward: Signature) -> dict[str, Any]:
    """The flags of a forward with the values that make it train: by their names, by what its backward reads of what it
    keeps, and before these by the author's calls."""
    told = {n: role.what for n in forward.names if (role := mode(n)) is not None}
    flags = {n for n in forward.names if isinstance(forward.defaults.get(n), bool)} | {*forward.required[1:]}
    cls, names = candidate.objects["class"], (candidate.objects["forward"], candidate.objects["backward"])
    for shown in (switches(*(static(cls, n) for n in names)), flags_given(cls, *names)):
        told |= {n: v for n, v in shown.items() if n in flags and n not in candidate.inputs}
    return told


@dataclass
class LayerClass(DrivesObjects, Caller):
    """Drives one class; the object is built for each forward from the arrays of the case.

    `order` maps the forward's arguments to the arrays of the layout, `flags` are its other arguments, `roles` say what
    the backward's arguments get.
    """

    built: Built
    forward_name: str
    backward_name: str
    order: dict[str, str]
    flags: dict[str, Any]
    roles: tuple[Role, ...]
    signature: Signature
    again: dict[str, Any] = field(default_factory=dict)  # the forward's flags that its backward takes again
    keys: Dictionaries | None = None  # where it takes and gives dictionaries
    gradients: dict[str, tuple[state.Path, ...]] = field(default_factory=dict)
    stepped: dict[str, float] = field(default_factory=dict)  # the rates of the steps that it takes by itself
    decays: tuple[str, ...] | None = None  # the strengths that only its own step knows, once they are looked for
    convention: str = "class layer"
    labels: Order | None = None  # of a loss: which of its inputs are the labels
    upstream: bool = field(init=False, default=True)
    optional_upstream: bool = field(init=False, default=False)
    multiplied: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.built.warm = self._run
        scalar = not self.layout.output.dims
        asks = UPSTREAM in self.roles
        self.multiplied = not self.roles and not self.signature.names and not scalar
        self.upstream = asks or self.multiplied or (not self.roles and bool(self.signature.names) and not scalar)
        self.optional_upstream = bool(self.signature.names) and not self.roles and scalar
        if not self.roles and self.upstream and not self.multiplied:
            self.roles = (UPSTREAM,)
        if self.multiplied:
            self.convention = f"class layer, {self.backward_name}() is the derivative at the last input"

    def run_with(self, arrays: Mapping[str, Array]) -> Hashable:
        inputs = tuple((a, contents(np.asarray(arrays[n]))) for a, n in self.order.items())
        return inputs, tuple(self.flags.items()), self.roles.count(UPSTREAM)

    def call_key(self, arrays: Mapping[str, Array]) -> Hashable:
        params = tuple((e.name, contents(np.asarray(arrays[e.name]))) for e in self.layout.params)
        return self.built.made_with(arrays), self.run_with(arrays), params

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        return self._tape(self.build(arrays), arrays)

    def forward_after(self, before: Mapping[str, Array], arrays: Mapping[str, Array]) -> Tape:
        """The forward of a case on an object that has already run the inputs of another one."""
        obj = self.build(arrays)
        with frozen(0):  # leaves the random states as they were: a second dropout mask is no fault
            self._run(obj, before)
        flush(obj)
        return self._tape(obj, arrays)

    def backward_with(self, arrays: Mapping[str, Array], dy: float) -> dict[str, Any]:
        """The gradients of a loss for an upstream gradient that its backward takes but does not ask for."""
        obj = self.build(arrays)
        self._run(obj, arrays)
        return self.collect(obj, guarded("backward", getattr(obj, self.backward_name), dy, **self.again))

    def _run(self, obj: Any, arrays: Mapping[str, Array]) -> Any:
        return self._called(obj, {a: private(arrays[n]) for a, n in self.order.items()})

    def _called(self, obj: Any, given: Mapping[str, Any]) -> Any:
        if self.keys is not None:
            boxed = {a: self.keys.given(x) for a, x in given.items()}
            out = guarded("forward", getattr(obj, self.forward_name), **boxed, **self.flags)
            return self.keys.taken(out, self.keys.data)
        out = guarded("forward", getattr(obj, self.forward_name), **given, **self.flags)
        if out is None:
            out = next((getattr(obj, n) for n in _OUTPUTS if getattr(obj, n, None) is not None), None)
        return out

    def _tape(self, obj: Any, arrays: Mapping[str, Array]) -> Tape:
        out, split = join(self._run(obj, arrays), self.roles.count(UPSTREAM))

        def backward(dy: Any) -> dict[str, Any]:
            parts = iter(split(dy))
            output = getattr(obj, "output", out)
            given = [
                next(parts) if r == UPSTREAM else output if r.kind == "output" else self._argument(r, arrays)
                for r in self.roles
            ]
            held = {n: np.array(state.get(obj, p)) for n, p in self.paths.items()}
            for name in self._decays(obj):
                setattr(obj, name, 0.0)
            method = getattr(obj, self.backward_name)
            given = [self.keys.above(dy) for dy in given] if self.keys else given
            returned = self.watched(obj, lambda: guarded("backward", method, *given, **self.again))
            returned = self.keys.taken(returned, self.keys.upstream) if self.keys else returned
            first = next((n for n in self.order.values() if self.layout[n].differentiable), "")
            found = self.collect(
                obj, flat(returned, self.layout[first], np.shape(arrays[first])) if first else returned
            )
            self._undo(obj, held, found)
            return {n: np.multiply(dy, g) for n, g in found.items()} if self.multiplied else found

        return Tape(out, backward)

    def _argument(self, role: Role, arrays: Mapping[str, Array]) -> Any:
        return private(arrays[list(self.order.values())[role.what]]) if role.kind == "input" else role.what

    def _decays(self, obj: Any) -> tuple[str, ...]:
        """The strengths of a decay that belongs to the step of a layer, and to no loss: its forward knows none of them.

        A backward that leaves its gradients, and moves no parameter, has no step that a decay could belong to.
        """
        if self.decays is None:
            forward, backward = (static(self.built.cls, n) for n in (self.forward_name, self.backward_name))
            moved = attributes_of_self(backward, ast.Store) & {str(p[0][1]) for p in self.paths.values()}
            known = attributes_of_self(forward, ast.Load)
            kept = {s.name for s in of_attributes(obj)} & attributes_of_self(backward, ast.Load) if moved else set()
            self.decays = tuple(sorted(kept - known))
        return self.decays

    def _undo(self, obj: Any, held: Mapping[str, Array], found: dict[str, Any]) -> None:
        """Put back the parameters that a backward has moved; a step is a gradient times the learning rate."""
        for name, before in held.items():
            after = numeric(state.get(obj, self.paths[name]))
            if after is None or after.shape != before.shape:
                continue
            if np.array_equal(after, before, equal_nan=True):
                if name in self.stepped and name not in found:  # it steps: this gradient is zero
                    found[name] = np.zeros_like(before)
                continue
            asked = any(r.kind == "value" and r.what == RATE for r in self.roles)
            rate = RATE if asked or self.built.steps else self._held_rate(obj)
            if name not in found and rate:
                found[name] = (before - after) / rate
                self.stepped[name] = rate
                without = "".join(f", judged without its `{decay}`" for decay in self.decays or ())
                self.convention = f"class layer that updates its parameters in backward{without}"
            state.put(obj, self.paths[name], before)

    def _held_rate(self, obj: Any) -> float | None:
        """The learning rate that an object keeps, or that its backward has as a default."""
        values = [*vars(obj).items(), *self.signature.defaults.items()]
        return next((float(v) for n, v in values if n.lower() in RATES and isinstance(v, float | int)), None)

    def collect(self, obj: Any, returned: Any) -> dict[str, Any]:
        """The gradients by array name, from what backward returned and what it left on the object."""
        inputs = [e.name for e in self.layout.inputs if e.differentiable]
        params = [e.name for e in self.layout.params]
        found: dict[str, Any] = {}
        if isinstance(returned, dict):
            found = {n: g for n in (*inputs, *params) if (g := state.returned_as(n, returned)) is not None}
        elif isinstance(returned, list) and len(inputs) == 1 and not params and _alike(returned):
            found = {inputs[0]: np.array(returned)}  # one for each row: the input may be a list of arrays
        elif isinstance(returned, tuple | list):
            found = self._in_order(returned, params)
        elif returned is not None:
            found = self._in_order((returned,), ()) if inputs else {}
        else:
            left = next((n for n in _INPUT_GRADIENTS if getattr(obj, n, None) is not None), None)
            if left and inputs:
                found = {inputs[0]: getattr(obj, left)}
                self.gradients[inputs[0]] = ((("attr", left),),)
        for name in params:
            if name not in found and name in self.paths:
                path = self.gradient_path(obj, name)
                if path is not None:
                    parts = state.gradients_of_one(obj, self.paths[name], path)
                    self.gradients[name] = parts
                    values = [state.get(obj, path) for path in parts]
                    found[name] = values[0] if len(values) == 1 else sum(values)
        return {n: self._summed(obj, n, g) if n in params else g for n, g in found.items()}

    def _summed(self, obj: Any, name: str, gradient: Any) -> Any:
        """A gradient; one that is kept step by step as another method of the author's sums it."""
        held = np.shape(state.get(obj, self.paths[name])) if name in self.paths else ()
        stepwise = isinstance(gradient, np.ndarray) and gradient.ndim == len(held) + 1 and gradient.shape[1:] == held
        if not stepwise or not sums_gradients(self.built.cls, (self.forward_name, self.backward_name)):
            return gradient
        return gradient.sum(axis=0)

    def _in_order(self, returned: Any, params: Sequence[str]) -> dict[str, Any]:
        said = returned_names(getattr(self.built.cls, self.backward_name))
        entries = (*self.layout.inputs, *(self.layout[n] for n in params))
        return state.in_order(returned, entries, said, self.user_names())

    def user_names(self) -> dict[str, str]:
        """The user's names: of the forward's arguments, and of the places that hold the parameters."""
        return {n: a for a, n in self.order.items()} | self.built.names()

    @property
    def written(self) -> Derivative | None:
        """The backward as its author wrote it, where its one argument gets the upstream gradient."""
        if self.roles != (UPSTREAM,) or not self.signature.names:
            return None
        argument = (*self.signature.required, *self.signature.names)[0]
        function, cls = inspect.getattr_static(self.built.cls, self.backward_name), self.built.cls
        return Derivative(function, argument, self.forward_name, tuple(self.order), cls.__name__, cls)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the constructor is given besides arrays and sizes."""
        return {n: a.what for n, a in self.built.plan.items() if a.kind in ("value", "written")}

    @property
    def rates(self) -> Mapping[str, float]:
        return self.stepped

    @property
    def called(self) -> str:
        what = ["input"] * len(self.order)
        if self.labels is not None:
            what = ["labels", "prediction"] if self.labels.label_first else ["prediction", "labels"]
        by = self.labels.by if self.labels is not None else PLACE
        forward = [f"{a} = {w} ({by})" for a, w in zip(self.order, what, strict=True)]
        forward += [f"{a} = {v!r} ({self._why(a)})" for a, v in self.flags.items()]
        backward = [f"{a} = {r.shown} ({r.by})" for a, r in zip(self.signature.required, self.roles, strict=False)]
        parts = ((self.forward_name, forward), (self.backward_name, backward))
        return "; ".join(f"{name}: {', '.join(said)}" for name, said in parts if said)

    def _why(self, flag: str) -> str:
        """What says which value a flag of the forward has."""
        cls, names = self.built.cls, (self.forward_name, self.backward_name)
        if flag in flags_given(cls, *names):
            return CALL
        return BODY if flag in switches(*(static(cls, n) for n in names)) else NAME

    @property
    def readings(self) -> Sequence[str]:
        """How the object was read, beyond what its reference says."""
        return self.built.readings

    def code(self) -> Code:
        cls = self.built.cls
        return Code.of(getattr(cls, self.forward_name, None), getattr(cls, self.backward_name, None), cls, *self.used)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        if not self.built.pastable:
            return []
        names = [arrays[n] for n in self.order.values()]
        out = dx = ""
        if self.keys is not None:
            names, dy = [self.keys.text(n) for n in names], f"{{{self.keys.upstream!r}: {dy}}}"
            out, dx = f"[{self.keys.data!r}]", f"[{self.keys.upstream!r}]"
        flags = [f"{a}={v!r}" for a, v in self.flags.items()]
        given = {"upstream": dy, "output": "getattr(layer, 'output', out)"}
        passed = [given.get(r.kind) or (names[r.what] if r.kind == "input" else repr(r.what)) for r in self.roles]
        lines = [f"layer = {constructed(self.built.cls, self.built.plan, self.layout, arrays)}"]
        lines += [f"layer.{text.format_map(arrays)}" for text in self.built.preparation]
        lines += self.assignments("layer", arrays)
        lines.append(f"out = layer.{self.forward_name}({', '.join([*names, *flags])}){out}")
        if not gradient:
            return [*lines, "print(out)"]
        lines += [f"layer.{name} = 0.0" for name in self.decays or ()]
        if gradient in self.stepped:
            lines.append(f"before = layer{place(self.paths[gradient])}.copy()")
        passed += [f"{a}={v!r}" for a, v in self.again.items()]
        lines.append(f"dx = layer.{self.backward_name}({', '.join(passed)}){dx}")
        if gradient in self.stepped:
            return [*lines, f"print((before - layer{place(self.paths[gradient])}) / {self.stepped[gradient]!r})"]
        if gradient in self.gradients:
            parts = [f"layer{place(path)}" for path in self.gradients[gradient]]
            return [*lines, f"print({' + '.join(parts)})"]
        return [*lines, "print(dx)"]


def _alike(returned: list[Any]) -> bool:
    return len(returned) > 1 and len({np.shape(g) for g in returned}) == 1
