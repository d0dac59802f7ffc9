"""Files of generated objects, opened as a user's file is, and what becomes of each object."""

from __future__ import annotations

import ast
import importlib
import multiprocessing
import pkgutil
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import gradcheck_plugin
from benchmarks.whole_way import conventions
from benchmarks.whole_way.collect import Unwritable, loads, stores
from benchmarks.whole_way.conventions import Convention
from benchmarks.whole_way.mutate import mutated
from benchmarks.whole_way.style import Style
from benchmarks.whole_way.written import Made
from gradcheck_plugin.model import Settings, Verdict
from gradcheck_plugin.suite import open_file
from reference_impls import specs
from reference_impls.shapes import Layout
from reference_impls.spec import LayerSpec, Mistake, Variant

OBJECTS = 12  # in one file
PLAIN = ("MyLayer", "Layer", "Block", "Node", "Module", "Op", "Custom", "Unit")


@dataclass(frozen=True)
class Row:
    """One property of one object, as the checker reports it."""

    target: str
    property: str
    verdict: str
    says: str = ""


@dataclass(frozen=True)
class Said:
    """What the checker says of a file: properties, and the objects that it does not drive with the reasons."""

    rows: tuple[Row, ...]
    refused: Mapping[str, str]
    problem: str = ""


Checker = Callable[[Path, int], Said]


def opened(path: Path, cases: int) -> Said:
    """The checker itself, opened on the file as the command opens it."""
    suite = open_file(path, Settings(cases=cases), name=path.name)
    results = [r for target in suite.targets for r in target.check_all()]
    rows = tuple(
        Row(r.target, r.property, r.verdict.value, f"{r.finding.code}: {r.finding.message}" if r.finding else r.reason)
        for r in results
    )
    refused = {n.target: f"{n.code}: {n.reason}" for n in suite.not_driven}
    return Said(rows, refused, suite.problem.message if suite.problem else "")


@dataclass
class Object:
    """One generated object of a file, and what it is meant to be."""

    made: Made
    reference: str
    family: str
    variant: str
    fault: str = ""  # what is wrong with it; nothing where it is right

    @property
    def right(self) -> bool:
        return not self.fault


@dataclass
class Outcome:
    """What became of one object."""

    file: int
    name: str
    reference: str
    family: str
    convention: str
    variant: str
    fault: str
    outcome: str
    says: str

    @property
    def bug(self) -> bool:
        """Whether the checker said something untrue, or nothing."""
        return self.outcome in (("PASS", "vanished") if self.fault else ("FAIL", "vanished"))


@dataclass
class Source:
    """One file."""

    number: int
    convention: Convention
    text: str
    objects: list[Object]
    dropped: Counter[str] = field(default_factory=Counter)


def names_of(spec: LayerSpec) -> list[str]:
    return [spec.name, *(a for a in spec.aliases if re.fullmatch(r"[A-Za-z]\w*", a))]


