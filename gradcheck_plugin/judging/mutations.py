"""Arrays of the caller that user code writes into: inputs, parameters, the upstream gradient.

What came back changed, byte for byte, is a habit to mend. A second run gets that one array read-only, so that NumPy's
own exception stands on the line that writes; nothing else is judged by that run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_plugin.judging.breach import Breach, same
from gradcheck_plugin.judging.gradient import output_of, pass_upstream
from gradcheck_plugin.model import Array, Case, Severity
from gradcheck_plugin.objects import state
from gradcheck_plugin.running import calls
from gradcheck_plugin.running.calls import UserCodeRaised, frozen
from gradcheck_plugin.running.tensors import is_tensor
from gradcheck_plugin.running.values import numeric
from gradcheck_plugin.subject import Subject

UPSTREAM, PARAMETER = "->", "self."


@dataclass
class Watch:
    """Sees what user code gets, and afterwards what of it has changed; `locked` names the array to give read-only."""

    subject: Subject
    case: Case
    locked: str = ""
    lent: list[tuple[str, Any, Array]] = field(default_factory=list)
    met: list[Any] = field(default_factory=list)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        with calls.recording(self._record), calls.meeting(self._meet):
            yield

    def paths(self) -> Mapping[str, Any]:
        """Where the parameters of the objects are that run."""
        driven = self.subject.caller.objects
        return driven.paths if driven is not None else {}

    def upstream(self, dy: Array) -> Any:
        given = pass_upstream(dy)
        if dy.ndim:
            self._lend(UPSTREAM, given, dy)
        return given

    def _lend(self, name: str, given: Any, before: Array) -> None:
        self.lent.append((name, given, before))
        if self.locked and name == self.locked and isinstance(given, np.ndarray):
            given.flags.writeable = False

    def _record(self, original: Array, given: Any) -> None:
        name = next((n for n, a in self.case.arrays.items() if a is original), "")
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

    def changed(self) -> list[str]:
        """The names of the arrays that are not what they were."""
        now = [(n, numeric(given), before) for n, given, before in self.lent]
        return sorted({n for n, a, before in now if a is None or not same(a, before)})

    def memory(self) -> list[Array]:
        return [g for _, g, _ in self.lent if isinstance(g, np.ndarray)]


def breaches(watch: Watch, dy: Array, *, lines: bool) -> Iterator[Breach]:
    """What the run that was watched has changed, with the line that does it where `lines` are asked for."""
    for name in watch.changed():
        raised = _writing(watch, dy, name) if lines else None
        if name == UPSTREAM:
            yield Breach("mutates-upstream", Severity.ADVICE, raised=raised)
        else:
            code = "mutates-parameter" if name.startswith(PARAMETER) else "mutates-input"
            array = name.removeprefix(PARAMETER)
            yield Breach(code, Severity.ADVICE, array, property="forward", raised=raised)


def _writing(watch: Watch, dy: Array, name: str) -> UserCodeRaised | None:
    """What NumPy raises on the line that writes into an array, when that array alone is read-only."""
    again = Watch(watch.subject, watch.case, locked=name)
    try:
        with frozen(watch.case.seed), again.watching():
            tape, _ = output_of(watch.subject, watch.case)
            tape.backward(again.upstream(dy))
    except UserCodeRaised as exc:
        return exc if "read-only" in str(exc.cause) else None
    except Exception:
        return None
    return None
