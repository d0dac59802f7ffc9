"""A limit on the time of code that nobody prepared.

Time is that of this process: on a busy machine the same code gets the same verdict. Code that only waits is stopped,
too, after PATIENCE times as long. Code that catches whatever is raised in it is met where it cannot catch, in the
handler itself, by alarms in quick succession.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

REPEAT = 0.2  # seconds; code with a bare `except:` swallows the first alarm, so that it rings again
SWALLOWED = 3  # alarms without effect after which they come in quick succession
QUICK = 2000  # of these, before the next pause
STUBBORN = 15  # pauses after which the code is given up as one that cannot be stopped from inside
OFTEN = 0.001  # seconds between two alarms to another thread that has swallowed that many

PATIENCE = 4.0  # seconds of the clock that count as one in which this process does not run


class Stopwatch:
    """The time that has passed for this process; with a number of seconds, what is left of them."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._clock, self._process = time.monotonic(), time.process_time()

    @property
    def passed(self) -> float:
        clock, process = time.monotonic() - self._clock, time.process_time() - self._process
        return max(min(clock, process), clock / PATIENCE)

    @property
    def left(self) -> float:
        return self.seconds - self.passed

    @property
    def started(self) -> tuple[float, float, float]:
        """The limit, and the time of the clock and of the process at its beginning."""
        return self.seconds, self._clock, self._process

    @property
    def up(self) -> bool:
        return self.left <= 0


class CallWatch(Stopwatch):
    """The time that one call takes, for many calls one after the other: between two of them none passes."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self._running = 0
        self._outer: list[tuple[float, ...]] = []

    def start(self) -> None:
        self._running += 1
        if self._running == 1:  # a call inside a call counts for the outer one
            self._clock, self._process = time.monotonic(), time.process_time()
            self._outer = [tuple(b)[:3] for b in boards[-1:]]
            _put(boards[-1:], [self.started] * len(self._outer))

    def stop(self) -> None:
        self._running -= 1
        if not self._running:
            _put(boards[-1:], self._outer)

    @property
    def passed(self) -> float:
        return super().passed if self._running else 0.0


@dataclass(frozen=True)
class Seen:
    """What was seen where code raised or was stopped: the line of the user's, and what a report says of it.

    `always` tells that it raises whatever its input is.
    """

    file: str = ""
    line: int = 0
    name: str = ""
    source: str = ""
    function: str = ""
    values: str = ""
    help: str = ""
    trace: str = ""
    always: bool = False

    @property
    def frame(self) -> traceback.FrameSummary | None:
        """The line, as a frame of a traceback."""
        return traceback.FrameSummary(self.file, self.line, self.name, line=self.source) if self.file else None


class TimeLimit(BaseException):
    """The time is up, by this watch. Not an `Exception`, so that an ordinary handler in the user's code misses it."""

    def __init__(self, watch: Stopwatch | None = None) -> None:
        super().__init__()
        self.watch = watch
        self.where = ""  # the part of the user's code that was running
        self.seen: Seen | None = None  # where that was, if it ran somewhere else


def time_limit(seconds: float) -> AbstractContextManager[None]:
    """Raise `TimeLimit` in the code under `with` when it has run for that long.

    Limits nest: the one that ends first rings first, and the time spent inside counts for the outer one.
    """
    return limited_by(Stopwatch(seconds))


