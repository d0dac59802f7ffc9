"""Where an object keeps its parameters and their gradients."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.names.words import constants
from gradcheck_plugin.running.tensors import is_tensor, to_array, to_tensor
from reference_impls.shapes import Entry

Path = tuple[tuple[str, Any], ...]  # (("attr", "params"), ("item", "W")); ("call", "params") is what a method gives
_GRADIENT = re.compile(r"^(d[A-Z_]?\w*|\w*grad\w*|dl?d\w+|d(weights?|bias(es)?|gamma|beta|inputs?|values?))$")
_WEIGHTS = re.compile(r"^[wWbBkK](_|\d|$)|weight|bias|kernel|filter|gamma|beta|theta|^params?")
_NOT_PARAMETER = re.compile(
    r"(^|_)(running|moving|mean|var|std|cache|mask|velocity|momentum|prev|last|before|old|history|seed|lr|eps|epsilon|idx|index|"
    r"loss|labels?|targets?|probs?|scores?|col\w*)($|_)"
)
_VALUES = re.compile(r"(^|_)(p|start|states?|x|X|y|t|z|a|h|out|outputs?|inputs?|A|Z|N|T)($|_)")  # but not W_x, b_h
_WEIGHTS_OF = ("w_{}", "weight_{}", "weights_{}", "{}_weight", "{}_weights")
SYNONYMS = {
    "W": ("w", "weight", "weights", "kernel", "theta"),
    "b": ("b", "bias", "biases"),
    "w": ("w", "weight", "weights", "theta"),
    "gamma": ("gamma", "scale", "scaler", "bw", "γ"),
    "beta": ("beta", "shift", "intercept", "bb", "β"),
    **{
        f"W{names[0][0]}": (f"w_{names[0][0]}", *(form.format(n) for n in names for form in _WEIGHTS_OF))
        for names in (("query", "queries"), ("key", "keys"), ("value", "values"))
    },
    "mean": ("mean", "running_mean", "moving_mean", "mu", "running_m"),
    "var": ("var", "running_var", "moving_var", "moving_variance", "running_v"),
}
_BOXES = ("grads", "gradients", "grad", "gradient", "cache")
OWNERS = ("params", "param", "parameters", "weights")


def same(name: str, wanted: str) -> bool:
    """Whether a user's name stands for the parameter `wanted` of a reference: `weights` for W, `w1` for W1."""
    low = name.strip("_").lower()
    if low.replace("_", "") == wanted.lower():
        return True
    stem, digits = re.match(r"^(\D*)(\d*)$", wanted).groups() if re.match(r"^(\D*)(\d*)$", wanted) else (wanted, "")  # type: ignore[union-attr]
    return any(low in (s + digits, s + "_" + digits) for s in SYNONYMS.get(stem, ()))


def leaves(obj: Any, depth: int = 3) -> Iterator[tuple[Path, Array]]:
    """Every floating-point array that the object holds: in attributes, dictionaries, lists and own objects."""
    yield from _leaves(obj, (), depth, set())


def numbers(obj: Any) -> Iterator[tuple[Path, Array]]:
    """Every single number that the object holds, in an attribute or a dictionary, as an array without axes."""
    for path, value in _single(obj, (), 2):
        if is_number(value):
            yield path, np.array(value, dtype=float)


def _single(obj: Any, path: Path, depth: int) -> Iterator[tuple[Path, Any]]:
    held = vars(obj) if hasattr(obj, "__dict__") and not isinstance(obj, type) else {}
    kind, children = ("item", obj) if isinstance(obj, dict) else ("attr", held)
    for key, value in children.items():
        if isinstance(value, dict) and depth:
            yield from _single(value, (*path, (kind, key)), depth - 1)
        elif isinstance(key, str):
            yield (*path, (kind, key)), value


def is_number(value: Any) -> bool:
    """Whether a value is one real number: no truth value, and no array with axes."""
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind == "f"
    return isinstance(value, int | float | np.floating) and not isinstance(value, bool)


