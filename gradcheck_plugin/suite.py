"""The one generator of (target, property) pairs; pytest, `check` and the command all open on it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck_plugin import outcome
from gradcheck_plugin.author import evidence
from gradcheck_plugin.binding import averages, bind, recognise
from gradcheck_plugin.binding.obstacles import Broken
from gradcheck_plugin.conventions.base import Candidate
from gradcheck_plugin.judging.gradient import gradients, misfit
from gradcheck_plugin.loading import older, process
from gradcheck_plugin.loading.load import SUFFIXES, Loaded, LoadError, load
from gradcheck_plugin.model import PASSED_OVER, NotDriven, Problem, Settings, Unbindable
from gradcheck_plugin.plans.kept import Page, Shelf
from gradcheck_plugin.running import guards
from gradcheck_plugin.running.calls import UserCodeRaised, metered
from gradcheck_plugin.running.limits import TimeLimit
from gradcheck_plugin.sizes import generic_sizes
from gradcheck_plugin.subject import Subject
from gradcheck_plugin.target import Target, quiet
from reference_impls.spec import RULES

ONE_ENTRY = "right for an upstream gradient with one entry, such as a cross-entropy gives, and for no other"
ONE_BY_ONE = 60  # outputs up to which an upstream gradient with one entry is tried at every place


@dataclass
class FileSuite:
    """What one file holds: targets to check, objects that are not driven, and notes about how it was loaded.

    `passed_over` are the objects that have no gradient of their own, each with the reason.
    """

    file: str
    targets: list[Target] = field(default_factory=list)
    not_driven: list[NotDriven] = field(default_factory=list)
    passed_over: list[NotDriven] = field(default_factory=list)
    problem: Problem | None = None
    notes: tuple[str, ...] = ()
    modules: tuple[ModuleType, ...] = ()  # of the user's, the file's own first


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files to check: those named, and files and notebooks of folders, without tests, caches, hidden folders.

    A file that is named twice, or is in a folder that is named too, is given once.
    """
    seen: set[str] = set()
    for path in paths:
        for found in _in_folder(path) if is_folder(path) else (path,):
            real = os.path.realpath(found)
            if real not in seen:
                seen.add(real)
                yield found


def is_folder(path: Path) -> bool:
    """Whether the path is a folder whose files can be listed; one that cannot be is opened as a file, and says so."""
    try:
        return path.is_dir() and os.access(path, os.R_OK | os.X_OK)
    except OSError:
        return False


def _in_folder(folder: Path) -> Iterator[Path]:
    for found in sorted(f for suffix in SUFFIXES for f in folder.rglob(f"*{suffix}")):
        parts = found.relative_to(folder).parts
        if any(p.startswith(".") or p in ("__pycache__", "site-packages", "node_modules") for p in parts):
            continue
        if not found.name.startswith("test_") and found.name != "conftest.py" and mentions_backprop(found):
            yield found


def mentions_backprop(path: Path) -> bool:
    """Whether a file can hold anything to check, by a look at its text."""
    try:
        if not path.is_file():  # to read a pipe waits for someone who writes into it
            return False
        text = path.read_bytes().lower()
    except OSError:
        return False
    words = (b"backward", b"def gradient", b"grad", b"backprop", b"def update", b"fan_in", b"xavier", b"initiali",
             b"learning_rate")  # fmt: skip
    return any(word in text for word in words)


def open_file(
    path: Path,
    settings: Settings,
    *,
    name: str | None = None,
    skip: Container[str] = (),
    announce: Callable[[str], None] = lambda name: None,
    shelf: Shelf | None = None,
) -> FileSuite:
    """Load a file, recognise and bind what is in it. Never raises, neither on the file's account nor on ours.

    Objects named in `skip` are left out; `announce` is told the name of each object before it is bound. What is found
    out about them is kept on a `shelf` for the next time.
    """
    where = name or shown(path)
    opened = partial(_open_loaded, settings=settings, shown=where, announce=announce, shelf=shelf)
    try:
        return _open(path, skip, opened)
    except LoadError as exc:
        return FileSuite(where, problem=Problem(where, exc.code, exc.message))
    except Exception as exc:
        said = outcome.internal(exc, f"{where}: opening it failed inside the checker")
        return FileSuite(where, problem=Problem(where, outcome.INTERNAL, said))


