"""A file is checked in a process of its own, forked from this one: what ends or blocks that process ends no other.

The child tells each step on a pipe, one line of JSON a step. What it prints comes on a second one, of which the end is
kept: there is what Python writes when it crashes. A page of shared memory says which time limit runs, so that code that
no alarm reaches is stopped from here.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import linecache
import mmap
import os
import re
import selectors
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from gradcheck_plugin import outcome
from gradcheck_plugin.checking import Doing, Finished, Opened, Step, Tell, check_file
from gradcheck_plugin.faults import raised as faults
from gradcheck_plugin.model import Finding, NotDriven, Problem, Result, Settings, Verdict, plain, result_from_plain
from gradcheck_plugin.oracles import autograd
from gradcheck_plugin.running import limits
from gradcheck_plugin.suite import shown

RESTARTS = 5  # of one file, each without the objects that ended the process before
GRACE = 6.0  # seconds beyond a time limit after which code is stopped from outside
LONGEST = 60.0  # a whole file may take this many times the limit of a call
TAIL = 8000  # characters of what a child prints that are kept
_leave = os._exit  # before code under check can replace it


def available() -> bool:
    """Whether this platform can; on macOS a forked process must not use what Apple's libraries have begun."""
    return hasattr(os, "fork") and sys.platform != "darwin"


def check(path: Path, settings: Settings, tell: Tell) -> None:
    """Check a file in a child. When an object ends the child, another child goes on with the rest of the file."""
    done: set[str] = set()
    for restart in range(RESTARTS + 1):
        if restart:
            autograd.ready()  # once, not in every child
        run = _Run(path, settings, tell, frozenset(done))
        if run.goes_through():
            return
        culprit = run.now.target
        run.report()
        done |= run.finished | {culprit}
        if not culprit or run.too_long:
            return
    tell(Opened(shown(path), problem=Problem(shown(path), "crashed", f"{shown(path)}: given up after {RESTARTS} ends")))


@dataclass
class _Run:
    """One child, seen from its parent."""

    path: Path
    settings: Settings
    tell: Tell
    skip: frozenset[str]
    now: Doing = field(default_factory=Doing)
    finished: set[str] = field(default_factory=set)
    complete: bool = False
    hangs: bool = False  # no alarm reaches the code
    too_long: bool = False  # the file as a whole
    stuck: dict[str, Any] | None = None  # the place where the child itself found that it cannot be stopped
    printed: str = ""
    status: int = 0

    def goes_through(self) -> bool:
        """Run the child to its end; False where that came too early."""
        board = mmap.mmap(-1, 64)
        results, output = os.pipe(), os.pipe()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C waits until somebody takes care of it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of newer Pythons, where this process has threads
            pid = os.fork()
        if pid == 0:
            _be_child(self, results[1], output[1], memoryview(board).cast("d"))
        os.close(results[1])
        os.close(output[1])
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            self._watch(pid, results[0], output[0], memoryview(board).cast("d"))
        finally:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)  # and whatever it has started
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            _, self.status = os.waitpid(pid, 0)
            os.close(results[0])
            os.close(output[0])
        return self.complete

    def _watch(self, pid: int, results: int, output: int, board: memoryview[float]) -> None:
        started, pending = time.monotonic(), b""
        with selectors.DefaultSelector() as selector:
            for fd in (results, output):
                os.set_blocking(fd, False)
                selector.register(fd, selectors.EVENT_READ)
            while not self.complete and self.stuck is None:
                for key, _ in selector.select(0.25):
                    data = _read(key.fd)
                    if key.fd == output:
                        self.printed = (self.printed + data.decode("utf-8", "replace"))[-TAIL:]
                        if not data:
                            selector.unregister(output)
                        continue
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        self._take(json.loads(line))
                    if not data:
                        self.printed = (self.printed + _read(output).decode("utf-8", "replace"))[-TAIL:]
                        return
                if self._is_over(pid, board, started):
                    self._ask_where(pid, output)
                    return

    def _take(self, found: dict[str, Any]) -> None:
        kind = found.pop("kind")
        if kind == "end":
            self.complete = True
        elif kind == "stuck":
            self.stuck = found
        else:
            step = _KINDS[kind](found)
            if isinstance(step, Doing):
                self.now = step
            elif isinstance(step, Finished):
                self.finished.add(step.target)
            self.tell(step)

    def _is_over(self, pid: int, board: memoryview[float], started: float) -> bool:
        """Whether no alarm reaches the code, or the file as a whole takes too long."""
        seconds, clock, process = board[0], board[1], board[2]
        used = _process_time(pid)
        self.hangs = bool(seconds) and _passed(clock, process, used) > seconds + GRACE
        self.too_long = _passed(started, 0.0, used) > LONGEST * self.settings.seconds
        return self.hangs or self.too_long

    def _ask_where(self, pid: int, output: int) -> None:
        """Let Python write down where it is, which it does even in the middle of a call of C."""
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGUSR2)
            time.sleep(0.3)
            self.printed = (self.printed + _read(output).decode("utf-8", "replace"))[-TAIL:]

    def report(self) -> None:
        """Tell what ended the child: a call that hangs is the fault of the object, anything else one of the file."""
        file = shown(self.path)
        place = self.stuck or _place(self.printed, self.path)
        if self.too_long:
            took = f"checking it took more than {LONGEST * self.settings.seconds:g} s and was stopped"
            message = f"{file}: {took}; what was done until then is kept"
            self.tell(Opened(file, problem=Problem(file, "time-limit", message)))
        elif self.now.target and (self.stuck is not None or self.hangs):
            self.tell(self._hangs(file, place))
        else:
            self.tell(Opened(file, problem=self._ended(file, place)))

    def _hangs(self, file: str, place: dict[str, Any]) -> Result:
        target, property = self.now.target, self.now.property or "contract"
        function = place.get("function", target)
        function = function if function == target else f"{target}.{function}"
        finding = Finding(
            "time-limit",
            f"`{function}` did not come back within {self.settings.seconds:g} s, and could only be killed",
            file=file,
            line=place.get("line", 0),
            function=function,
            source=linecache.getline(str(self.path), place["line"]).strip() if place else "",
            help=faults.LOOP,
        )
        return Result(target, property, Verdict.FAIL, file, place.get("line", 0), finding=finding)

    def _ended(self, file: str, place: dict[str, Any]) -> Problem:
        if self.stuck is not None or self.hangs:
            at = f", line {place['line']}" if place else ""
            message = f"{file}{at}: did not come to an end while it was loaded, and was killed"
            return Problem(file, "time-limit", message)
        code = os.waitstatus_to_exitcode(self.status)
        how = f"ended the process (exit code {code})"
        if code < 0:
            name = signal.Signals(-code).name if -code in {int(s) for s in signal.Signals} else f"signal {-code}"
            how = f"crashed the process ({name})"
        doing = "::".join(filter(None, [self.now.target, self.now.property]))
        at = f", line {place['line']} in {place['function']}" if place else ""
        while_ = f"while {doing} was checked" if self.now.property else f"while {doing} was tried out"
        message = f"{file}{at}: it {how} {while_ if doing else 'while it was loaded'}; the rest of the file goes on"
        if not doing:
            message = message.removesuffix("; the rest of the file goes on")
        return Problem(file, "crashed", message)


