"""Objects of the user's classes, built anew for every forward, with the parameters of the case in them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from gradcheck_plugin.author.multiplied import kept_as
from gradcheck_plugin.author.signature import arguments
from gradcheck_plugin.author.written import arrays_of_self, left_in_self
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.names.arguments import OPTIMIZERS
from gradcheck_plugin.names.words import BACKWARD, FORWARD, RATE
from gradcheck_plugin.objects import state, told
from gradcheck_plugin.objects.argument import Argument
from gradcheck_plugin.objects.argument_evidence import Evidence, evidence, sizes_by_run
from gradcheck_plugin.objects.constructor import axis_sizes, filled, plan_arguments
from gradcheck_plugin.objects.drawn_sizes import free_sizes, sizes_by_parameter, sizes_of
from gradcheck_plugin.objects.made_by_author import given as given_by_author
from gradcheck_plugin.objects.neighbours import Neighbour, needed
from gradcheck_plugin.objects.pasted import place
from gradcheck_plugin.objects.prepared import Preparation, preparations
from gradcheck_plugin.objects.strengths import Strength, of_arguments, of_attributes
from gradcheck_plugin.objects.told import Told
from gradcheck_plugin.running.calls import UserCodeRaised, frozen, guarded
from reference_impls.shapes import Layout


class Step:
    """Plain gradient descent for layers that are given an optimizer and take their own steps with it."""

    learning_rate = RATE
    text = f"type('Step', (), {{'update': lambda self, w, dw: w - {RATE} * dw}})()"

    def update(self, w: Any, dw: Any) -> Any:
        return w - RATE * dw

    calculate_update = update


@dataclass
class Built:
    """How a class is built for the arrays of a layout; `paths` says where an object keeps each parameter.

    With an `instance` nothing is constructed: every object is a copy of it.
    """

    cls: Any
    layout: Layout
    instance: Any = None
    plan: dict[str, Argument] = field(default_factory=dict)
    warm: Callable[[Any, Mapping[str, Array]], Any] | None = None  # a first forward, which makes the parameters
    warmed: bool = False
    warming: dict[tuple[tuple[int, ...], ...], Mapping[str, Array]] = field(default_factory=dict)  # by their shapes
    paths: dict[str, state.Path] = field(default_factory=dict)
    places: dict[str, tuple[state.Path, ...]] = field(default_factory=dict)  # all that lead to one array
    attributes: Mapping[str, float] = field(default_factory=dict)  # strengths of penalties that are set from outside
    grown: set[str] = field(default_factory=set)  # arrays that start as a number: `self.b = 0.0`
    shared: tuple[state.Path, ...] | None = None  # what one object has in common with the next
    preparation: tuple[str, ...] = ()  # source text of the calls between construction and forward
    forward: str = ""  # the method that is to run, where what it needs before that is to be found out
    needs: tuple[Preparation, ...] | None = None  # that, once it is known

    @classmethod
    def plan_for(cls, thing: Any, layout: Layout, options: Mapping[str, Any], instance: Any = None) -> Built:
        """Work out the constructor's arguments. Raises Unbindable that names the one nobody can fill."""
        if instance is not None:
            return cls(thing, layout, instance)
        signature = arguments(thing.__init__, method=True)
        known = evidence(thing)
        objects = {n: what for n, what in needed(thing, signature).items() if _may_be_objects(known.get(n))}
        written = partial(given_by_author, thing)
        shown = sizes_by_run(thing, layout) | sizes_by_parameter(thing, layout)
        trained = _arrays_by_the_body(thing, signature.names)
        signature = signature.without(objects)
        drawn, sizes = sizes_of(thing), free_sizes(thing)
        plan = plan_arguments(signature, layout, options, thing.__name__, written, drawn, shown, trained, sizes, known)
        return cls(thing, layout, plan=plan | {name: Argument("object", what) for name, what in objects.items()})

    @property
    def given(self) -> dict[str, str]:
        """Parameters that come through the constructor, with the argument that takes each."""
        return {a.what: name for name, a in self.plan.items() if a.kind == "array"}

    @property
    def neighbours(self) -> dict[str, Neighbour]:
        """The arguments that are objects of other classes."""
        return {name: a.what for name, a in self.plan.items() if a.kind == "object"}

    @property
    def pastable(self) -> bool:
        """Whether lines can build the object: with everything that it is made of in its own module."""
        known = getattr(self.cls.__init__, "__globals__", {})
        texts = [n for a in self.plan.values() if a.kind == "made" for n in a.what.names]
        return self.instance is None and all(
            n in known for n in (*(n.cls.__name__ for n in self.neighbours.values()), *texts)
        )

    def made_with(self, arrays: Mapping[str, Array]) -> Hashable:
        """What an object is made with: equal ones make equal objects. Two plans that make others are never equal."""
        first = self.layout.inputs[0] if self.layout.inputs else None
        seen = (np.shape(arrays[first.name]), first.dims[:1] == ("N",)) if first is not None else ()
        sizes = axis_sizes(self.layout, arrays)
        given = tuple((n, a.kind, _described(a, arrays, sizes)) for n, a in self.plan.items())
        return id(self.instance), tuple(self.attributes.items()), seen, given

    def has_parameters(self, obj: Any, arrays: Mapping[str, Array]) -> bool:
        """Whether an object holds every parameter of the layout."""
        try:
            return all(self.path(obj, e.name, arrays[e.name]) for e in self.layout.params)
        except Unbindable:
            return False

    def make(self, arrays: Mapping[str, Array]) -> Any:
        """A fresh object that holds the parameters of the case."""
        obj = self.bare(arrays)
        try:
            paths = {e.name: self.path(obj, e.name, arrays[e.name]) for e in self.layout.params}
            held = {n: path for n, path in paths.items() if n not in self.given}
            for name, path in held.items():
                if name not in self.places:
                    self.places[name] = state.places(obj, path)
            if held and self.shared is None:
                self.shared = self._in_common(obj, arrays)
            state.set_apart(obj, self.shared or ())
            for name, path in held.items():
                state.put(obj, path, arrays[name], self.places[name])
        except Unbindable:
            if self.warmed or self.warm is None:
                raise
            self.warmed = True
            return self.make(arrays)
        return obj

    def bare(self, arrays: Mapping[str, Array]) -> Any:
        """A fresh object with the parameters that it makes itself."""
        if self.instance is not None:
            obj = copy.deepcopy(self.instance)
        else:
            obj = self._constructed(arrays)
        for name, value in self.attributes.items():
            setattr(obj, name, value)
        if self.warmed and self.warm is not None:
            shapes = tuple(np.shape(a) for a in arrays.values())
            first = self.warming.setdefault(shapes, {n: np.array(a) for n, a in arrays.items()})
            self.warm(obj, first)  # the same for all: a state that it leaves must not depend on the case
            flush(obj)
        return obj

    def fresh(self, arrays: Mapping[str, Array], path: state.Path) -> Array | None:
        """What a new object holds at a place, before anything of ours is put there."""
        obj = copy.deepcopy(self.instance) if self.instance is not None else self._constructed(arrays)
        return state.array_at(obj, path)

    def _constructed(self, arrays: Mapping[str, Array]) -> Any:
        sizes = axis_sizes(self.layout, arrays)
        obj = guarded("__init__", self.cls, **filled(self.plan, arrays, sizes, self.layout))
        self._prepare(obj, arrays)
        return obj

    def _in_common(self, obj: Any, arrays: Mapping[str, Array]) -> tuple[state.Path, ...]:
        """Where an object keeps what another one keeps, too, such as an array of the module: that is not ours."""
        if self.instance is not None:
            return ()
        with frozen(0):
            other = self.bare(arrays)
        every = (path for paths in self.places.values() for path in paths)
        return tuple(dict.fromkeys(filter(None, (state.common(obj, other, path) for path in every))))

    def _prepare(self, obj: Any, arrays: Mapping[str, Array]) -> None:
        """What a network does to its layers before the first forward: tell the shape of a sample, give an optimizer."""
        done = []
        for name in ("set_input_shape", "initialize"):
            method = getattr(self.cls, name, None)
            names = arguments(method, method=True).required if inspect.isfunction(method) else ()
            if name == "set_input_shape" and len(names) == 1 and self.layout.inputs:
                first = self.layout.inputs[0].name
                guarded("__init__", getattr(obj, name), np.shape(arrays[first])[1:])
                done.append(f"{name}({{{first}}}.shape[1:])")
            elif len(names) == 1 and names[0] in OPTIMIZERS:
                guarded("__init__", getattr(obj, name), Step())
                done.append(f"{name}({Step.text.replace('{', '{{').replace('}', '}}')})")
        if self.needs is None:
            self.needs = preparations(obj, self.forward) if self.forward and not done and self.layout.inputs else ()
        for step in self.needs:
            step.apply(obj, self.layout, arrays)
            done.append(step.text(self.layout))
        self.preparation = tuple(done)

    def strengths(self, obj: Any) -> list[Strength]:
        """The strengths of penalties that come through the constructor, else those that an object of it keeps."""
        values = {n: a.what for n, a in self.plan.items() if a.kind == "value"}
        signature = arguments(self.cls.__init__, method=True)
        given = of_arguments(signature, values) if self.instance is None else []
        return [replace(s, place="constructor") for s in given] or of_attributes(obj)

    def weighted(self, values: Mapping[Strength, float]) -> Built:
        """The same with other strengths."""
        plan = self.plan | {s.name: Argument("value", v) for s, v in values.items() if s.place == "constructor"}
        attributes = {s.name: v for s, v in values.items() if s.place == "attribute"}
        return replace(self, plan=plan, attributes=attributes, warming={})

    @property
    def readings(self) -> list[str]:
        """What was taken from the author's own calls, and what was done before the forward."""
        texts = [
            f"{name}={a.what.text if a.kind == 'made' else repr(a.what)}"
            for name, a in self.plan.items()
            if a.kind in ("made", "written")
        ]
        made = [f"made as its author does, with {', '.join(texts)}"] if texts else []
        done = [step.text(self.layout).replace("{", "").replace("}", "") for step in self.needs or ()]
        return [*made, *([f"prepared by {', '.join(done)}"] if done else [])]

    @property
    def steps(self) -> bool:
        """Whether the object takes its steps with an optimizer of ours."""
        return any("initialize(" in text for text in self.preparation)

    def path(self, obj: Any, name: str, value: Array) -> state.Path:
        """Where the object keeps a parameter: looked up once, by name, then by order."""
        if name in self.paths:
            return self.paths[name]
        held = [(p, a) for p, a in state.leaves(obj) if state.is_parameter(p)]
        if not value.ndim:
            held = [*state.numbers(obj), *held]
        if name in self.given:
            kept = [p for p, a in held if a.shape == value.shape and np.array_equal(a, value)]
            return self.paths.setdefault(name, kept[0] if kept else (("attr", self.given[name]),))
        named = [(p, a) for p, a in held if state.whole_label(p) == name] if "." in name else []
        named = named or [(p, a) for p, a in held if state.label(p) == name or state.same(state.label(p), name)]
        named = named or [(p, a) for p, a in state.leaves(obj) if name in (state.label(p), state.whole_label(p))]
        if not named and all(d.isdigit() for d in self.layout[name].dims):  # an array of a known size starts as it
            named = [(p, a) for p, a in state.numbers(obj) if name in (state.label(p), state.whole_label(p))]
            self.grown |= {name} if named else set()
        ordered = [e.name for e in self.layout.params]
        if not named and len(held) == len(ordered):
            named = [held[ordered.index(name)]]
        named = named or self._of_shape(obj, value)
        if not named:
            raise Unbindable(f"no attribute of {self.cls.__name__} holds its parameter `{name}`")
        path, array = named[0]
        if array.shape != value.shape and name not in self.grown:
            raise Unbindable(f"{self.cls.__name__}.{state.label(path)} has shape {array.shape}, not {value.shape}")
        return self.paths.setdefault(name, path)

    def _of_shape(self, obj: Any, value: Array) -> list[tuple[state.Path, Array]]:
        """The only array of a shape among those whose names do not say what they are: `out_W`, `p`."""
        taken = self.paths.values()
        held = [(p, a) for p, a in state.leaves(obj) if p not in taken and state.may_be_parameter(p)]
        fitting = [(p, a) for p, a in held if a.shape == value.shape]
        return fitting if len(fitting) == 1 else []

    def names(self) -> dict[str, str]:
        """The user's names of the parameters."""
        return {p: self.given.get(p) or (p if "." in p else state.label(path)) for p, path in self.paths.items()}