def _leaves(obj: Any, path: Path, depth: int, seen: set[int], *, twice: bool = False) -> Iterator[tuple[Path, Array]]:
    if is_tensor(obj):
        obj = to_array(obj)
    if isinstance(obj, np.ndarray):
        if obj.dtype.kind == "f" and (twice or id(obj) not in seen):
            seen.add(id(obj))
            yield path, obj
        return
    if depth < 0 or id(obj) in seen:
        return
    children: list[tuple[tuple[str, Any], Any]] = []
    if isinstance(obj, dict):
        children = [(("item", k), v) for k, v in obj.items() if isinstance(k, str | int)]
    elif isinstance(obj, list | tuple):
        children = [(("item", i), v) for i, v in enumerate(obj)]
    elif hasattr(obj, "__dict__") and not isinstance(obj, type) and type(obj).__module__ != "builtins":
        children = [(("attr", k), v) for k, v in vars(obj).items()]
        children.sort(key=lambda c: c[0][1] not in OWNERS)
    if children:
        seen.add(id(obj))
    for step, child in children:
        yield from _leaves(child, (*path, step), depth - 1, seen, twice=twice)


def get(obj: Any, path: Path) -> Any:
    """The value at a path, or None where the path no longer leads anywhere."""
    for kind, key in path:
        try:
            obj = obj[key] if kind == "item" else getattr(obj, key)
            if kind == "call":
                obj = obj()
                obj = list(obj) if isinstance(obj, Iterator) else obj
        except Exception:  # of a dictionary or a property of the user's
            return None
    return obj


def array_at(obj: Any, path: Path) -> Array | None:
    """A copy of the array, tensor or number at a path, or None where there is none."""
    value = get(obj, path)
    value = np.array(value, dtype=float) if is_number(value) else value
    value = to_array(value) if is_tensor(value) else value
    return np.array(value) if isinstance(value, np.ndarray) else None


def places(obj: Any, path: Path) -> tuple[Path, ...]:
    """The path, and every other that leads to the same array."""
    held = get(obj, path)
    return path, *(p for p, a in _leaves(obj, (), 7, set(), twice=True) if a is held and p != path)


def common(one: Any, other: Any, path: Path) -> Path | None:
    """The first part of a path that leads two objects to the same memory or container, or None."""
    for end in range(1, len(path) + 1):
        a, b = get(one, path[:end]), get(other, path[:end])
        arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        if (a is b and a is not None) or (arrays and np.may_share_memory(a, b)):
            return path[:end]
    return None


def set_apart(obj: Any, shared: Iterable[Path]) -> None:
    """Give an object copies of its own in these places; what was one thing in several places is one copy."""
    known: dict[int, Any] = {}
    for path in shared:
        _place(obj, path, copy.deepcopy(get(obj, path), known))


def _place(obj: Any, path: Path, value: Any) -> None:
    owner, (kind, key) = get(obj, path[:-1]), path[-1]
    if kind == "attr":
        setattr(owner, key, value)
    elif not isinstance(owner, tuple):
        owner[key] = value


def put(obj: Any, path: Path, value: Array, everywhere: tuple[Path, ...] = ()) -> None:
    """Write `value` at a path: into the array that is there (others may share it), else in its place `everywhere`."""
    old = get(obj, path)
    if isinstance(old, np.ndarray) and old.shape == value.shape and old.dtype == value.dtype and old.flags.writeable:
        old[...] = value
        return
    fresh: Any = to_tensor(value.copy()) if is_tensor(old) else value.copy()
    if is_number(old) and not isinstance(old, np.ndarray) and value.ndim == 0:
        fresh = value.dtype.type(value) if isinstance(old, np.floating) else float(value)
    for place in everywhere or (path,):
        _place(obj, place, fresh)


