"""A limit on the time of code that nobody prepared.

Time is that of this process: on a busy machine the same code gets the same verdict. Code that only waits is stopped,
too, after PATIENCE times as long. Code that catches whatever is raised in it is met where it cannot catch, in the
handler itself, by alarms in quick succession.
"""

import ctypes
import gc
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

REPEAT = 0.2  # seconds; code with a bare `except:` swallows the first alarm, so that it rings again
SWALLOWED = 3  # alarms without effect after which they come in quick succession
QUICK = 2000  # of these, before the next pause
STUBBORN = 15  # pauses after which the code is given up as one that cannot be stopped from inside

PATIENCE = 4.0  # seconds of the clock that count as one in which this process does not run


class Stopwatch:
    """The time that has passed for this process; with a number of seconds, what is left of them."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds, self._clock, self._process = seconds, time.monotonic(), time.process_time()

    @property
    def passed(self) -> float:
        clock, process = time.monotonic() - self._clock, time.process_time() - self._process
        return max(min(clock, process), clock / PATIENCE)

    @property
    def left(self) -> float:
        return self._seconds - self.passed


class TimeLimit(BaseException):
    """The time is up. Not an `Exception`, so that an ordinary handler in the user's code does not take it."""


def time_limit(seconds: float) -> AbstractContextManager[None]:
    """Raise `TimeLimit` in the code under `with` when it has run for that long.

    Limits nest: the one that ends first rings first, and the time spent inside counts for the outer one.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    return _alarm(seconds) if in_main_thread and hasattr(signal, "setitimer") else _watch(seconds)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    remaining, interval = signal.getitimer(signal.ITIMER_REAL)
    if 0 < remaining <= seconds:  # the alarm that is set already rings first
        yield
        return
    armed, watch, started, rung = [True], Stopwatch(seconds), time.monotonic(), [0]
    entered = [sys._getframe(2)]  # from which the limited code is called

    def ring(signum: int, frame: FrameType | None) -> None:
        collecting = frame is not None and frame.f_code in [getattr(c, "__code__", None) for c in gc.callbacks]
        if not armed or watch.left >= 0.05 * seconds or collecting:  # there it is lost; else others had the machine
            return  # it rings again
        rung[0] += 1
        if rung[0] > SWALLOWED:
            if not _in_foreign_code(frame, *entered):  # it has come out, and what we tidy up must not be cut off
                return
            if rung[0] > STUBBORN * QUICK and given_up:
                given_up[-1](frame)
            pause = rung[0] % QUICK == 0
            signal.setitimer(signal.ITIMER_REAL, REPEAT if pause else 1e-6 * random.randrange(1, 40), REPEAT)
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    board, outer = boards[-1:], [tuple(b)[:3] for b in boards[-1:]]
    _put(board, [(seconds, started, time.process_time())] * len(board))
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT)
            yield
        finally:
            entered.clear()
            armed.clear()  # two levels: an alarm in this very line must not prevent the restoring below
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        _put(board, outer)
        if remaining:
            left = remaining - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3), interval)


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
def _watch(seconds: float) -> Iterator[None]:
    target = threading.get_ident()
    over, lock = threading.Event(), threading.Lock()

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    _raise_in(target, TimeLimit)
            wait = REPEAT

    watcher = threading.Thread(target=watch, name="gradcheck-time-limit", daemon=True)
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
