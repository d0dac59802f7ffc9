"""What is put in the place of what is missing: packages that are not installed, and names that were removed.

Both are seen only by the user's own files.
"""

import ast
import builtins
import collections.abc
import functools
import importlib
import importlib.abc
import importlib.machinery
import inspect
import re
import warnings
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

_OWN_WORDS = re.compile(
    r"(activation|affine|classifier|dataset|function|func|gradient|helper|layer|loss|losse|model|module|network|net|"
    r"optimizer|util)s?|common|config|convnet|conv|data|fc|grad|homework|hw|im2col|linear|lstm|my|mytorch|neural|nn|"
    r"optim|relu|rnn|sigmoid|softmax|solver|tensor|train|trainer"
)

_EVERYWHERE = {"data", "dataset", "datasets", "model", "models", "util", "utils"}  # in published packages too

# --- packages ---


def _old_div(a: Any, b: Any) -> Any:
    return a // b if isinstance(a, int) and isinstance(b, int) else a / b


_OLD_BUILTINS = {
    **{"xrange": range, "unicode": str, "basestring": str, "long": int, "unichr": chr},
    **{"raw_input": input, "reduce": functools.reduce},
}

# names that computations use; anything else from a missing package only draws, prints or decorates
_WORKING = {
    **{"prange": range, "trange": range, "range": range, "zip": zip, "map": map, "filter": filter},
    **{"object": object, "old_div": _old_div, **_OLD_BUILTINS},
}


class StandIn:
    """Anything of a package that is not installed: every attribute, call and `with` is harmless.

    As a decorator it returns the function unchanged; as a base class it is left out; iterated, it gives what it wraps.
    """

    def __init__(self, name: str, wrapped: Any = ()) -> None:
        self._name, self._wrapped = name, wrapped

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _WORKING.get(name) or StandIn(f"{self._name}.{name}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        if len(args) == 1 and not options and isinstance(args[0], FunctionType | type):
            return args[0]
        return StandIn(self._name, args[0] if args else ())

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._wrapped if hasattr(self._wrapped, "__iter__") else ())

    def __bool__(self) -> bool:
        return False

    def __getitem__(self, key: Any) -> Any:
        return StandIn(self._name)

    def __setitem__(self, key: Any, value: Any) -> None:
        return None

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise TypeError(f"{self!r} cannot be computed with")

    def __repr__(self) -> str:
        return f"<stand-in for {self._name}, which is not installed>"


class Replacement(ModuleType):
    """A module in the place of one that is not installed."""