def _open(path: Path, skip: Container[str], opened: Callable[..., FileSuite]) -> FileSuite:
    before = set(threading.enumerate())
    loaded = load(path)
    suite = opened(loaded, wanted=lambda name: name not in skip)
    if left := [t for t in threading.enumerate() if t not in before and not t.name.startswith("gradcheck")]:
        suite.notes += (f"a thread that it started is left running ({', '.join(t.name for t in left[:3])})",)
    unable = {n.target: n.reason for n in suite.not_driven if n.code == "does-not-run-here"}
    if era := older.era_of(loaded.path, list(unable.values())):
        with suppress(LoadError):
            again = opened(load(path, era=era), wanted=unable.__contains__)
            again.targets = [t for t in again.targets if isinstance(t.bound, Subject)]
            ran = {t.name for t in again.targets}
            suite.not_driven = [n for n in suite.not_driven if n.target not in ran]
            suite.targets += again.targets
            suite.notes += tuple(n for n in again.notes if ran and n not in suite.notes)
    return suite


def _open_loaded(
    loaded: Loaded,
    *,
    settings: Settings,
    shown: str,
    wanted: Callable[[str], bool],
    announce: Callable[[str], None],
    shelf: Shelf | None,
) -> FileSuite:
    with process.under(loaded.modes), shelf.page(loaded, settings) if shelf else nullcontext() as page:
        suite = open_namespace(
            loaded.defined(), settings, file=shown, root=loaded.path.parent, module=loaded.path.stem,
            modules=loaded.modules, wanted=wanted, announce=announce, page=page,
        )  # fmt: skip
    suite.notes, suite.modules = loaded.notes, loaded.modules
    for target in suite.targets:
        target.plain_import = loaded.plain
        target.notebook = loaded.notebook
        target.path = loaded.path
        target.modes = loaded.modes
    return suite


def shown(path: Path) -> str:
    """A path as reports name it."""
    try:
        return os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)


def open_namespace(
    defined: Mapping[str, Any],
    settings: Settings,
    *,
    file: str = "",
    root: Path | None = None,
    module: str = "",
    modules: Iterable[Any] = (),
    instances: Mapping[str, Any] | None = None,
    wanted: Callable[[str], bool] = lambda name: True,
    announce: Callable[[str], None] = lambda name: None,
    page: Page | None = None,
) -> FileSuite:
    """Recognise and bind the objects of a namespace; `instances` are driven as they are instead of being built.

    Names that are not `wanted` are left out; `announce` is told of each of the others before it is bound. What is on
    the `page` of the file is not found out again.
    """
    suite = FileSuite(file)
    with quiet():
        known = recognise.recognised(defined)
    suite.not_driven += [replace(n, file=file) for n in known.refused if wanted(n.target)]
    for n in filter(lambda n: wanted(n.target), known.passed_over):
        if layer := settings.pinned.get(n.target):
            told = replace(n, file=file, code="not-driven", reason=f"it is pinned to `{layer}`; {n.reason}")
            suite.not_driven.append(told)
        else:
            suite.passed_over.append(replace(n, file=file))
    candidates = [c for c in known.candidates if wanted(c.name)]
    found, typed = (find((dict(defined), *modules)) for find in (guards.find, guards.typed))
    networks: list[tuple[Candidate, Target]] = []
    bound: Subject | Broken | NotDriven | None
    for candidate in candidates:
        announce(candidate.name)
        if candidate.name in (instances or {}):
            candidate = candidate.read(instance=(instances or {})[candidate.name])
        guarded = found if candidate.kind not in RULES else ()  # the eps of an optimizer is no guard of a logarithm
        digits = typed if candidate.kind not in RULES else ()
        bound = page.read(candidate.name, file, root) if page is not None else None
        if bound is None:
            with guards.without((*guarded, *digits)):  # a guard of 1e-7 must not hide which reference it computes
                bound = _bind(candidate, settings, file=file, root=root, module=module)
            if page is not None:
                page.write(candidate.name, bound)
        if isinstance(bound, NotDriven):
            (suite.passed_over if bound.code == PASSED_OVER else suite.not_driven).append(bound)
        else:
            target = Target(bound, settings, guarded, digits)
            target.averaging = partial(_averaging, target, candidate, networks)
            suite.targets.append(target)
            networks += [(candidate, target)] if candidate.kind == "network" else []
    wanted_all = all(map(wanted, [c.name for c in known.candidates] + [n.target for n in known.refused]))
    if wanted_all and not suite.targets and not suite.not_driven:
        text = f"{file or 'the namespace'}: nothing to check. Looked for {recognise.LOOKED_FOR}."
        text += " To name a layer yourself: --gradcheck-as MyLayer=affine"
        suite.problem = Problem(file, "nothing-recognised", text)
    return suite


