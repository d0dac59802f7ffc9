"""The side on which the user's code runs: it reads plans, sets conditions up, calls, and tells what came of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck_plugin.conventions.base import Tape
from gradcheck_plugin.conventions.watch import Watch
from gradcheck_plugin.faults.raised import seen_at
from gradcheck_plugin.loading import process
from gradcheck_plugin.loading.load import load
from gradcheck_plugin.model import Unbindable
from gradcheck_plugin.plans.codec import read
from gradcheck_plugin.runner.wire import pack, unpack
from gradcheck_plugin.running import calls, conditions, guards
from gradcheck_plugin.running.calls import BadOutput, UserCodeRaised, frozen, metered
from gradcheck_plugin.running.conditions import Handed
from gradcheck_plugin.running.limits import CallWatch, Seen, TimeLimit
from gradcheck_plugin.running.randomness import steady
from gradcheck_plugin.subject import Subject

PRINTED = 4000  # characters of what the code prints in one call that are told


class Server:
    """One file of the user's, loaded here. A question comes as bytes, and is answered with bytes.

    Everything that it remembers has a number: subjects in the order of their plans, tapes, and open conditions.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self.loaded, self.seconds = load(path), seconds
        self.root = self.loaded.path.parent
        spaces: list[ModuleType | dict[str, Any]] = [dict(self.loaded.defined()), *self.loaded.modules]
        self.guards = {"guards": guards.find(spaces), "typed": guards.typed(spaces)}
        self.subjects: list[Subject] = []
        self.tapes: dict[int, Tape] = {}
        self.watches: dict[int, Watch] = {}
        self.open: list[tuple[int, ExitStack]] = []
        self.underflows: dict[int, list[str]] = {}
        self.printed = io.StringIO()
        self.made = 0
        self._do: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "plan": self._plan, "forward": self._forward, "backward": self._backward, "with": self._backward_with,
            "disturb": self._disturb, "facts": self._facts, "remember": self._remember,
            "overwritten": self._overwritten, "lines": self._lines,
        }  # fmt: skip

    def serve(self, receive: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
        """Answer one question after the other, until there are no more."""
        streams = redirect_stdout(self.printed), redirect_stderr(self.printed)
        with process.under(self.loaded.modes), process.contained(), streams[0], streams[1], steady():
            while True:
                try:
                    question = receive()
                except EOFError:
                    break
                send(self.answer(question))
            self._set_up([], {})

    def answer(self, data: bytes) -> bytes:
        """What comes of one question."""
        asked = unpack(data)
        for number in asked["done"]:
            self.tapes.pop(number, None)
        self._set_up(asked["under"], asked)
        try:
            with metered(self.seconds):
                found = self._do[asked["do"]](asked)
        except UserCodeRaised as exc:
            seen = asdict(seen_at(exc, self.root))
            found = {"raised": _names(exc.cause), "says": str(exc.cause), "where": exc.where, "seen": seen}
        except TimeLimit as exc:
            if not isinstance(exc.watch, CallWatch):
                raise
            frame = calls.user_frame(exc, self.root)
            at = Seen(frame.filename, frame.lineno or 0, frame.name, (frame.line or "").strip()) if frame else Seen()
            found = {"hung": exc.where, "seen": asdict(at)}
        except Unbindable as exc:
            found = {"unbindable": str(exc)}
        except BadOutput as exc:
            found = {"bad": str(exc)}
        except Exception as exc:
            found = {"fault": _names(exc), "says": str(exc)}
        found["underflows"] = [n for n, seen in self.underflows.items() if seen]
        found["printed"] = self.printed.getvalue()[-PRINTED:]
        self.printed.seek(0)
        self.printed.truncate()
        return pack(found)

    # conditions

    def _set_up(self, wanted: list[tuple[int, str, Any]], asked: Mapping[str, Any]) -> None:
        """Leave the blocks that are left, the innermost first, and enter those that are new."""
        kept = 0
        while kept < min(len(self.open), len(wanted)) and self.open[kept][0] == wanted[kept][0]:
            kept += 1
        while len(self.open) > kept:
            number, stack = self.open.pop()
            stack.close()
            self.underflows.pop(number, None)
        for number, kind, value in wanted[kept:]:
            stack = ExitStack()
            entered = stack.enter_context(self._block(number, kind, value, asked))
            if kind == "underflow":
                self.underflows[number] = entered
            self.open.append((number, stack))

    def _block(self, number: int, kind: str, value: Any, asked: Mapping[str, Any]) -> AbstractContextManager[Any]:
        if kind == "frozen":
            return frozen(value)
        if kind == "handed":
            return calls.converting(Handed(value["how"], tuple(value["whole"])))
        if kind == "without":
            return guards.without([self.guards[name][i] for name, i in value])
        if kind == "underflow":
            return conditions.underflows()
        caller = self.subjects[asked["of"]].caller
        self.watches[number] = caller.watch(asked["arrays"], value)
        return self.watches[number].watching()

    def _watching(self) -> Watch | None:
        """The watch whose block is open."""
        return next((self.watches[n] for n, _ in reversed(self.open) if n in self.watches), None)

    # questions

    def _plan(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.subjects.append(read(asked["plan"], self.loaded.modules, str(self.loaded.path), self.root))
        return {"number": len(self.subjects) - 1}

    def _forward(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        caller = self.subjects[asked["of"]].caller
        if asked["after"] is None:
            tape = caller.forward(asked["arrays"])
        else:
            assert caller.forward_after is not None
            tape = caller.forward_after(asked["after"], asked["arrays"])
        self.made += 1
        self.tapes[self.made] = tape
        if (watch := self._watching()) is not None:
            watch.came_out(tape.output)
        return {"tape": self.made, "output": tape.output, "in_place": tape.in_place}

    def _backward(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        tape, watch = self.tapes[asked["tape"]], self._watching()
        given = tape.backward(asked["dy"] if watch is None else watch.upstream(np.asarray(asked["dy"])))
        if watch is not None:
            watch.came_back(given)
        return {"gradients": given}

    def _backward_with(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        run = self.subjects[asked["of"]].caller.backward_with
        assert run is not None
        return {"gradients": run(asked["arrays"], asked["dy"])}

    def _disturb(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.tapes[asked["tape"]].disturb()
        return {}

    def _facts(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"facts": asdict(self.watches[asked["watch"]].facts())}

    def _remember(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.watches[asked["watch"]].remember()
        return {}

    def _overwritten(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"names": self.watches[asked["watch"]].overwritten()}

    def _lines(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        caller = self.subjects[asked["of"]].caller
        return {"lines": caller.reproduce(asked["arrays"], asked["dy"], asked["gradient"])}


def _names(fault: BaseException) -> list[str]:
    """The name of the type of an exception, and of those that it is one of."""
    return [c.__name__ for c in type(fault).__mro__]
