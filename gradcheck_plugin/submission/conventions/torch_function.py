"""Subclasses of `torch.autograd.Function`, called through `apply`; torch itself runs their backward.

Some are not the gradient of their forward on purpose: gradient reversal, straight-through estimators, surrogate slopes.
They are known by their names, or by a forward that is constant in pieces, and are reported, not failed.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission.calls import Unbindable, guarded
from gradcheck_plugin.submission.conventions import Candidate
from gradcheck_plugin.submission.signature import arguments, line_of
from gradcheck_plugin.submission.subject import Tape
from gradcheck_plugin.submission.tensors import double, to_array
from reference_impls.shapes import Layout

ORDER = 8
_INTENTIONAL = re.compile(
    r"STE($|[A-Z_])|straight|sign|round|revers|grl\b|quant|binar|surrogate|spike|heaviside|step|clip.*grad|grad.*clip",
    re.IGNORECASE,
)
_SCALARS = (
    "alpha",
    "lambda_",
    "lambd",
    "lam",
    "coeff",
    "scale",
    "constant",
    "slope",
    "negative_slope",
    "eps",
    "epsilon",
    "ε",
    "p",
    "beta",
)


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Classes of the file with torch's Function among their bases."""
    for name, cls in defined.items():
        if not inspect.isclass(cls) or not any(_is_function(base) for base in cls.__mro__[1:]):
            continue
        methods: Any = cls
        inputs = arguments(methods.forward).names[1:]  # without ctx
        shifts = {"gamma", "weight"} & {n.lower() for n in inputs}  # beta is an array, too
        arrays = tuple(n for n in inputs if n.lower() not in _SCALARS or (shifts and n.lower() == "beta"))
        line, where = line_of(cls), f"{name}.backward"
        yield Candidate(name, "layer", sys.modules[__name__], {"function": cls}, arrays or inputs[:1], line, where)


def _is_function(cls: type) -> bool:
    return cls.__name__ == "Function" and cls.__module__.startswith("torch.autograd")


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[TorchFunction]:
    """Arrays become tensors that ask for a gradient; scalars among the arguments get a value that is not 1."""
    cls = candidate.objects["function"]
    names = arguments(cls.forward).names[1:]
    entries = [e.name for e in layout.entries]
    if len(entries) != len(candidate.inputs):
        raise Unbindable(f"{cls.__name__}.forward takes {len(candidate.inputs)} arrays, not {len(entries)}")
    order = dict(zip(candidate.inputs, entries, strict=True))
    made = TorchFunction(cls, layout, names, order)
    made.intentional = _why(candidate.name, made)
    return [made]


@dataclass
class TorchFunction:
    """Drives one Function; `order` maps the arguments that are tensors to the arrays of the layout."""

    cls: Any
    layout: Layout
    names: tuple[str, ...]
    order: dict[str, str]
    intentional: str = ""
    convention: str = "torch.autograd.Function"
    upstream: bool = True

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        import torch

        real = {n for n in self.order.values() if self.layout[n].differentiable}
        tensors = {n: torch.tensor(np.array(arrays[n])) for n in self.order.values()}
        for n in real:
            tensors[n].requires_grad_()
        with double(), torch.enable_grad():
            given = [tensors[self.order[n]] if n in self.order else _scalar(n) for n in self.names]
            out = guarded("forward", self.cls.apply, *given)
        out = out[0] if isinstance(out, tuple) else out
        wanted = [n for n in self.order.values() if n in real]

        def backward(dy: Any) -> dict[str, Any]:
            upstream = torch.tensor(np.broadcast_to(dy, tuple(out.shape)).copy())
            with double():
                found = guarded("backward", torch.autograd.grad, out, [tensors[n] for n in wanted], upstream,
                                retain_graph=True, allow_unused=True)  # fmt: skip
            return {n: g for n, g in zip(wanted, found, strict=True) if g is not None}

        return Tape(out, backward)

    def user_names(self) -> dict[str, str]:
        return {n: a for a, n in self.order.items()}

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        lines = ["import torch"]
        lines += [f"{arrays[n]} = torch.tensor({arrays[n]}, requires_grad=True)" for n in self.order.values()]
        given = ", ".join(arrays[self.order[n]] if n in self.order else f"{_scalar(n)}" for n in self.names)
        lines.append(f"out = {self.cls.__name__}.apply({given})")
        if not gradient:
            return [*lines, "print(out.detach().numpy())"]
        return [*lines, f"print(torch.autograd.grad(out, {arrays[gradient]}, torch.tensor({dy}))[0].numpy())"]


def _scalar(name: str) -> float:
    """The value of an argument that is no array; an eps is small enough to be known as one, and not too small."""
    return 0.05 if name.lower() in ("eps", "epsilon", "ε") else 0.7


def _why(name: str, caller: TorchFunction) -> str:
    """Why a Function is not the gradient of its forward on purpose, or nothing."""
    if _INTENTIONAL.search(name):
        return f"its name, {name}, says that its gradient is another one on purpose"
    rng = np.random.default_rng(5)
    sizes = {d: 3 + i for i, d in enumerate(caller.layout.dims(None))}
    try:
        arrays = {e.name: e.sample(sizes, rng) for e in caller.layout.entries}
        moved = {n: a + 1e-7 if a.dtype.kind == "f" else a for n, a in arrays.items()}
        before, after = (to_array(caller.forward(a).output) for a in (arrays, moved))
    except Exception:
        return ""
    return "its forward is constant in pieces, and its gradient a surrogate" if np.array_equal(before, after) else ""
