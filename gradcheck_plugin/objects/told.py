"""Where an object leaves the gradients of its parameters, where the usual names do not say it.

A list of pairs that a method gives (`params() -> [(W, dW), ...]`), the keys under which a `state_dict` has the
parameter, a spelling of its own (`dl_dw`, `WeightsGrad`), and last the only array of its shape that backward changes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.objects import state
from gradcheck_plugin.objects.state import Path

_REGISTRIES = ("params", "param", "parameters", "get_params", "get_parameters", "trainable_params", "params_and_grads",
               "params_grads", "parameters_and_gradients", "state_dict", "weights", "get_weights")  # fmt: skip
_GRADIENTS = ("grads", "gradients", "param_grads", "get_grads", "get_gradients", "grad", "gradient", "dparams",
              "grad_dict")  # fmt: skip
_SPELLED = tuple(
    re.compile(form)
    for form in (
        r"(?:d?(?:l|j|c|e|loss|cost)_?)?d_?(?P<of>.+)",
        r"(?:gradients?|grads?|g|delta|nabla|partial)_?(?:of_?|wrt_?|for_?)?(?P<of>.+)",
        r"(?P<of>.+?)_?(?:gradients?|grads?|delta|derivative|deriv|der)",
    )
)


@dataclass
class Told:
    """Where gradients lie, by the names of the arrays; `guessed` are those that no name tells, only the shape.

    `unclear` says of an array which others may be its gradient, where they are several.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)
    unclear: dict[str, str] = field(default_factory=dict)


def snapshot(obj: Any) -> dict[Path, Array]:
    """Copies of all arrays that an object holds."""
    return {path: np.array(array) for path, array in state.leaves(obj)}


def learn(obj: Any, before: Mapping[Path, Array], parameters: Mapping[str, Path]) -> Told:
    """Where an object has the gradients of its parameters after a backward; `before` is what it held until then."""
    found = Told()
    open_ = {n: p for n, p in parameters.items() if state.gradient_path(obj, p) is None}
    taken = [p for n, path in parameters.items() if n not in open_ and (p := state.gradient_path(obj, path))]
    for name, path in open_.items():
        at = _registered(obj, path) or _spelled(obj, path, parameters)
        if at is not None:
            found.paths[name] = at
            taken.append(at)
    held = [state.get(obj, p) for p in taken]
    changed = {
        path: array
        for path, array in state.leaves(obj)
        if not _same(before.get(path), array) and path not in parameters.values() and not _any_is(array, held)
    }
    for name, path in open_.items():
        if name in found.paths:
            continue
        values = (before.get(path), state.get(obj, path))
        copies = {p for p, a in changed.items() if not says_gradient(p) and any(_same(v, a) for v in values)}
        fitting = _of_shape(obj, path, {p: a for p, a in changed.items() if p not in copies})
        if len(fitting) > 1:
            several = " or ".join(f"`{state.whole_label(p)}`" for p in fitting[:3])
            found.unclear[name] = f"{several} may be the gradient of `{state.label(path)}`"
        elif fitting:
            found.paths[name] = fitting[0]
            if not says_gradient(fitting[0]):
                found.guessed.add(name)
    twice = [p for p in found.paths.values() if list(found.paths.values()).count(p) > 1]
    for name in [n for n, p in found.paths.items() if p in twice]:  # of several parameters of one shape
        label = state.whole_label(found.paths.pop(name))
        found.unclear[name] = f"`{label}` may be the gradient of `{state.label(parameters[name])}` or of another array"
        found.guessed.discard(name)
    return found


def says_gradient(path: Path) -> bool:
    """Whether a name on the way says that a gradient lies there."""
    return any(re.search(r"grad|^d[A-Z_]|^d_?[a-z]{1,6}$|delta|nabla", str(key)) for _, key in path)


def _same(before: Any, after: Array) -> bool:
    return (
        isinstance(before, np.ndarray) and before.shape == after.shape and np.array_equal(before, after, equal_nan=True)
    )


def _any_is(array: Array, others: list[Any]) -> bool:
    return any(isinstance(o, np.ndarray) and (o is array or np.shares_memory(o, array)) for o in others)


def _of_shape(obj: Any, parameter: Path, changed: Mapping[Path, Array]) -> list[Path]:
    """The arrays of the shape of a parameter that backward changed; of several, those under a name or key that fits."""
    shape = _shape(state.get(obj, parameter))
    fitting = [p for p, a in changed.items() if a.shape == shape]
    for narrower in (says_gradient, lambda p: p[-1] == parameter[-1]):
        if len(fitting) > 1:
            fitting = [p for p in fitting if narrower(p)] or fitting
    return fitting


def _spelled(obj: Any, parameter: Path, parameters: Mapping[str, Path]) -> Path | None:
    """The array whose name is any spelling of the parameter's gradient; one in the same place goes first."""
    low = _bare(state.label(parameter))
    groups = [(base, *group) for base, group in state.SYNONYMS.items()]
    names = {low} | {_bare(s) for group in groups if low in map(_bare, group) for s in group}
    found = [
        path
        for path, _ in state.leaves(obj)
        if path not in parameters.values()
        and any((m := form.fullmatch(_word(path))) and _bare(m["of"]) in names for form in _SPELLED)
    ]
    return min(found, key=lambda p: (p[:-1] != parameter[:-1], len(p)), default=None)


def _word(path: Path) -> str:
    """The last name of a path, with an underscore before each capital inside: `WeightsGrad` is weights_grad."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", state.label(path).split("[")[0]).lower().strip("_")


def _bare(name: str) -> str:
    return name.lower().replace("_", "")


def _registered(obj: Any, parameter: Path) -> Path | None:
    """The gradient beside the parameter in a list of pairs, or at its place or key in what has the gradients."""
    held = state.get(obj, parameter)
    for owner in (obj, *([state.get(obj, parameter[:1])] if len(parameter) > 1 else [])):
        start: Path = () if owner is obj else parameter[:1]
        for path, kept in _boxes(owner, _REGISTRIES):
            for key, value in _entries(kept):
                if isinstance(value, tuple) and len(value) == 2 and _is(value[0], held):
                    return (*start, *path, ("item", key), ("item", 1))
                if not _is(value, held):
                    continue
                for other, gradients in _boxes(owner, _GRADIENTS):
                    at = (*start, *other, ("item", key))
                    if len(gradients) == len(kept) and _shape(state.get(obj, at)) == _shape(held):
                        return at
    return None


def _is(value: Any, held: Any) -> bool:
    both = isinstance(value, np.ndarray) and isinstance(held, np.ndarray)
    return value is held or (both and value.shape == held.shape and np.shares_memory(value, held))


def _shape(value: Any) -> Any:
    """The shape of an array or a tensor."""
    shape = getattr(value, "shape", None)
    return None if shape is None else tuple(shape)


def _entries(kept: Any) -> list[tuple[Any, Any]]:
    return list(kept.items()) if isinstance(kept, dict) else list(enumerate(kept))


def _boxes(owner: Any, names: tuple[str, ...]) -> Iterator[tuple[Path, Any]]:
    """The lists and dictionaries that an object has under these names, as attributes or as what its methods give."""
    for name in names:
        try:
            value = getattr(owner, name, None)
            step = ("attr", name)
            if inspect.ismethod(value) and not _asks(value):
                step = ("call", name)
                value = state.get(owner, (step,))
        except Exception:  # a property or a method of the user's
            continue
        if isinstance(value, list | tuple | dict) and value:
            yield (step,), value


def _asks(method: Any) -> bool:
    parameters = inspect.signature(method).parameters.values()
    return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)
