"""`check`: the whole suite as one call that never raises on a wrong gradient."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck_plugin import outcome
from gradcheck_plugin.model import NotDriven, Problem, Result, Settings, Verdict
from gradcheck_plugin.suite import FileSuite, open_file, open_namespace, python_files, shown


@dataclass
class Report:
    """All results of one check. Prints as text, shows as a table in a notebook."""

    results: list[Result] = field(default_factory=list)
    not_driven: list[NotDriven] = field(default_factory=list)
    passed_over: list[NotDriven] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for was judged, and nothing failed."""
        return self.exit_code == outcome.OK

    @property
    def failed(self) -> list[Result]:
        return [r for r in self.results if r.verdict is Verdict.FAIL]

    @property
    def exit_code(self) -> int:
        """0 all was judged and nothing failed, 1 something failed, 2 nothing to check, 3 something was left open."""
        return outcome.exit_code(
            self.results,
            self.not_driven,
            self.problems,
            strict=self.settings.strict,
            allow_open=self.settings.allow_open,
        )

    def add(self, suite: FileSuite) -> None:
        """Check every property of a file's targets and take the results in."""
        self.take(suite)
        for target in suite.targets:
            self.results += target.check_all()

    def take(self, suite: FileSuite) -> None:
        """Take in what is known of a file before anything in it is checked."""
        self.not_driven += suite.not_driven
        self.passed_over += suite.passed_over
        self.notes += [f"{suite.file}: {note}" for note in suite.notes]
        if suite.problem:
            self.problems.append(suite.problem)

    def finish(self) -> None:
        """Add what was asked for by name and not met, once all files are in."""
        names = {r.target for r in self.results} | {n.target for n in self.not_driven}
        for name, layer in self.settings.pinned.items():
            if name not in names:
                self.problems.append(Problem("", outcome.PIN, outcome.unmatched(name, layer, names)))
        self.problems += outcome.unmet(self.results, self.not_driven, self.settings.required, self.passed_over)

    def __str__(self) -> str:
        return self.text()

    def text(self, *, verbose: bool = False) -> str:
        """The report as `gradcheck check` prints it."""
        from gradcheck_plugin.report import text

        return text.whole(self, verbose=verbose)

    def to_json(self) -> dict[str, Any]:
        """The report as a plain dictionary, schema 1."""
        from gradcheck_plugin.report.as_json import document

        return document(self)

    def _repr_html_(self) -> str:
        from gradcheck_plugin.report.as_html import fragment

        return fragment(self)


def check_paths(paths: Iterable[Path], settings: Settings) -> Report:
    """Check files and folders in this process. A file that cannot be read hides none of the others."""
    paths = list(paths)
    report = Report(settings=settings)
    files = list(python_files(paths))
    for path in files:
        report.add(open_file(path, settings))
    conclude(report, paths, files)
    return report


def conclude(report: Report, paths: Sequence[Path], files: Sequence[Path]) -> None:
    """What can be said once all files are checked: nothing was there, or files of a folder held nothing."""
    if not files:
        where = ", ".join(map(str, paths))
        report.problems.append(Problem(where, "nothing-to-check", f"{where}: no Python file with backprop code in it"))
    elif report.results or report.not_driven:  # a file that only lies in a folder was not asked for by name
        named = {shown(path) for path in paths}
        empty = [p for p in report.problems if p.code == "nothing-recognised" and p.file not in named]
        report.problems = [p for p in report.problems if p not in empty]
        report.notes += [f"{p.file}: nothing in it was recognised as backprop code" for p in empty]
    report.finish()


def check(
    thing: Any,
    layer: str | None = None,
    *,
    cases: int = 25,
    seconds: float = 10.0,
    seed: int = 0,
    strict: bool = False,
) -> Report:
    """Check a class, a function, an instance, a pair (forward, backward), a module, or the path of a file or folder.

    `layer` names the reference that the object stands for, where its own name does not say it. `cases` are drawn for
    each property; `seconds` limit one call of the user's code. Raises KeyError for an unknown
    `layer`, ValueError for a number out of its range, and TypeError for something that cannot hold a backward; a wrong
    gradient never raises.
    """
    from reference_impls import load

    _in_range(cases=cases, seconds=seconds)
    if not isinstance(seed, int):
        raise TypeError(f"seed is a whole number, not {seed!r}")
    layer = load(layer).name if layer is not None else None
    if isinstance(thing, str | Path):
        if layer is not None:
            raise ValueError("`layer` says what one object stands for: pass that object, not a path")
        if not str(thing):
            raise ValueError("check('') names no file; check('.') checks the current folder")
        return check_paths([Path(thing)], Settings(cases, seconds, seed, strict))
    defined, name = _namespace_of(thing)
    if layer and not name:
        raise ValueError("`layer` says what one object stands for: pass that object, not a module")
    pinned: Mapping[str, str] = {name: layer} if layer else {}
    settings = Settings(cases, seconds, seed, strict, pinned)
    file, path = _file_of(thing)
    suite = open_namespace(
        defined,
        settings,
        file=file,
        root=path.parent if path else None,
        module=path.stem if path else "",
        instances={name: thing} if _is_instance(thing) else {},
    )
    for target in suite.targets:
        target.path, target.plain_import = path, getattr(sys.modules.get("__main__"), "__file__", None) != str(path)
    report = Report(settings=settings)
    report.add(suite)
    report.finish()
    return report