def _read(fd: int) -> bytes:
    """What can be read now; nothing at the end of the stream, or where nothing has come."""
    with contextlib.suppress(BlockingIOError):
        return os.read(fd, 1 << 16)
    return b""


def _process_time(pid: int) -> float | None:
    """Seconds that a process has run, where the system tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _passed(clock: float, process: float, used: float | None) -> float:
    """The time that has passed as a time limit counts it: that of the process, or much of the clock."""
    waited = time.monotonic() - clock
    return waited if used is None else max(min(waited, used - process), waited / limits.PATIENCE)


def _place(printed: str, path: Path) -> dict[str, Any]:
    """The innermost line of the file in what `faulthandler` wrote last."""
    _, _, last = printed.rpartition("most recent call first")
    for file, line, function in re.findall(r'File "(.*?)", line (\d+) in (\S+)', last):
        if Path(file).name == path.name:
            return {"line": int(line), "function": function}
    return {}


_KINDS: dict[str, Callable[[dict[str, Any]], Step]] = {
    "Doing": lambda found: Doing(**found),
    "Finished": lambda found: Finished(**found),
    "Result": result_from_plain,
    "Opened": lambda found: Opened(
        found["file"],
        tuple(NotDriven(**n) for n in found["not_driven"]),
        tuple(found["notes"]),
        Problem(**found["problem"]) if found["problem"] else None,
        tuple(NotDriven(**n) for n in found["passed_over"]),
    ),
}


# --- in the child ---


def _be_child(run: _Run, results: int, output: int, board: memoryview[float]) -> NoReturn:
    """Check the file and end, without anything that Python does at its end: threads may be left, and handlers."""
    owner = os.getpid()
    try:
        os.setsid()  # Ctrl-C is for the parent, which stops this process
        _die_with_parent()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        faulthandler.enable(2)
        faulthandler.register(signal.SIGUSR2, 2, all_threads=False)
        with contextlib.suppress(Exception):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        limits.boards.append(board)
        limits.given_up.append(lambda frame: _give_up(results, run.path, frame))

        def tell(step: Step) -> None:
            if os.getpid() != owner:  # a process that the code has forked
                _leave(0)
            _write(results, {"kind": type(step).__name__, **plain(step)})

        try:
            check_file(run.path, run.settings, tell, run.skip)
        except BaseException as exc:
            file = shown(run.path)
            said = outcome.internal(exc, f"{file}: checking it failed inside the checker")
            tell(Opened(file, problem=Problem(file, outcome.INTERNAL, said)))
        _write(results, {"kind": "end"})
    finally:
        _leave(0)


def _write(results: int, found: dict[str, Any]) -> None:
    data = json.dumps(found).encode("ascii") + b"\n"
    while data:
        data = data[os.write(results, data) :]


def _give_up(results: int, path: Path, frame: FrameType | None) -> None:
    """End this process with a word about where it is: the code catches every alarm."""
    place: dict[str, Any] = {}
    for summary in _inwards(frame):
        if Path(summary.filename).name == path.name:
            place = {"line": summary.lineno, "function": summary.name}
            break
    _write(results, {"kind": "stuck", **place})
    _leave(0)


def _inwards(frame: FrameType | None) -> Iterator[traceback.FrameSummary]:
    yield from reversed(traceback.extract_stack(frame))


def _die_with_parent() -> None:
    """Linux ends this process with its parent, however that ends."""
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
