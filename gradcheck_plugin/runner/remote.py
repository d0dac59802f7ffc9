"""The side of the checks: a caller whose code runs somewhere else, and the conditions under which it is asked."""

from __future__ import annotations

import builtins
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from gradcheck_plugin.conventions.base import Caller, Tape, Wrapped
from gradcheck_plugin.conventions.watch import Facts, Watch, handed
from gradcheck_plugin.model import Array, Unbindable
from gradcheck_plugin.plans.codec import written
from gradcheck_plugin.runner.wire import pack, unpack
from gradcheck_plugin.running import conditions
from gradcheck_plugin.running.calls import BadOutput, UserCodeRaised
from gradcheck_plugin.running.conditions import Condition
from gradcheck_plugin.running.guards import Guard
from gradcheck_plugin.running.limits import CallWatch, Seen, TimeLimit
from gradcheck_plugin.subject import Subject


@dataclass
class Link:
    """The way to one file that is loaded elsewhere: `post` gives the answer to a question.

    `guards` and `typed` are those of the file, as they are found here: they are named by their places there.
    """

    post: Callable[[bytes], bytes]
    modules: tuple[ModuleType, ...]
    seconds: float
    guards: Sequence[Guard] = ()
    typed: Sequence[Guard] = ()
    done: list[int] = field(default_factory=list)  # the tapes that nobody here has any more

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """The answer to a question, or what was raised by it."""
        open_ = conditions.now()
        done = list(self.done)
        del self.done[: len(done)]
        under = [(c.number, c.kind, self._plain(c)) for c in open_]
        found = unpack(self.post(pack({"do": do, "under": under, "done": done, **what})))
        for condition in open_:
            if condition.number in found["underflows"] and not condition.value:
                condition.value.append("underflow")
        if found["printed"]:
            print(end=found["printed"])
        self._raise(found)
        return dict(found)

    def _plain(self, condition: Condition) -> Any:
        value = condition.value
        if condition.kind == "handed":
            return {"how": value.how, "whole": list(value.whole)}
        if condition.kind == "without":
            every = [(n, i, g) for n, of in (("guards", self.guards), ("typed", self.typed)) for i, g in enumerate(of)]
            return [next((n, i) for n, i, known in every if known is g) for g in value]
        return None if condition.kind == "underflow" else value

    def _raise(self, found: Mapping[str, Any]) -> None:
        if "raised" in found:
            raise UserCodeRaised(_exception(found["raised"], found["says"]), found["where"], Seen(**found["seen"]))
        if "hung" in found:
            hung = TimeLimit(CallWatch(self.seconds))
            hung.where, hung.seen = found["hung"], Seen(**found["seen"])
            raise hung
        if "unbindable" in found:
            raise Unbindable(found["unbindable"])
        if "bad" in found:
            raise BadOutput(found["bad"])
        if "fault" in found:
            raise _exception(found["fault"], found["says"])

    def moved(self, subject: Subject) -> Subject:
        """The subject, whose code runs on the other side from now on."""
        settings = tuple(self.moved(s) for s in subject.settings)
        number = self.ask("plan", plan=written(replace(subject, settings=()), self.modules))["number"]
        return replace(subject, caller=Remote(subject.caller, self, number), settings=settings)


def _exception(names: Sequence[str], says: str) -> Exception:
    """An exception of the built-in type that another one is, with its name and its words."""
    kinds = (getattr(builtins, n, None) for n in names)
    base = next(k for k in (*kinds, Exception) if isinstance(k, type) and issubclass(k, Exception))
    kind = type(names[0], (base,), {"__str__": lambda self: says, "__init__": lambda self: None})
    made: Exception = kind()
    return made


class Remote(Wrapped):
    """A caller that asks for every run; what it says of itself it knows from its plan."""

    def __init__(self, caller: Caller, link: Link, number: int) -> None:
        super().__init__(caller)
        self.link, self.number = link, number

    @property
    def here(self) -> bool:
        return False

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        return self._forward(arrays, None)

    @property
    def forward_after(self) -> Callable[[Mapping[str, Array], Mapping[str, Array]], Tape] | None:
        return None if self.wrapped.forward_after is None else lambda before, arrays: self._forward(arrays, before)

    @property
    def backward_with(self) -> Callable[[Mapping[str, Array], Any], dict[str, Any]] | None:
        if self.wrapped.backward_with is None:
            return None
        return lambda arrays, dy: dict(self._ask("with", arrays=dict(arrays), dy=dy)["gradients"])

    def watch(self, arrays: Mapping[str, Array], locked: str = "") -> Watch:
        return _Watch(arrays, dict, locked, link=self.link)

    def reproduce(self, arrays: Mapping[str, str], dy: str, gradient: str) -> list[str]:
        lines: list[str] = self._ask("lines", arrays=dict(arrays), dy=dy, gradient=gradient)["lines"]
        return lines

    def _ask(self, do: str, **what: Any) -> dict[str, Any]:
        return self.link.ask(do, of=self.number, **what)

    def _forward(self, arrays: Mapping[str, Array], after: Mapping[str, Array] | None) -> Tape:
        before = None if after is None else dict(after)
        found = self._ask("forward", arrays=dict(arrays), after=before)
        tape = _Tape(found["output"], self.link, found["tape"], found["in_place"])
        weakref.finalize(tape, self.link.done.append, found["tape"])
        return tape


class _Tape(Tape):
    """A forward that ran elsewhere."""

    def __init__(self, output: Any, link: Link, number: int, in_place: bool) -> None:
        super().__init__(output, self._back, in_place)
        self.link, self.number = link, number

    def _back(self, dy: Any) -> dict[str, Any]:
        return dict(self.link.ask("backward", tape=self.number, dy=dy)["gradients"])

    def disturb(self) -> None:
        self.link.ask("disturb", tape=self.number)


@dataclass
class _Watch(Watch):
    """A watch over arrays that are elsewhere."""

    link: Link = None  # type: ignore[assignment]
    number: int = -1

    @contextmanager
    def watching(self) -> Iterator[None]:
        condition = conditions.opened("watched", self.locked)
        self.number = condition.number
        try:
            yield
        finally:
            conditions.closed(condition)

    def upstream(self, dy: Array) -> Any:
        return handed(dy)

    def came_out(self, output: Any) -> None:
        """That is known there."""

    def came_back(self, gradients: Mapping[str, Any]) -> None:
        """That is known there."""

    def facts(self) -> Facts:
        found: dict[str, Any] = self.link.ask("facts", watch=self.number)["facts"]
        return Facts(**found)

    def remember(self) -> None:
        self.link.ask("remember", watch=self.number)

    def overwritten(self) -> list[str]:
        return list(self.link.ask("overwritten", watch=self.number)["names"])
