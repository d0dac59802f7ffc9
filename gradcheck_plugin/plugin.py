"""The pytest plugin: hooks only.

`pytest --gradcheck layers.py` collects the layers of the files named on the command line and of the folders named
there, one item a property, beside the ordinary tests. Without the option nothing here does anything, and neither
numpy nor torch nor hypothesis is imported.
"""

from __future__ import annotations

import ast
import json
import re
import types
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradcheck_plugin.model import NotDriven, Problem, Result
    from gradcheck_plugin.plans.kept import Shelf
    from gradcheck_plugin.suite import Target

SETTINGS = pytest.StashKey[Any]()
SEEN = pytest.StashKey["Seen"]()
REPORTS = pytest.StashKey[list[tuple[str, Path]]]()
KEY = "gradcheck"  # of the property of a test report that holds what an item found, as JSON


class Seen:
    """What was found while collecting: objects by name, notes about how files were loaded, names that are not obeyed.

    An xdist worker sends it to the controller, which collects nothing itself.
    """

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.passed_over: dict[str, NotDriven] = {}
        self.objects = 0

    def plain(self) -> dict[str, Any]:
        from gradcheck_plugin.model import plain

        over = plain(self.passed_over)
        return {"names": list(self.names), "notes": list(self.notes), "passed_over": over, "objects": self.objects}

    def take(self, found: dict[str, Any]) -> None:
        """What a worker saw; every worker saw the same."""
        from gradcheck_plugin.model import NotDriven

        self.passed_over |= {key: NotDriven(**over) for key, over in found["passed_over"].items()}
        self.names |= dict.fromkeys(found["names"])
        self.notes |= dict.fromkeys(found["notes"])
        self.objects = max(self.objects, found["objects"])


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradcheck", "checks of hand-written backward functions")
    group.addoption("--gradcheck", action="store_true", help="check the layers of the files and folders named")
    group.addoption("--gradcheck-as", action="append", default=[], metavar="NAME=LAYER",
                    help="NAME stands for the reference LAYER")  # fmt: skip
    group.addoption("--gradcheck-cases", type=int, default=None, metavar="N", help="cases for each property (25)")
    group.addoption("--gradcheck-seconds", type=float, default=None, metavar="S",
                    help="time limit of one call of the code (10)")  # fmt: skip
    group.addoption("--gradcheck-seed", type=int, default=None, metavar="N", help="seed of all cases (0)")
    group.addoption("--gradcheck-strict", action="store_true",
                    help="advice, open verdicts and objects that are not driven fail, too")  # fmt: skip
    group.addoption("--gradcheck-require", action="append", default=[], metavar="NAME[,NAME]",
                    help="fail where this object is not judged: left open, not driven, or not there")  # fmt: skip
    group.addoption("--gradcheck-allow-open", action="store_true",
                    help="exit code 0 also where everything was left open or not driven")  # fmt: skip
    group.addoption("--gradcheck-report", action="append", default=[], metavar="FORMAT=PATH",
                    help="write the report to a file: json, html, text")  # fmt: skip
    group.addoption("--gradcheck-json", default=None, metavar="PATH", help="the same as --gradcheck-report json=PATH")
    parser.addini("gradcheck", "check the layers of the files and folders named", type="bool", default=False)
    parser.addini("gradcheck_as", "NAME=LAYER, one a line", type="linelist", default=[])
    parser.addini("gradcheck_cases", "cases for each property", default="25")
    parser.addini("gradcheck_seconds", "time limit of one call of the code", default="10")
    parser.addini("gradcheck_seed", "seed of all cases", default="0")
    parser.addini("gradcheck_strict", "advice, open verdicts and refusals fail, too", type="bool", default=False)
    parser.addini("gradcheck_require", "objects that have to be judged", type="args", default=[])
    parser.addini("gradcheck_allow_open", "exit code 0 also where everything is open", type="bool", default=False)
    parser.addini("gradcheck_report", "FORMAT=PATH, one a line", type="linelist", default=[])
    parser.addini("gradcheck_json", "write every result as JSON to this path", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gradcheck: set on every item that checks a property of a layer")
    if not (config.getoption("gradcheck") or config.getini("gradcheck")):
        return
    from gradcheck_plugin.cli import names, pins
    from gradcheck_plugin.model import Settings

    try:
        config.stash[SETTINGS] = Settings(
            cases=_number(config, "cases", int),
            seconds=_number(config, "seconds", float),
            seed=_number(config, "seed", int, positive=False),
            strict=_switch(config, "strict"),
            pinned=pins([*config.getini("gradcheck_as"), *config.getoption("gradcheck_as")]),
            required=names([*config.getini("gradcheck_require"), *config.getoption("gradcheck_require")]),
            allow_open=_switch(config, "allow_open"),
        )
    except ValueError as exc:
        raise pytest.UsageError(f"--gradcheck-as: {exc}" if "=" in str(exc) else str(exc)) from None
    config.stash[REPORTS] = _reports(config)
    config.stash[SEEN] = Seen()
    config.pluginmanager.register(Summary(config), "gradcheck-summary")


def _switch(config: pytest.Config, name: str) -> bool:
    return bool(config.getoption(f"gradcheck_{name}") or config.getini(f"gradcheck_{name}"))


def _reports(config: pytest.Config) -> list[tuple[str, Path]]:
    """The formats of the report that are asked for, and where each is to be written."""
    from gradcheck_plugin.report import asked, unwritable

    pairs = [*config.getini("gradcheck_report"), *config.getoption("gradcheck_report")]
    path = config.getoption("gradcheck_json") or config.getini("gradcheck_json")
    if path and (complaint := unwritable(Path(path))):
        raise pytest.UsageError(f"--gradcheck-json {complaint}")
    try:
        return asked([*pairs, *([f"json={path}"] if path else [])])
    except ValueError as exc:
        raise pytest.UsageError(f"--gradcheck-report {exc}") from None


def _number(config: pytest.Config, name: str, kind: type, positive: bool = True) -> Any:
    given = config.getoption(f"gradcheck_{name}")
    text = given if given is not None else config.getini(f"gradcheck_{name}")
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(f"gradcheck_{name}: {text!r} is not a number") from None
    if positive and not value > 0:
        raise ValueError(f"gradcheck_{name}: {text} is not above 0")
    if value == float("inf"):
        raise ValueError(f"gradcheck_{name}: {text} is not finite")
    return value


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
            from gradcheck_plugin.loading.load import LoadError, load

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
        seen, settings = self.config.stash[SEEN], self.config.stash[SETTINGS]
        suite = open_file(self.path, settings, name=self.nodeid, shelf=_shelf(self.config))
        found = [*suite.targets, *suite.not_driven]
        seen.names |= dict.fromkeys([t.name for t in suite.targets] + [n.target for n in suite.not_driven])
        seen.notes |= dict.fromkeys(f"{suite.file}: {note}" for note in suite.notes)
        seen.passed_over |= {f"{suite.file}::{n.target}": n for n in suite.passed_over}
        seen.objects += len(found)
        for target in suite.targets:
            yield TargetCollector.from_parent(self, name=target.name, target=target)
        for refusal in suite.not_driven:
            yield RefusalCollector.from_parent(self, name=refusal.target, refusal=refusal)
        if suite.problem is not None and self._is_told(suite.problem, ordinary):
            seen.objects += 1
            yield ProblemItem.from_parent(self, name=suite.problem.code, problem=suite.problem)

    def _is_told(self, problem: Problem, ordinary: bool) -> bool:
        """That nothing is in a file is told of one that is named and has no tests either."""
        return problem.code != "nothing-recognised" or (_named(self.path, self.config) and not ordinary)

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


def _shelf(config: pytest.Config) -> Shelf | None:
    """How the objects of a file are called is kept in pytest's cache, where that is in use."""
    from gradcheck_plugin.plans.kept import Shelf

    cache = getattr(config, "cache", None)
    if cache is None:
        return None

    def put(name: str, data: Any) -> None:
        with warnings.catch_warnings():  # where nothing can be kept, it is found out again
            warnings.simplefilter("ignore")
            cache.set(f"{KEY}/{name}", data)

    return Shelf(lambda name: cache.get(f"{KEY}/{name}", None), put)


class TargetCollector(pytest.Collector):
    """One layer, loss, network or update rule."""

    def __init__(self, *, target: Target, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target

    def collect(self) -> Iterator[pytest.Item]:
        for name in self.target.properties():
            yield PropertyItem.from_parent(self, name=name, target=self.target)


class RefusalCollector(pytest.Collector):
    """An object that could not be driven: one item, which says why."""

    def __init__(self, *, refusal: NotDriven, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refusal = refusal

    def collect(self) -> Iterator[pytest.Item]:
        yield RefusalItem.from_parent(self, name="driven", refusal=self.refusal)


class Wrong(Exception):
    """A property that failed; carries its result."""

    def __init__(self, result: Result) -> None:
        from gradcheck_plugin.report.text import sentence

        super().__init__(sentence(result))
        self.result = result


class Unmet(Exception):
    """What had to be judged and was not: open, refused, or not there."""


class CheckItem(pytest.Item):
    """An item of this plugin: its mark, its place, and what it found for the summary."""

    owner = ""  # the object that the item is about
    line = 0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_marker("gradcheck")

    def listchain(self) -> list[Any]:
        """Without packages: pytest would import their `__init__.py`, which may not run here, before every item."""
        return [node for node in super().listchain() if not isinstance(node, pytest.Package)]

    def note(self, **found: Any) -> None:
        """Hand what was found to the summary, to JUnit and to whoever reads test reports."""
        from gradcheck_plugin.model import plain

        self.user_properties.append((KEY, json.dumps({"schema": 1, **plain(found)}, ensure_ascii=False)))

    def leave(self, reason: str, open_: bool = True) -> None:
        """Skip with a reason; fail with it where the object, or every object, has to be judged."""
        settings = self.config.stash[SETTINGS]
        if open_ and self.owner in settings.required:
            raise Unmet(f"{self.owner} is required: {reason}")
        if open_ and settings.strict:
            raise Unmet(reason)
        pytest.skip(reason)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from gradcheck_plugin.report import text

        if isinstance(excinfo.value, Wrong) and excinfo.value.result.finding is not None:
            return text.finding(excinfo.value.result.finding)
        if isinstance(excinfo.value, Unmet):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, max(self.line - 1, 0), f"{self.owner}::{self.name}" if self.owner else self.name


class PropertyItem(CheckItem):
    """One property of one target."""

    def __init__(self, *, target: Target, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target, self.owner, self.line = target, target.name, target.bound.line

    def runtest(self) -> None:
        from gradcheck_plugin.model import Verdict, plain
        from gradcheck_plugin.report.text import sentence
        from gradcheck_plugin.running.calls import passing

        with passing(pytest.exit.Exception):
            result = self.target.check(self.name)
        self.note(**plain(result))
        if result.verdict is Verdict.FAIL:
            raise Wrong(result).with_traceback(self.target.user_traceback(self.name))  # where --pdb opens
        if result.verdict is not Verdict.PASS:
            said = f"{result.verdict.value.lower()}: {sentence(result)}"
            self.leave(said, open_=result.verdict is Verdict.INCONCLUSIVE)


class RefusalItem(CheckItem):
    """An object that could not be driven."""

    def __init__(self, *, refusal: NotDriven, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refusal, self.owner, self.line = refusal, refusal.target, refusal.line

    def runtest(self) -> None:
        from gradcheck_plugin.outcome import PIN

        self.note(not_driven=self.refusal)
        if self.refusal.code == PIN:
            raise Unmet(self.refusal.reason)
        self.leave(f"not driven: {self.refusal.reason}")


class ProblemItem(CheckItem):
    """A file that could not be checked."""

    def __init__(self, *, problem: Problem, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def runtest(self) -> None:
        self.note(problem=self.problem)
        self.leave(" ".join(self.problem.message.split()))


class AbsentItem(CheckItem):
    """A name that was asked for and that no object has."""

    def __init__(self, *, problem: Problem, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def runtest(self) -> None:
        self.note(problem=self.problem)
        raise Unmet(self.problem.message)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """A name that is required, or is given a layer on the command line, and that nothing has, fails as an item."""
    if SETTINGS not in config.stash:
        return
    from gradcheck_plugin.cli import pins
    from gradcheck_plugin.model import Problem
    from gradcheck_plugin.outcome import PIN, REQUIRED, missing, unmatched

    names = config.stash[SEEN].names
    over = {n.target: n.reason for n in config.stash[SEEN].passed_over.values()}
    required = config.stash[SETTINGS].required
    absent = [Problem("", REQUIRED, missing(n, names, over)) for n in required if n not in names]
    given = pins(config.getoption("gradcheck_as"))  # those of the ini file are for other files, too
    absent += [Problem("", PIN, unmatched(n, layer, names)) for n, layer in given.items() if n not in names]
    for problem in absent:
        name = f"{re.split('[ =]', problem.message)[0]}::{problem.code}"
        items.append(AbsentItem.from_parent(session, name=name, nodeid=name, problem=problem))


# reporting


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """The short summary shows the finding's sentence, and a skipped property its reason at the user's line."""
    outcome: Any = yield
    if not isinstance(item, CheckItem) or call.when != "call" or call.excinfo is None:
        return
    report = outcome.get_result()
    if isinstance(call.excinfo.value, Wrong | Unmet) and isinstance(report.longrepr, str):
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
    """INCONCLUSIVE and NOT JUDGED are skips with words of their own."""
    word = (_data(report) or {}).get("verdict")
    if word is None or report.when != "call" or not report.skipped:
        return None
    return "skipped", "?" if word == "INCONCLUSIVE" else "-", word


def _data(report: Any) -> dict[str, Any] | None:
    """What an item of this plugin found."""
    found = next((v for k, v in getattr(report, "user_properties", ()) if k == KEY), None)
    return json.loads(found) if found else None


class Summary:
    """Gathers what the items of one run found, and closes the run with it.

    It belongs to its configuration: a run of pytest inside a test has one of its own. Under xdist the reports come from
    the workers, and the controller closes the run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.results: dict[str, Result] = {}
        self.not_driven: dict[str, NotDriven] = {}
        self.problems: dict[str, Problem] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = _data(report)
        if data is None or report.when != "call":
            return
        from gradcheck_plugin.model import NotDriven, Problem, result_from_plain
        from gradcheck_plugin.report.text import sentence

        data.pop("schema")
        if "problem" in data:
            self.problems[report.nodeid] = Problem(**data["problem"])
        elif "not_driven" in data:
            self.not_driven[report.nodeid] = NotDriven(**data["not_driven"])
        else:
            self.results[report.nodeid] = result = result_from_plain(data)
        if report.failed and isinstance(report.longrepr, str):  # it came from a worker, as text
            message = sentence(result) if "verdict" in data and result.finding else report.longrepr
            report.longrepr = _Failure(report.longrepr, message, report)  # type: ignore[assignment]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Nothing that was to be judged and was not ends in 0; the JSON file is written here."""
        seen = self.config.stash[SEEN]
        if hasattr(self.config, "workerinput"):
            output: dict[str, Any] = getattr(self.config, "workeroutput")  # noqa: B009  (xdist sets it)
            output["gradcheck"] = seen.plain()
            return
        if self.config.getoption("collectonly"):
            return
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not seen.objects:
            from gradcheck_plugin.model import Problem

            where = ", ".join(self.config.args)
            message = f"{where}: no Python file with backprop code in it"
            self.problems[""] = Problem(where, "nothing-to-check", message)
        self._write()
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = self._exit_status(exitstatus)

    def _write(self) -> None:
        if not self.config.stash[REPORTS]:
            return
        from gradcheck_plugin.api import Report
        from gradcheck_plugin.report import write

        seen = self.config.stash[SEEN]
        over, problems, notes = list(seen.passed_over.values()), list(self.problems.values()), list(seen.notes)
        report = Report(list(self.results.values()), list(self.not_driven.values()), over, problems, notes)
        for name, path in self.config.stash[REPORTS]:
            write(report, name, path)

    def _exit_status(self, exitstatus: int) -> int:
        """The codes of pytest, for a run in which nothing failed: 3 a fault of ours, 2 a file, 5 nothing was judged."""
        from gradcheck_plugin.outcome import INTERNAL

        everything: list[Result | NotDriven | Problem] = [*self.results.values(), *self.not_driven.values()]
        everything += self.problems.values()
        if any(found.code == INTERNAL for found in everything):
            return pytest.ExitCode.INTERNAL_ERROR
        if self.problems:
            return pytest.ExitCode.INTERRUPTED
        judged = any(r.verdict.value in ("PASS", "FAIL") for r in self.results.values())
        if everything and not judged and not self.config.stash[SETTINGS].allow_open:
            return pytest.ExitCode.NO_TESTS_COLLECTED
        return exitstatus

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """What an xdist worker saw while collecting."""
        found = getattr(node, "workeroutput", {}).get("gradcheck")
        if found is not None:
            self.config.stash[SEEN].take(found)

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """One row a layer, then what is in doubt, advice, and what could not be driven or read."""
        lines = self._lines(config.get_verbosity() > 0)
        if lines:
            terminalreporter.section("gradcheck")
        for line in lines:
            terminalreporter.write_line(line)

    def _lines(self, verbose: bool) -> list[str]:
        seen = self.config.stash[SEEN]
        if self.config.getoption("collectonly"):
            return []
        results, not_driven = list(self.results.values()), list(self.not_driven.values())
        if results or not_driven or self.problems:
            from gradcheck_plugin.report import text

            over = list(seen.passed_over.values())
            lines = text.rows(results, not_driven, over, seen.notes, self.problems.values(), verbose)
            return [*lines, *text.hint(not_driven), text.totals(results, not_driven)]
        if seen.objects:
            return []
        where = ", ".join(self.config.args)
        by = " (testpaths)" if self.config.args_source is pytest.Config.ArgsSource.TESTPATHS else ""
        return [
            f"no layer, loss, network or update rule was found in {where}{by}",
            "name the files or folders that hold them, for instance: pytest --gradcheck src tests",
        ]