def _in_range(cases: Any, seconds: Any) -> None:
    """Refuse numbers that no check can be done with."""
    if not isinstance(cases, int):
        raise TypeError(f"cases is a whole number, not {cases!r}")
    if not isinstance(seconds, int | float):
        raise TypeError(f"seconds is a number, not {seconds!r}")
    if not cases > 0:
        raise ValueError(f"cases is {cases}: at least one case has to be drawn")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"seconds is {seconds}: a time limit is above 0 and finite")


def _namespace_of(thing: Any) -> tuple[dict[str, Any], str]:
    """The objects to look at, and the name under which `layer` is pinned."""
    if isinstance(thing, ModuleType):
        return _own_code(thing), ""
    if isinstance(thing, tuple):
        if not thing or not all(inspect.isfunction(f) for f in thing):
            raise TypeError(f"a tuple is a pair of functions (forward, backward), not {thing!r}"[:200])
        return {f.__name__: f for f in thing}, _stem(thing[0].__name__)
    if inspect.isclass(thing):
        return {thing.__name__: thing}, thing.__name__
    if inspect.isfunction(thing):
        stem = _stem(thing.__name__)
        mates = {n: o for n, o in thing.__globals__.items() if inspect.isfunction(o) and _stem(n) == stem}
        return {**mates, thing.__name__: thing}, stem if len(mates) > 1 else thing.__name__
    if _is_instance(thing):
        return {type(thing).__name__: type(thing)}, type(thing).__name__
    raise TypeError(f"check() takes a class, function, instance, module or path, not {type(thing).__name__}")


def _own_code(module: ModuleType) -> dict[str, Any]:
    """The classes and functions that a module defines. Raises TypeError for one that is no Python file."""
    file = getattr(module, "__file__", None) or ""
    if not file.endswith((".py", ".ipynb")) and module.__name__ != "__main__":
        raise TypeError(f"check() takes a module that is a Python file; {module.__name__} is none")
    code = {n: o for n, o in vars(module).items() if inspect.isclass(o) or inspect.isfunction(o)}
    return {n: o for n, o in code.items() if o.__module__ == module.__name__}


def _is_instance(thing: Any) -> bool:
    plain = inspect.isclass(thing) or inspect.isfunction(thing) or inspect.ismodule(thing)
    plain = plain or type(thing).__module__ == "builtins"  # a dict can be updated, too
    return not plain and any(callable(getattr(thing, m, None)) for m in ("forward", "loss", "update"))


def _stem(name: str) -> str:
    for word in ("_forward", "_backward"):
        name = name.replace(word, "")
    return name


def _file_of(thing: Any) -> tuple[str, Path | None]:
    sample = thing[0] if isinstance(thing, tuple) else thing
    sample = (
        sample if inspect.isclass(sample) or inspect.isfunction(sample) or inspect.ismodule(sample) else type(sample)
    )
    try:
        path = Path(inspect.getfile(sample))
    except (TypeError, OSError):
        return "", None
    return (path.name, path.resolve()) if path.exists() else ("", None)


def namespace(path: str | Path) -> dict[str, Any]:
    """What a file defines, loaded the way the checker loads it."""
    from gradcheck_plugin.loading.load import load

    return dict(load(Path(path)).namespace)


def explain(name: str, language: str = "en") -> str:
    """What the reference called `name`, or known under that alias, says of its layer: formula, gradients, mistakes.

    `language`: "en" or "ko", for the mistakes. Raises KeyError with the nearest names where there is none.
    """
    from gradcheck_plugin.catalogue import explanation
    from gradcheck_plugin.names.aliases import spec_named
    from reference_impls import load

    return explanation(spec_named(name) or load(name), language)
