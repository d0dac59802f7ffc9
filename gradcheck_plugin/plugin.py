"""The pytest plugin: hooks only.

`pytest --gradcheck layers.py` collects the layers of the files named on the command line and of the folders named
there, one item a property, beside the ordinary tests. Without the option nothing here does anything, and neither
numpy nor torch nor hypothesis is imported.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradcheck_plugin.model import NotDriven, Result
    from gradcheck_plugin.suite import Problem, Target

SETTINGS = pytest.StashKey[Any]()
STATE = pytest.StashKey["State"]()


class State:
    """What a run gathers beside its items."""

    def __init__(self) -> None:
        self.results: dict[str, dict[str, Any]] = {}
        self.not_driven: list[NotDriven] = []
        self.problems: list[Problem] = []
        self.notes: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradcheck", "checks of hand-written backward functions")
    group.addoption("--gradcheck", action="store_true", help="check the layers of the files and folders named")
    group.addoption("--gradcheck-as", action="append", default=[], metavar="NAME=LAYER",
                    help="NAME stands for the reference LAYER")  # fmt: skip
    group.addoption("--gradcheck-cases", type=int, default=None, metavar="N", help="cases for each property (25)")
    group.addoption("--gradcheck-seconds", type=float, default=None, metavar="S",
                    help="time limit of a call and a property (10)")  # fmt: skip
    group.addoption("--gradcheck-seed", type=int, default=None, metavar="N", help="seed of all cases (0)")
    group.addoption("--gradcheck-strict", action="store_true", help="advice fails, too")
    group.addoption("--gradcheck-json", default=None, metavar="PATH", help="write every result as JSON")
    parser.addini("gradcheck", "check the layers of the files and folders named", type="bool", default=False)
    parser.addini("gradcheck_as", "NAME=LAYER, one a line", type="linelist", default=[])
    parser.addini("gradcheck_cases", "cases for each property", default="25")
    parser.addini("gradcheck_seconds", "time limit of a call and a property", default="10")
    parser.addini("gradcheck_seed", "seed of all cases", default="0")
    parser.addini("gradcheck_strict", "advice fails, too", type="bool", default=False)
    parser.addini("gradcheck_json", "write every result as JSON to this path", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gradcheck: set on every item that checks a property of a layer")
    if not (config.getoption("gradcheck") or config.getini("gradcheck")):
        return
    from gradcheck_plugin.cli import pins
    from gradcheck_plugin.suite import Settings

    try:
        config.stash[SETTINGS] = Settings(
            cases=_number(config, "cases", int),
            seconds=_number(config, "seconds", float),
            seed=_number(config, "seed", int, positive=False),
            strict=bool(config.getoption("gradcheck_strict") or config.getini("gradcheck_strict")),
            pinned=pins([*config.getini("gradcheck_as"), *config.getoption("gradcheck_as")]),
        )
    except ValueError as exc:
        raise pytest.UsageError(f"--gradcheck-as: {exc}" if "=" in str(exc) else str(exc)) from None
    json_path = _json_path(config)
    if json_path and not json_path.resolve().parent.is_dir():
        raise pytest.UsageError(f"--gradcheck-json {json_path}: there is no folder {json_path.resolve().parent}")
    config.stash[STATE] = State()


def _number(config: pytest.Config, name: str, kind: type, positive: bool = True) -> Any:
    given = config.getoption(f"gradcheck_{name}")
    text = given if given is not None else config.getini(f"gradcheck_{name}")
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(f"gradcheck_{name}: {text!r} is not a number") from None
    if positive and not value > 0:
        raise ValueError(f"gradcheck_{name}: {text} is not above 0")
    return value


def _json_path(config: pytest.Config) -> Path | None:
    text = config.getoption("gradcheck_json") or config.getini("gradcheck_json")
    return Path(text) if text else None


def pytest_report_header(config: pytest.Config) -> str | None:
    if SETTINGS not in config.stash:
        return None
    s = config.stash[SETTINGS]
    return f"gradcheck: {s.cases} cases a property, {s.seconds:g} s a call, seed {s.seed}"


# collection


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """A file that pytest is going to import anyway: the same file, with its layers beside its tests."""
    if SETTINGS not in parent.config.stash or not _wanted(module_path, parent.config):
        return None
    module: LayerModule = LayerModule.from_parent(parent, path=module_path)
    return module


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file of a named folder that pytest would pass over."""
    config = parent.config
    if SETTINGS not in config.stash or file_path.suffix not in (".py", ".ipynb") or not _wanted(file_path, config):
        return None
    by_pytest = _named(file_path, config) or any(file_path.match(p) for p in config.getini("python_files"))
    if by_pytest and file_path.suffix == ".py":
        return None
    module: LayerModule = LayerModule.from_parent(parent, path=file_path)
    return module