class Writer:
    """Files by their numbers; the same number gives the same file."""

    def __init__(self, seed: int, references: list[str] | None = None, convention: str = "") -> None:
        every = specs()
        self.seed = seed
        self.chosen = [every[n] for n in references or every]
        self.conventions = [c for c in conventions.ALL if convention in ("", c.name)]

    def file(self, number: int, right: bool) -> Source:
        rng = Random(f"{self.seed} {number}")
        convention = self.conventions[number // 2 % len(self.conventions)]
        style = Style(rng)
        suited = [s for s in self.chosen if convention.suits(s)]
        source = Source(number, convention, "", [])
        texts: list[str] = []
        taken: dict[str, str] = {}
        space: dict[str, Any] = {}
        preamble = convention.preamble(style)
        exec(compile(preamble, f"<file {number}>", "exec"), space)
        tries = 0
        while suited and len(source.objects) < OBJECTS and tries < 4 * OBJECTS:
            tries += 1
            spec = rng.choice(suited)
            style.rng = Random(rng.random())
            try:
                made = self._object(spec, convention, style, right, taken, space)
            except (Unwritable, SyntaxError) as exc:
                source.dropped[f"{spec.name}: {exc}"] += 1
                continue
            source.objects.append(made)
            texts.append(made.made.text.strip("\n") + "\n")
        source.text = style.spaced(preamble + "\n\n" + "\n\n".join(texts))
        return source

    def _object(
        self,
        spec: LayerSpec,
        convention: Convention,
        style: Style,
        right: bool,
        taken: dict[str, str],
        space: dict[str, Any],
    ) -> Object:
        rng = style.rng
        variant, layout = rng.choice(spec.layouts())
        mistakes = [m for m in spec.mistakes if (m.backward or m.forward) and m.variant in ("", variant.note)]
        mistake = rng.choice(mistakes) if mistakes and not right and rng.random() < 0.5 else None
        names = rng.sample(names_of(spec), len(names_of(spec)))
        if not spec.rule:  # the name of a rule is all that says what it is
            names = (
                rng.sample(PLAIN, len(PLAIN)) + names if rng.random() < 0.1 else names + rng.sample(PLAIN, len(PLAIN))
            )
        name = next((n for n in names if convention.fits(n, taken)), "")
        if not name:
            raise Unwritable("all of its names are taken")
        seed = rng.random()
        draft = Draft(convention, style, spec, variant, layout, name, seed, taken, space)
        convert, made = draft.right()
        fault = ""
        if mistake:
            fault, made = mistake.code, draft.written(convert, mistake)
        elif not right:
            changed = mutated(made.text, made.backwards, rng)
            if changed is None:
                raise Unwritable("no place for a fault")
            made.text, fault = changed
        if not right:
            found, why = draft.verdict(made)
            if found != "wrong":
                of = f"{convention.name}, {variant.note or 'base'}, {fault}"
                raise Unwritable(f"with a fault it is {found} ({of}): {why}")
        for node in ast.parse(made.text).body:
            for n in stores(node) if isinstance(node, ast.Assign) else [getattr(node, "name", "")]:
                taken[n] = ast.unparse(node)
        taken.update(dict.fromkeys(made.mentioned, "object"))
        space.update({n: v for n, v in draft.space.items() if n not in space})
        return Object(made, spec.name, spec.family, variant.note, fault)


@dataclass
class Draft:
    """One object on its way into a file, which has names that are `taken` and values in its `space`."""

    convention: Convention
    style: Style
    spec: LayerSpec
    variant: Variant
    layout: Layout
    name: str
    seed: float
    taken: Mapping[str, str]
    around: Mapping[str, Any]
    kernel: Any = None
    space: dict[str, Any] = field(default_factory=dict)

    def right(self) -> tuple[bool, Made]:
        """The object as it should be; code of the base layout is taken where that is right as it is."""
        why = ""
        for convert in (False, True) if self.variant.shapes else (True,):
            try:
                made = self.written(convert, None)
            except Unwritable as exc:
                why = why or str(exc)
                continue
            found, says = self.verdict(made)
            if found == "right":
                return convert, made
            why = f"as generated it is {found} ({self.convention.name}, {self.variant.note or 'base'}): {says}"
        raise Unwritable(why)

    def written(self, convert: bool, mistake: Mistake | None) -> Made:
        """The object, or one with a mistake, written the same way every time."""
        style = self.style
        rng = style.rng = Random(self.seed)
        gradient = style.gradient
        try:
            kernel = self.convention.kernel(self.spec, self.variant, self.layout, mistake, rng, convert)
            style.rng = Random(self.seed)
            self.kernel = self.convention.named(style, kernel)
            made = self.convention.write(style, self.kernel, self.name)
        finally:
            style.gradient = gradient
        if any(self.taken.get(n) == "object" for n in made.mentioned):
            raise Unwritable("another object of its name is in the file")
        made.text = _settled(made, self.taken)
        return made

    def verdict(self, made: Made) -> tuple[str, str]:
        """Whether it is right, by its own numbers and those of the reference."""
        self.space = dict(self.around)
        exec(compile(made.text, f"<{made.name}>", "exec"), self.space)
        return self.convention.verdict(self.kernel, made, self.space)


def _settled(made: Made, taken: Mapping[str, str]) -> str:
    """The text of an object without helpers that the file has, and with other names for those that differ."""
    text = made.text
    nodes = [(node, _names_of(node)) for node in ast.parse(text).body]
    here = [(node, {n for n in names if n in taken}) for node, names in nodes]
    others: set[str] = set()  # names that the file has for something else
    while True:
        found = {n for node, names in here for n in names
                 if any(taken[m] != ast.unparse(node) for m in names) or loads(node) & (others - names)}  # fmt: skip
        if found <= others:
            break
        others |= found
    if others & {made.name, *made.mentioned}:
        raise Unwritable("a helper of the file has its name")
    for node, names in here:
        if names and not names & others:
            text = _without(text, node)
    for n in sorted(others):
        text = re.sub(rf"(?<![.\w]){n}\b(?!=)", f"{n}_{len(taken)}", text)
    return text


def _names_of(node: ast.stmt) -> set[str]:
    return stores(node) if isinstance(node, ast.Assign) else {getattr(node, "name", "")}


def _without(text: str, node: ast.stmt) -> str:
    wanted = ast.unparse(node)
    for other in ast.parse(text).body:
        if ast.unparse(other) == wanted:
            lines = text.splitlines(keepends=True)
            del lines[other.lineno - 1 : other.end_lineno]
            return "".join(lines)
    return text


def _owner(target: str) -> str:
    """The object that a target is a part or a setting of: `Mul` of `Mul.backward` and `Mul broadcast`."""
    return re.split(r"[. ]", target)[0]


def judged(source: Source, said: Said) -> list[Outcome]:
    """The outcome of every object of a file."""
    found = []
    for thing in source.objects:
        names = set(thing.made.mentioned)
        rows = [r for r in said.rows if _owner(r.target) in names]
        refused = [reason for target, reason in said.refused.items() if target in names]
        verdicts = {r.verdict for r in rows}
        if Verdict.FAIL.value in verdicts:
            outcome = "FAIL"
            says = next(f"{r.property}: {r.says}" for r in rows if r.verdict == Verdict.FAIL.value)
        elif verdicts == {Verdict.PASS.value}:
            outcome, says = "PASS", ""
        elif rows:
            outcome = "open"
            says = next(f"{r.property}: {r.says}" for r in rows if r.verdict != Verdict.PASS.value)
        elif refused or said.problem:
            outcome, says = "refused", (refused or [said.problem])[0]
        else:
            outcome, says = "vanished", ""
        found.append(
            Outcome(source.number, thing.made.name, thing.reference, thing.family, source.convention.name,
                    thing.variant, thing.fault, outcome, says)
        )  # fmt: skip
    return found


def strays(source: Source, said: Said) -> list[str]:
    """What the checker says of things that are no object of the campaign, such as helpers."""
    names = {n for o in source.objects for n in o.made.mentioned}
    return [f"{r.target} {r.property}: {r.says}" for r in said.rows
            if r.verdict == "FAIL" and _owner(r.target) not in names]  # fmt: skip


@dataclass
class Told:
    """What a worker sends back."""

    outcomes: list[Outcome]
    dropped: Counter[str]
    strays: list[str]
    seconds: float
    fault: str = ""


def work(writer: Writer, number: int, right: bool, folder: Path, cases: int, check: Checker) -> Told:
    """One file, from its generation to the outcomes of its objects."""
    source = writer.file(number, right)
    path = folder / f"file{number:05d}_{'right' if right else 'wrong'}.py"
    path.write_text(source.text, encoding="utf-8")
    start = time.perf_counter()
    if not source.objects:
        return Told([], source.dropped, [], 0.0)
    said = check(path, cases)
    return Told(judged(source, said), source.dropped, strays(source, said), time.perf_counter() - start)


def prepare() -> None:
    """Import everything once, before the first file is given to a process of its own."""
    for info in pkgutil.walk_packages(gradcheck_plugin.__path__, "gradcheck_plugin."):
        if info.name.rpartition(".")[2] not in ("plugin", "__main__") and ".demo" not in info.name:
            importlib.import_module(info.name)
    importlib.import_module("torch")
    specs()


def _send(pipe: Any, *job: Any) -> None:
    try:
        pipe.send(work(*job))
    except BaseException:
        pipe.send(Told([], Counter(), [], 0.0, traceback.format_exc()))
    pipe.close()


def run(
    writer: Writer, files: list[tuple[int, bool]], folder: Path, cases: int, jobs: int, check: Checker = opened,
    limit: float = 600.0,
) -> Iterator[tuple[int, Told]]:  # fmt: skip
    """The files, each in a process of its own, at most `jobs` at a time; in this process where jobs is 0."""
    if not jobs:
        for number, right in files:
            yield number, work(writer, number, right, folder, cases, check)
        return
    prepare()
    context = multiprocessing.get_context("fork")
    waiting, running = list(reversed(files)), {}
    while waiting or running:
        while waiting and len(running) < jobs:
            number, right = waiting.pop()
            mine, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_send, args=(theirs, writer, number, right, folder, cases, check))
            process.start()
            theirs.close()
            running[number] = (process, mine, time.perf_counter())
        for number, (process, mine, start) in list(running.items()):
            told = None
            if mine.poll(0.02):
                try:
                    told = mine.recv()
                except EOFError:
                    told = Told([], Counter(), [], 0.0, f"its process ended with the code {process.exitcode}")
            elif time.perf_counter() - start > limit:
                process.kill()
                told = Told([], Counter(), [], limit, f"not done after {limit:.0f} s")
            if told is not None:
                process.join()
                del running[number]
                yield number, told
