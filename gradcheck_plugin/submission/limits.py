"""A limit on the time of code that nobody prepared.

Time is that of this process: on a busy machine the same code gets the same verdict. Code that only waits is stopped,
too, after PATIENCE times as long.
"""

import ctypes
import gc
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

REPEAT = 0.2  # seconds; code with a bare `except:` swallows the first alarm, so that it rings again


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
    armed, watch, started = [True], Stopwatch(seconds), time.monotonic()

    def ring(signum: int, frame: FrameType | None) -> None:
        collecting = frame is not None and frame.f_code in [getattr(c, "__code__", None) for c in gc.callbacks]
        if armed and watch.left < 0.05 * seconds and not collecting:  # there it is lost; else others had the machine
            raise TimeLimit  # where it does not, it rings again

    before = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT)
            yield
        finally:
            armed.clear()  # two levels: an alarm in this very line must not prevent the restoring below
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if remaining:
            left = remaining - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3), interval)


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