def _arguments(config: pytest.Config) -> list[Path]:
    base = config.invocation_params.dir
    return [(base / str(a).split("::")[0]).resolve() for a in config.args]


def _named(path: Path, config: pytest.Config) -> bool:
    return path.resolve() in _arguments(config)


def _wanted(path: Path, config: pytest.Config) -> bool:
    """Whether a file is checked: it is named itself, or lies in a named folder, is no test, and speaks of backprop."""
    from gradcheck_plugin.suite import mentions_backprop

    if _named(path, config):
        return True
    if path.name == "conftest.py" or any(path.match(p) for p in config.getini("python_files")):
        return False
    return mentions_backprop(path)


class LayerModule(pytest.Module):
    """A Python file whose layers become items; ordinary tests in it are collected as ever."""

    def _getobj(self) -> Any:
        """The module as pytest imports it; where it cannot (a missing package, siblings), as the checker loads it."""
        try:
            return super()._getobj()  # type: ignore[no-untyped-call]
        except pytest.Collector.CollectError:
            from gradcheck_plugin.submission.load import LoadError, load

            try:
                namespace = load(self.path).namespace
            except LoadError:
                namespace = None
            if namespace is None:
                raise
            module = types.ModuleType(self.path.stem)
            vars(module).update(namespace)
            return module

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        from gradcheck_plugin.suite import open_file

        ordinary = self._ordinary()
        if ordinary:
            yield from super().collect()
        state, settings = self.config.stash[STATE], self.config.stash[SETTINGS]
        suite = open_file(self.path, settings, name=self.nodeid)
        state.not_driven += suite.not_driven
        state.notes += [f"{suite.file}: {note}" for note in suite.notes]
        if suite.problem is not None and not (ordinary and suite.problem.code == "nothing-recognised"):
            named = _named(self.path, self.config)
            if named or suite.problem.code != "nothing-recognised":
                state.problems.append(suite.problem)
        for target in suite.targets:
            yield TargetCollector.from_parent(self, name=target.name, target=target)

    def _ordinary(self) -> bool:
        """Whether the file has tests of its own, by a look at its text."""
        try:
            tree = ast.parse(self.path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            return False
        functions, classes = self.config.getini("python_functions"), self.config.getini("python_classes")
        return any(
            (isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name.startswith(tuple(functions)))
            or (isinstance(n, ast.ClassDef) and n.name.startswith(tuple(classes)))
            for n in tree.body
        )


class TargetCollector(pytest.Collector):
    """One layer, loss, network or update rule."""

    def __init__(self, *, target: Target, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target

    def collect(self) -> Iterator[pytest.Item]:
        for name in self.target.properties():
            yield PropertyItem.from_parent(self, name=name, target=self.target)


class Wrong(Exception):
    """A property that failed; carries its result."""

    def __init__(self, result: Result) -> None:
        from gradcheck_plugin.report.text import sentence

        super().__init__(sentence(result))
        self.result = result


class PropertyItem(pytest.Item):
    """One property of one target."""

    def __init__(self, *, target: Target, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.add_marker("gradcheck")

    def listchain(self) -> list[Any]:
        """Without packages: pytest would import their `__init__.py`, which may not run here, before every item."""
        return [node for node in super().listchain() if not isinstance(node, pytest.Package)]

    def runtest(self) -> None:
        from gradcheck_plugin.model import Verdict, plain
        from gradcheck_plugin.report.text import sentence

        result = self.target.check(self.name)
        self.user_properties.append(("gradcheck", {"schema": 1, **plain(result)}))
        if result.verdict is Verdict.FAIL:
            raise Wrong(result).with_traceback(self.target.user_traceback())  # where --pdb opens
        if result.verdict is not Verdict.PASS:
            pytest.skip(f"{result.verdict.value.lower()}: {sentence(result)}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from gradcheck_plugin.report import text

        if isinstance(excinfo.value, Wrong) and excinfo.value.result.finding is not None:
            return text.finding(excinfo.value.result.finding)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = self.target.bound.line
        return self.path, max(line - 1, 0), f"{self.target.name}::{self.name}"


# reporting


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """The short summary shows the finding's sentence, and a skipped property its reason at the user's line."""
    outcome: Any = yield
    if not isinstance(item, PropertyItem) or call.when != "call" or call.excinfo is None:
        return
    report = outcome.get_result()
    if isinstance(call.excinfo.value, Wrong) and isinstance(report.longrepr, str):
        report.longrepr = _Failure(report.longrepr, str(call.excinfo.value), report)
    elif report.skipped and isinstance(report.longrepr, tuple):
        path, line, _ = item.reportinfo()
        report.longrepr = (str(path), (line or 0) + 1, report.longrepr[2].removeprefix("Skipped: "))


class _Crash:
    """What the short summary and JUnit read."""

    def __init__(self, message: str, path: str, lineno: int) -> None:
        self.message, self.path, self.lineno = message, path, lineno

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


class _Failure:
    """A text report with the sentence for the summary line; from an xdist worker comes its text alone."""

    def __init__(self, text: str, message: str, report: pytest.TestReport) -> None:
        self.text = text
        path, line, _ = report.location
        self.reprcrash = _Crash(message, path, (line or 0) + 1)

    def toterminal(self, tw: Any) -> None:
        for line in self.text.splitlines():
            tw.line(line, red=line.startswith("error["))

    def __str__(self) -> str:
        return self.text


def pytest_report_teststatus(report: Any, config: pytest.Config) -> tuple[str, str, str] | None:
    """INCONCLUSIVE and NOT JUDGED are words of their own, not passes and not plain skips."""
    data = _data(report)
    if data is None or report.when != "call" or not report.skipped:
        return None
    word = data["verdict"]
    return word.lower().replace(" ", "_"), "?" if word == "INCONCLUSIVE" else "-", word


def _data(report: Any) -> dict[str, Any] | None:
    return next((v for k, v in getattr(report, "user_properties", ()) if k == "gradcheck"), None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Kept on the controller, where the summary is written; under xdist the reports come from the workers."""
    data = _data(report)
    if data is None or report.when != "call" or _active is None:
        return
    _active.results[report.nodeid] = data
    if report.failed and isinstance(report.longrepr, str):
        from gradcheck_plugin.model import result_from_plain
        from gradcheck_plugin.report.text import sentence

        result = result_from_plain({k: v for k, v in data.items() if k != "schema"})
        report.longrepr = _Failure(report.longrepr, sentence(result), report)  # type: ignore[assignment]


_active: State | None = None


def pytest_sessionstart(session: pytest.Session) -> None:
    global _active
    _active = session.config.stash.get(STATE, None)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Exit code 2 when there was something to check and none of it could be; the JSON file is written here."""
    state = session.config.stash.get(STATE, None)
    if state is None:
        return
    if hasattr(session.config, "workerinput"):
        from gradcheck_plugin.model import plain

        found = {"not_driven": state.not_driven, "problems": state.problems, "notes": state.notes}
        output: dict[str, Any] = getattr(session.config, "workeroutput")  # noqa: B009  (xdist sets it)
        output["gradcheck"] = plain(found)
        return
    empty = exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not (state.problems or state.not_driven)
    if empty and not session.config.getoption("collectonly"):
        from gradcheck_plugin.suite import Problem

        where = ", ".join(session.config.args)
        state.problems.append(Problem(where, "nothing-to-check", f"{where}: no Python file with backprop code in it"))
    path = _json_path(session.config)
    if path:
        from gradcheck_plugin.model import result_from_plain
        from gradcheck_plugin.report.as_json import document, write

        results = [result_from_plain({k: v for k, v in d.items() if k != "schema"}) for d in state.results.values()]
        write(path, document(results, state.not_driven, state.problems))
    nothing = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if nothing and (state.problems or (state.not_driven and not state.results)):
        session.exitstatus = pytest.ExitCode.INTERRUPTED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """What an xdist worker saw while collecting; every worker saw the same."""
    found = getattr(node, "workeroutput", {}).get("gradcheck")
    if found is None or _active is None:
        return
    from gradcheck_plugin.model import NotDriven
    from gradcheck_plugin.suite import Problem

    for row in found["not_driven"]:
        if NotDriven(**row) not in _active.not_driven:
            _active.not_driven.append(NotDriven(**row))
    for row in found["problems"]:
        if Problem(**row) not in _active.problems:
            _active.problems.append(Problem(**row))
    _active.notes += [n for n in found["notes"] if n not in _active.notes]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One row a layer, then what is in doubt, advice, and what could not be driven or read."""
    state = config.stash.get(STATE, None)
    if state is None or not (state.results or state.not_driven or state.problems):
        return
    from gradcheck_plugin.model import result_from_plain
    from gradcheck_plugin.report import text

    results = [result_from_plain({k: v for k, v in d.items() if k != "schema"}) for d in state.results.values()]
    terminalreporter.section("gradcheck")
    lines = text.table(results, state.not_driven)
    if config.get_verbosity() > 0:
        lines += text.details(results)
    lines += text.doubts(results) + text.advice(results, notes=config.get_verbosity() > 0) + text.notes(state.notes)
    lines += text.problems((p.code, p.message) for p in state.problems)
    for line in [*lines, text.totals(results, state.not_driven)]:
        terminalreporter.write_line(line)
