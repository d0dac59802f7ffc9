"""Gradients that are another one than that of their forward on purpose: said by a word of the name, or by a docstring.

Gradient reversal, straight-through estimators, surrogate slopes, clipped gradients. A word counts only as a whole one:
`SignalMix` has no `sign` in it, and a `SoftSign` is smooth.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable

import numpy as np

from gradcheck_plugin.author.written import words_of
from gradcheck_plugin.model import Array

_SAYS = re.compile(r"ste|straight|reversal|grl|surrogate|quanti[sz](e|er|ed|ation|ing)|quant|fakequant|"
                   r"(bi|ter)nari[sz](e|er|ed|ation|ing)|revgrad")  # fmt: skip
_STEPS = re.compile(r"sign|round(ing|ed)?|step|spik(e|es|ing)|heaviside|floor|ceil|threshold(ing|ed)?|binary")
_SMOOTH = re.compile(r"soft|smooth|approx|approximate|sigmoid|unquanti[sz]ed?|dequanti[sz](e|er|ation)")
_DOES = re.compile(r"rev|(clip|clamp|scal|multipl|revers|replac|stitch|stop|block|flip|negat|through|bypass|modif)\w*")
_DOCUMENTED = re.compile(
    r"straight[- ]?through|surrogate|gradient[- ]?reversal|"
    r"(revers|replac|clip|clamp|overrid|bypass|stop|block|flip|modif)\w* (\w+ ){0,3}(gradient|derivative)s?\b|"
    r"(gradient|derivative)s? (is|are|gets?) (\w+ ){0,2}(revers|replac|clip|clamp|scal|overridden|bypass|stopp|block|"
    r"flipp|negat|modif|approximated|passed (straight|through|on unchanged))|"
    r"not the (true|exact|real|actual) (gradient|derivative)|on purpose|"
    r"(biased|fake|custom|pseudo) (gradient|derivative)",
    re.IGNORECASE,
)
STEP, POINTS = 1e-6, 4


def words(name: str) -> list[str]:
    """The words of a name in CamelCase or snake_case, in lower case: `RoundSTE_v2` is round, ste, v."""
    return [w for part in words_of(name) for w in re.split(r"[^a-z]+", part) if w]


def named(name: str) -> str:
    """Why a name says that its gradient is another one, or nothing."""
    said = words(name)
    about = {"grad", "grads", "gradient", "gradients"} & set(said)
    spoken = any(_SAYS.fullmatch(w) for w in said) or (about and any(_DOES.fullmatch(w) for w in said))
    return _by_name(name) if spoken and not any(_SMOOTH.fullmatch(w) for w in said) else ""


def named_for_steps(name: str, jumps: Callable[[], bool]) -> str:
    """The same for a name that says that its forward goes in steps, where `jumps` sees some."""
    said = words(name)
    stepped = any(_STEPS.fullmatch(w) for w in said) and not any(_SMOOTH.fullmatch(w) for w in said)
    return _by_name(name) if stepped and jumps() else ""


def named_for_reversal(name: str, unchanged: Callable[[], bool]) -> str:
    """The same for a name that says reverse, where `unchanged` sees that the forward turns nothing round."""
    return _by_name(name) if {"reverse", "reversed"} & set(words(name)) and unchanged() else ""


def same(forward: Callable[[Array], Array | None], x: Array, rng: np.random.Generator) -> bool:
    """Whether a function gives back what it is given."""
    return all((y := forward(v)) is not None and np.array_equal(y, v) for v in (x, rng.standard_normal(x.shape)))


def _by_name(name: str) -> str:
    return f"its name, {name}, says that its gradient is another one on purpose"


def documented(texts: Iterable[str]) -> str:
    """Why a docstring says that a gradient is another one than the forward's, or nothing."""
    found = next(filter(None, (_DOCUMENTED.search(" ".join(text.split())) for text in texts)), None)
    return f'its docstring says so: "{found.group()}"' if found else ""


def still(forward: Callable[[Array], Array | None], x: Array, rng: np.random.Generator) -> bool:
    """Whether a function does not change under small moves in directions of their own.

    All entries together would not do: a cross entropy does not change when all its logits move by one number.
    """
    base = forward(x)
    if base is None or not x.size:
        return False
    near = [forward(x + STEP * rng.standard_normal(x.shape)) for _ in range(POINTS)]
    return all(n is not None for n in near) and sum(np.array_equal(n, base) for n in near) >= POINTS - 1  # type: ignore[arg-type]


def in_steps(forward: Callable[[Array], Array | None], x: Array, rng: np.random.Generator) -> bool:
    """Whether a function does not change under small moves, and does under large ones."""
    base = forward(x)
    if base is None or not still(forward, x, rng):
        return False
    far = [forward(x + 2 * rng.standard_normal(x.shape)) for _ in range(POINTS)]
    return any(f is not None and not np.array_equal(f, base) for f in far)


def jumps(forward: Callable[[Array], Array | None], x: Array, rng: np.random.Generator) -> bool:
    """Whether a function jumps somewhere on a way through its domain: what is halved there again and again stays."""
    u = rng.standard_normal(x.shape)
    ends = [x - 2 * u, x + 2 * u]
    at = np.linspace(0.0, 1.0, 33)
    values = [forward(ends[0] + t * (ends[1] - ends[0])) for t in at]
    if any(v is None or v.shape != values[0].shape for v in values):  # type: ignore[union-attr]
        return False
    moved = [float(np.max(np.abs(b - a), initial=0.0)) for a, b in itertools.pairwise(values)]  # type: ignore[operator]
    k = int(np.argmax(moved))
    low, high, below, above, first = at[k], at[k + 1], values[k], values[k + 1], moved[k]
    for _ in range(24):
        middle = (low + high) / 2
        value = forward(ends[0] + middle * (ends[1] - ends[0]))
        if value is None or below is None or above is None:
            return False
        if np.max(np.abs(value - below), initial=0.0) >= np.max(np.abs(above - value), initial=0.0):
            high, above = middle, value
        else:
            low, below = middle, value
    assert below is not None
    assert above is not None
    return first > 0 and float(np.max(np.abs(above - below), initial=0.0)) > 1e-2 * first