def _described(argument: Argument, arrays: Mapping[str, Array], sizes: Mapping[str, int]) -> Hashable:
    """The value of an argument, as far as the arrays decide it; the very thing where it may be anything."""
    what = argument.what
    if argument.kind == "array":
        return contents(np.asarray(arrays[what]))
    if argument.kind == "size":
        return what if what.isdigit() else sizes.get(what)
    if argument.kind in ("shape", "window", "flat"):
        return what, np.shape(arrays[what])
    plain = argument.kind == "object" or isinstance(what, bool | int | float | str | None)
    return (type(what), what) if plain else id(what)


def contents(array: Array) -> Hashable:
    """An array, by its numbers."""
    return array.dtype.str, array.shape, array.tobytes()


class Samples:
    """Objects that are made once for each way of making them, to see which parameters they hold."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._made: dict[Hashable, tuple[Built, Any]] = {}

    def lack(self, driven: DrivesObjects, arrays: Mapping[str, Array]) -> bool:
        """Whether an object has no place for one of the parameters, neither when it is new nor when it has run."""
        given = driven.run_with(arrays)
        if given is None or not driven.layout.params:
            return False
        looked = replace(driven.built, paths=dict(driven.built.paths), places={}, grown=set(), warming={})
        for warmed in (False, True) if looked.warm is not None else (False,):
            looked.warmed = warmed
            obj = self._object(looked, arrays, given)
            if obj is None or looked.has_parameters(obj, arrays):
                return obj is None
        return True

    def _object(self, built: Built, arrays: Mapping[str, Array], given: Hashable) -> Any:
        """An object, new or run; None where making it raises."""
        key = built.made_with(arrays), given if built.warmed else None
        if key not in self._made:
            try:
                with frozen(self.seed):
                    obj = built.bare(arrays)
            except (Unbindable, UserCodeRaised):
                obj = None
            self._made[key] = built, obj  # what its key names by its id has to live as long
        return self._made[key][1]


def _may_be_objects(known: Evidence | None) -> bool:
    """Whether an argument may be an object of another class, or some of them."""
    return known is None or known.kind not in ("text", "flag", "function")


@lru_cache(maxsize=64)
def _arrays_by_the_body(cls: Any, names: tuple[str, ...]) -> set[str]:
    """The arguments of a constructor that its methods slice or move by steps, or of which they leave gradients."""
    methods = {n: m for n, m in vars(cls).items() if inspect.isfunction(m)}
    left = {g for name, m in methods.items() if name in BACKWARD for g in left_in_self(m)}
    arrays = {a for name, m in methods.items() if name in (*BACKWARD, *FORWARD) for a in arrays_of_self(m)}
    named = {n for n in names if any(state.is_gradient_of(g, (("attr", n),)) for g in left)}
    return named | {argument for argument, attribute in kept_as(cls.__init__) if attribute in arrays}


_shown: list[Callable[[Any], None]] = []


@contextmanager
def shown(to: Callable[[Any], None]) -> Iterator[None]:
    """Show every object that is built, before it runs, for the length of the block."""
    _shown.append(to)
    try:
        yield
    finally:
        _shown.remove(to)


class DrivesObjects:
    """What callers of classes share: where the parameters of their objects are, and how one is made."""

    built: Built
    told: Told | None = None  # where backward was seen to leave gradients, from its first run on

    @property
    def layout(self) -> Layout:
        return self.built.layout

    @property
    def paths(self) -> dict[str, state.Path]:
        return self.built.paths

    @property
    def used(self) -> list[Any]:
        """The other classes that the lines of a reproducer name."""
        return [n.cls for n in self.built.neighbours.values()]

    def run_with(self, arrays: Mapping[str, Array]) -> Hashable:
        """What the forward of an object is given: equal ones are the same call. None where nothing is known of it."""
        return None

    def build(self, arrays: Mapping[str, Array]) -> Any:
        obj = self.built.make(arrays)
        for show in _shown:
            show(obj)
        return obj

    def watched(self, obj: Any, run: Callable[[], Any]) -> Any:
        """What a backward returns; the first one shows where it leaves gradients that no usual name tells."""
        if self.told is not None:
            return run()
        before = told.snapshot(obj)
        returned = run()
        self.told = told.learn(obj, before, self.paths)
        return returned

    def gradient_path(self, obj: Any, name: str) -> state.Path | None:
        """Where the gradient of a parameter lies after a backward."""
        at = state.gradient_path(obj, self.paths[name])
        return at if at is not None or self.told is None else self.told.paths.get(name)

    def assignments(self, owner: str, arrays: Mapping[str, str]) -> list[str]:
        """Lines that put parameters into an object: into its own arrays, in the place of those of the module."""
        paths = {n: p for n, p in self.paths.items() if n not in self.built.given}
        shared = [s for s in self.built.shared or () if any(p[: len(s)] == s for p in paths.values())]
        boxes = [owner + place(s) for s in shared if s not in paths.values()]
        lines = ["import copy", *(f"{box} = copy.deepcopy({box})" for box in boxes)] if boxes else []
        whole = {n for n, p in paths.items() if any(p[: len(s)] == s for s in shared)}
        whole |= {e.name for e in self.layout.params if not e.dims} | self.built.grown
        return lines + [f"{owner}{place(p)}{'' if n in whole else '[...]'} = {arrays[n]}" for n, p in paths.items()]

    def warmed(self, arrays: Mapping[str, Array]) -> Any:
        """An object that has run once, where a first run makes its parameters."""
        obj = self.build(arrays)
        if self.built.warm is not None:
            self.built.warm(obj, arrays)
        return obj


def flush(obj: Any) -> None:
    """Tell a layer that keeps every forward until it is told so that they are done with."""
    for name in dir(type(obj)):
        method = inspect.getattr_static(type(obj), name) if name.startswith("flush") else None
        if inspect.isfunction(method) and not arguments(method, method=True).required:
            guarded("forward", getattr(obj, name))
