"""The settings of a rule: which argument is which option of the reference, and what is written into the code instead.

An argument that is an option gets a telling value: with beta2 = 0.999 five steps of Adam look much like those of
AMSGrad, with 0.6 they do not. An option that is no argument has the value that stands in the code, as in
`/ (np.sqrt(h) + 1e-7)`; the constants of the code are tried. A setting that is mostly off, such as weight decay, is off
unless it is the one that is looked at.
"""

from __future__ import annotations

import inspect
import itertools
import types
from collections.abc import Iterator, Mapping
from typing import Any

NAMES: dict[str, tuple[str, ...]] = {
    "lr": ("lr", "learning_rate", "learn_rate", "learningrate", "eta", "alpha", "step_size", "rate"),
    "momentum": ("momentum", "mu", "beta", "momentum_rate", "beta1", "gamma", "rho", "alpha"),
    "beta1": ("beta1", "beta_1", "b1", "mu", "rho1", "beta"),
    "beta2": ("beta2", "beta_2", "b2", "rho", "rho2", "gamma"),
    "decay": ("decay_rate", "rho", "decay", "beta", "beta2", "gamma", "alpha", "smoothing", "momentum"),
    "eps": ("eps", "epsilon", "delta"),
    "weight_decay": ("weight_decay", "wd", "reg", "l2", "lambd", "lambda_", "lam", "weight_decay_lambda", "alpha"),
    "lr_decay": ("lr_decay", "decay", "learning_rate_decay", "decay_rate"),
    "l2": ("weight_decay", "wd", "reg", "l2", "lambd", "lambda_", "lam", "weight_decay_lambda"),
}
TELLING: dict[str, Any] = {
    "lr": 0.1, "momentum": 0.8, "beta1": 0.8, "beta2": 0.6, "decay": 0.7, "eps": 1e-3, "weight_decay": 0.1,
    "lr_decay": 0.25, "l2": 0.1,
}  # fmt: skip
OFF = {"l2": 0.0, "lr_decay": 0.0}
BETWEEN = {
    "eps": (0.0, 1e-2), "lr": (0.0, 1.0), "weight_decay": (0.0, 1.0), "std": (0.0, 100.0), "limit": (0.0, 10.0),
    "value": (0.0, 100.0), "gamma": (0.0, 1.0), "size": (1.0, 1e5),
    **dict.fromkeys(("momentum", "beta1", "beta2", "decay"), (0.5, 1.0)),
}  # fmt: skip
MOST = 40


def settled(
    names: tuple[str, ...],
    options: Mapping[str, Any],
    code: list[float],
    *,
    table: Mapping[str, tuple[str, ...]] = NAMES,
    telling: Mapping[str, Any] = TELLING,
    looked_at: str = "",
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Values for the arguments `names`, and the options of the reference that go with them, the likeliest first."""
    count = 0
    off = {o for o in OFF if o in options and o != looked_at and not options[o]}
    for taken in _matched([o for o in options if o in table], [n for n in names if n != "self"], table):
        if looked_at and looked_at not in taken:
            continue
        given: dict[str, Any] = {name: OFF[o] if o in off else telling.get(o, options[o]) for o, name in taken.items()}
        fixed = {o: given[name] for o, name in taken.items()} | {o: OFF[o] for o in off if o not in taken}
        if "betas" in names and "beta1" in options and "beta1" not in taken:
            given["betas"] = (telling["beta1"], telling["beta2"])
            fixed |= {"beta1": telling["beta1"], "beta2": telling["beta2"]}
        free = [o for o in options if o in BETWEEN and o not in fixed]
        values = [[telling["lr"] if o == "lr" else options[o], *_plausible(o, code, options[o])] for o in free]
        for chosen in itertools.product(*values):
            count += 1
            if count > MOST:
                return
            yield given, {**options, **fixed, **dict(zip(free, chosen, strict=True))}


def _matched(options: list[str], names: list[str], table: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """Every way of giving options an argument each; an option goes without one only where none is left for it."""
    if not options:
        yield {}
        return
    first, *others = options
    low = {n.strip("_").lower(): n for n in names}
    hits = [low[word] for word in table[first] if word in low]
    for name in hits:
        for rest in _matched(others, [n for n in names if n != name], table):
            yield {first: name, **rest}
    for rest in _matched(others, names, table) if not hits or first in OFF else ():
        yield rest


def _plausible(option: str, code: list[float], default: float) -> list[float]:
    low, high = BETWEEN[option]
    return [c for c in code if low < c < high and c != default][:6]


def constants(*things: Any, defaults: bool = True) -> list[float]:
    """The numbers that stand in the code of functions and classes, and in the defaults of their arguments."""
    found: dict[float, None] = {}
    for function in _functions(things):
        given = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()) if defaults else ()
        namespace = [function.__globals__.get(n) for n in function.__code__.co_names]
        for value in (*_in_code(function.__code__), *given, *namespace):
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[abs(float(value))] = None
    return list(found)


def _in_code(code: types.CodeType) -> Iterator[Any]:
    if "finfo" in code.co_names:
        yield 2.0**-52
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from _in_code(value)
        elif isinstance(value, tuple):
            yield from value
        else:
            yield value


def _functions(things: tuple[Any, ...]) -> Iterator[types.FunctionType]:
    for thing in things:
        if inspect.isfunction(thing):
            yield thing
        elif inspect.isclass(thing):
            for cls in thing.__mro__[:-1]:
                members = [m.fget if isinstance(m, property) else m for m in vars(cls).values()]
                yield from (m for m in members if inspect.isfunction(m))


def strings(*things: Any) -> list[str]:
    """The words in quotes in the code of functions: keys of the dictionaries that they look things up in."""
    found: dict[str, None] = {}
    for function in _functions(things):
        for value in _in_code(function.__code__):
            if isinstance(value, str) and value.isidentifier():
                found[value] = None
    return list(found)
