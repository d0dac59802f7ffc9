"""What user code does to the arrays of one forward and its backward: what it writes into, and what shares memory.

What was lent to it and came back changed, byte for byte, is a habit to mend; so are gradients in the memory of one
another, and a second run that overwrites what the first has given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.model import Array
from gradcheck_plugin.objects import state
from gradcheck_plugin.running import calls
from gradcheck_plugin.running.tensors import is_tensor
from gradcheck_plugin.running.values import numeric

UPSTREAM, OUTPUT, PARAMETER = "->", "->", "self."


@dataclass(frozen=True)
class Facts:
    """What was seen of the arrays.

    `changed` are those that were lent and are not what they were, `shared` the gradients that lie in the memory of one
    another or of what was lent; `output_changed` and `output_lent` say the same of the output.
    """

    changed: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    output_changed: bool = False
    output_lent: bool = False


def same(a: Array, b: Array) -> bool:
    """Whether two arrays hold the same numbers; NaN is the same as NaN."""
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def handed(dy: Array) -> Any:
    """The upstream gradient as user code gets it: its own copy, a float where it is a scalar."""
    return dy.copy() if dy.ndim else float(dy)


@dataclass
class Watch:
    """Sees what user code gets in a forward of some `arrays` and in the backward of it, and what it gives.

    `paths` tells where the parameters of the objects are that run; `locked` names the array to give read-only.
    """

    arrays: Mapping[str, Array]
    paths: Callable[[], Mapping[str, Any]]
    locked: str = ""
    lent: list[tuple[str, Any, Array]] = field(default_factory=list)
    met: list[Any] = field(default_factory=list)
    given: dict[str, Array] = field(default_factory=dict)  # the gradients that are arrays, and the output
    before: dict[str, Array] = field(default_factory=dict)  # copies of them
    output: Any = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        with calls.recording(self._record), calls.meeting(self._meet):
            yield

    def upstream(self, dy: Array) -> Any:
        """The upstream gradient to hand to the backward."""
        given = handed(dy)
        if dy.ndim:
            self._lend(UPSTREAM, given, dy)
        return given

    def came_out(self, output: Any) -> None:
        """The forward has given this."""
        array = numeric(output)
        self.output, self.before = output, {} if array is None else {OUTPUT: array.copy()}

    def came_back(self, gradients: Mapping[str, Any]) -> None:
        """The backward has given these."""
        self.given = {n: g for n, g in gradients.items() if isinstance(g, np.ndarray) and g.ndim}

    def facts(self) -> Facts:
        """What can be said of the arrays by now."""
        memory = [g for _, g, _ in self.lent if isinstance(g, np.ndarray)]
        mine, shared = list(self.given.items()), []
        for i, (name, g) in enumerate(mine):
            if any(np.shares_memory(g, h) for h in [*(h for _, h in mine[:i]), *memory]):
                shared.append(name)
        output = numeric(self.output)
        changed = OUTPUT in self.before and (output is None or not same(output, self.before[OUTPUT]))
        lent = isinstance(self.output, np.ndarray) and any(np.shares_memory(self.output, a) for a in memory)
        return Facts(tuple(self._changed()), tuple(shared), changed, lent)

    def remember(self) -> None:
        """What `overwritten` compares with is what there is now."""
        if isinstance(self.output, np.ndarray):
            self.given = {**self.given, OUTPUT: self.output}
        self.before = {n: g.copy() for n, g in self.given.items()}

    def overwritten(self) -> list[str]:
        """The arrays that this run gave and that another one has written into since, gradients by their names."""
        written = [n for n, g in self.given.items() if not same(g, self.before[n])]
        return [OUTPUT if self.given[n] is self.output else n for n in written]

    def _changed(self) -> list[str]:
        now = [(n, numeric(given), before) for n, given, before in self.lent]
        return sorted({n for n, a, before in now if a is None or not same(a, before)})

    def _lend(self, name: str, given: Any, before: Array) -> None:
        self.lent.append((name, given, before))
        if self.locked and name == self.locked and isinstance(given, np.ndarray):
            given.flags.writeable = False

    def _record(self, original: Array, given: Any) -> None:
        name = next((n for n, a in self.arrays.items() if a is original), "")
        if name:
            self._lend(name, given, original)

    def _meet(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Parameters of the object that runs, and tensors that were made of the upstream gradient."""
        obj = getattr(function, "__self__", None)
        if isinstance(obj, type) and function.__name__ == "apply":
            return  # a torch Function: these are its inputs, and it may mark them dirty
        if obj is not None and not any(obj is o for o in self.met):
            self.met.append(obj)
            for name, path in self.paths().items():
                held = state.get(obj, path)
                array = numeric(held)
                if array is not None and not any(held is g for _, g, _ in self.lent):
                    self._lend(PARAMETER + name, held, array.copy())
        for arg in args:
            array = numeric(arg) if is_tensor(arg) else None
            if array is not None and not any(arg is g for _, g, _ in self.lent):
                self._lend(UPSTREAM, arg, array.copy())