class StandInModule(Replacement):
    def __getattr__(self, name: str) -> Any:
        return getattr(StandIn(self.__name__), name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return StandIn(self.__name__)(*args, **options)


class Completed(ModuleType):
    """An installed module in which nothing is missing."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name, None) or getattr(StandIn(self.__name__), name)


class NumpyInstead(Replacement):
    """NumPy in the place of a package that computes the same on another device; what only that has is a stand-in."""

    def __getattr__(self, name: str) -> Any:
        if name in _OF_A_DEVICE:
            return _OF_A_DEVICE[name]
        inner = self.__name__.partition(".")[2]
        try:
            module = importlib.import_module(".".join(filter(None, ("numpy", inner))))
        except ImportError:
            return getattr(StandIn(self.__name__), name)
        old = _OLD["numpy"].get(name) if not inner else None
        if hasattr(module, name) or old is None:
            return getattr(module, name, None) or getattr(StandIn(self.__name__), name)
        return getattr(module, old) if isinstance(old, str) else old


_OF_A_DEVICE = {"asnumpy": np.asarray, "get_array_module": lambda *arrays: np}
LIKE_NUMPY = ("cupy",)


class StandInLoader(importlib.abc.Loader):
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        like_numpy = spec.name.partition(".")[0] in LIKE_NUMPY
        return NumpyInstead(spec.name) if like_numpy else StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        return None


def is_wanted(name: str, tree: ast.Module, line: int) -> bool:
    """Whether the module that a file imports in that line is a package that it cannot do without."""
    return not is_guarded(tree, line) and not _looks_own(tree, name)


def is_guarded(tree: ast.Module, line: int) -> bool:
    """Whether the line is in the body of a `try`, so that the file itself knows what to do without the package."""
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Try) and node.handlers]
    return any(body[0].lineno <= line <= (body[-1].end_lineno or line) for body in bodies)


def _looks_own(tree: ast.Module, name: str) -> bool:
    """Whether a module that was not found must be the user's: by the words of its name, or imported with a star."""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    modules = {name, *(str(node.module) for node in statements if f"{node.module}.".startswith(f"{name}."))}
    starred = any(node.module in modules and node.names[0].name == "*" for node in statements)
    inner = {word for module in modules for word in _words(module.partition(".")[2])} - _EVERYWHERE
    return starred or any(map(_OWN_WORDS.fullmatch, (name, *_words(name.partition(".")[0]), *inner)))


def _words(name: str) -> list[str]:
    return re.split(r"[._\d]+", name.lower())


# --- names ---


def _reshape(a: Any, *args: Any, newshape: Any = None, **options: Any) -> Any:
    return np.reshape(a, *(args if newshape is None else (newshape, *args)), **options)


# a name of NumPy that was removed: what it was, or the name that has replaced it
_OLD: dict[str, dict[str, Any]] = {
    "numpy": {
        **{"int": int, "float": float, "bool": bool, "object": object, "str": str, "complex": complex, "long": int},
        **{"unicode": str, "float_": "float64", "complex_": "complex128", "bool8": "bool_", "unicode_": "str_"},
        **{"Inf": "inf", "Infinity": "inf", "infty": "inf", "PINF": "inf", "NINF": float("-inf"), "NaN": "nan"},
        **{"product": "prod", "cumproduct": "cumprod", "sometrue": "any", "alltrue": "all", "round_": "round"},
        **{"row_stack": "vstack", "in1d": "isin", "trapz": "trapezoid", "mat": "asmatrix", "warnings": warnings},
        **({} if "newshape" in inspect.signature(np.reshape).parameters else {"reshape": _reshape}),
    },
    "collections": {name: getattr(collections.abc, name) for name in collections.abc.__all__},
}


def old_names(tree: ast.Module) -> list[str]:
    """The names in the file that existed when it was written, and that the installed versions do not have."""
    nodes = list(ast.walk(tree))
    imported = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules = {alias.asname or alias.name: alias.name for alias in imported if alias.name in _OLD}
    used = {
        (modules[node.value.id], node.attr)
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    }
    if not any(isinstance(node, ast.keyword) and node.arg == "newshape" for node in nodes):
        used.discard(("numpy", "reshape"))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module in _OLD and not node.level:
            used |= {(node.module, alias.name) for alias in node.names}
    return sorted(f"{module}.{name}" for module, name in used if _is_gone(module, name)) + _old_builtins(nodes)


def _is_gone(module: str, name: str) -> bool:
    known = vars(importlib.import_module(module))
    return name in _OLD[module] and (name not in known or name == "reshape")  # which has lost an argument


def _old_builtins(nodes: list[ast.AST]) -> list[str]:
    names = [node for node in nodes if isinstance(node, ast.Name) and node.id in _OLD_BUILTINS]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    bound |= {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return sorted({node.id for node in names} - bound)


class _WithOldNames(ModuleType):
    """A module as one file sees it: the same attributes, and those that were removed."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        if not _is_gone(self.__name__, name):
            return getattr(self._module, name)
        value = _OLD[self.__name__][name]
        return getattr(self._module, value) if isinstance(value, str) else value


def builtins_for(names: list[str], importer: Any) -> dict[str, Any]:
    """The `__builtins__` of one file: its `import` statements are done by `importer`; the old names are given to it."""

    def with_old_names(*args: Any, **options: Any) -> Any:
        module = importer(*args, **options)
        return _WithOldNames(module) if getattr(module, "__name__", None) in modules else module

    modules = _modules(names)
    old = {name: _OLD_BUILTINS[name] for name in names if "." not in name}
    return {**vars(builtins), **old, "__import__": with_old_names if modules else importer}


def complete(namespace: dict[str, Any], names: list[str]) -> None:
    """Give the old names also to a module that a star import put in the place of the completed one."""
    for name, value in namespace.items():
        if isinstance(value, ModuleType) and value.__name__ in _modules(names):
            namespace[name] = value if isinstance(value, _WithOldNames) else _WithOldNames(value)


def _modules(names: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in names if "." in name}