def label(path: Path) -> str:
    """The name a person would use for what is at the path: `W1` for self.params["W1"], `params[0]` for a list."""
    kind, key = path[-1]
    if len(path) > 1 and (key in ("value", "val") or (kind == "attr" and key == "data")):
        return label(path[:-1])
    if isinstance(key, int):
        return f"{label(path[:-1])}[{key}]" if len(path) > 1 else f"[{key}]"
    return str(key)


def whole_label(path: Path) -> str:
    """The name with that of every object on the way: `fc1.weights`, `layers[0].W`."""
    text, own = "", label(path)
    held = next((i for i in reversed(range(len(path))) if str(path[i][1]) == own), len(path) - 1)
    for kind, key in path[:held]:  # what comes after, `.value`, is no part of the name
        if kind == "item":
            text += f"[{key}]"
        elif key not in OWNERS:
            text += f".{key}" if text else str(key)
    return f"{text}.{own}" if text and not own.startswith("[") else text + own


def is_parameter(path: Path) -> bool:
    """Whether the name of a leaf says parameter, and not gradient, running statistic or cached input."""
    names = [str(key) for _, key in path]
    if any(n.strip("_").lower() in _BOXES for n in names):
        return False
    last = label(path).split("[")[0]
    if any(n in OWNERS for n in names):
        return True
    bare = last.strip("_")
    if _GRADIENT.match(bare) or _NOT_PARAMETER.search(bare):
        return False
    return bool(_WEIGHTS.search(bare)) or not _VALUES.search(bare)


def may_be_parameter(path: Path) -> bool:
    """Whether the name of a leaf leaves it open that it is a parameter: it is no gradient, statistic or cache."""
    names = [str(key).strip("_") for _, key in path]
    return not any(_GRADIENT.match(n) or _NOT_PARAMETER.search(n) or n.lower() in _BOXES for n in names)


def is_weight(path: Path) -> bool:
    """Whether the name of a leaf is one that people give to what is trained."""
    return bool(_WEIGHTS.search(label(path)))


def weights(obj: Any) -> list[Array]:
    """The arrays of an object whose names say that they are trained."""
    return [a for path, a in leaves(obj) if is_parameter(path) and is_weight(path)]


def gradient_path(obj: Any, parameter: Path) -> Path | None:
    """Where the gradient of the parameter at a path lies after a backward: the likeliest place that holds a number.

    One array may be held under two names, `self.W` and `self.params[0]`: both lead to its gradient.
    """
    held = get(obj, parameter)
    if len(parameter) > 1:  # what the outer object says of an inner one's parameter counts first
        outer = [(("attr", n),) for n in _properties(obj.__class__) if get(obj, (("attr", n),)) is held]
        if found := next(filter(None, (_gradient_path(obj, path) for path in outer)), None):
            return found
    found = _gradient_path(obj, parameter)
    if found is not None:
        return found
    array = to_array(held) if is_tensor(held) else np.asarray(held)
    leaves_ = [(p, a) for p, a in _leaves(obj, (), 3, set(), twice=True) if p != parameter]
    names = [p for p, a in leaves_ if a.shape == array.shape and np.shares_memory(a, array)]
    return next(filter(None, (_gradient_path(obj, path) for path in names)), None)


@cache
def _properties(cls: type) -> tuple[str, ...]:
    return tuple(n for n in dir(cls) if isinstance(getattr(cls, n, None), property))


def gradients_of_one(obj: Any, parameter: Path, gradient: Path) -> tuple[Path, ...]:
    """The gradients that add up to that of a parameter: one for every place of a list that holds the same array."""
    owner, (kind, key) = parameter[:-1], parameter[-1]
    params, grads = get(obj, owner), get(obj, gradient[:-1])
    if kind != "item" or not isinstance(params, list) or not isinstance(grads, list) or len(grads) != len(params):
        return (gradient,)
    others = [i for i, p in enumerate(params) if p is params[key] and grads[i] is not grads[key]]
    return gradient, *((*gradient[:-1], ("item", i)) for i in others)


