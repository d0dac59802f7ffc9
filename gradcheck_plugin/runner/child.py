"""A process of its own for the user's code of one file."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gradcheck_plugin.runner.remote import Link
from gradcheck_plugin.runner.serve import Server
from gradcheck_plugin.subject import Subject
from gradcheck_plugin.suite import FileSuite


def _serve(pipe: Connection, other_end: Connection, path: Path, seconds: float) -> None:
    other_end.close()  # as long as anybody has it, the end of the questions is not seen
    Server(path, seconds).serve(pipe.recv_bytes, pipe.send_bytes)


@contextmanager
def elsewhere(suite: FileSuite, path: Path, seconds: float) -> Iterator[FileSuite]:
    """The suite of a file whose code runs in another process from now on, to the end of the block."""
    pipe, theirs = multiprocessing.Pipe()
    context: Any = multiprocessing.get_context("fork")
    process = context.Process(target=_serve, args=(theirs, pipe, path, seconds), daemon=True)
    process.start()
    theirs.close()

    def post(question: bytes) -> bytes:
        pipe.send_bytes(question)
        return pipe.recv_bytes()

    try:
        for target in suite.targets:
            if isinstance(target.bound, Subject):
                link = Link(post, suite.modules, seconds, target.guards, target.typed)
                target.bound = link.moved(target.bound)
        yield suite
    finally:
        pipe.close()
        process.join(10.0)
        if process.is_alive():
            process.kill()
            process.join()
