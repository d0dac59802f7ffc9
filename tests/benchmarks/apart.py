"""Source files checked one by one, each in a process of its own: a crash or a hang is an outcome like any other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

SECONDS = 900.0  # that one file may take; only what hangs takes so long
FILE = "(file)"  # stands for a whole file where there is no object to name
JUDGED = ("PASS", "FAIL", "INCONCLUSIVE")
NOT_JUDGED, REFUSED, PROBLEM, CRASH = "NOT JUDGED", "refused", "problem", "crash"


@dataclass(frozen=True)
class Job:
    """A file to check, and the folder that its process works in."""

    path: Path
    folder: Path
    cases: int = 8
    seconds: float = 5.0


def rows_of(job: Job) -> list[dict[str, str]]:
    """What is said of a file: a row a property, a refusal or a problem."""
    from gradcheck_plugin.model import Settings
    from gradcheck_plugin.suite import open_file

    suite = open_file(job.path, Settings(cases=job.cases, seconds=job.seconds))
    rows = [_row(FILE, "", PROBLEM, suite.problem.code, why=suite.problem.message)] if suite.problem else []
    for target in suite.targets:
        for r in target.check_all():
            code, why = (r.finding.code, r.finding.message) if r.finding else ("", r.reason)
            reading = {"layer": r.layer, "convention": r.convention, "variant": r.variant}
            rows.append(_row(r.target, r.property, r.verdict.value, code, why=why, **reading))
    return rows + [_row(n.target, "", REFUSED, n.code, why=n.reason) for n in suite.not_driven]


def _row(target: str, property: str, verdict: str, code: str, why: str, **reading: str) -> dict[str, str]:
    empty = dict.fromkeys(("layer", "convention", "variant"), "")
    return {"target": target, "property": property, "verdict": verdict, "code": code} | empty | reading | {"why": why}


def outcomes(jobs: Iterable[Job], workers: int = 2, seconds: float = SECONDS) -> Iterator[tuple[Job, list[Any]]]:
    """The rows of every job, in the order in which they are done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gradcheck_plugin.suite"])
    waiting = list(reversed(list(jobs)))
    running: dict[Connection, tuple[Job, Any, float]] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop()
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(job, there))
            process.start()
            there.close()
            running[here] = (job, process, _now() + seconds)
        ready = wait(list(running), timeout=1.0)
        for here in list(running):
            job, process, until = running[here]
            if here in ready:
                yield job, _received(here, process)
            elif _now() > until:
                yield job, [_row(FILE, "", CRASH, "hang", f"not done within {seconds:g} s")]
            else:
                continue
            process.kill()
            process.join()
            here.close()
            del running[here]


def _received(here: Connection, process: Any) -> list[Any]:
    try:
        rows: list[Any] = here.recv()
    except EOFError:
        process.join(5)
        return [_row(FILE, "", CRASH, "died", f"its process ended with {process.exitcode}")]
    return rows


def _child(job: Job, there: Connection) -> None:
    os.chdir(job.folder)
    try:
        rows = rows_of(job)
    except BaseException as error:
        rows = [_row(FILE, "", CRASH, type(error).__name__, repr(error))]
    there.send(rows)
    there.close()
    os._exit(0)  # whatever threads the user's code has left running


def _now() -> float:
    import time

    return time.monotonic()


def worst(verdicts: Iterable[str]) -> str:
    """The one word for an object: the worst of its verdicts."""
    found = set(verdicts)
    order = ("FAIL", "INCONCLUSIVE", "PASS", NOT_JUDGED, REFUSED, PROBLEM, CRASH)
    return next((v for v in order if v in found), "nothing said")