def _gradient_path(obj: Any, parameter: Path) -> Path | None:
    return next((p for p in _likely(parameter) if _is_gradient(get(obj, p))), None)


@cache
def _likely(parameter: Path) -> tuple[Path, ...]:
    """Where the gradient of a parameter may lie, by the names that people give it, likeliest first."""
    owner, (kind, key) = parameter[:-1], parameter[-1]
    found: list[Path] = []
    if key in ("value", "val") or (kind == "attr" and key == "data"):
        found += [(*owner, (kind, g)) for g in ("grad", "gradient", "g", "deriv", "derivative")]
    name = str(key)
    spellings = _spellings(name)
    prefixes = [owner] if owner and owner[-1][1] not in OWNERS else [owner, owner[:-1]]
    for prefix in prefixes:
        found += [(*prefix, ("attr", s)) for s in spellings]
        for box in ("grads", "gradients", "gradient", "grad", "dparams"):
            found += [(*prefix, ("attr", box), ("item", k)) for k in (key, *spellings)]
    for s in spellings:
        found.append((*owner, ("item", s)))
    return tuple(dict.fromkeys(found))


def _is_gradient(value: Any) -> bool:
    return isinstance(value, np.ndarray | float | np.floating) or is_tensor(value)


def is_gradient_of(name: str, parameter: Path) -> bool:
    """Whether a name is a spelling of the gradient of the parameter at a path."""
    return name in _spellings(label(parameter))


def _spellings(name: str) -> list[str]:
    bare = name.strip("_")
    names = [bare, bare.lower()]
    names += [s for base, group in SYNONYMS.items() if bare.lower() in group or bare == base for s in (base, *group)]
    forms = (
        "d{}",
        "grad_{}",
        "{}_grad",
        "dLd{}",
        "d_{}",
        "grad{}",
        "gradient_{}",
        "gradients_{}",
        "{}_gradient",
        "dL_d{}",
    )
    return list(dict.fromkeys(form.format(n) for n in names for form in forms))


def in_order(
    returned: Sequence[Any],
    entries: Sequence[Entry],
    said: Sequence[str] = (),
    shown: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """A returned tuple by array name: of the arrays that have a gradient, or of all with a place for the others.

    Of a tuple with too few, `said` are the author's names of what is in it, and `shown` those of the arrays.
    """
    mine = [e for e in entries if e.differentiable]
    if len(returned) < len(mine) and len(said) == len(returned) and (keys := said_of(said, mine, shown)):
        return dict(zip(keys, returned, strict=True))
    if len(returned) < len(mine):  # no gradient of what is constant: running statistics, a mask
        left = constants([shown.get(e.name, e.name) for e in mine])
        rest = [e for e in mine if shown.get(e.name, e.name) not in left]
        mine = rest if len(rest) == len(returned) else mine
    empty = [i for i, e in enumerate(entries) if not e.differentiable]
    whole = len(returned) == len(entries) or any(i < len(returned) and returned[i] is None for i in empty)
    named = zip(entries if whole else mine, returned, strict=False)
    return {e.name: g for e, g in named if e.differentiable}


def said_of(said: Sequence[str], entries: Sequence[Entry], shown: Mapping[str, str]) -> list[str]:
    """The arrays whose gradients the author's names are, in their order; [] where one is of none, or two of one."""
    forms = {e.name: (*_spellings(shown.get(e.name, e.name)), *_spellings(e.name)) for e in entries}
    keys = [next((n for n, spellings in forms.items() if s in spellings), "") for s in said]
    return keys if all(keys) and len({*keys}) == len(keys) else []


def returned_as(name: str, returned: Any) -> Any:
    """The gradient of `name` in a returned dictionary, under its own name or any spelling of its gradient."""
    if not isinstance(returned, dict):
        return None
    for key in (name, *_spellings(name)):
        if key in returned:
            return returned[key]
    return None