def _bind(candidate: Candidate, settings: Settings, **place: Any) -> Subject | Broken | NotDriven:
    """Bind one candidate; a fault of ours in doing so is reported and hides nothing else."""
    try:
        with quiet():
            bound = bind.bind(
                candidate,
                layer=settings.pinned.get(candidate.name),
                seconds=settings.seconds,
                **place,
            )
            bound = _assumed(bound, settings.seconds) if isinstance(bound, Subject) else bound
            return _obeyed(candidate, bound, settings, place["file"])
    except Exception as exc:
        reason = outcome.internal(exc, "binding it failed inside the checker")
        return NotDriven(candidate.name, reason, file=place["file"], line=candidate.line, code=outcome.INTERNAL)


def _obeyed(
    candidate: Candidate, bound: Subject | Broken | NotDriven, settings: Settings, file: str
) -> Subject | Broken | NotDriven:
    """What is bound, if it is compared with the layer that it was said to stand for."""
    layer = settings.pinned.get(candidate.name)
    if layer is None or isinstance(bound, Broken) or (isinstance(bound, Subject) and _is(bound, layer)):
        return bound
    why = f": {bound.reason}" if isinstance(bound, NotDriven) else ""
    reason = f"it was said to be {layer}, and cannot be called like that{why}"
    return NotDriven(candidate.name, reason, file=file, line=candidate.line, code=outcome.PIN)


def _is(bound: Subject, layer: str) -> bool:
    return bound.spec is not None and bound.spec.name == layer


def _assumed(subject: Subject, seconds: float) -> Subject:
    """The subject with what its backward assumes, if it comes back from that."""
    with suppress(TimeLimit), metered(seconds):
        return _assumption(subject)
    return subject


def _assumption(subject: Subject) -> Subject:
    """The subject, marked where its backward is right for an upstream gradient with one entry only.

    Some layers in front of a cross-entropy are written so: what comes back from it has one entry that is not zero.
    """
    if not subject.caller.upstream:
        return subject
    base = subject.spec.layout if subject.spec else None
    case = subject.sample(31, generic_sizes(subject.layout, subject.spec, base))
    if misfit(subject, case) == 0:
        return subject
    try:
        size = gradients(subject, case)[0].size
    except (UserCodeRaised, Unbindable, TypeError):
        return subject
    # at every place: a backward that is linear and wrong is wrong at one of them
    right = size <= ONE_BY_ONE and all(misfit(replace(subject, one_hot=i), case) == 0 for i in range(size))
    return replace(subject, one_hot=-1, doubt=ONE_ENTRY, settings=()) if right else subject


def _averaging(target: Target, candidate: Candidate, networks: list[tuple[Candidate, Target]]) -> str:
    """What says that the parameters of a layer are averaged over the batch on purpose; "" where nothing does.

    A comment, a gradient of the loss beside it that is not divided, or a network that calls it and is right as a whole.
    """
    if said := averages.said(candidate.objects):
        return said
    called = evidence.names_of(candidate.objects)
    for other, network in networks:
        if network is target or not called & evidence.reached(other.objects) or not isinstance(network.bound, Subject):
            continue
        subject = network.bound
        sizes = generic_sizes(subject.layout, subject.spec, subject.spec.layout if subject.spec else None)
        with quiet():
            if all(misfit(subject, subject.sample(seed, sizes)) == 0 for seed in (41, 42)):
                return f"the gradients of {network.name}, which calls it, are right as a whole"
    return ""


__all__ = ["FileSuite", "Settings", "Target", "open_file", "open_namespace", "python_files", "shown"]