def limited_by(watch: Stopwatch) -> AbstractContextManager[None]:
    """Raise `TimeLimit` in the code under `with` whenever this watch says that the time is up."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return _alarm(watch) if in_main_thread and hasattr(signal, "setitimer") else _watched(watch)


class _Alarms:
    """The limits of the main thread, which share one alarm; somebody else's alarm that is set already still rings."""

    def __init__(self) -> None:
        self.limits: list[_Limit] = []
        self.changing = False  # an alarm in the middle of that must not prevent it
        self.theirs: Any = None
        self.due = (0.0, 0.0)  # when the other alarm rings, and after how long again

    def add(self, limit: _Limit) -> None:
        self.changing = True
        if not self.limits:
            remaining, interval = signal.getitimer(signal.ITIMER_REAL)
            self.due = (time.monotonic() + remaining if remaining else 0.0, interval)
            self.theirs = signal.signal(signal.SIGALRM, self.ring)
        self.limits.append(limit)
        self.changing = False
        self.arm()

    def remove(self, limit: _Limit) -> None:
        self.changing = True
        self.limits.remove(limit)
        if self.limits:
            self.changing = False
            self.arm()
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.theirs)
        self.changing = False
        due, interval = self.due
        if due:
            signal.setitimer(signal.ITIMER_REAL, max(due - time.monotonic(), 1e-3), interval)

    def arm(self) -> None:
        """Ring when the first limit may be over; a limit that is over rings again and again."""
        waits = [REPEAT if limit.watch.up else limit.watch.left for limit in self.limits]
        if self.due[0]:
            waits.append(self.due[0] - time.monotonic())
        signal.setitimer(signal.ITIMER_REAL, max(min(waits), 1e-3), REPEAT)

    def ring(self, signum: int, frame: FrameType | None) -> None:
        collecting = frame is not None and frame.f_code in [getattr(c, "__code__", None) for c in gc.callbacks]
        if self.changing or collecting or frame is None or frame.f_code.co_filename == __file__:
            return  # there it would be lost, or do harm; it rings again
        if self.due[0] and time.monotonic() >= self.due[0]:
            self.due = (0.0, 0.0)
            if callable(self.theirs):
                self.theirs(signum, frame)
        self.arm()
        for limit in self.limits:
            if limit.watch.up:
                limit.ring(frame)


@dataclass
class _Limit:
    watch: Stopwatch
    entered: FrameType  # from which the limited code is called
    rung: int = 0

    def ring(self, frame: FrameType) -> None:
        self.rung += 1
        if self.rung > SWALLOWED:
            if not _in_foreign_code(frame, self.entered):  # it has come out: what we tidy up must not be cut off
                return
            if self.rung > STUBBORN * QUICK and given_up:
                given_up[-1](frame)
            pause = self.rung % QUICK == 0
            signal.setitimer(signal.ITIMER_REAL, REPEAT if pause else 1e-6 * random.randrange(1, 40), REPEAT)
        raise TimeLimit(self.watch)


_alarms = _Alarms()


given_up: list[Callable[[FrameType | None], None]] = []  # who is told of code that cannot be stopped from inside
boards: list[
    Any
] = []  # of whoever watches from outside: seconds of the limit that runs, clock and process at its start


def _put(board: Sequence[Any], limits: Sequence[tuple[float, ...]]) -> None:
    for place, limit in zip(board, limits, strict=True):
        place[0], place[1], place[2] = limit


_OURS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
_PYTHONS = (os.path.join(os.path.dirname(os.__file__), ""), "<frozen ")


def _in_foreign_code(frame: FrameType | None, entered: FrameType | None = None) -> bool:
    """Whether code is running that is neither ours nor Python's own, above the last call of ours."""
    while frame is not None and frame is not entered and not frame.f_code.co_filename.startswith(_OURS):
        if not frame.f_code.co_filename.startswith(_PYTHONS):
            return True
        frame = frame.f_back
    return False


@contextmanager
def _alarm(watch: Stopwatch) -> Iterator[None]:
    limit = _Limit(watch, sys._getframe(2))
    board, outer = boards[-1:], [tuple(b)[:3] for b in boards[-1:]]
    if not isinstance(watch, CallWatch):
        _put(board, [watch.started] * len(board))
    _alarms.add(limit)
    try:
        yield
    finally:
        _alarms.remove(limit)
        _put(board, outer)


@contextmanager
def _watched(watch: Stopwatch) -> Iterator[None]:
    target = threading.get_ident()
    over, lock = threading.Event(), threading.Lock()

    def look() -> None:
        wait, rung = watch.seconds, 0
        while not over.wait(wait):
            if not watch.up:
                wait = max(watch.left, 1e-3)
                continue
            with lock:
                if not over.is_set():
                    _raise_in(target, TimeLimit)
            rung += 1
            wait = REPEAT if rung < SWALLOWED else OFTEN

    watcher = threading.Thread(target=look, name="gradcheck-time-limit", daemon=True)
    try:
        try:
            watcher.start()
            yield
        finally:
            over.set()
    finally:
        over.set()
        with lock:
            _raise_in(target, None)  # one that was sent but has not arrived


def _raise_in(thread: int, exception: type[BaseException] | None) -> None:
    raised = ctypes.py_object(exception) if exception else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
