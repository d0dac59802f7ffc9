"""What code that nobody prepared changes of the process it runs in is put back; and it cannot end that process.

There are modes, which say how code computes and prints, and places: folders, environment, handlers. A file's own modes
hold again whenever its code is called, for it was written to run under them, and nowhere else.
"""

from __future__ import annotations

import gc
import locale
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

Modes = Mapping[str, Any]


def modes() -> Modes:
    """How code computes and prints now: the settings of NumPy, of torch where it is imported, and of Python."""
    return {name: get() for name, (get, _) in _MODES.items()}


def set_modes(wanted: Modes) -> None:
    """Put back those settings that are others now."""
    for name, (get, put) in _MODES.items():
        with suppress(Exception):  # one that cannot be read or set hinders none of the others
            if name in wanted and wanted[name] is not None and get() != wanted[name]:
                put(wanted[name])


@contextmanager
def under(wanted: Modes) -> Iterator[None]:
    """Under these settings, for the length of the block."""
    before = modes()
    set_modes(wanted)
    try:
        yield
    finally:
        set_modes(before)


@contextmanager
def restored() -> Iterator[None]:
    """Settings, folders, environment and handlers are afterwards what they were before."""
    settings, places = modes(), {name: get() for name, (get, _) in _PLACES.items()}
    try:
        with warnings.catch_warnings():
            yield
    finally:
        set_modes(settings)
        for name, (get, put) in _PLACES.items():
            with suppress(Exception):
                if get() != places[name]:
                    put(places[name])


@contextmanager
def contained() -> Iterator[None]:
    """As `restored`; besides, `os._exit` raises SystemExit, and threads that are started keep no process alive."""
    if _contained:
        with restored():
            yield
        return
    leave, start, owner = os._exit, threading.Thread.start, os.getpid()

    def stay(status: int) -> NoReturn:
        if os.getpid() != owner:  # a process that the code has forked may end itself
            leave(status)
        raise SystemExit(f"os._exit({status})")

    def start_daemon(thread: threading.Thread) -> None:
        thread._daemonic = True  # type: ignore[attr-defined]  # also of a class that overrides `daemon`
        start(thread)

    _contained.append(True)
    os._exit, threading.Thread.start = stay, start_daemon  # type: ignore[method-assign, assignment]
    try:
        with restored():
            yield
    finally:
        os._exit, threading.Thread.start = leave, start  # type: ignore[method-assign]
        _contained.clear()


_contained: list[bool] = []


def _numpy() -> Any:
    return sys.modules.get("numpy")


def _torch() -> Any:
    torch = sys.modules.get("torch")
    return torch if hasattr(torch, "set_grad_enabled") else None  # not while it is being imported


def _of(module: Callable[[], Any], get: str, put: str) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    def read() -> Any:
        found = module()
        return None if found is None else getattr(found, get)()

    return read, lambda value: getattr(module(), put)(value)


_MODES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "numpy print": (
        lambda: _numpy().get_printoptions() if _numpy() else None,
        lambda v: _numpy().set_printoptions(**{k: w for k, w in v.items() if k != "override_repr"}),
    ),
    "numpy errors": (lambda: _numpy().geterr() if _numpy() else None, lambda v: _numpy().seterr(**v)),
    "torch dtype": _of(_torch, "get_default_dtype", "set_default_dtype"),
    "torch grad": _of(_torch, "is_grad_enabled", "set_grad_enabled"),
    "locale": (lambda: locale.setlocale(locale.LC_ALL), lambda v: locale.setlocale(locale.LC_ALL, v)),
    "recursion": (sys.getrecursionlimit, sys.setrecursionlimit),
    "collection": (gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
}


def _set_environment(wanted: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(wanted)


def _handlers() -> dict[int, Any]:
    return {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}


def _set_handlers(wanted: dict[int, Any]) -> None:
    for number, handler in wanted.items():
        signal.signal(number, handler)


_PLACES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "folder": (lambda: _folder(), os.chdir),
    "environment": (lambda: dict(os.environ), _set_environment),
    "path": (lambda: list(sys.path), lambda v: sys.path.__setitem__(slice(None), v)),
    "arguments": (lambda: list(sys.argv), lambda v: sys.argv.__setitem__(slice(None), v)),
    "handlers": (_handlers, _set_handlers),
    "hooks": (lambda: (sys.excepthook, sys.displayhook), lambda v: _set_hooks(*v)),
}


def _set_hooks(on_exception: Any, on_display: Any) -> None:
    sys.excepthook, sys.displayhook = on_exception, on_display


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""
