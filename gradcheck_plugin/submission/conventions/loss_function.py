"""Functions that give a loss and its gradient at once: `softmax_loss(x, y) -> loss, dx`, or the gradient first."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck_plugin.model import Array
from gradcheck_plugin.submission import state
from gradcheck_plugin.submission.calls import Unbindable, guarded, private
from gradcheck_plugin.submission.conventions import Candidate
from gradcheck_plugin.submission.signature import arguments, line_of
from gradcheck_plugin.submission.subject import Tape
from reference_impls.shapes import Layout

ORDER = 20


def discover(defined: Mapping[str, Any]) -> Iterator[Candidate]:
    """Functions that return `loss, gradient` and are called after a loss."""
    for name, function in defined.items():
        place = _place_of_loss(function) if inspect.isfunction(function) else None
        if place is None:
            continue
        inputs = arguments(function).required
        if len(inputs) >= 2:
            yield Candidate(
                name,
                "loss",
                sys.modules[__name__],
                {"function": function, "place": place},
                inputs,
                line_of(function),
                name,
                (name,),
            )


def _place_of_loss(function: Callable[..., Any]) -> int | None:
    """Where the loss stands in the pair that is returned: by the names, one says loss and the other gradient."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            first, second = (ast.unparse(e).lower() for e in node.value.elts)
            if (_says_loss(first) or "loss" in function.__name__.lower()) and _says_gradient(second):
                return 0
            if _says_gradient(first) and _says_loss(second):
                return 1
    return None


def _says_loss(name: str) -> bool:
    return "loss" in name or "cost" in name or name == "j"


def _says_gradient(name: str) -> bool:
    return name.startswith("d") or "grad" in name


def callers(candidate: Candidate, layout: Layout, options: Mapping[str, Any]) -> list[LossFunction]:
    """Give the function's arguments the arrays of `layout` by position."""
    function = candidate.objects["function"]
    required = arguments(function).required
    entries = [e.name for e in layout.entries]
    if len(required) != len(entries):
        raise Unbindable(f"{function.__name__} takes {', '.join(required)}, not {len(entries)} arrays")
    order = dict(zip(required, entries, strict=True))
    return [LossFunction(function, layout, order, candidate.objects["place"])]


@dataclass
class LossFunction:
    """Drives one function; there is no upstream gradient, the loss is the end of the graph."""

    function: Callable[..., Any]
    layout: Layout
    order: dict[str, str]
    place: int  # of the loss in the pair that it returns
    convention: str = "function that returns (loss, gradient)"
    upstream: bool = False

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        def run() -> tuple[Any, Any]:
            given = [private(arrays[n]) for n in self.order.values()]
            returned = guarded("forward", self.function, *given)
            if not isinstance(returned, tuple) or len(returned) != 2:
                kind = type(returned).__name__
                raise Unbindable(f"{self.function.__name__} returned {kind}, not the pair (loss, gradient)")
            return returned[::-1] if self.place else returned

        loss, gradient = run()
        calls = [gradient]

        def backward(dy: Any) -> dict[str, Any]:
            return self.collect(calls.pop() if calls else run()[1])

        return Tape(loss, backward)

    def collect(self, returned: Any) -> dict[str, Any]:
        names = [n for n in self.order.values() if self.layout[n].differentiable]
        if isinstance(returned, dict):
            display = {n: a for a, n in self.order.items()}
            return {n: g for n in names if (g := state.returned_as(display[n], returned)) is not None}
        if isinstance(returned, tuple | list):
            return dict(zip(names, returned, strict=False))
        weights = [n for a, n in self.order.items() if a.lower() in ("w", "weights", "theta")]
        return {(weights or names)[0]: returned} if returned is not None else {}

    def user_names(self) -> dict[str, str]:
        return {n: a for a, n in self.order.items()}

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        given = ", ".join(arrays[n] for n in self.order.values())
        printed = "print(gradient)" if gradient else "print(loss)"
        names = "gradient, loss" if self.place else "loss, gradient"
        return [f"{names} = {self.function.__name__}({given})", printed]
