"""How an object is called, as plain data: written down as JSON, and read back beside the user's code.

A plan is a subject without the user's code: the layout in its one line, the reference by its name, and everything that
its caller knows. What belongs to the user stands in it by its name in the file, so that the same plan calls another
file that is written alike.

    {"layout": "x: N D; W: D M, b: M -> N M", "spec": {"$": "reference", "name": "affine"},
     "caller": {"$": "conventions.layers.layer_class.LayerClass", "forward_name": "forward", ...}}
"""

from __future__ import annotations

import builtins
import contextlib
import dataclasses
import importlib
import inspect
import math
import sys
from collections.abc import Iterable, Mapping
from functools import cache, cached_property, partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.base import Caller, Wrapped
from gradcheck_plugin.subject import Subject
from reference_impls import load, specs
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec, Variant

SCHEMA = 1
_TAG, _ID = "$", "$id"
_PLACE = ("file", "root")  # of a subject: where its file lies is not a part of how it is called
_OURS = (Caller.__module__.partition(".")[0], LayerSpec.__module__.partition(".")[0])


class Unwritable(Exception):
    """Something in a plan has no name by which it could be found again."""


@dataclasses.dataclass(frozen=True)
class Namespace:
    """The user's modules, the file's own first, in which what a plan names is looked up."""

    modules: tuple[ModuleType, ...]

    @classmethod
    def of(cls, modules: Iterable[ModuleType]) -> Namespace:
        return cls(tuple(modules))

    def name(self, thing: Any) -> str:
        """The name of a function or class: `Affine.forward`, or `layers:Affine` of another file."""
        written = getattr(thing, "__qualname__", "")
        for number, module in enumerate(self.modules):
            names = [written, *(n for n, value in vars(module).items() if value is thing)]
            found = next((n for n in names if n and self._at(module, n) is thing), None)
            if found is not None:
                return f"{module.__name__}:{found}" if number else found
        raise Unwritable(f"{thing!r} has no name in the file")

    def find(self, name: str) -> Any:
        """What has this name. Raises LookupError where nothing has it."""
        home, _, path = name.rpartition(":")
        module = next((m for m in self.modules[1:] if m.__name__ == home), None) if home else self.modules[0]
        found = None if module is None else self._at(module, path)
        if found is None:
            raise LookupError(f"nothing is called {name}")
        return found

    @staticmethod
    def _at(module: ModuleType, path: str) -> Any:
        """What lies at a path of names, without calling anything; a static or class method as its plain function."""
        first, *rest = path.split(".")
        found = vars(module).get(first)
        for part in rest:
            found = inspect.getattr_static(found, part, None) if found is not None else None
            found = found.__func__ if isinstance(found, staticmethod | classmethod) else found
        return found


# --- writing ---


def written(subject: Subject, modules: Iterable[ModuleType]) -> dict[str, Any]:
    """The plan of a subject. Raises Unwritable where something that it calls has no name."""
    return {"schema": SCHEMA, **_Writer(Namespace.of(modules)).fields(subject)}


class _Writer:
    """One plan on its way into JSON; what is met twice, and may be changed, is written once."""

    def __init__(self, names: Namespace) -> None:
        self.names = names
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no number is given to another object in the same place of memory

    def value(self, value: Any) -> Any:
        match value:
            case None | bool() | str():
                return value
            case int() if type(value) is int:
                return value
            case float() if type(value) is float:
                return value if math.isfinite(value) else {_TAG: "float", "of": str(value)}
            case tuple() if type(value) is tuple:
                return [self.value(v) for v in value]
            case list() if type(value) is list:
                return {_TAG: "list", "of": [self.value(v) for v in value]}
            case set() | frozenset():
                return {_TAG: type(value).__name__, "of": [self.value(v) for v in sorted(value, key=repr)]}
            case Mapping():
                return self._mapping(value)
            case np.ndarray() if value.dtype.kind in "fiub":
                return {_TAG: "array", "dtype": value.dtype.name, "shape": value.shape, "of": value.ravel().tolist()}
            case np.generic():
                return {_TAG: "number", "dtype": value.dtype.name, "of": value.item()}
            case Layout() if _is_one_line(value):
                return {_TAG: "layout", "of": value.text}
            case LayerSpec():
                return {_TAG: "reference", "name": value.name}
            case Variant() if (known := _place_of(value)) is not None:
                return {_TAG: "variant", "of": known[0], "number": known[1]}
        return self._object(value)

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        if all(type(k) is str for k in value) and _TAG not in value:
            return {k: self.value(v) for k, v in value.items()}
        return {_TAG: "mapping", "of": [[self.value(k), self.value(v)] for k, v in value.items()]}

    def _object(self, value: Any) -> dict[str, Any]:
        if isinstance(value, partial):
            call = {"function": self.value(value.func), "first": self.value(value.args)}
            return {_TAG: "partial", **call, "named": self.value(value.keywords)}
        if isinstance(value, MethodType):
            return {_TAG: "method", "of": self.value(value.__self__), "name": value.__name__}
        if isinstance(value, np.ufunc):
            return {_TAG: "numpy", "name": value.__name__}
        if isinstance(value, ModuleType):
            return {_TAG: "module", "name": self._module(value)}
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            return self._code(value)
        if not (type(value).__module__.startswith(_OURS) and (dataclasses.is_dataclass(value) or _is_wrapped(value))):
            raise Unwritable(f"{type(value).__name__} is no plain data")
        if id(value) in self.numbers:
            return {_TAG: "same", _ID: self.numbers[id(value)]}
        found: dict[str, Any] = {_TAG: _path(type(value))}
        if not _is_frozen(value):
            self.numbers[id(value)] = found[_ID] = len(self.numbers)
            self.kept.append(value)
        return found | self.fields(value)

    def _code(self, value: type | FunctionType | BuiltinFunctionType) -> dict[str, Any]:
        if value.__module__ == builtins.__name__ and getattr(builtins, value.__name__, None) is value:
            return {_TAG: "builtin", "name": value.__name__}
        if (value.__module__ or "").startswith(_OURS):
            with_name = _reach(sys.modules[value.__module__], value.__qualname__) is value
            return {_TAG: "ours", "name": _path(value)} if with_name else _option(value)
        if (value.__module__ or "").partition(".")[0] == "numpy" and getattr(np, value.__name__, None) is value:
            return {_TAG: "numpy", "name": value.__name__}
        return {_TAG: "user", "name": self.names.name(value)}

    def _module(self, module: ModuleType) -> str:
        if module in self.names.modules:
            return f"{self.names.modules.index(module)}"
        if sys.modules.get(module.__name__) is module and not module.__name__.startswith("_"):
            return module.__name__
        raise Unwritable(f"the module {module.__name__} has no name")

    def fields(self, value: Any) -> dict[str, Any]:
        """What an object of ours holds, without what it would hold anyway."""
        default, without = _defaults(type(value)), _PLACE if isinstance(value, Subject) else ()
        order = [f.name for f in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
        names = [n for n in dict.fromkeys([*order, *sorted(vars(value))]) if n in vars(value) and n not in without]
        held = {n: vars(value)[n] for n in names if not _is_cached(type(value), n)}
        return {n: self.value(v) for n, v in held.items() if n not in default or not _is_default(v, default[n])}


def _is_one_line(layout: Layout) -> bool:
    """Whether the one-line form says all of a layout; it has no word for a name such as `weights[0]`."""
    with contextlib.suppress(ValueError):
        return Layout.parse(layout.text) == layout
    return False


def _place_of(variant: Variant) -> tuple[str, int] | None:
    """The reference that has a variant, and its number there."""
    return _variants().get(id(variant), (None, variant))[0]


@cache
def _variants() -> dict[int, tuple[tuple[str, int], Variant]]:
    """All variants, by which they are: the reference of each and its number there."""
    return {id(v): ((s.name, i), v) for s in specs().values() for i, (v, _) in enumerate(s.layouts())}


def _option(function: Any) -> dict[str, Any]:
    """A function that is an option of a variant: it has no name, but its place."""
    for (spec, number), variant in _variants().values():
        for name, value in variant.options.items():
            if value is function:
                return {_TAG: "option", "of": spec, "number": number, "name": name}
    raise Unwritable(f"{function.__qualname__} is made anew in every run")


def _is_wrapped(value: Any) -> bool:
    return isinstance(value, Wrapped)


def _is_frozen(value: Any) -> bool:
    parameters: Any = getattr(type(value), "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


def _is_cached(cls: type, name: str) -> bool:
    return isinstance(inspect.getattr_static(cls, name, None), cached_property)


def _defaults(cls: type) -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    return found


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and not isinstance(value, np.ndarray) and value == default)


def _path(thing: Any) -> str:
    """Where something of ours is defined, from the package on: `conventions.base.Tape`."""
    home = thing.__module__.removeprefix(f"{_OURS[0]}.")
    return f"{home}.{thing.__qualname__}"


def _reach(start: Any, path: str) -> Any:
    for part in path.split("."):
        start = inspect.getattr_static(start, part, None)
        start = start.__func__ if isinstance(start, staticmethod | classmethod) else start
    return start


# --- reading ---


def read(plan: Mapping[str, Any], modules: Iterable[ModuleType], file: str = "", root: Path | None = None) -> Subject:
    """The subject of a plan, beside the user's modules.

    Raises LookupError where the plan names what is not there, and ValueError where it is no plan of this version.
    """
    if plan.get("schema") != SCHEMA:
        raise ValueError(f"a plan of version {plan.get('schema')}, where {SCHEMA} is read")
    fields = {n: v for n, v in plan.items() if n != "schema"}
    subject: Subject = _Reader(Namespace.of(modules), {"file": file, "root": root}).fill(Subject, fields)
    return subject


class _Reader:
    """One plan on its way from JSON."""

    def __init__(self, names: Namespace, place: Mapping[str, Any]) -> None:
        self.names, self.place = names, place
        self.numbered: dict[int, Any] = {}

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(self.value(v) for v in value)
        if not isinstance(value, dict):
            return value
        if _TAG not in value:
            return {k: self.value(v) for k, v in value.items()}
        kind = value[_TAG]
        if "." in kind:
            return self.fill(_ours(kind), {n: v for n, v in value.items() if n not in (_TAG, _ID)}, value.get(_ID))
        return getattr(self, f"_{kind}")(value)

    def fill(self, cls: type, fields: Mapping[str, Any], number: int | None = None) -> Any:
        """An object of ours that holds this; it is known before what it holds is read, which may lead back to it."""
        if not (dataclasses.is_dataclass(cls) or issubclass(cls, Caller)):
            raise ValueError(f"{cls.__name__} is no part of a plan")
        made = object.__new__(cls)
        if number is not None:
            self.numbered[number] = made
        held = vars(made)
        held |= _defaults(cls)
        if cls is Subject:
            held |= self.place
        held |= {n: self.value(v) for n, v in fields.items()}
        return made

    def _same(self, value: Mapping[str, Any]) -> Any:
        return self.numbered[value[_ID]]

    def _float(self, value: Mapping[str, Any]) -> float:
        return float(value["of"])

    def _list(self, value: Mapping[str, Any]) -> list[Any]:
        return [self.value(v) for v in value["of"]]

    def _set(self, value: Mapping[str, Any]) -> set[Any]:
        return {self.value(v) for v in value["of"]}

    def _frozenset(self, value: Mapping[str, Any]) -> frozenset[Any]:
        return frozenset(self.value(v) for v in value["of"])

    def _mapping(self, value: Mapping[str, Any]) -> dict[Any, Any]:
        return {self.value(k): self.value(v) for k, v in value["of"]}

    def _array(self, value: Mapping[str, Any]) -> Any:
        return np.array(value["of"], dtype=value["dtype"]).reshape(value["shape"])

    def _number(self, value: Mapping[str, Any]) -> Any:
        return np.dtype(value["dtype"]).type(value["of"])

    def _layout(self, value: Mapping[str, Any]) -> Layout:
        return Layout.parse(value["of"])

    def _reference(self, value: Mapping[str, Any]) -> LayerSpec:
        return load(value["name"])

    def _variant(self, value: Mapping[str, Any]) -> Variant:
        variant: Variant = load(value["of"]).layouts()[value["number"]][0]
        return variant

    def _option(self, value: Mapping[str, Any]) -> Any:
        return self._variant(value).options[value["name"]]

    def _partial(self, value: Mapping[str, Any]) -> Any:
        function, first, named = (self.value(value[n]) for n in ("function", "first", "named"))
        return partial(function, *first, **named)

    def _method(self, value: Mapping[str, Any]) -> Any:
        return getattr(self.value(value["of"]), value["name"])

    def _numpy(self, value: Mapping[str, Any]) -> Any:
        return getattr(np, value["name"])

    def _builtin(self, value: Mapping[str, Any]) -> Any:
        return getattr(builtins, value["name"])

    def _ours(self, value: Mapping[str, Any]) -> Any:
        return _ours(value["name"])

    def _user(self, value: Mapping[str, Any]) -> Any:
        return self.names.find(value["name"])

    def _module(self, value: Mapping[str, Any]) -> Any:
        name = value["name"]
        return self.names.modules[int(name)] if name.isdigit() else importlib.import_module(name)


def _ours(path: str) -> Any:
    """What of ours is defined at a path: modules first, then names in them."""
    home, *names = path.split(".")
    start: Any = importlib.import_module(home if home == _OURS[1] else f"{_OURS[0]}.{home}")
    for name in names:
        if isinstance(start, ModuleType) and not hasattr(start, name):
            start = importlib.import_module(f"{start.__name__}.{name}")
        else:
            start = _reach(start, name)
    if not str(getattr(start, "__module__", "")).startswith(_OURS):  # a plan names nothing that ours only import
        raise LookupError(f"{path} is not there")
    return start
